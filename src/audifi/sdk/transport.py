"""Make one request of the API: connect, authorise, decode, and try again where that is safe.

Between: sdk.auth, sdk.user, … (name a request and a reply type) and aiohttp.
Shape: a call is one or more attempts; each attempt one HTTP request. Tokens live here, in memory only.
Invariant: third-party exceptions stop here; a token never appears in an error or a log; one refresh at a time,
however many calls found the token expired.
Units: *_s seconds.
Errors: a Problem of `audifi.wire.problems`; Unavailable when the server cannot be reached or answers nonsense.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from audifi.sdk.failures import problem_from
from audifi.sdk.records.envelopes import decoded
from audifi.sdk.resolver import LocalhostResolver
from audifi.sdk.retrying import IDEMPOTENT, RetryPolicy
from audifi.wire import headers
from audifi.wire.problems import Problem, Refusal, Unauthorized, Unavailable, UpstreamTimedOut

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked, before anything about connections."""

    method: str
    path: str  # without /v1
    body: Any = None
    query: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None
    signed_in: bool = True  # send the access token if there is one, and renew it once if it has expired
    files: tuple["Upload", ...] = ()  # sent as multipart/form-data instead of a body
    deadline_s: float | None = None  # instead of the policy's

    @property
    def is_repeatable(self) -> bool:
        return self.method in IDEMPOTENT or self.idempotency_key is not None


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file to send; read while it is sent, and again for each attempt."""

    name: str  # of the form's field
    path: Path
    content_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Answer:
    """An answer below 400."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """One account's connection to the API."""

    def __init__(
        self,
        base_url: str,
        *,
        ca_file: Path | None,
        policy: RetryPolicy,
        user_agent: str,
        local_address: str | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError(f"{base_url!r} is not an http(s) address such as https://api.audifi.io")
        self.base_url = base_url.rstrip("/")
        self.policy = policy
        self.access_token: str | None = None
        self.renew: Callable[[], Awaitable[None]] | None = None  # set by sdk.auth
        self._renewing = asyncio.Lock()
        self._user_agent = user_agent
        self._local = (local_address, 0) if local_address else None
        self._tls = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._tls, resolver=LocalhostResolver(), limit=0, local_addr=self._local
            ),
            headers={"User-Agent": self._user_agent, "Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=self.policy.deadline_s),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    def forget(self) -> None:
        """Drop token and cookies."""
        self.access_token = None
        self.http.cookie_jar.clear()

    async def call(self, request: Request, reply: type[T]) -> T:
        """Make the request and decode the body of the answer."""
        answer = await self.answer(request)
        try:
            return msgspec.json.decode(answer.body, type=reply, dec_hook=decoded)
        except msgspec.MsgspecError as error:
            raise Unavailable(
                f"{request.method} {request.path}: the answer is not what this API sends: {error}",
                may_have_taken_effect=True,
            ) from error

    async def answer(self, request: Request) -> Answer:
        """Make the request; repeat it while the policy allows."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline_s = request.deadline_s or self.policy.deadline_s
        made = 0
        renewed = False
        while True:
            made += 1
            token = self.access_token
            try:
                return await self._attempt(request, deadline_s - (loop.time() - started))
            except Unauthorized as refusal:
                if renewed or not request.signed_in or self.renew is None or token is None:
                    raise
                renewed = True
                await self._renew_once(token, refusal)
            except Problem as problem:
                pause = self.policy.pause_s(
                    problem, made=made, repeatable=request.is_repeatable, elapsed_s=loop.time() - started
                )
                if pause is None:
                    raise
                await asyncio.sleep(pause)

    @property
    def http(self) -> aiohttp.ClientSession:
        """What sdk.live opens its connections with."""
        if self._http is None:
            raise RuntimeError("use the client as `async with Audifi(...) as audifi:`")
        return self._http

    def streamed(self, request: Request) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Make one attempt whose answer is read as it comes, for as long as it comes."""
        return self.http.request(
            request.method,
            self.base_url + "/v1" + request.path,
            headers=self._headers(request),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.policy.deadline_s),
            allow_redirects=False,
        )

    async def renewed(self, refused: Unauthorized) -> None:
        """Renew the access token that was refused just now. Raises what was refused when that is not possible."""
        if self.renew is None or self.access_token is None:
            raise refused
        await self._renew_once(self.access_token, refused)

    async def _renew_once(self, stale: str, refused: Unauthorized) -> None:
        async with self._renewing:
            if self.access_token != stale or self.renew is None:
                return  # someone did it while we waited
            try:
                await self.renew()
            except Refusal:
                raise refused from None  # to the caller both mean: sign in again

    async def _attempt(self, request: Request, left_s: float) -> Answer:
        try:
            with _sent(request) as content:
                async with self.http.request(
                    request.method,
                    self.base_url + "/v1" + request.path,
                    params=dict(request.query) or None,
                    data=content,
                    headers=self._headers(request),
                    timeout=aiohttp.ClientTimeout(total=max(left_s, 0.001)),
                    allow_redirects=False,
                ) as response:
                    body = await response.read()
                    if response.status >= 400:
                        raise problem_from(response.status, body, response.headers)
                    return Answer(response.status, response.headers, body)
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"{self.base_url} cannot be reached: {error.strerror or error}") from error
        except TimeoutError as error:
            raise UpstreamTimedOut(
                f"{request.method} {request.path}: no answer within {request.deadline_s or self.policy.deadline_s:g} s",
                may_have_taken_effect=True,
            ) from error
        except aiohttp.ClientError as error:
            raise Unavailable(
                f"{request.method} {request.path}: the connection broke: {error}", may_have_taken_effect=True
            ) from error

    def _headers(self, request: Request) -> dict[str, str]:
        sent = dict(request.headers)
        if request.body is not None:
            sent["Content-Type"] = "application/json"
        if request.signed_in and self.access_token is not None:
            sent["Authorization"] = f"Bearer {self.access_token}"
        if request.idempotency_key is not None:
            sent[headers.IDEMPOTENCY_KEY] = request.idempotency_key
        return sent


@contextmanager
def _sent(request: Request) -> Generator[bytes | aiohttp.FormData | None]:
    """What goes into the request's body; files stay open for as long as they are sent."""
    if not request.files:
        yield None if request.body is None else msgspec.json.encode(request.body)
        return
    form = aiohttp.FormData()
    with ExitStack() as opened:
        for each in request.files:
            content = opened.enter_context(each.path.open("rb"))
            form.add_field(each.name, content, filename=each.path.name, content_type=each.content_type)
        yield form
