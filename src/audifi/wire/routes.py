"""Say which service answers which public path, and what the gateway asks of a request before it gets there.

Between: targets.envoy (renders every row), targets.nginx (edge cache, uploads), topology.links (deadlines),
agreement tests (every operation a service publishes has a row; nothing internal has one), sdk.
Shape: rows are tried in order, the first that matches wins; `{name}` stands for exactly one path segment, a
prefix matches itself and everything below it. Public paths are `/v1` + path, with `/api/v1` + path as an alias;
the gateway removes the prefix, so services see the paths as written here.
Invariant: what has no row does not exist outside: `/metrics`, `/internal`, `/ready` and `/openapi.json` have none.
Units: seconds and bytes.
Errors: none; `match` answers None.
Source: domain.md 2.0 "Gateway routing", 2.1-2.6 (access column), 5.4 (edge cache, body limits), 5.8 (timeouts).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

PREFIXES: Final = ("/v1", "/api/v1")

TIMEOUT_S: Final = 30  # domain.md 5.8: gateway -> service read
TIMEOUT_CEILING_S: Final = 60  # domain.md 5.8: no route may wait longer
CONNECT_TIMEOUT_S: Final = 2  # domain.md 5.8
BODY_BYTES: Final = 10 * 1024 * 1024  # domain.md 5.4
UPLOAD_BYTES: Final = 110 * 1024 * 1024  # domain.md 5.4, 9.34: 100 MB of audio and its multipart frame
STREAM_IDLE_S: Final = 300  # a server-sent stream that says nothing for this long is dead
FLOOD_PER_S: Final = 5000  # one gateway pod, one route: beyond it something is broken or hostile
AUTH_FLOOD_PER_S: Final = 2000  # credential routes: a burst of a thousand sign-ins passes, a flood does not
EDGE_CACHE_S: Final = 30  # domain.md 5.4: s-maxage of public reads
JWKS_CACHE_S: Final = 300  # domain.md 5.4

SAFE_METHODS: Final = ("GET", "HEAD")
WRITE_METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")
METHODS: Final = (*SAFE_METHODS, *WRITE_METHODS)

AUTH: Final = "auth-service"
NFT: Final = "nft-service"
VSTUDIO: Final = "vstudio-service"
PAYMENT: Final = "payment-service"
COIN: Final = "coin-service"
ANALYTICS: Final = "analytics-service"


class Access(StrEnum):
    """What the gateway itself demands; roles and ownership are the service's business."""

    PUBLIC = "public"  # the Authorization header is not looked at: a stale token never hinders signing in
    OPTIONAL = "optional"  # a token may be absent, but a bad one is refused
    TOKEN = "token"  # noqa: S105  # a valid access token
    COOKIE = "cookie"  # the refresh cookie, which only auth-service can judge


@dataclass(frozen=True, kw_only=True)
class Route:
    """One row: requests it takes, the service they go to, and the limits on the way."""

    path: str
    service: str
    access: Access
    methods: tuple[str, ...] = METHODS
    prefix: bool = False  # everything below `path` too
    timeout_s: int | None = TIMEOUT_S  # None: a stream, ended by silence (STREAM_IDLE_S) instead
    body_bytes: int = BODY_BYTES
    flood_per_s: int = FLOOD_PER_S
    edge_cache_s: int | None = None  # anonymous GETs may be answered by the edge for this long
    at_root: bool = False  # served without /v1 as well
    is_signed: bool = False  # the body's signature is the proof: the edge's firewall has nothing to judge in it
    rewrite: tuple[str, str] | None = None  # the head of the path, and what the service sees instead of it

    @property
    def template(self) -> bool:
        """Whether the path has `{…}` segments."""
        return "{" in self.path

    @property
    def pattern(self) -> str:
        """The path as a regular expression (RE2 and Python agree on it), without anchors."""
        literal = re.split(r"\{[a-zA-Z]+\}", self.path)
        return "[^/]+".join(re.escape(part) for part in literal) + ("(?:/.*)?" if self.prefix else "")

    @property
    def public_paths(self) -> tuple[str, ...]:
        """Every address under which the outside reaches this row."""
        return (*(prefix + self.path for prefix in PREFIXES), *((self.path,) if self.at_root else ()))


