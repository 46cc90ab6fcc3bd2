"""Call one provider over HTTP: its token, its limits, its health; and one meaning per status.

Between: pinata, pinning_service, preservation, gateways (say what they want) and aiohttp, whose exceptions end here.
What a status means: 429 busy (Retry-After in seconds, else BUSY_S) · 408, 5xx but 507 away · 400, 413, 415, 422 never
accepted · 404 is returned: callers know what it means · all else refused (401 wrong token; 402, 403, 409, 507 full).
Units: seconds, bytes. Memory: an answer is at most ANSWER_BYTES_MAX; bodies we send are streamed by their owner.
Invariant: a token is sent to its own host only: redirects are not followed where there is one.
Errors: the tree in errors.py. `may_have_taken_effect` is true once a request with an effect was on its way.
Source: domain.md 5.8 (connect 5 s, read 30 s); RFC 9110 10.2.3 (Retry-After), 15 (statuses).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

import aiohttp
import msgspec

from audifi.clients.ipfs.breaker import OPEN_S, Breaker
from audifi.clients.ipfs.budget import Budget
from audifi.clients.ipfs.errors import IpfsError, NeverAccepted, ProviderAway, ProviderBusy, ProviderRefused

ANSWER_BYTES_MAX: Final = 8 << 20
CONNECT_S: Final = 5.0
READ_S: Final = 30.0
DIGEST_S: Final = 300.0  # an upload is hashed and stored before it is answered
BUSY_S: Final = 5
BUSY_MAX_S: Final = 300
_NEVER: Final = (400, 413, 415, 422)
_FULL: Final = 507


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: 2xx or 404."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, provider: str) -> Any:
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise ProviderAway(f"{provider} answered {self.status} with something that is no JSON") from error


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where a provider is and how it knows us."""

    provider: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    per_minute: float = 180
    pods: int = 1
    read_s: float = READ_S
    open_s: float = OPEN_S


class Transport:
    """Connections to one provider."""

    def __init__(self, account: Account) -> None:
        self.provider = account.provider
        self.breaker = Breaker(account.provider, time.monotonic, open_s=account.open_s)
        self._account = account
        self._budget = Budget(account.per_minute, pods=account.pods)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: str, url: str, *, has_effect: bool = False, **request: Any) -> Answer:
        """Send one request; return a 2xx or a 404 with its whole body."""
        async with self.stream(method, url, has_effect=has_effect, **request) as response:
            body = bytearray()
            async for piece in response.content.iter_chunked(1 << 16):
                body += piece
                if len(body) > ANSWER_BYTES_MAX:
                    raise ProviderAway(f"{self.provider} answered with more than {ANSWER_BYTES_MAX} bytes")
            return Answer(response.status, response.headers, bytes(body))

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, has_effect: bool = False, **request: Any
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send one request; hand out a 2xx or a 404 to read from. What breaks while reading is the provider's fault."""
        await self._budget.take()
        try:
            async with self._opened().request(
                method, url, allow_redirects=not self._account.headers, **request
            ) as response:
                if response.status != 404 and not 200 <= response.status < 300:
                    raise self._refusal(response, has_effect=has_effect)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.breaker.fail()
            raise ProviderAway(
                f"{self.provider} does not answer: {type(error).__name__}", may_have_taken_effect=has_effect
            ) from error
        except ProviderAway as error:
            if not isinstance(error, ProviderBusy):
                self.breaker.fail()
            raise
        except (ProviderRefused, NeverAccepted):
            self.breaker.succeed()  # it is there, and it said no
            raise
        else:
            self.breaker.succeed()

    def _refusal(self, response: aiohttp.ClientResponse, *, has_effect: bool) -> IpfsError:
        status = response.status
        said = f"{self.provider} answered {status} to {response.method} {response.url.path[:80]}"
        if status == 429:
            return ProviderBusy(said, retry_after_s=_retry_after_s(response.headers.get("Retry-After")))
        if status in _NEVER:
            return NeverAccepted(said)
        if status == 408 or (status >= 500 and status != _FULL):
            return ProviderAway(said, may_have_taken_effect=has_effect)
        return ProviderRefused(f"{said}: the token is wrong, or the plan is used up")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Accept-Encoding": "identity", **self._account.headers},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self._account.read_s),
                connector=aiohttp.TCPConnector(limit=16),
                auto_decompress=False,  # a small answer must not become a large one: we ask for none compressed
            )
        return self._session


def patiently() -> aiohttp.ClientTimeout:
    """Return the time-outs of an upload: the wait for its answer begins when the body has been sent."""
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=DIGEST_S)


def _retry_after_s(header: str | None) -> int:
    return min(int(header), BUSY_MAX_S) if header is not None and header.isdigit() else BUSY_S


async def cancelled_quietly(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they are gone, whatever they ended with."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
