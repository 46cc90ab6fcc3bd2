"""Ask another service over its internal routes, and get back what it says: a value, or its refusal.

Between: services' routes, consumers and loops (ask) and `/internal/v1/…` of a component we have a declared link to.

    wallets = await peers.get("auth-service", f"/internal/v1/users/{user_id}/wallets", list[WalletReply])

How it survives a pod's death. PEERS names every pod (on one machine) or one Service (in the cluster). Asks go round; an
address that refused a connection is asked last for REST_S. Only a connection that was never made is tried again, at the
next address: whether a lost answer had an effect only the caller can tell, whose asks name what they want.
Shape: PEERS is `component=url` per address; answers are `{"data": …}`; refusals the error envelope.
Units: *_s seconds; the deadline is the caller's own, at most DEADLINE_S (topology.links: 10 s).
Invariant: a peer's refusal (4xx) is raised as the same class of wire.problems, so that it may be passed on; anything
else, a refused internal token too, is Unavailable, and says whether the ask may have taken effect.
Errors: Refusal of the peer, Unavailable, UpstreamTimedOut; KeyError for a peer nobody declared (a bug).
Source: domain.md 2.0 "Identity to services", 5.8.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final, Protocol, Self, TypeVar

import aiohttp
import msgspec

from audifi.kernel import context
from audifi.kernel.internal import InternalTokens
from audifi.kernel.traces import CLIENT, span
from audifi.wire import headers, problems
from audifi.wire.problems import Problem, Refusal, Unauthorized, Unavailable, UpstreamTimedOut

CONNECT_S: Final = 1.0
DEADLINE_S: Final = 10.0
REST_S: Final = 2.0
T = TypeVar("T")


def _codes() -> dict[tuple[int, str], type[Problem]]:
    found = (each for each in vars(problems).values() if isinstance(each, type) and issubclass(each, Problem))
    return {(each.status, each.code): each for each in found if each not in (Problem, Refusal)}


_BY_CODE: Final = _codes()


class PeerSettings(Protocol):
    """What `Peers.open` reads of the settings."""

    @property
    def peers(self) -> tuple[str, ...]: ...


class Peers:
    """The services this one may ask."""

    def __init__(self, addresses: dict[str, list[str]], internal: InternalTokens) -> None:
        self._addresses = addresses
        self._internal = internal
        self._turn = 0
        self._resting: dict[str, float] = {}
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def open(cls, settings: PeerSettings, internal: InternalTokens) -> Self:
        """Read PEERS; a connection is made when first needed."""
        addresses: dict[str, list[str]] = {}
        for entry in settings.peers:
            name, _, url = entry.partition("=")
            addresses.setdefault(name, []).append(url.rstrip("/"))
        return cls(addresses, internal)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, service: str, path: str, reply: type[T], *, query: dict[str, str] | None = None) -> T:
        """Read."""
        return msgspec.convert(await self._ask("GET", service, path, query=query), reply, strict=True)

    async def post(self, service: str, path: str, body: msgspec.Struct | None, reply: type[T]) -> T:
        """Change; name what is wanted in the path or body so that asking twice is asking once."""
        data = b"" if body is None else msgspec.json.encode(body)
        return msgspec.convert(await self._ask("POST", service, path, data=data), reply, strict=True)

    async def _ask(
        self, method: str, service: str, path: str, *, data: bytes | None = None, query: dict[str, str] | None = None
    ) -> Any:
        within_s = min(DEADLINE_S, context.remaining_s())
        failure: Exception | None = None
        with span(f"{method} {service}", CLIENT):
            for address in self._in_turn(service):
                try:
                    async with asyncio.timeout(within_s):
                        return await self._once(method, address + path, service, data=data, query=query)
                except aiohttp.ClientConnectorError as error:
                    self._resting[address] = asyncio.get_running_loop().time() + REST_S
                    failure = error
                except TimeoutError as error:
                    raise UpstreamTimedOut(
                        f"{service} did not answer in {within_s:.1f} s", may_have_taken_effect=method != "GET"
                    ) from error
                except aiohttp.ClientError as error:
                    raise Unavailable(f"{service} broke off: {error}", may_have_taken_effect=method != "GET") from error
        raise Unavailable(f"{service} does not answer: {failure}", retry_after_s=2)

    async def _once(
        self, method: str, url: str, service: str, *, data: bytes | None, query: dict[str, str] | None
    ) -> Any:
        async with self._client().request(
            method, url, data=data or None, params=query, headers=self._headers(service)
        ) as answer:
            body = await answer.read()
            if answer.status >= 400:
                raise _problem(service, answer.status, body)
            return None if answer.status == 204 else _document(service, body).get("data")

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=100))
        return self._session

    def _headers(self, service: str) -> dict[str, str]:
        here = context.current()
        told = {headers.INTERNAL_TOKEN: self._internal.mint(service), "Content-Type": "application/json"}
        if here.request_id:
            told[headers.REQUEST_ID] = here.request_id
        if here.trace_id:
            told[headers.TRACEPARENT] = here.traceparent
        return told

    def _in_turn(self, service: str) -> Iterator[str]:
        addresses = self._addresses[service]
        self._turn += 1
        start = self._turn % len(addresses)
        now = asyncio.get_running_loop().time()
        yield from sorted([*addresses[start:], *addresses[:start]], key=lambda each: self._resting.get(each, 0.0) > now)


def _document(service: str, body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Unavailable(f"{service} answered no JSON object", may_have_taken_effect=True) from error


def _problem(service: str, status: int, body: bytes) -> Problem:
    error: dict[str, Any] = _document(service, body).get("error") or {}
    details: dict[str, Any] | None = error.get("details") or None
    message = str(error.get("message", ""))
    found = _BY_CODE.get((status, str(error.get("code"))))
    if found is not None and issubclass(found, Refusal) and found is not Unauthorized:
        return found(message, details=details)
    took_effect = bool((details or {}).get("mayHaveTakenEffect", True))
    return Unavailable(f"{service} answered {status}: {message}", may_have_taken_effect=took_effect)
