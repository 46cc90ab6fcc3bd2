"""A clock that tests move forward instead of waiting.

Between: component tests and whatever takes a kernel.clock.Clock.
Units: seconds, or any part of a timedelta by name.
"""

from datetime import UTC, datetime, timedelta

from audifi.kernel.clock import SystemClock


class MovableClock:
    """The machine's clock, moved forward as a test needs."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def now_s(self) -> float:
        return self.now().timestamp()

    def monotonic_s(self) -> float:
        return SystemClock().monotonic_s() + self.ahead.total_seconds()

    def advance(self, seconds: float = 0, **parts: float) -> None:
        self.ahead += timedelta(seconds=seconds, **parts)
