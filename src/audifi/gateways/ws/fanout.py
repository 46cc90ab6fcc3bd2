"""Write what happens in a session to everybody who watches it here, once each, in few and cheap writes.

Between: rooms (seats viewers, hands in what was heard) and Viewer.write.

# How much it waits
A message that finds the fan-out idle leaves at once. What arrives while it is busy, and GAP_S after, or as long as the
last one took if that is longer, is collected: then it leaves as one batch. So nothing waits at a low rate, and at a
high one the cost of a message falls with the size of the batch instead of the queue growing. Of the states of one key
only the newest leaves.

# How it writes
A batch is rendered once for each dialect: frames one after the other, one write per viewer. After SLICE viewers others
have a turn of the event loop, and each batch begins somewhere else, so that nobody is always last.

Of 9 µs a viewer the kernel has 8. What Python adds is mostly memory that is not in the processor's cache, so the loop
touches a seat and a number, and not the connection: 0.93 of a bare loop in C instead of 0.79, in one run.

# Who gets what
`seq` is the newest event of the batch that was begun last. A seat is up to date with batch number `turn`; whoever is
seated while a batch is being written has been given what is in it already. A seat whose number is older than the batch
before this one takes part in none: it is out until it is seated again.
Invariant: between `seat` and `unseat` a viewer is written every event after `seq` once, in order.
Units: *_S seconds. Errors: none; Viewer.write does not raise.
Source: realtime.md 2.5 (20 ms: no cost at low rates, no collapse at any), 3 "Coalescing", "Fan-out fairness".
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from audifi.clients.live.ring import Event, State
from audifi.clients.live.room import is_passing
from audifi.gateways.ws import dialects
from audifi.gateways.ws.dialects import Dialect
from audifi.gateways.ws.viewer import Viewer
from audifi.kernel.logs import log

GAP_S: Final = 0.02
SLICE: Final = 500
OUT: Final = -1

# A frame is made once, however many batches, replays and viewers it is in.
_event_frame = lru_cache(4096)(dialects.event)
_state_frame = lru_cache(1024)(dialects.state)


class Seat:
    """A viewer's place. `seq` counts only while it is out: the newest event that it was written."""

    __slots__ = ("descriptor", "is_flat", "seq", "turn", "viewer")

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.descriptor = viewer.descriptor
        self.is_flat = viewer.dialect is Dialect.FLAT
        self.turn = OUT
        self.seq = 0


class Fanout:
    """One session's viewers in this pod who keep up."""

    def __init__(self, wrote: Callable[[int, Sequence[Event | State]], None]) -> None:
        self.seq = 0
        self._wrote = wrote
        self._seats: dict[Seat, None] = {}
        self._turn = 0
        self._seq_before = 0
        self._events: list[Event] = []
        self._states: dict[str, State] = {}
        self._passing: list[State] = []
        self._queue: list[Seat] = []
        self._batch: list[Event | State] = []
        self._frames: tuple[bytes, bytes] = (b"", b"")
        self._first = 0
        self._started_s = 0.0
        self._not_before_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Handle | None = None

    def hear(self, events: Iterable[Event], states: Iterable[State]) -> None:
        """Take what is next."""
        self._events += events
        for state in states:
            if is_passing(state):
                self._passing.append(state)
            else:
                self._states[state.key] = state
        if self._next is None:
            wait_s = self._not_before_s - self._loop.time()
            self._next = self._loop.call_later(wait_s, self._begin) if wait_s > 0 else self._loop.call_soon(self._begin)

    def seat(self, seat: Seat) -> None:
        """Let it take part in what comes after `seq`."""
        seat.turn = self._turn
        self._seats[seat] = None

    def unseat(self, seat: Seat) -> bool:
        """Let it take part no more; `seat.seq` is what it was written. Return whether it did take part."""
        if seat.turn == OUT:
            return False
        del self._seats[seat]
        seat.seq = self.seq if seat.turn == self._turn else self._seq_before
        seat.turn = OUT
        return True

    def unseat_all(self) -> list[Seat]:
        """Everybody out."""
        seats = list(self._seats)
        for seat in seats:
            self.unseat(seat)
        return seats

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()

    def _begin(self) -> None:
        self._started_s = self._loop.time()
        self._batch = in_order(self._events, (*self._states.values(), *self._passing))
        self._seq_before = self.seq
        if self._events:
            self.seq = self._events[-1].seq
        self._events, self._states, self._passing = [], {}, []
        self._frames = frames(Dialect.FLAT, self._batch), frames(Dialect.ENVELOPE, self._batch)
        self._turn += 1
        seats = list(self._seats)
        self._first = (self._first + SLICE + 1) % len(seats) if seats else 0
        self._queue = seats[self._first :] + seats[: self._first]
        self._write_slice(0)

    def _write_slice(self, start: int) -> None:
        flat, envelope = self._frames
        turn = self._turn
        for seat in self._queue[start : start + SLICE]:
            if seat.turn == turn - 1:
                seat.turn = turn  # before it is written: a full socket is told at once, and then counts as written
                data = flat if seat.is_flat else envelope
                try:
                    sent = os.write(seat.descriptor, data)
                except OSError:  # full, or gone: the viewer finds out which
                    sent = 0
                if sent < len(data):
                    seat.viewer.write(data[sent:])
        if start + SLICE < len(self._queue):
            self._next = self._loop.call_soon(self._write_slice, start + SLICE)
        else:
            self._end()

    def _end(self) -> None:
        now_s = self._loop.time()
        self._not_before_s = now_s + max(GAP_S, now_s - self._started_s)
        self._wrote(len(self._queue), self._batch)
        self._queue, self._batch, self._next = [], [], None
        if self._events or self._states or self._passing:
            self.hear((), ())


def in_order(events: Sequence[Event], states: Iterable[State]) -> list[Event | State]:
    """Put each state after the event it was told after."""
    return sorted([*events, *states], key=lambda each: (each.seq, isinstance(each, State)))


def frames(dialect: Dialect, batch: Iterable[Event | State]) -> bytes:
    """Return the frames of a batch, one after the other."""
    return b"".join([_frame(dialect, each) for each in batch])


def _frame(dialect: Dialect, each: Event | State) -> bytes:
    try:
        if isinstance(each, Event):
            return _event_frame(dialect, each.seq, each.body)
        return _state_frame(dialect, each.seq, each.version, each.body)
    except (ValueError, msgspec.MsgspecError) as error:  # one bad body stops nobody
        log.error("what was published cannot be rendered", seq=each.seq, error=error)
        return b""
