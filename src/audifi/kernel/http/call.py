"""Hand a handler what it may know about the request, and let it say what goes into the response's head.

Between: kernel.http.pipeline (fills it) and handlers (read it).
Invariant: `principal` is set only after the token was verified here; `client_ip` is the last hop not in
TRUSTED_PROXY_NETWORKS; no header that came from outside is believed for identity.
Errors: `user()` asserts (a bug: the operation's access does not require a user).
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Generic, Literal, TypeVar

from audifi.kernel.connection import Connection
from audifi.kernel.http import encode
from audifi.kernel.idempotency import Claim
from audifi.kernel.identity import Principal

Deps = TypeVar("Deps")
SameSite = Literal["Lax", "Strict", "None"]


class RequestHeaders(Mapping[str, str]):
    """The headers of a request; names in any case. A header given twice is one, joined by a comma (RFC 9110 5.3)."""

    __slots__ = ("_values",)

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        values: dict[str, str] = {}
        for name, value in raw:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            values[key] = f"{values[key]}, {text}" if key in values else text
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def lower(self, name: str) -> str:
        """Return the value of a name already in lower case, or "": what the pipeline itself uses."""
        return self._values.get(name, "")


@dataclass(slots=True, kw_only=True)
class Call(Generic[Deps]):
    """One request, on its way to one handler."""

    deps: Deps
    request_id: str
    traceparent: str
    method: str
    path: Mapping[str, str]  # path parameters by name
    raw_query: bytes
    headers: RequestHeaders
    client_ip: str
    deadline: float  # loop time at which the gateway stops waiting for us
    principal: Principal | None = None
    caller: str | None = None  # component that called, for Access.SERVICE
    parameters: Any = None  # Operation.parameters, decoded
    idempotency: Claim | None = None
    received: AsyncIterator[bytes] | None = None
    reply_status: int = 200  # the operation's; a handler may set one of its `other_statuses`
    reply_is_bare: bool = False
    reply_pieces: AsyncIterator[bytes] | None = None  # Operation.sends: the body, made while it is sent
    reply_headers: dict[str, str] = field(default_factory=dict[str, str])
    reply_cookies: list[str] = field(default_factory=list[str])

    @property
    def user_agent(self) -> str:
        return self.headers.lower("user-agent")[:500]

    @property
    def cookies(self) -> dict[str, str]:
        """Return the request's cookies by name."""
        cookies: dict[str, str] = {}
        for part in self.headers.lower("cookie").split(";"):
            name, separator, value = part.strip().partition("=")
            if separator and name not in cookies:
                cookies[name] = value.strip('"')
        return cookies

    @property
    def stream(self) -> AsyncIterator[bytes]:
        """Return the body as it arrives; ends with PayloadTooLarge, or with the handler when the client leaves."""
        assert self.received is not None, "this operation has no streamed body"
        return self.received

    def user(self) -> Principal:
        """Return who calls, for operations whose access demands someone."""
        assert self.principal is not None, "this operation admits guests: read call.principal"
        return self.principal

    def set_cookie(
        self, name: str, value: str, *, max_age_s: int, path: str = "/", same_site: SameSite = "Strict",
        http_only: bool = True,
    ) -> None:  # fmt: skip
        """Send a Secure, host-only cookie; hidden from scripts unless `http_only` is False (the CSRF double)."""
        cookie: SimpleCookie = SimpleCookie()
        cookie[name] = value
        morsel = cookie[name]
        morsel["max-age"], morsel["path"], morsel["samesite"] = max_age_s, path, same_site
        morsel["secure"], morsel["httponly"] = True, http_only
        self.reply_cookies.append(morsel.OutputString())

    def clear_cookie(self, name: str, *, path: str = "/") -> None:
        """Make the browser forget a cookie."""
        self.set_cookie(name, "", max_age_s=0, path=path)

    async def settle(self, tx: Connection, reply: Any) -> None:
        """Store the reply under the request's Idempotency-Key in the transaction of the effect (no key: does nothing).

        Call it last in the transaction: a crash afterwards then replays the stored reply instead of the effect.
        """
        if self.idempotency is not None:
            data = encode.reply(reply, is_bare=self.reply_is_bare)
            await self.idempotency.settle(tx, self.reply_status, data)
