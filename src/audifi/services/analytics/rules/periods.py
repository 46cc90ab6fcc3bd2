"""Say which days a period has, and into which bucket a moment falls: always in UTC.

Between: routes (what was asked for), store (days of roll-ups), loops (months to prepare).
Shape: a period ends today and is counted back: day = today, week = 7 days, month = 30, year = 365. `all_time` has no
first day.
Invariant: a moment lies in exactly one day and one bucket; neighbouring buckets touch and do not overlap.
Errors: none.
Source: domain.md 2.6 (period day/week/month/year/all_time); lengths decided here: a rolling window never starts empty,
as a calendar month does on its first day.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, get_args

Period = Literal["day", "week", "month", "year", "all_time"]
PERIODS: Final[tuple[Period, ...]] = get_args(Period)
DAYS: Final[dict[str, int]] = {"day": 1, "week": 7, "month": 30, "year": 365}
BEGINNING: Final = date(1970, 1, 1)
BUCKETS_MAX: Final = 500
_WIDTHS_S: Final = (60, 300, 900, 3600, 6 * 3600, 86_400)


def first_day(period: Period, today: date) -> date:
    """Return the first day of the period that ends today."""
    days = DAYS.get(period)
    return BEGINNING if days is None else today - timedelta(days=days - 1)


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def begins(day: date) -> datetime:
    """Return a day's first moment."""
    return datetime.combine(day, time(), UTC)


def bucket_s(first: datetime, last: datetime) -> int:
    """Return the narrowest width that needs at most BUCKETS_MAX buckets between two moments; a day at most."""
    length_s = max(0.0, (last - first).total_seconds())
    return next((width for width in _WIDTHS_S if length_s / width < BUCKETS_MAX - 1), _WIDTHS_S[-1])


def months(today: date, *, before: int, after: int) -> list[date]:
    """Return the first days of the months around today's, in order."""
    index = today.year * 12 + today.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(index - before, index + after + 1)]
