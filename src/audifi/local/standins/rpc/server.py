"""Serve HTTP/1.1 so that answers, silence and cut connections are all possible, for little CPU.

Between: gate and control (say what to answer) and sockets on loopback.
Shape: one Connection per client; requests of one connection are answered in order (keep-alive, pipelining).
Invariant: a request that arrived whole is worked on to its end even if its client goes away, as a real server's is.
Units: bytes.
Errors: what is not HTTP is answered 400 and cut.
Why not a web framework: the benchmarks share two cores with this process, and a framework can neither keep silent nor
cut a connection after half an answer.
"""

import asyncio
import zlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast

import httptools

HOST: Final = "127.0.0.1"
BODY_BYTES_MAX: Final = 8 * 1024 * 1024
GZIP_BYTES_MIN: Final = 1024  # below it, compression costs more than it saves
GZIP: Final = 31  # zlib's window bits for gzip's frame. Source: zlib manual, deflateInit2
REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One request, whole."""

    method: bytes
    path: str
    query: str
    host: bytes
    takes_gzip: bool
    body: bytes
    gone: asyncio.Event  # set when its connection is lost


@dataclass(frozen=True, slots=True)
class Reply:
    """What is written. `cut_at`: only so many bytes of the body, then the connection is cut."""

    status: int
    body: bytes = b""
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    cut_at: int | None = None


CUT: Final = None  # instead of a reply: the connection is cut
Answer = Callable[[Request], Awaitable[Reply | None]]


def head(reply: Reply, length: int, *, gzipped: bool = False, stays: bool = True) -> bytes:
    """The status line and headers."""
    lines = [
        b"HTTP/1.1 %d %s" % (reply.status, REASONS.get(reply.status, "").encode()),
        b"content-type: " + reply.content_type,
        b"content-length: %d" % length,
        *(name + b": " + value for name, value in reply.headers),
    ]
    if gzipped:
        lines.append(b"content-encoding: gzip")
    if not stays:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


@dataclass(slots=True)
class _Parts:
    """A request while it arrives."""

    url: bytes = b""
    host: bytes = b""
    takes_gzip: bool = False
    body: list[bytes] = field(default_factory=list[bytes])
    size: int = 0


class Connection(asyncio.Protocol):
    """One client; the names with on_ are what httptools calls."""

    def __init__(self, answer: Answer, open_ones: "set[Connection]") -> None:
        self._answer = answer
        self._open_ones = open_ones
        self._parser = httptools.HttpRequestParser(self)
        self._parts = _Parts()
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open_ones.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._open_ones.discard(self)
        self._gone.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):  # an upgrade is one to WebSocket
            self._refuse(400)

    def on_message_begin(self) -> None:
        self._parts = _Parts()

    def on_url(self, url: bytes) -> None:
        self._parts.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"host":
                self._parts.host = value
            case b"accept-encoding":
                self._parts.takes_gzip = b"gzip" in value
            case b"expect":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            case _:
                pass

    def on_body(self, body: bytes) -> None:
        parts = self._parts
        parts.size += len(body)
        if parts.size > BODY_BYTES_MAX:
            self._refuse(413)
        else:
            parts.body.append(body)

    def on_message_complete(self) -> None:
        parts = self._parts
        path, _, query = parts.url.decode("latin-1").partition("?")
        request = Request(
            self._parser.get_method(), path, query, parts.host, parts.takes_gzip, b"".join(parts.body), self._gone
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def cut(self) -> None:
        """End the connection at once, as a killed process would."""
        self._transport.abort()

    async def _work(self) -> None:
        while self._waiting:
            request, stays = self._waiting.popleft()
            try:
                reply = await self._answer(request)
            except BaseException:
                self.cut()  # nobody waits for an answer that will not come
                raise
            if self._gone.is_set():
                break
            if reply is None:  # CUT
                self.cut()
                break
            self._write(reply, takes_gzip=request.takes_gzip, stays=stays)
        self._task = None

    def _write(self, reply: Reply, *, takes_gzip: bool, stays: bool) -> None:
        body = reply.body
        gzipped = takes_gzip and len(body) >= GZIP_BYTES_MIN
        if gzipped:
            squeezer = zlib.compressobj(1, zlib.DEFLATED, GZIP)
            body = squeezer.compress(body) + squeezer.flush()
        first = head(reply, len(body), gzipped=gzipped, stays=stays)
        if reply.cut_at is not None:
            self._transport.write(first + body[: reply.cut_at])
            self._transport.close()  # writes what is buffered, then ends
            return
        self._transport.write(first + body)
        if not stays:
            self._transport.close()

    def _refuse(self, status: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(head(Reply(status), 0, stays=False))
        self._transport.close()


class Listener:
    """A port that can be closed, as if the process were killed, and opened again."""

    def __init__(self, port: int, answer: Answer) -> None:
        self._port = port
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def open(self) -> None:
        """Listen, unless it does already."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                lambda: Connection(self._answer, self._connections), HOST, self._port, backlog=1024
            )

    def close(self) -> None:
        """Refuse connections and cut those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.cut()
