"""What the edge's configuration depends on: addresses, hosts, certificate, limits.

Between: local.components.edge (fills it), the other modules of this folder (render from it).
Units: *_s seconds, *_per_min requests per minute and client address.
Invariant: the limits of `trusted` addresses are a difference of the local environment, never of production: on one
machine tests, benchmarks and the browser all come from one address.
Source: domain.md 3 (sockets per IP), 5.2 (TLS), 5.4 (edge), 5.5 (limits per IP).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from audifi.targets.envoy.gateway import Address
from audifi.wire.live import protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Floods from one address."""

    per_min: int = 1000  # domain.md 5.5
    burst: int = 100  # domain.md 5.5
    connections: int = 200  # one address: some browsers behind one router, not a botnet's member
    live_connections: int = protocol.PER_ADDRESS_MAX
    live_burst: int = 2 * protocol.PER_ADDRESS_MAX  # all of an address come, and come back when a pod dies
    live_per_min: int = 600  # handshakes: that crowd three times a minute
    trusted: tuple[str, ...] = ()  # networks with the numbers below instead
    trusted_per_min: int = 600_000
    trusted_burst: int = 10_000
    trusted_connections: int = 12_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosts:
    """The names of domain.md 5.1 in this environment."""

    apex: str
    www: str
    app: str
    api: str
    ws: str
    studio: str

    @property
    def all(self) -> tuple[str, ...]:
        """Every name, as a certificate lists them."""
        return (self.apex, self.www, self.app, self.api, self.ws, self.studio)


@dataclass(frozen=True, kw_only=True, slots=True)
class Paths:
    """Files outside the rendered ones."""

    config: str  # directory the rendered files are written to
    data: str  # directory for temporary files and the cache
    certificate: str
    certificate_key: str
    modules: str = "/usr/lib/nginx/modules"
    rules: str = "/usr/share/modsecurity-crs/rules"
    rules_setup: str = "/etc/modsecurity/crs/crs-setup.conf"
    unicode_map: str = "/etc/nginx/unicode.mapping"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One edge pod."""

    host: str
    https_port: int
    http_port: int
    status_port: int  # loopback: readiness and counters
    hosts: Hosts
    gateways: tuple[Address, ...]
    balancers: tuple[Address, ...]  # of sockets whose address names no pod
    live_pods: tuple[Address, ...]  # ws-gateway-1 first: an address names them by number
    paths: Paths
    limits: Limits = Limits()
    ciphers: tuple[str, ...] = (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    )  # domain.md 5.2
    admin_networks: tuple[str, ...] = ("127.0.0.0/8",)  # domain.md 5.4: /admin only from these
    waf: bool = True
    user: str | None = None  # whom workers run as; None: we are not root
    workers: int = 2  # a viewer is two connections of a worker (configuration.CONNECTIONS_MAX)

    @property
    def authority(self) -> str:
        """The port as it appears in an address: nothing for 443."""
        return "" if self.https_port == 443 else f":{self.https_port}"  # https's own port


Files = Mapping[str, str]
