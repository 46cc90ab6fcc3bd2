"""Take the marks of days that must be rolled.

Between: rolling (takes), store.events (adds, in the statement that keeps the event), the console (all of them).
Why a roll sees every event whose mark it deleted: a mark and its event are one transaction, and each statement of the
roll's transaction, after the deletion, sees all that was committed before it (READ COMMITTED).
Invariant: one roll at a time, on whichever pod: a second that started earlier could write older figures over newer.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from audifi.kernel.connection import Connection, changed

_TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtext('analytics.roll'))"
TAKE: Final = """
WITH due AS (
    SELECT artist_id, day FROM (
        SELECT artist_id, day FROM analytics.dirty_days WHERE due_at <= $1 ORDER BY due_at LIMIT 2000) AS first
     GROUP BY artist_id, day LIMIT $2
), of_artists AS (
    DELETE FROM analytics.dirty_days AS mark USING due
     WHERE mark.artist_id = due.artist_id AND mark.day = due.day AND due.artist_id IS NOT NULL
), of_platform AS (
    DELETE FROM analytics.dirty_days AS mark USING due
     WHERE mark.artist_id IS NULL AND mark.day = due.day AND due.artist_id IS NULL
)
SELECT artist_id, day FROM due ORDER BY artist_id, day
"""
_ALL: Final = """
INSERT INTO analytics.dirty_days (artist_id, day, due_at)
SELECT DISTINCT artist_id, (created_at AT TIME ZONE 'UTC')::date, $3::timestamptz FROM analytics.analytics_events
 WHERE created_at >= $1 AND created_at < $2
"""


@dataclass(frozen=True)
class Dirty:
    """A day of an artist, or of the platform alone."""

    artist_id: UUID | None
    day: date


async def is_mine(tx: Connection) -> bool:
    """Whether this transaction may roll."""
    return bool(await tx.fetchval(_TRY_LOCK))


async def take(tx: Connection, now: datetime, most: int) -> list[Dirty]:
    """Delete the marks of what is due and return what that is."""
    return [Dirty(row["artist_id"], row["day"]) for row in await tx.fetch(TAKE, now, most)]


async def mark_all(tx: Connection, first: datetime, end: datetime, now: datetime) -> int:
    """Mark every day that has events; return how many marks."""
    return changed(await tx.execute(_ALL, first, end, now))
