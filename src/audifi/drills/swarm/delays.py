"""Compute how long it took from a vote to every viewer, from a history. Pure.

Between: play (asks at the end) and history.
Shape: a tally's version is the number of votes and changes it holds. So the first tally of version n is the first that
contains the n-th vote that was acknowledged; what it brings new is as old as the oldest vote since the tally before.
A viewer's delay is from that vote's sending to the tally's arrival at this viewer: the tick in which votes are gathered
is in it. `spread` is without: from the server's own moment on the tally.
Invariant: only tallies a connection brought while it stood count; what a viewer got when it came back is recovery.
Units: *_us microseconds.
Source: issue 5 "p50/p99 from vote to every viewer".
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audifi.drills.swarm.facts import TALLY
from audifi.drills.swarm.history import History

SETTLING_US = 1_000_000  # after a connection opened, what arrives is recovery


@dataclass(frozen=True)
class Percentiles:
    """Some of many delays, in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, delays_us: list[int]) -> "Percentiles":
        delays_us.sort()
        at = [percentile(delays_us, each) / 1000 for each in (50, 99, 100)]
        return cls(len(delays_us), *at)


def percentile(ordered: Sequence[int], percent: float) -> int:
    """The smallest that so many percent are not above; 0 of nothing."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0


@dataclass(frozen=True)
class Arrival:
    """One tally at one viewer."""

    at_us: int
    vote_us: int | None  # since the oldest vote it brings was sent; None when nobody here cast it
    spread_us: int  # since the server made it


def arrivals(history: History, viewer: int, sent: "Sent") -> Iterator[Arrival]:
    """Go through the tallies this viewer got while it was there."""
    opened_us, newest = 0, dict[str, int]()
    for at_us, said in history.seen(viewer):
        if said.kind == "opened":
            opened_us = at_us
        if said.kind != "state" or not said.key.startswith(TALLY) or said.version <= newest.get(said.key, -1):
            continue
        newest[said.key] = said.version
        if at_us - opened_us >= SETTLING_US:
            oldest = sent.oldest(said.key, said.version)
            yield Arrival(at_us, None if oldest is None else at_us - oldest, at_us - said.ts_ms * 1000)


class Sent:
    """When the votes were sent that a tally is the first to hold."""

    def __init__(self, history: History) -> None:
        self._sent: dict[str, list[int]] = {}
        self._versions: dict[str, list[int]] = {}
        acked = [vote for vote in history.votes if vote.acked_us is not None]
        for vote in sorted(acked, key=lambda each: each.acked_us or 0):
            self._sent.setdefault(f"{TALLY}:{vote.decision_id}", []).append(vote.sent_us)
        published: dict[str, set[int]] = {}
        for facts in history.batches:
            for said in facts:
                if said.kind == "state" and said.key.startswith(TALLY):
                    published.setdefault(said.key, set()).add(said.version)
        self._versions = {key: sorted(versions) for key, versions in published.items()}

    def oldest(self, key: str, version: int) -> int | None:
        """When the oldest vote that is new in this tally was sent."""
        versions, sent = self._versions[key], self._sent.get(key, [])
        place = bisect_left(versions, version)
        before = versions[place - 1] if place else 0
        return min(sent[before:version], default=None)
