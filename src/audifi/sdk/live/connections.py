"""Hold one connection to a live session: a socket, or a stream of server-sent events where sockets do not pass.

Between: sdk.live.session (starts them, one task each) and aiohttp, through the transport's own HTTP session.
Shape: each reports what happens as signals (Opened, Frame, Heard, Refused, Closed) and ends.
Invariant: a ticket is asked for anew for every socket and used once; a token goes into the first message or a header,
never into an address; third-party exceptions stop here.
Errors: none raised; what goes wrong is a signal. 1006: it ended and nobody said why.
Source: domain.md 3 "Authentication", "SSE fallback"; RFC 6455 7.4.1 (1006).
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import quote

import aiohttp

from audifi.sdk.failures import problem_from
from audifi.sdk.live import sse
from audifi.sdk.live.signals import Closed, Connect, Frame, Heard, Input, JsonFrame, Opened, Refused
from audifi.sdk.transport import Request, Transport
from audifi.sdk.vstudio import Vstudio
from audifi.wire import headers
from audifi.wire.problems import Problem, Unauthorized

NOBODY_SAID: Final = 1006
READ_BYTES: Final = 65_536
CLOSING: Final = aiohttp.ClientWSTimeout(ws_close=1.0)  # pyright: ignore[reportCallIssue]  # attrs, seen from outside
type_of_report = Callable[[Input], None]


class Socket:
    """One WebSocket."""

    def __init__(self, transport: Transport, asked: Connect, report: type_of_report) -> None:
        self._transport = transport
        self._attempt = asked.attempt
        self._report = report
        self._outbox: asyncio.Queue[JsonFrame] = asyncio.Queue()
        self._is_open = False

    async def run(self, session_id: str, *, role: str | None, bare_url: str | None) -> None:
        """Connect with a new ticket, or bare with the token as first message, and listen until it ends."""
        try:
            url = bare_url or (await Vstudio(self._transport).ticket(session_id, role=role)).ws_url
            async with self._transport.http.ws_connect(url, timeout=CLOSING) as opened:
                if bare_url is not None:
                    await opened.send_json({"type": "auth", "token": self._transport.access_token})
                self._is_open = True
                self._report(Opened(attempt=self._attempt))
                await self._listen(opened)
                self._report(Closed(attempt=self._attempt, code=opened.close_code or NOBODY_SAID))
        except Problem as problem:
            self._report(_refused(self._attempt, problem))
        except aiohttp.WSServerHandshakeError as error:
            after = (error.headers or {}).get("Retry-After", "")
            wait_ms = int(after) * 1000 if after.isdigit() else None
            self._report(Refused(attempt=self._attempt, status=error.status, retry_after_ms=wait_ms))
        except (aiohttp.ClientError, OSError, TimeoutError):
            self._report(_broken(self._attempt, was_open=self._is_open))

    def send(self, frame: JsonFrame) -> None:
        """Send it after what was sent before."""
        self._outbox.put_nowait(frame)

    async def _listen(self, opened: aiohttp.ClientWebSocketResponse) -> None:
        writing = asyncio.create_task(self._write(opened))
        try:
            async for message in opened:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._report(_frame(self._attempt, message.data))
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)  # that it could not write, reading has shown

    async def _write(self, opened: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await opened.send_json(await self._outbox.get())


class Stream:
    """One stream of server-sent events."""

    def __init__(self, transport: Transport, asked: Connect, report: type_of_report) -> None:
        self._transport = transport
        self._asked = asked
        self._report = report
        self._is_open = False

    async def run(self, session_id: str) -> None:
        """Read from after the last event until it ends."""
        attempt = self._asked.attempt
        try:
            try:
                await self._read(session_id)
            except Unauthorized as refused:
                await self._transport.renewed(refused)
                await self._read(session_id)
            self._report(Closed(attempt=attempt, code=NOBODY_SAID))
        except Problem as problem:
            self._report(_refused(attempt, problem))
        except (aiohttp.ClientError, OSError, TimeoutError):
            self._report(_broken(attempt, was_open=self._is_open))

    async def _read(self, session_id: str) -> None:
        last = self._asked.last_seq
        asked = {"Accept": "text/event-stream"} | ({} if last is None else {headers.LAST_EVENT_ID: str(last)})
        request = Request(method="GET", path=f"/vstudio/sse/{quote(session_id, safe='')}", headers=asked)
        async with self._transport.streamed(request) as response:
            if response.status != 200:
                raise problem_from(response.status, await response.read(), response.headers)
            self._is_open = True
            self._report(Opened(attempt=self._asked.attempt))
            reader = sse.Reader()
            while chunk := await response.content.read(READ_BYTES):
                self._report(Heard(attempt=self._asked.attempt))
                for data in reader.feed(chunk):
                    self._report(_frame(self._asked.attempt, data))


def _frame(attempt: int, text: str) -> Input:
    try:
        frame: Any = json.loads(text)
    except ValueError:
        return Heard(attempt=attempt)
    if not isinstance(frame, dict):
        return Heard(attempt=attempt)
    return Frame(attempt=attempt, frame=cast("JsonFrame", frame))


def _refused(attempt: int, problem: Problem) -> Refused:
    """What the API says is final carries its code; a proxy's page and a broken connection do not."""
    code = "" if problem.code.startswith("HTTP_") else problem.code
    wait_ms = None if problem.retry_after_s is None else problem.retry_after_s * 1000
    return Refused(attempt=attempt, status=problem.status, code=code, retry_after_ms=wait_ms)


def _broken(attempt: int, *, was_open: bool) -> Input:
    return Closed(attempt=attempt, code=NOBODY_SAID) if was_open else Refused(attempt=attempt)
