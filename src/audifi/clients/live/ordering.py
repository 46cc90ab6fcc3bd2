"""Put a session's events into the order of their numbers, each once, whatever came how often and when.

Between: clients.live.room (offers what arrived) and nothing else: no clock, no I/O.
Shape: `seq` is the last event in order; later ones wait until the hole before them is filled.
Invariant: what is handed out has consecutive numbers, but for what `jump` was told to give up.
Units: at most EARLY_MAX events wait; later ones are only remembered as existing, and read again.
Errors: none.
Source: domain.md 3 "Recovery"; the bound is that of the log.
"""

from collections.abc import Iterable
from typing import Final

from audifi.clients.live.ring import Event
from audifi.wire.live import protocol

EARLY_MAX: Final = protocol.LOG_EVENTS_MAX


class Order:
    """One session's events, on their way into order."""

    def __init__(self) -> None:
        self.seq: int | None = None  # None: not known yet where to begin
        self._early: dict[int, Event] = {}
        self._expected = 0

    @property
    def is_behind(self) -> bool:
        """Events are known to exist that are not there."""
        return self.seq is not None and (bool(self._early) or self._expected > self.seq)

    def expect(self, seq: int) -> None:
        """Somebody has seen an event of this number."""
        self._expected = max(self._expected, seq)

    def settle(self, newest: int) -> None:
        """The truth has no newer event than this: expect none."""
        self._expected = min(self._expected, newest)

    def offer(self, events: Iterable[Event]) -> list[Event]:
        """Take events in any order; return those that are next."""
        ready: list[Event] = []
        for event in events:
            if self.seq is not None and event.seq <= self.seq:
                continue
            if event.seq > (self.seq or 0) + EARLY_MAX and len(self._early) >= EARLY_MAX:
                self.expect(event.seq)
                continue
            self._early[event.seq] = event
            ready += self._next()
        return ready

    def jump(self, seq: int) -> list[Event]:
        """Begin after `seq`, or give up what is missing before it; return what is next then."""
        if self.seq is None or seq > self.seq:
            self.seq = seq
            self._early = {number: event for number, event in self._early.items() if number > seq}
        return self._next()

    def _next(self) -> list[Event]:
        ready: list[Event] = []
        while self.seq is not None and (event := self._early.pop(self.seq + 1, None)) is not None:
            ready.append(event)
            self.seq = event.seq
        return ready
