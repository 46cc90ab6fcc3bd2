"""Offer a live session to a program: events in order, states, actions that are answered.

Between: sdk.client (`audifi.live`) and programs; sdk.live.machine decides, sdk.live.connections connect.
Shape: everything runs on the caller's event loop; a signal is handed to the machine where it arises, and what comes out
is done at once: there is no queue between them.
Invariant: the application sees every event once and in order, or a snapshot (`session_state`) in place of what it
missed; one that does not read for EVENTS_MAX events is given a snapshot too.
Units: milliseconds of the loop's clock.
Errors: `Ended` from the iteration when the session can no longer be watched; Problems of `audifi.wire.problems` from
actions, the same ones as over HTTP.
Source: domain.md 3; wire/live/protocol.py.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Coroutine
from random import Random
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from audifi.sdk.keys import new_key
from audifi.sdk.live.answers import Ack, VoteAck, frame_of, problem_of
from audifi.sdk.live.calls import call
from audifi.sdk.live.connections import Socket, Stream
from audifi.sdk.live.machine import Machine
from audifi.sdk.live.signals import (
    Act,
    Answered,
    Behind,
    Call,
    Connect,
    Deliver,
    Drop,
    Input,
    JsonFrame,
    Leave,
    Output,
    Phase,
    Settle,
    Start,
    State,
    Tick,
    Update,
    Write,
)
from audifi.sdk.transport import Transport
from audifi.wire.live import protocol
from audifi.wire.problems import Problem

EVENTS_MAX: Final = protocol.LOG_EVENTS_MAX  # as many as the server keeps for somebody who was away
QUIET_ENDS: Final = frozenset({"left", "session_over"})


class Ended(Exception):
    """The session can no longer be watched; `reason` says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the live session ended: {reason}")


class Live:
    """One session, watched: `async with audifi.live(session_id) as live: async for event in live: …`."""

    def __init__(
        self,
        transport: Transport,
        session_id: str,
        *,
        role: str | None = None,
        bare_url: str | None = None,
        random: Random | None = None,
    ) -> None:
        """Take `bare_url` (wss://ws.…/vstudio/<id>) to say the token in the first message instead of a ticket."""
        self.session_id = session_id
        self.states: dict[str, JsonFrame] = {}  # the newest by key: "presence", "vote_update:<decision>"
        self.snapshot: JsonFrame | None = None  # the newest session_state
        self.reason = ""
        self._transport = transport
        self._role = role
        self._bare_url = bare_url
        self._machine = Machine((random or Random()).random)  # noqa: S311  # jitter, not a secret
        self._events: deque[JsonFrame] = deque()
        self._fresh: dict[str, JsonFrame] = {}
        self._is_behind = False
        self._news = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[JsonFrame]] = {}
        self._sockets: dict[int, Socket] = {}
        self._connections: dict[int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._tell(Start())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell(Leave())
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def state(self) -> Phase:
        """Connecting | live | reconnecting | closed (then `reason`)."""
        return self._machine.state

    # What happens.

    async def __aiter__(self) -> AsyncGenerator[JsonFrame]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self.state == "closed":
                break
            await self._next_news()
        if self.reason not in QUIET_ENDS:
            raise Ended(self.reason)

    async def updates(self) -> AsyncGenerator[JsonFrame]:
        """Yield states as they change, the newest of each; ends when the session does."""
        while True:
            while self._fresh:
                yield self._fresh.pop(next(iter(self._fresh)))
            if self.state == "closed":
                return
            await self._next_news()

    async def _next_news(self) -> None:
        news = self._news
        await news.wait()

    # What the program does.

    async def vote(
        self,
        decision_id: str,
        *,
        choice: str | None = None,
        value: float | None = None,
        ranking: list[str] | None = None,
        text: str | None = None,
        request_id: str | None = None,
    ) -> VoteAck:
        """Vote with exactly one of the four. Resolves when the vote counts, over however many connections."""
        given = {"choice": choice, "value": value, "ranking": ranking, "text": text}
        ballot = {name: each for name, each in given.items() if each is not None}
        frame = await self._act({"type": "vote", "decisionId": decision_id, **ballot}, request_id)
        return msgspec.convert(frame, VoteAck)

    async def chat(self, text: str, *, request_id: str | None = None) -> Ack:
        """Say something to everybody."""
        return msgspec.convert(await self._act({"type": "chat", "text": text}, request_id), Ack)

    def react(self, emoji: str) -> None:
        """Send one of protocol.REACTIONS, now or never."""
        self._tell(Act(frame={"type": "reaction", "emoji": emoji}))

    async def direct(self, command: str, *, request_id: str | None = None, **fields: Any) -> Ack:
        """Do what an artist does: decision_create, decision_open, decision_close, decision_finalize."""
        return msgspec.convert(await self._act({"type": command, **fields}, request_id), Ack)

    async def _act(self, frame: JsonFrame, request_id: str | None) -> JsonFrame:
        request_id = request_id or new_key()
        waiting = self._waiting.setdefault(request_id, self._loop.create_future())
        self._tell(Act(frame=frame, request_id=request_id))
        answer = await waiting
        if answer.get("type") == "error":
            raise problem_of(answer)
        return answer

    # The machine.

    def _tell(self, given: Input) -> None:
        for output in self._machine.take(self._now(), given):
            self._do(output)
        if self._alarm is not None:
            self._alarm.cancel()
        wake_at = self._machine.wake_at
        if wake_at is not None:
            self._alarm = self._loop.call_at(wake_at / 1000, self._tell, Tick())
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _now(self) -> int:
        return int(self._loop.time() * 1000)

    def _do(self, output: Output) -> None:
        match output:
            case Connect():
                self._connect(output)
            case Write():
                self._sockets[output.attempt].send(output.frame)
            case Call():
                self._spawn(self._call(output))
            case Drop():
                self._connections[output.attempt].cancel()
            case Deliver():
                self._deliver(output.frame)
            case Update():
                self.states[output.key] = self._fresh[output.key] = output.frame
            case Settle():
                waiting = self._waiting.pop(output.request_id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(output.frame)
            case State():
                self.reason = output.reason

    def _connect(self, asked: Connect) -> None:
        if asked.transport == "stream":
            task = self._spawn(Stream(self._transport, asked, self._tell).run(self.session_id))
        else:
            socket = self._sockets[asked.attempt] = Socket(self._transport, asked, self._tell)
            task = self._spawn(socket.run(self.session_id, role=self._role, bare_url=self._bare_url))
        self._connections[asked.attempt] = task
        task.add_done_callback(lambda _: self._forget(asked.attempt))

    def _forget(self, attempt: int) -> None:
        self._connections.pop(attempt, None)
        self._sockets.pop(attempt, None)

    async def _call(self, asked: Call) -> None:
        try:
            frame = await call(self._transport, self.session_id, asked)
        except Problem as problem:
            frame = frame_of(asked.request_id, problem)
        self._tell(Answered(request_id=asked.request_id, frame=frame))

    def _deliver(self, frame: JsonFrame) -> None:
        if frame["type"] == "session_state":
            self.snapshot, self._is_behind = frame, False
        if self._is_behind:
            return  # the snapshot that was asked for holds it
        if len(self._events) >= EVENTS_MAX:
            self._events.clear()
            self._is_behind = True
            self._loop.call_soon(self._tell, Behind())
            return
        self._events.append(frame)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
