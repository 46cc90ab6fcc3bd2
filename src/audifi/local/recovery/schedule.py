"""Work out what a schedule wants now, and what is past its time. Pure.

Between: topology.stores.backups (cron strings), recovery.keeping (acts on the answers), drills (what must be there).
Shape: six fields, seconds first, as CloudNativePG's ScheduledBackup has them: numbers, `*`, lists `1,2`, steps `*/6`.
Units: seconds since the epoch; the fields are UTC.
Invariant: a moment that was missed (the platform was down) is made up for once, not once for each time.
Errors: ValueError for a field that cannot be read: a declaration is wrong.
Source: https://pkg.go.dev/github.com/robfig/cron (the dialect of CloudNativePG); domain.md 7 (retention).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from audifi.local.recovery.catalogue import Entry, How
from audifi.topology.model.data import Backup

DAY_S: Final = 86_400
RANGES: Final = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
FIELDS: Final = len(RANGES)
LOOK_BACK_DAYS: Final = 366  # a yearly schedule is the rarest


@dataclass(frozen=True)
class Cron:
    """The moments at which something is due."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday

    def last_s(self, now_s: float) -> float | None:
        """The last such moment, at or before this one."""
        now = datetime.fromtimestamp(now_s, UTC)
        for back in range(LOOK_BACK_DAYS):
            day = (now - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
            if not self._is_on(day):
                continue
            times = [moment for moment in self._times(day) if moment <= now]
            if times:
                return max(times).timestamp()
        return None

    @property
    def period_s(self) -> float:
        """How long from one moment to the next, at most, within a fortnight."""
        end = datetime(2024, 1, 15, tzinfo=UTC)
        days = [end - timedelta(days=back) for back in range(14, 0, -1)]
        moments = [moment for day in days if self._is_on(day) for moment in self._times(day)]
        gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(moments)]
        return max(gaps, default=LOOK_BACK_DAYS * DAY_S)

    def _is_on(self, day: datetime) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _times(self, day: datetime) -> list[datetime]:
        return [
            day.replace(hour=hour, minute=minute, second=second)
            for hour in sorted(self.hours)
            for minute in sorted(self.minutes)
            for second in sorted(self.seconds)
        ]


def cron(text: str) -> Cron | None:
    """Read a schedule; None: it is no time but an occasion ("on change", "after mint", "")."""
    words = text.split()
    if len(words) != FIELDS:
        return None
    return Cron(*(_numbers(word, *bounds) for word, bounds in zip(words, RANGES, strict=True)))


def due(backup: Backup, entries: Sequence[Entry], now_s: float) -> How | None:
    """What is to be made now: a full backup if one is due or there is none, else an incremental one, or nothing."""
    known = [entry for entry in entries if entry.kind == backup.name and entry.scheduled_s <= now_s]
    full_s = max((entry.scheduled_s for entry in known if entry.how is How.FULL), default=None)
    newest_s = max((entry.scheduled_s for entry in known), default=None)
    if _is_due(cron(backup.full_schedule), full_s, now_s):
        return How.FULL
    return How.INCREMENTAL if _is_due(cron(backup.incremental_schedule), newest_s, now_s) else None


def period_s(backup: Backup) -> float | None:
    """How old its newest may be before it is late; None: it has no schedule."""
    periods = [found.period_s for text in (backup.full_schedule, backup.incremental_schedule) if (found := cron(text))]
    return min(periods, default=None)


def expired(backup: Backup, entries: Sequence[Entry], now_s: float) -> tuple[Entry, ...]:
    """What is past its retention, oldest first; never the full one that the oldest kept second is restored from."""
    if backup.retention_days is None:
        return ()
    known = sorted((entry for entry in entries if entry.kind == backup.name), key=lambda entry: entry.scheduled_s)
    before_s = now_s - backup.retention_days * DAY_S
    fulls = [entry for entry in known if entry.how is How.FULL and entry.scheduled_s <= before_s]
    if not fulls:
        return ()
    return tuple(entry for entry in known if entry.scheduled_s < fulls[-1].scheduled_s)


def newest(entries: Iterable[Entry], kind: str) -> Entry | None:
    """The last one made of this kind."""
    return max((entry for entry in entries if entry.kind == kind), key=lambda entry: entry.ended_s, default=None)


def _is_due(schedule: Cron | None, last_s: float | None, now_s: float) -> bool:
    if schedule is None:
        return False
    wanted_s = schedule.last_s(now_s)
    return last_s is None or (wanted_s is not None and last_s < wanted_s)


def _numbers(word: str, first: int, last: int) -> frozenset[int]:
    if word == "*":
        return frozenset(range(first, last + 1))
    if word.startswith("*/"):
        return frozenset(range(first, last + 1, int(word.removeprefix("*/"))))
    found = frozenset(int(part) for part in word.split(","))
    if not all(first <= number <= last for number in found):
        raise ValueError(f"{word!r} is outside {first}-{last}")
    return found
