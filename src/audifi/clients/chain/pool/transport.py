"""Carry bytes to one endpoint and back over pooled connections.

Between: endpoint and aiohttp, whose exceptions end here.
Why one connector per endpoint: a hanging provider fills its own connections, never another's.
Why no redirects, cookies or proxies of the environment: the key is in the path; it goes to the host that was declared.
A request that is cancelled closes its connection: nobody can tell what would come over it next.
Units: seconds, bytes.
Invariant: no error holds the URL; at most ANSWER_BYTES_MAX of an answer are read.
Errors: Unreachable (nothing usable came back; `was_sent` says whether the request may have arrived), TooLarge.
Source: outbound.md 3 "Connection pool" (keepalive 60 s, sock_connect 2 s, 50-100 connections), 2.1 (why aiohttp).
"""

import errno
import socket
from typing import Any, Final, Protocol

import aiohttp

from audifi.clients.chain.pool.codec import Answer
from audifi.kernel.settings import Secret

CONNECT_S: Final = 2.0
KEEPALIVE_S: Final = 60.0
DNS_S: Final = 60
CONNECTIONS_MAX: Final = 64
ANSWER_BYTES_MAX: Final = 32 * 1024 * 1024


class Unreachable(Exception):
    """No answer came back."""

    def __init__(self, what: str, *, was_sent: bool) -> None:
        self.was_sent = was_sent
        super().__init__(what)


class TooLarge(Exception):
    """The answer is larger than we read."""


class Transport(Protocol):
    """What the pool needs to reach an endpoint; tests bring one in memory."""

    connections: int  # how many connections were opened so far: a new one may lead to another node

    async def post(self, body: bytes, *, is_heavy: bool = False) -> Answer: ...
    async def close(self) -> None: ...


class HttpTransport:
    """HTTP/1.1 with keep-alive."""

    def __init__(self, url: Secret) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None
        self.connections = 0

    async def post(self, body: bytes, *, is_heavy: bool = False) -> Answer:
        """Send one request. The caller bounds the time.

        Raises: Unreachable, TooLarge.
        """
        session = self._session or self._open()
        headers = _HEAVY if is_heavy else None
        try:
            async with session.post(self._url.reveal(), data=body, headers=headers, allow_redirects=False) as reply:
                retry_after = reply.headers.get("Retry-After") if reply.status >= 400 else None
                return Answer(reply.status, await _body(reply), retry_after)
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"cannot connect ({_cause(error)})", was_sent=False) from None
        except aiohttp.ConnectionTimeoutError:
            raise Unreachable(f"cannot connect within {CONNECT_S:g} s", was_sent=False) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"the connection broke ({type(error).__name__})", was_sent=True) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS_MAX,
                keepalive_timeout=KEEPALIVE_S,
                ttl_dns_cache=DNS_S,
                socket_factory=self._socket,
            ),
            headers=_LIGHT,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return self._session

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        self.connections += 1
        return socket.socket(*address[:3])  # family, kind, protocol of getaddrinfo


_LIGHT: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "audifi"}
_HEAVY: Final = {"Accept-Encoding": "gzip"}  # megabytes of logs are worth the processor's time


async def _body(reply: aiohttp.ClientResponse) -> bytes:
    length = reply.content_length
    if length is not None and length > ANSWER_BYTES_MAX:
        raise TooLarge
    if length is not None and "Content-Encoding" not in reply.headers:
        return await reply.read()
    parts: list[bytes] = []
    size = 0
    async for part in reply.content.iter_any():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


def _cause(error: aiohttp.ClientConnectorError) -> str:
    number = error.os_error.errno
    return errno.errorcode.get(number, str(number)) if number else type(error.os_error).__name__
