"""Notice who is gone without saying so, with one timer for all connections.

Between: app (runs `Heart`), connections (are `Alive`: enrolled when they open, dismissed when they end).

# The wheel
A wheel has one slot per second; whoever is enrolled stays in one slot and has its turn when the hand passes, once per
round. Slots are given out in turn, so that a storm of connects is not a storm of pings half a minute later.
A ping goes out at a connection's turn; PONG_S seconds later it is looked at: whoever said nothing at all since the ping
missed it, and MISSES_MAX in a row end the connection (4008): 40 to 70 s after the last sign of life.
Units: seconds are turns of the hand. Invariant: no task and no timer per connection.
Errors: never raises.
Source: domain.md 3 "Heartbeat"; realtime.md 3 (picows' own auto-ping costs a task and 2 KB per connection).
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Generic, Protocol, TypeVar

from audifi.wire.live import protocol

PING: Final = b"\x89\x00"
SLICE: Final = 200  # pings sent before others have a turn of the event loop
T = TypeVar("T")


class Wheel(Generic[T]):
    """Give everybody enrolled a turn once per round."""

    def __init__(self, slots: int) -> None:
        self._slots: list[set[T]] = [set() for _ in range(slots)]
        self._hand = 0
        self._next = 0

    def enrol(self, member: T) -> int:
        """Return the slot, with which to dismiss."""
        self._next = (self._next + 1) % len(self._slots)
        self._slots[self._next].add(member)
        return self._next

    def dismiss(self, member: T, slot: int) -> None:
        self._slots[slot].discard(member)

    def advance(self) -> list[T]:
        """Move the hand by one; return whose turn it is."""
        self._hand = (self._hand + 1) % len(self._slots)
        return list(self._slots[self._hand])

    def earlier(self, steps: int) -> list[T]:
        """Return whose turn it was so many steps ago, as far as they are still enrolled."""
        return list(self._slots[(self._hand - steps) % len(self._slots)])


class Alive(Protocol):
    """What the heart knows of a connection."""

    heard_at: int  # the second something came from it
    misses: int

    def write(self, frame: bytes | bytearray) -> None: ...
    def lost(self) -> None: ...


class Heart:
    """Beat once a second."""

    def __init__(self) -> None:
        self.second = 0
        self._wheel: Wheel[Alive] = Wheel(protocol.PING_S)
        self.every_second: list[Callable[[], None]] = []

    def enrol(self, one: Alive) -> int:
        one.heard_at = self.second
        return self._wheel.enrol(one)

    def dismiss(self, one: Alive, slot: int) -> None:
        self._wheel.dismiss(one, slot)

    async def run(self) -> None:
        """Beat for ever; a beat that comes late does not make the next one early."""
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            await self.beat()
            await asyncio.sleep(max(0.0, 1 - (loop.time() - started)))

    async def beat(self) -> None:
        """Let one second pass."""
        self.second += 1
        due = self._wheel.advance()
        self._look(self._wheel.earlier(protocol.PONG_S))
        for start in range(0, len(due), SLICE):
            for one in due[start : start + SLICE]:
                one.write(PING)
            await asyncio.sleep(0)
        for call in self.every_second:
            call()

    def _look(self, pinged: Iterable[Alive]) -> None:
        for one in pinged:
            if one.heard_at >= self.second - protocol.PONG_S:
                one.misses = 0
                continue
            one.misses += 1
            if one.misses >= protocol.MISSES_MAX:
                one.lost()
