"""Tell the time, from one object that tests can replace.

Between: everything that compares times and whoever composes the process (passes `SystemClock()`).
Units: `now()` is an aware UTC datetime, `now_s()` seconds since the epoch, `monotonic_s()` seconds that never jump.
Errors: never raises.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rest of the code may ask about time."""

    def now(self) -> datetime: ...
    def now_s(self) -> float: ...
    def monotonic_s(self) -> float: ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()


def iso(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds, e.g. 2026-11-23T01:02:03.456Z (domain.md 2.0)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
