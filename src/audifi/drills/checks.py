"""Judge a history: what was lost, what happened twice, what was read too old, how long nobody was answered.

Between: drills.under_load (asks after a run) and tests (doctored histories); pure.
Shape: one function per sentence; each returns what contradicts it in words, or a number of seconds.
Invariant: what a client does not know is forgiven: an UNKNOWN write may be found or missing, now or later, once. What
was acknowledged is not: it is there once, and whoever asks after it reads it or something newer.
Units: *_us microseconds since the epoch; *_s seconds.
Errors: none.
Source: Herlihy and Wing, "Linearizability", 1990 (real-time order of intervals); Jepsen's set and register checkers.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from audifi.drills.history import Attempt, Ended, History
from audifi.drills.timing import US

ADDS: Final = frozenset({"write", "buy"})  # kinds that add a value, unique to the attempt, which stays
SETS: Final = frozenset({"set"})  # kinds that replace the value of their key
GETS: Final = frozenset({"get"})  # kinds that read the value of their key


@dataclass(frozen=True)
class Window:
    """The time that counts: from the steady state before the fault to the end of the workload."""

    begun_us: int
    ended_us: int

    def has(self, attempt: Attempt) -> bool:
        """Whether it was due in this time."""
        return self.begun_us <= attempt.due_us < self.ended_us


def lost(history: History) -> list[str]:
    """Name what was acknowledged and is not there at the end."""
    return [
        f"{each.kind} {each.value} to {each.key}: acknowledged, and gone"
        for each in history.attempts
        if each.kind in ADDS and each.ended is Ended.OK and each.value not in history.found.get(each.key, ())
    ]


def duplicates(history: History) -> list[str]:
    """Name what is there more than once."""
    return [
        f"{value} is there {count} times at {key}"
        for key, values in history.found.items()
        for value, count in Counter(values).items()
        if count > 1
    ]


def ghosts(history: History) -> list[str]:
    """Name what is there although it was refused, or although nobody wrote it."""
    tried: dict[str, dict[str, Ended]] = defaultdict(dict)
    for each in history.attempts:
        if each.kind in ADDS:
            tried[each.key][each.value] = each.ended
    return [
        f"{value} is there at {key}, and " + ("nobody wrote it" if value not in tried[key] else "was refused")
        for key, values in history.found.items()
        for value in dict.fromkeys(values)
        if tried[key].get(value, Ended.FAILED) is Ended.FAILED
    ]


def stale(history: History) -> list[str]:
    """Name reads that were older than what had been acknowledged, or read by another, before they were asked."""
    found: list[str] = []
    for key, sets, gets in _registers(history):
        written = {each.value: each for each in sets}
        for place, get in enumerate(gets):
            if get.value not in written:
                if known := [each for each in sets if each.ended is Ended.OK and each.ended_us <= get.started_us]:
                    found.append(f"{key}: read {get.value!r} after {known[-1].value!r} was acknowledged")
                continue
            newer = _known_before(get, sets, gets[:place], written)
            if any(_is_older(written[get.value], each) for each in newer):
                found.append(f"{key}: read {get.value!r} at {get.started_us}, older than what was known then")
    return found


def _registers(history: History) -> Iterator[tuple[str, list[Attempt], list[Attempt]]]:
    sets: dict[str, list[Attempt]] = defaultdict(list)
    gets: dict[str, list[Attempt]] = defaultdict(list)
    for each in sorted(history.attempts, key=lambda each: each.started_us):
        if each.kind in SETS:
            sets[each.key].append(each)
        if each.kind in GETS and each.ended is Ended.OK:
            gets[each.key].append(each)
    for key, written in sets.items():
        yield key, written, gets[key]


def _known_before(
    get: Attempt, sets: Sequence[Attempt], gets: Sequence[Attempt], written: dict[str, Attempt]
) -> Iterator[Attempt]:
    yield from (each for each in sets if each.ended is Ended.OK and each.ended_us <= get.started_us)
    yield from (written[each.value] for each in gets if each.ended_us <= get.started_us and each.value in written)


def _is_older(one: Attempt, other: Attempt) -> bool:
    """Whether one had taken effect before the other began. An unknown one may take effect at any later time."""
    return one.ended is Ended.OK and one.ended_us <= other.started_us


def failed(attempts: Iterable[Attempt]) -> list[str]:
    """Name attempts that were not answered as they should be."""
    return [
        f"{each.kind} of {each.key}: {each.reason or each.ended}" for each in attempts if each.ended is not Ended.OK
    ]


def outage_s(attempts: Iterable[Attempt], window: Window) -> float:
    """Return the longest time in the window in which no attempt was answered."""
    answered = (each.ended_us for each in attempts if each.ended is Ended.OK)
    inside = sorted(at_us for at_us in answered if window.begun_us <= at_us < window.ended_us)
    moments = [window.begun_us, *inside, window.ended_us]
    return max(later - sooner for sooner, later in pairwise(moments)) / US
