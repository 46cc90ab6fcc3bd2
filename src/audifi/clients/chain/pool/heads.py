"""Agree on how far the chain is, from what every endpoint says, so that nobody is answered from an old or a wrong one.

Between: probes and flights (report what they saw) and pool (pins `latest`, asks who is able).

What is served. `served()` is the one tip of this process. It never falls. A new block is served at once when every
sound endpoint has it, and after GRACE_SHARE of a block time (within GRACE_S) when only some have: so a failover finds
the same block at the next endpoint, and a slow endpoint cannot hold the tip back.
Who is able. An endpoint may answer for height h when its own last report reached h. One that is more than
`lag_blocks_max` behind the newest report is lagging and answers for no tip at all.
Who is forked. We keep a record of (number, hash) that was served or agreed. A new head must fit: its hash, or its
parent's, equals the record; where the record has a gap the endpoint is asked for its hash at the record's top. Who
contradicts the record is forked, unless nobody else supports the record or more endpoints tell the new story than the
old one: then it was a reorganisation, and the record is rewritten. Two endpoints that tie: the record wins, because
what the caller saw already is what must not change without a majority.
Why parents: a forked node's newest block is at a height nobody else has reported yet; its parent gives it away.

Shape: per endpoint one report and at most TOLD_MAX hashes; the record holds at most RECORD_MAX heights.
Units: heights in blocks, *_s seconds of the event loop's clock.
Invariant: `served()` never returns less than it did; it is never above the newest sound report.
Errors: never raises.
Source: outbound.md 1 (proxyd's consensus group, eRPC's served tip), 2.3 (lag row), 3 lessons 4 and 6; geth #27353.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from audifi.wire.chains import ChainFacts

GRACE_SHARE: Final = 0.5
GRACE_S: Final = (0.2, 1.0)
RECORD_MAX: Final = 512
TOLD_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class Head:
    """A block as the tip of a chain."""

    number: int
    hash: str
    timestamp_s: int
    parent: str = ""


class _Report:
    """What one endpoint said last."""

    __slots__ = ("is_forked", "is_present", "number", "told")

    def __init__(self) -> None:
        self.number = -1
        self.told: dict[int, str] = {}
        self.is_forked = False
        self.is_present = True

    def tell(self, number: int, block_hash: str) -> None:
        self.told.pop(number, None)
        self.told[number] = block_hash
        while len(self.told) > TOLD_MAX:
            self.told.pop(next(iter(self.told)))


class Heads:
    """The heights of one chain."""

    def __init__(self, facts: ChainFacts, names: tuple[str, ...]) -> None:
        self._lag_max = facts.lag_blocks_max
        self._grace_s = min(max(GRACE_SHARE * facts.block_time_s, GRACE_S[0]), GRACE_S[1])
        self._reports = {name: _Report() for name in names}
        self._record: dict[int, Head] = {}
        self._top = -1
        self._served = -1
        self._waiting: deque[tuple[int, float]] = deque()
        self.confirmed_at_s = float("-inf")

    def observe(self, name: str, head: Head, now_s: float) -> int | None:
        """Take a head that an endpoint reports. Returns a height whose hash it must tell first (see `confirm`)."""
        report = self._reports[name]
        report.number = head.number
        report.tell(head.number, head.hash)
        report.tell(head.number - 1, head.parent)
        known = [number for number in (head.number, head.number - 1) if number in self._record]
        if not known and self._top >= 0:
            return self._top if head.number > self._top else None
        self._settle(report, known, head, now_s)
        return None

    def confirm(self, name: str, number: int, block_hash: str, head: Head, now_s: float) -> None:
        """Take the hash of an older height, asked for because the head did not join the record."""
        report = self._reports[name]
        report.tell(number, block_hash)
        self._settle(report, [number] if number in self._record else [], head, now_s)

    def note(self, name: str, number: int, now_s: float) -> None:
        """Take a height that an answer named (a receipt's block): whoever saw it must not be told an older tip."""
        report = self._reports[name]
        if report.is_forked or number <= report.number:
            return
        report.number = number
        self._served = max(self._served, number)
        self._advance(now_s)

    def appear(self, name: str, now_s: float, *, is_present: bool) -> None:
        """Count an endpoint, or leave it out: its breaker opened, or it is of another chain."""
        self._reports[name].is_present = is_present
        self._advance(now_s)

    def contradicts(self, number: int, block_hash: str) -> bool:
        """Say whether a block differs from the one on record at its height."""
        known = self._record.get(number)
        return known is not None and known.hash != block_hash

    def served(self, now_s: float) -> int:
        """Return the tip's number, or -1 before the first report."""
        waiting = self._waiting
        while waiting and now_s - waiting[0][1] >= self._grace_s:
            self._served = max(self._served, waiting.popleft()[0])
        return self._served

    def head(self, now_s: float) -> Head | None:
        """Return the tip, or None when its block was not seen in full."""
        return self._record.get(self.served(now_s))

    def at(self, number: int) -> Head | None:
        return self._record.get(number)

    def newest(self) -> int:
        """Return the greatest height any present endpoint reports."""
        return max((report.number for report in self._reports.values() if report.is_present), default=-1)

    def number_of(self, name: str) -> int:
        return self._reports[name].number

    def lag(self, name: str) -> int:
        """Return how many blocks an endpoint is behind the newest report."""
        return max(0, self.newest() - self._reports[name].number)

    def is_forked(self, name: str) -> bool:
        return self._reports[name].is_forked

    def is_lagging(self, name: str) -> bool:
        return self._is_behind(self._reports[name], self.newest())

    def able(self, name: str, height: int | None) -> bool:
        """Say whether an endpoint can answer for a height; None means "about now"."""
        report = self._reports[name]
        if height is not None:
            return report.number >= height
        return report.number >= self._served - self._lag_max

    def _is_behind(self, report: _Report, newest: int) -> bool:
        return newest - report.number > self._lag_max

    def _settle(self, report: _Report, known: list[int], head: Head, now_s: float) -> None:
        disputed = [number for number in known if self._record[number].hash != report.told.get(number)]
        if disputed and not self._is_rewritten(report, min(disputed)):
            report.is_forked = True
        else:
            report.is_forked = False
            self._keep(head, now_s)
            self.confirmed_at_s = now_s
        self._advance(now_s)

    def _is_rewritten(self, report: _Report, number: int) -> bool:
        """Believe the new story if nobody sound supports the record, or more tell the new one."""
        newest, told = self.newest(), report.told.get(number)
        others = [other for other in self._reports.values() if other is not report and other.is_present]
        old = [o for o in others if not o.is_forked and o.number >= 0 and not self._is_behind(o, newest)]
        new = [other for other in others if other not in old and other.told.get(number) == told]
        if old and len(new) + 1 <= len(old):
            return False
        for height in [height for height in self._record if height >= number]:
            del self._record[height]
        self._top = max(self._record, default=-1)
        return True

    def _keep(self, head: Head, now_s: float) -> None:
        self._record.setdefault(head.number, head)
        if head.number > self._top:
            self._top = head.number
            if head.number > self._served:
                self._waiting.append((head.number, now_s))
        while len(self._record) > RECORD_MAX:
            del self._record[min(self._record)]

    def _advance(self, now_s: float) -> None:
        """Serve what every sound endpoint has."""
        newest = max((r.number for r in self._reports.values() if r.is_present and not r.is_forked), default=-1)
        sound = [
            report.number
            for report in self._reports.values()
            if report.is_present and not report.is_forked and report.number >= 0 and not self._is_behind(report, newest)
        ]
        agreed = min(sound, default=-1)
        waiting = self._waiting
        while waiting and waiting[0][0] <= agreed:
            self._served = max(self._served, waiting.popleft()[0])
        self.served(now_s)
