"""Say what happened in the last second, while it happens.

Between: play (asks every second) and cli.swarm (prints it).
Shape: rates are differences of counters; percentiles are of the tallies that arrived in the last second.
Invariant: what is told live is near enough; the verdict and the final percentiles come from the history.
Units: *_ms milliseconds; *_per_s.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from audifi.drills.swarm.crowds import Together
from audifi.drills.swarm.history import Cast


@dataclass(frozen=True)
class Second:
    """One of them."""

    at_s: float
    live: int
    connects_per_s: int
    delivered_per_s: int
    votes: int  # acknowledged so far
    p50_ms: float | None  # from a vote's sending to half of the viewers; None when no tally came
    p99_ms: float | None

    def as_json(self) -> dict[str, Any]:
        return {"event": "second", **asdict(self)}


class Seconds:
    """Keeps the counters of the second before."""

    def __init__(self) -> None:
        self._before = Together()

    def next(self, at_s: float, now: Together, votes: Sequence[Cast]) -> Second:
        """Compare with the second before."""
        before, self._before = self._before, now
        acked = sorted(vote.acked_us for vote in votes if vote.acked_us is not None)
        sent = {vote.acked_us: vote.sent_us for vote in votes}
        found: list[tuple[float, float]] = []
        for tally in now.tallies:
            if 0 < tally.version <= len(acked):
                newest = sent[acked[tally.version - 1]]
                found.append(((tally.median_us - newest) / 1000, (tally.p99_us - newest) / 1000))
        medians = sorted(median for median, _ in found)
        return Second(
            at_s,
            now.live,
            now.opens - before.opens,
            now.frames - before.frames,
            len(acked),
            medians[len(medians) // 2] if medians else None,
            max((p99 for _, p99 in found), default=None),
        )