def _auth() -> Iterator[Route]:
    def row(path: str, access: Access, *methods: str, flood: int = FLOOD_PER_S, prefix: bool = False) -> Route:
        return Route(
            path=path, service=AUTH, access=access, methods=methods or METHODS, flood_per_s=flood, prefix=prefix
        )

    yield row("/auth/magic-link", Access.PUBLIC, "POST", flood=AUTH_FLOOD_PER_S)
    yield row("/auth/verify-magic-link", Access.PUBLIC, "POST", flood=AUTH_FLOOD_PER_S)
    yield row("/auth/refresh", Access.COOKIE, "POST", flood=AUTH_FLOOD_PER_S)
    yield row("/auth/logout", Access.COOKIE, "POST", flood=AUTH_FLOOD_PER_S)
    yield row("/auth/2fa/verify", Access.OPTIONAL, "POST", flood=AUTH_FLOOD_PER_S)  # a session's token, or an mfaToken
    yield row(
        "/auth/wallet/cancel", Access.PUBLIC, "POST", flood=AUTH_FLOOD_PER_S
    )  # a link in a mail: its token proves
    yield row("/auth/sso", Access.PUBLIC, "GET", "HEAD", prefix=True)
    yield row("/auth", Access.TOKEN, prefix=True)
    yield row("/user/profile", Access.TOKEN)
    yield row("/user/wallet", Access.TOKEN, prefix=True)
    yield row("/user/artist-profile", Access.TOKEN)
    yield row("/user/export", Access.TOKEN)
    yield row("/user", Access.TOKEN, "DELETE")
    yield Route(
        path="/artists", service=AUTH, access=Access.PUBLIC, methods=SAFE_METHODS, prefix=True,
        edge_cache_s=EDGE_CACHE_S,
    )  # fmt: skip
    yield row("/artists", Access.TOKEN, *WRITE_METHODS, prefix=True)
    yield row("/consents", Access.TOKEN, prefix=True)
    yield row("/admin/users", Access.TOKEN, prefix=True)
    yield row("/admin/keys", Access.TOKEN, prefix=True)
    yield Route(
        path="/.well-known/jwks.json", service=AUTH, access=Access.PUBLIC, methods=SAFE_METHODS,
        edge_cache_s=JWKS_CACHE_S, at_root=True,
    )  # fmt: skip


def _nft() -> Iterator[Route]:
    def row(path: str, access: Access, *methods: str, prefix: bool = True, cache_s: int | None = None) -> Route:
        return Route(
            path=path, service=NFT, access=access, methods=methods or METHODS, prefix=prefix, edge_cache_s=cache_s
        )

    yield Route(
        path="/masters/{id}/upload", service=NFT, access=Access.TOKEN, methods=("POST",),
        timeout_s=TIMEOUT_CEILING_S, body_bytes=UPLOAD_BYTES,
    )  # fmt: skip
    yield row("/masters/{id}/revenue", Access.TOKEN)
    yield row("/masters", Access.OPTIONAL, *SAFE_METHODS, prefix=False, cache_s=EDGE_CACHE_S)
    yield row("/masters/{id}", Access.OPTIONAL, *SAFE_METHODS, prefix=False, cache_s=EDGE_CACHE_S)
    yield row("/masters", Access.OPTIONAL, *SAFE_METHODS)
    yield row("/masters", Access.TOKEN, *WRITE_METHODS)
    yield row("/marketplace/listings", Access.OPTIONAL, *SAFE_METHODS, cache_s=EDGE_CACHE_S)
    yield row("/marketplace", Access.OPTIONAL, *SAFE_METHODS)
    yield row("/marketplace", Access.TOKEN, *WRITE_METHODS)
    yield row("/mover-advantage", Access.PUBLIC, *SAFE_METHODS)
    yield row("/portfolio", Access.TOKEN)
    yield row("/user/holdings", Access.TOKEN)
    yield row("/purchases", Access.TOKEN)
    yield row("/revenue", Access.TOKEN)


