"""Say when a viewer that does not read has to go.

Between: rooms (asks once a second) and nothing else. A viewer whose socket is full is written nothing: it costs what
its socket holds, and nobody waits for it. When its socket is empty again it is given what it missed.

Invariant: a viewer is closed when it has been out for LAG_S, or when more than QUEUE_FRAMES_MAX events wait for it;
states do not count, for only the newest of each would be sent.
Units: *_S seconds of the loop's clock. Errors: none.
Source: domain.md 3 "Slow consumer" (256 frames, 1013); realtime.md 3 "Backpressure" (10 s), 2.8.
"""

from collections.abc import Iterator
from typing import Final

from audifi.gateways.ws.fanout import Seat
from audifi.wire.live import protocol

LAG_S: Final = 10.0


def is_too_far(seat_seq: int, newest_seq: int) -> bool:
    """More waits for it than it is allowed; for one that was written nothing (negative), a snapshot waits."""
    return 0 <= seat_seq < newest_seq - protocol.QUEUE_FRAMES_MAX


class Lagging:
    """Who is out because of a full socket, since when."""

    def __init__(self) -> None:
        self._since: dict[Seat, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def begin(self, seat: Seat, now_s: float) -> None:
        self._since[seat] = now_s

    def end(self, seat: Seat) -> bool:
        """Return whether it was out."""
        return self._since.pop(seat, None) is not None

    def over(self, now_s: float, newest_seq: int) -> Iterator[Seat]:
        """Return who has to go."""
        for seat, since_s in tuple(self._since.items()):
            if now_s - since_s > LAG_S or is_too_far(seat.seq, newest_seq):
                yield seat
