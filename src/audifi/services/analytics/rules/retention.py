"""Say how long what is kept, how late what may come, and when a changed day is due.

Between: recording, rolling, housekeeping.
Frozen days: engagement is deleted after ENGAGEMENT_DAYS, so a day's roll-up then knows more than its events do. A day
that old keeps its engagement figures; money and shares are still counted anew. It is frozen one day before anything is
deleted, so that two pods whose clocks differ cannot disagree to the day's loss.
Due: money and shares at once (the loop looks every second), so that dashboards agree with the ledger; engagement waits,
because rolling a day reads all its events: sessions 5 minutes, masters on sale 15 minutes, all else an hour.
Units: days and seconds.
Errors: none.
Source: domain.md 2.6 (hourly, 5 min, 15 min; 90 days; two months ahead), 6.6, 4 "Privacy" (IPs hashed after 30 days).
"""

from datetime import date, datetime, timedelta
from typing import Final

from audifi.services.analytics.rules import kinds, periods

ENGAGEMENT_DAYS: Final = 90
IP_DAYS: Final = 30
MONTHS_AHEAD: Final = 2
MONTHS_BEHIND: Final = 3  # engagement of 90 days ago may lie that many months back
LATE_DAYS: Final = 7  # a phone that was off for a week; older moments of clients are not believed
SEEN_DAYS: Final = 8  # a client event can be told again for LATE_DAYS: one more day for clocks
EXPORT_HOURS: Final = 24
DUE_SESSION_S: Final = 300
DUE_ON_SALE_S: Final = 900
DUE_ENGAGEMENT_S: Final = 3600


def is_frozen(day: date, today: date) -> bool:
    """Whether the engagement of a day may have been deleted."""
    return day < today - timedelta(days=ENGAGEMENT_DAYS - 1)


def delete_before(today: date) -> datetime:
    """Return the moment before which engagement is deleted."""
    return periods.begins(today - timedelta(days=ENGAGEMENT_DAYS))


def comes_too_late(kind: str, at: datetime, now: datetime) -> bool:
    """Whether an event of engagement belongs to a day that is counted no more."""
    return not kinds.is_lasting(kind) and is_frozen(periods.day_of(at), periods.day_of(now))


def believed(claimed: datetime | None, now: datetime) -> datetime:
    """Return when a client's event happened: as it says, within a week before now."""
    if claimed is None:
        return now
    return min(now, max(claimed, now - timedelta(days=LATE_DAYS)))


def due_s(kind: str, *, has_session: bool) -> int:
    """Return how long a roll-up may go without this event of the queue."""
    if kinds.is_lasting(kind):
        return 0
    return DUE_SESSION_S if has_session else DUE_ENGAGEMENT_S
