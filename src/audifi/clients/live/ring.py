"""Remember a session's last events in order, so that whoever was away a moment asks the process and not the stores.

Between: clients.live.feed (appends) and whoever replays to a viewer or an event stream.
Shape: an unbroken run of events, oldest first; events older than LOG_S, or more than LOG_EVENTS_MAX ago, are forgotten.
Invariant: what `after` returns begins with the very next event; None means that it cannot, take a snapshot.
Units: times in seconds of the loop's clock. Errors: none.
Source: domain.md 3 "Scaling" (1000 entries, 10 minutes).
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice

from audifi.wire.live import protocol


@dataclass(frozen=True, slots=True)
class Event:
    """One numbered event; `body` is the flat frame without its numbers."""

    seq: int
    body: bytes


@dataclass(frozen=True, slots=True)
class State:
    """One state, told after event `seq`; of those with its key the highest version counts."""

    seq: int
    version: int
    key: str
    body: bytes


class Ring:
    """The newest events."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, Event]] = deque(maxlen=protocol.LOG_EVENTS_MAX)
        self.seq = 0  # of the newest event, kept or not

    def begin(self, seq: int) -> None:
        """Start anew after an event that is not known."""
        self._kept.clear()
        self.seq = seq

    def append(self, event: Event, now_s: float) -> None:
        if event.seq != self.seq + 1:
            self._kept.clear()
        self._kept.append((now_s, event))
        self.seq = event.seq
        while self._kept[0][0] < now_s - protocol.LOG_S:
            self._kept.popleft()

    def after(self, seq: int) -> list[Event] | None:
        """Return what followed `seq`, or None if that is no longer, or not yet, known."""
        count = self.seq - seq
        if count < 0 or count > len(self._kept):
            return None
        return [event for _, event in islice(self._kept, len(self._kept) - count, None)]
