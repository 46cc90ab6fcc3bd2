"""Hand a handler what it may know about the request, and let it say what goes into the response's head.

Between: kernel.http.pipeline (fills it) and handlers (read it).
Invariant: `principal` is set only after the token was verified here; `client_ip` is the last hop not in
TRUSTED_PROXY_NETWORKS; no header that came from outside is believed for identity.
Errors: `user()` asserts (a bug: the operation's access does not require a user).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from starlette.datastructures import Headers

from audifi.kernel.connection import Connection
from audifi.kernel.identity import Principal

Deps = TypeVar("Deps")
SameSite = Literal["lax", "strict", "none"]


@dataclass(slots=True)
class Call(Generic[Deps]):
    """One request, on its way to one handler."""

    deps: Deps
    request_id: str
    traceparent: str
    method: str
    path: Mapping[str, str]  # path parameters by name
    query: Mapping[str, str]  # raw query; the typed one is the handler's argument
    headers: Headers
    client_ip: str
    user_agent: str
    deadline: float  # loop time at which the gateway stops waiting for us
    principal: Principal | None = None
    caller: str | None = None  # component that called, for Access.SERVICE
    parameters: Any = None  # Operation.parameters, decoded
    idempotency: Any = None  # kernel.idempotency.Claim when a key was sent
    reply_headers: dict[str, str] = field(default_factory=dict[str, str])
    reply_cookies: list[str] = field(default_factory=list[str])

    @property
    def cookies(self) -> dict[str, str]:
        """Return the request's cookies by name."""
        raise NotImplementedError

    def user(self) -> Principal:
        """Return who calls, for operations whose access demands someone."""
        assert self.principal is not None, "this operation admits guests: read call.principal"
        return self.principal

    def set_cookie(
        self, name: str, value: str, *, max_age_s: int, path: str = "/", same_site: SameSite = "strict"
    ) -> None:
        """Send a HttpOnly, Secure, host-only cookie."""
        raise NotImplementedError

    def clear_cookie(self, name: str, *, path: str = "/") -> None:
        """Make the browser forget a cookie."""
        raise NotImplementedError

    async def settle(self, tx: Connection, reply: Any) -> None:
        """Store the reply under the request's Idempotency-Key in the transaction of the effect (no key: does nothing).

        Call it last in the transaction: a crash afterwards then replays the stored reply instead of the effect.
        """
        raise NotImplementedError