def _vstudio() -> Iterator[Route]:
    yield Route(
        path="/vstudio/sse/{session}", service=VSTUDIO, access=Access.TOKEN, methods=("GET",), timeout_s=None
    )  # fmt: skip
    yield Route(
        path="/vstudio/sessions/{id}/eligibility", service=VSTUDIO, access=Access.TOKEN, methods=SAFE_METHODS
    )  # fmt: skip
    yield Route(path="/vstudio", service=VSTUDIO, access=Access.OPTIONAL, methods=SAFE_METHODS, prefix=True)
    yield Route(path="/vstudio", service=VSTUDIO, access=Access.TOKEN, methods=WRITE_METHODS, prefix=True)


def _payment() -> Iterator[Route]:
    yield Route(
        path="/payments/plans", service=PAYMENT, access=Access.PUBLIC, methods=SAFE_METHODS, edge_cache_s=EDGE_CACHE_S
    )
    for path in ("/payments/webhook", "/webhooks/stripe"):
        yield Route(path=path, service=PAYMENT, access=Access.PUBLIC, methods=("POST",), is_signed=True)
    yield Route(path="/payments", service=PAYMENT, access=Access.TOKEN, prefix=True)
    yield Route(path="/subscriptions", service=PAYMENT, access=Access.TOKEN, prefix=True)


def _coin() -> Iterator[Route]:
    alias = ("/artist-coins", "/coins")  # domain.md 2.5
    for path, rewrite in (("/coins", None), (alias[0], alias)):
        yield Route(
            path=f"{path}/{{artist}}/stakes", service=COIN, access=Access.TOKEN, methods=SAFE_METHODS, rewrite=rewrite
        )  # fmt: skip
        yield Route(
            path=path, service=COIN, access=Access.OPTIONAL, methods=SAFE_METHODS, prefix=True, rewrite=rewrite
        )  # fmt: skip
        yield Route(path=path, service=COIN, access=Access.TOKEN, methods=WRITE_METHODS, prefix=True, rewrite=rewrite)


def _analytics() -> Iterator[Route]:
    yield Route(path="/events", service=ANALYTICS, access=Access.OPTIONAL, methods=("POST",))
    for path in ("/analytics/masters/{id}", "/analytics/artists/top", "/analytics/activity"):
        yield Route(path=path, service=ANALYTICS, access=Access.OPTIONAL, methods=SAFE_METHODS)
    yield Route(
        path="/analytics/exports/{id}/file",
        service=ANALYTICS,
        access=Access.TOKEN,
        methods=SAFE_METHODS,
        timeout_s=None,
    )  # a file lasts as long as its reader's line
    yield Route(path="/analytics", service=ANALYTICS, access=Access.TOKEN, methods=SAFE_METHODS, prefix=True)


HEALTH: Final = Route(
    path="/health", service=AUTH, access=Access.PUBLIC, methods=SAFE_METHODS, timeout_s=5, at_root=True,
    rewrite=("/health", "/health/platform"),
)  # fmt: skip
"""The platform's public health (domain.md 6.6): the service nearest to every store answers for them."""

ROUTES: Final = (HEALTH, *_auth(), *_nft(), *_vstudio(), *_payment(), *_coin(), *_analytics())


@cache
def _compiled(route: Route) -> re.Pattern[str]:
    return re.compile(route.pattern)


def match(method: str, path: str) -> Route | None:
    """Return the row that takes this request (path without its public prefix), as the gateway would."""
    return next((row for row in ROUTES if method in row.methods and _compiled(row).fullmatch(path)), None)
