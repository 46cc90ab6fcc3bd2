"""What the gateway's configuration depends on beside the routing table: addresses, identity, origins, limits.

Between: local.components.api_gateway (fills it), the other modules of this folder (render from it).
Units: *_s seconds, *_ms milliseconds, *_percent of active requests.
Invariant: nothing here is a secret: the gateway verifies tokens with public keys only.
Source: domain.md 5.7 (CORS), 5.8 (connect, breakers), 6.6 (health); design of each number beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a process listens."""

    host: str
    port: int

    @property
    def text(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """A service's pods, and how much one gateway pod may ask of them at once."""

    name: str
    pods: tuple[Address, ...]
    connect_ms: int = 2000  # domain.md 5.8
    requests_max: int = 512  # one gateway pod's share: far above a pod's queue, far below exhaustion
    pending_max: int = 256
    connections_max: int = 128
    retry_budget_percent: int = 20
    # A budget below one pod's share of the requests in flight would lose some of them when the pod is killed:
    # so many retries are allowed at any time, whatever the percentage says.
    retries_min: int = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Cors:
    """Which pages of other origins may call us (domain.md 5.7)."""

    origins: tuple[str, ...]
    origin_patterns: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    request_headers: tuple[str, ...] = (
        "Content-Type", "Authorization", "X-Request-ID", "X-CSRF-Token", "Idempotency-Key",
    )  # fmt: skip
    exposed_headers: tuple[str, ...] = (
        "X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After",
    )  # fmt: skip
    max_age_s: int = 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """One gateway pod."""

    pod: str
    listen: Address
    admin: Address
    issuer: str
    audience: str
    upstreams: tuple[Upstream, ...]
    cors: Cors
    jwks_service: str = "auth-service"
    clock_skew_s: int = 30  # domain.md 4
    trusted_hops: int = 1  # proxies in front that write X-Forwarded-For: the edge
    version: str = "unknown"
    otlp: Address | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str])
