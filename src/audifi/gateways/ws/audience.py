"""Be everybody who watches one session here: bring them up to date, keep them so, let the slow ones go.

Between: rooms (joins and leaves), Viewer (paused, resumed), clients.live.room (what happens) and fanout.

# A viewer's way
    join → entering: brought up to date by replay or snapshot → seated (fanout writes to it)
    seated → its socket is full → lagging → empty again: what it missed → seated, or closed with 1013
What brings it up to date ends at `fanout.seq`, where the next batch begins, so nothing is lost or doubled between.
A viewer that is ahead of that (its snapshot is newer than what came here, or another pod was faster) waits until the
fan-out has caught up; one that says so of itself and is not met within AHEAD_S gets a snapshot.

Units: *_S seconds. Errors: join raises what asking for a snapshot raised.
Source: domain.md 3 "Recovery"; realtime.md 3.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Final

from audifi.clients.live.ring import Event, State
from audifi.clients.live.room import Room
from audifi.gateways.ws import backpressure
from audifi.gateways.ws.backpressure import Lagging
from audifi.gateways.ws.fanout import Fanout, Seat, frames, in_order
from audifi.gateways.ws.presence import Present
from audifi.gateways.ws.recovery import Snapshots
from audifi.gateways.ws.viewer import Viewer
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter, histogram
from audifi.wire import metrics
from audifi.wire.live import protocol
from audifi.wire.live.calls import Snapshot
from audifi.wire.problems import Problem, Unavailable

AHEAD_S: Final = 1.0
BEGIN_S: Final = 3.0
OVER_S: Final = 5.0  # to read how a session ended, before its sockets are closed
SLICE: Final = 500  # closed before others have a turn of the event loop
_ENDED: Final = b'{"type":"session_ended"'
_STAMP: Final = re.compile(rb'\{"type":"[a-z_]+","ts":(\d+)')


class Audience:
    """The viewers of one session in this pod; what a Viewer calls its room."""

    def __init__(self, room: Room, present: Present, ask: Callable[[str], Awaitable[Snapshot]]) -> None:
        self.room = room
        self.present = present
        self._seats: dict[Viewer, Seat] = {}
        self._fanout = Fanout(self._wrote)
        self._heard: int | None = None  # the newest event handed to the fan-out
        self._snapshots = Snapshots(room, ask)
        self._lagging = Lagging()
        self._ahead: dict[Seat, asyncio.TimerHandle | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        room.listeners.append(self._hear)

    def __len__(self) -> int:
        return len(self._seats)

    def close(self) -> None:
        self.room.listeners.remove(self._hear)
        self._fanout.close()
        self._snapshots.close()
        for task in self._tasks:
            task.cancel()
        for timer in self._ahead.values():
            if timer is not None:
                timer.cancel()

    async def join(self, viewer: Viewer, last_seq: int | None) -> None:
        """Seat a viewer who has everything up to `last_seq`, or nothing."""
        seat = self._seats[viewer] = Seat(viewer)
        viewer.room = self
        self.present.came(viewer)
        try:
            await self._has_begun()
            if last_seq is None:
                await self._show(seat)
            elif not self._is_gone(seat):
                seat.seq = last_seq
                self._replay(seat, is_claimed=True)
        except Problem:
            if not self._is_gone(seat):
                self.leave(viewer)
            raise

    def leave(self, viewer: Viewer) -> None:
        seat = self._seats.pop(viewer)
        viewer.room = None
        self._fanout.unseat(seat)
        self._lagging.end(seat)
        self._meet(seat)
        self.present.went(viewer)

    def paused(self, viewer: Viewer) -> None:
        seat = self._seats.get(viewer)
        if seat is not None and self._fanout.unseat(seat):
            self._lagging.begin(seat, self._loop.time())

    def resumed(self, viewer: Viewer) -> None:
        seat = self._seats.get(viewer)
        if seat is None or not self._lagging.end(seat):
            return
        if backpressure.is_too_far(seat.seq, self._fanout.seq):
            viewer.close(protocol.OVERLOAD, "Too slow: too much was waiting for you.")
        else:
            self._replay(seat)

    def dismiss_slow(self) -> None:
        """Close whoever is too far behind, or was out for too long."""
        for seat in self._lagging.over(self._loop.time(), self.room.seq):
            seat.viewer.close(protocol.OVERLOAD, "Too slow: you read nothing for too long.")

    def _is_gone(self, seat: Seat) -> bool:
        return self._seats.get(seat.viewer) is not seat

    # From the room and the fan-out.

    async def _has_begun(self) -> None:
        try:
            async with asyncio.timeout(BEGIN_S):
                await self.room.has_begun.wait()
        except TimeoutError as error:
            raise Unavailable("what happens in this session cannot be read", retry_after_s=2) from error
        if self._heard is None:
            self._heard = self._fanout.seq = self.room.seq

    def _hear(self, events: Sequence[Event], states: Sequence[State]) -> None:
        if self._heard is None:
            self._heard = self._fanout.seq = events[0].seq - 1 if events else self.room.seq
        if events:
            if events[0].seq != self._heard + 1:
                self._spawn(self._show_all(self._fanout.unseat_all()))
            self._heard = events[-1].seq
        self._fanout.hear(events, states)

    def _wrote(self, viewers: int, batch: Sequence[Event | State]) -> None:
        counter(metrics.WS_SENT).inc(viewers * len(batch))
        if (stamp := _STAMP.match(batch[0].body)) is not None:
            histogram(metrics.WS_LATENCY).observe(max(time.time() * 1000 - int(stamp[1]), 0))
        for seat in [each for each in self._ahead if each.seq <= self._fanout.seq]:
            self._meet(seat)
            self._replay(seat)
        if any(isinstance(each, Event) and each.body.startswith(_ENDED) for each in batch):
            self._spawn(self._end())

    async def _end(self) -> None:
        """Send everybody away for good: the session is over, and nothing will follow."""
        await asyncio.sleep(OVER_S)
        for index, viewer in enumerate(list(self._seats)):
            viewer.close(protocol.Code.SESSION_OVER, "This session is over.")
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)

    # Bringing up to date.

    async def _show(self, seat: Seat) -> None:
        """Write a snapshot, and what happened since."""
        snapshot = await self._snapshots.newest()
        if self._is_gone(seat):
            return
        seat.seq = -1
        if not seat.viewer.is_paused:
            seat.viewer.write(snapshot.frame(seat.viewer.dialect, seat.viewer.admission.you))
            seat.seq = snapshot.seq
        self._replay(seat, snapshot.later(self.room))

    async def _show_all(self, seats: Sequence[Seat]) -> None:
        """As `_show`, for those who did not ask: whoever cannot be shown a snapshot is sent away to come back."""
        for seat in seats:
            try:
                await self._show(seat)
            except Problem as problem:
                log.warning(
                    "a viewer cannot be shown a snapshot", session_id=self.room.session_id, error=problem.message
                )
                if not self._is_gone(seat):
                    seat.viewer.close(protocol.OVERLOAD, "What you missed cannot be read now.")

    def _replay(self, seat: Seat, states: Iterable[State] | None = None, *, is_claimed: bool = False) -> None:
        """Write what followed `seat.seq`, and seat it."""
        if seat.viewer.is_paused:
            self._lagging.begin(seat, self._loop.time())
            return
        if seat.seq > self._fanout.seq:
            self._wait(seat, is_claimed=is_claimed)
            return
        events = self.room.events_after(seat.seq)
        if events is None:
            self._spawn(self._show_all([seat]))
            return
        missed = [event for event in events if event.seq <= self._fanout.seq]
        batch = in_order(missed, self.room.states.values() if states is None else states)
        self._fanout.seat(seat)  # before it is written: a full socket unseats it
        if batch:
            seat.viewer.write(frames(seat.viewer.dialect, batch))
            counter(metrics.WS_SENT).inc(len(batch))

    def _wait(self, seat: Seat, *, is_claimed: bool) -> None:
        self._ahead[seat] = self._loop.call_later(AHEAD_S, self._disbelieve, seat) if is_claimed else None

    def _meet(self, seat: Seat) -> None:
        timer = self._ahead.pop(seat, None)
        if timer is not None:
            timer.cancel()

    def _disbelieve(self, seat: Seat) -> None:
        self._meet(seat)
        self._spawn(self._show_all([seat]))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
