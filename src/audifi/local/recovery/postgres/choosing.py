"""Choose what a restore begins with, and refuse what would come out wrong. Pure.

Between: recovery.postgres.beside and in_place, and what the repository holds.
Shape: a moment is restored from the newest backup that ended before it, and every segment since. "As it was then"
also holds for minutes that a restore in place took back since: they are on the timeline which that restore left.
Units: seconds since the epoch. Segments are 16 MiB; 256 of them share a log number.
Invariant: nothing is restored silently wrong: an unknown, future or too early moment and a hole in the archive are
refused here; what only shows while it is read (a corrupt block, a wrong key) fails there.
Errors: RestoreRefused says what is wrong and what can be restored.
Source: PostgreSQL 15, "Continuous Archiving"; file names: XLogFileName (8 digits of timeline, log and segment each).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from audifi.local.errors import LocalError
from audifi.local.recovery.postgres.pgbackrest import BackupSet

SEGMENTS_PER_LOG: Final = 256
SEGMENT_BYTES: Final = 16 * 1024**2
# "15-1/0000000200000000/000000020000000000000005-8b6c….zst": a whole segment, not a partial one.
_SEGMENT: Final = re.compile(r"(?P<archive>[^/]+)/[0-9A-F]{16}/(?P<name>[0-9A-F]{24})-[0-9a-f]{40}(?:\.[a-z0-9]+)?")


class RestoreRefused(LocalError):
    """This cannot be restored."""


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What a restore in place took back: the time between, which stays on this timeline."""

    target_s: float
    at_s: float
    timeline: int


def moment(text: str) -> float:
    """Read a time: ISO 8601 with its zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise RestoreRefused(f"{text!r} is no time; write it like {shown(0)}") from error
    if found.tzinfo is None:
        raise RestoreRefused(f"{text!r} does not say its zone: write {text}Z for UTC, or {text}+01:00")
    return found.timestamp()


def shown(at_s: float) -> str:
    """A moment for people, and as `moment` reads it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def base(sets: Sequence[BackupSet], target_s: float | None, now_s: float, undone: Sequence[Undone] = ()) -> BackupSet:
    """The backup to begin with; without a moment: for everything there is."""
    if not sets:
        raise RestoreRefused("there is no backup of postgres here: ./audifi backup now postgres makes one")
    at_s = now_s if target_s is None else target_s
    if at_s > now_s:
        raise RestoreRefused(f"{shown(at_s)} is in the future: it is {shown(now_s)}")
    taken_back = [each for each in undone if each.at_s <= at_s]
    lasting = [each for each in sets if not any(gone.target_s < each.ended_s < gone.at_s for gone in taken_back)]
    before = [each for each in lasting if each.ended_s < at_s]
    if not before:
        oldest = shown(min(each.ended_s for each in sets) + 1)
        raise RestoreRefused(f"{shown(at_s)} is before the oldest backup: restored can be from {oldest} on")
    return before[-1]


def timeline(target_s: float | None, undone: Sequence[Undone]) -> int | None:
    """The timeline a moment is on, where it is not the newest."""
    later = sorted((each for each in undone if target_s is not None and each.at_s > target_s), key=lambda it: it.at_s)
    return later[0].timeline if later else None


def segments(names: Iterable[str], archive_prefix: str) -> list[str]:
    """The whole segments among the files of the repository's archive, of one cluster."""
    found = (_SEGMENT.fullmatch(name) for name in names)
    return sorted(each["name"] for each in found if each and each["archive"].endswith(f"-{archive_prefix}"))


def needed(files: Mapping[str, Mapping[str, Any]], archive: str, target_s: float | None) -> list[str]:
    """The segments up to the first that was archived after the moment: it holds a commit after it. All, without one."""
    names = segments(files, archive)
    if target_s is None:
        return names
    after = [segments([name], archive) for name, facts in files.items() if facts.get("time", 0) > target_s]
    last = min((number(found[0]) for found in after if found), default=None)
    return names if last is None else [name for name in names if number(name) <= last]


def check_whole(names: Sequence[str], begin: BackupSet) -> None:
    """Refuse a hole between the backup's first segment and the newest of these, whatever timeline it is on."""
    first = number(begin.first_segment)
    there = {number(name) for name in names}
    last = max(number(begin.last_segment), *there)
    missing = [each for each in range(first, last + 1) if each not in there]
    if missing:
        raise RestoreRefused(
            f"{len(missing)} segments of the write-ahead log are missing, the first is {_named(missing[0])} of "
            f"{_named(first)} to {_named(last)}: what was written from there on cannot be restored from "
            f"{begin.label}. A moment before it can; a newer backup begins after the hole"
        )


def number(segment: str) -> int:
    """The place of a segment in the log, whatever its timeline: 0000000200000001000000FF → 511."""
    return int(segment[8:16], 16) * SEGMENTS_PER_LOG + int(segment[16:24], 16)


def position(lsn: str) -> int:
    """A place in the log in bytes: 0/5000028 → 83886120."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def _named(place: int) -> str:
    return f"{place // SEGMENTS_PER_LOG:08X}/{place % SEGMENTS_PER_LOG:02X}"
