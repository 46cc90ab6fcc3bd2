"""Make the roll-ups of a day anew from its events: what was there goes, what the events add up to comes.

Between: rolling (one transaction for each), store.figures (what is counted).
Frozen days (rules.retention): their engagement was deleted, so only the lasting figures are written over.
Invariant: the same events give the same rows, whatever was there before; the caller holds the lock of store.marks.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from audifi.kernel.connection import Connection
from audifi.services.analytics.rules import periods
from audifi.services.analytics.store import figures

# ruff: noqa: S608  # the names and expressions are constants of store.figures

_IN_DAY: Final = "artist_id = $1 AND created_at >= $3 AND created_at < $4"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _computed(named: Mapping[str, str]) -> str:
    return ", ".join(f"{expression} AS {name}" for name, expression in named.items())


def _over(names: Iterable[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names)


def _master_day(named: Mapping[str, str]) -> str:
    return f"""
INSERT INTO analytics.daily_master_stats (artist_id, day, master_id, {_listed(named)})
SELECT $1::uuid, $2::date, events.master_id, {_computed(named)}
  FROM analytics.analytics_events AS events LEFT JOIN ({figures.DIRECT}) AS direct USING (master_id)
 WHERE {_IN_DAY} AND events.master_id IS NOT NULL GROUP BY events.master_id
    ON CONFLICT (master_id, day) DO UPDATE SET {_over(named)}
"""


def _artist_day(own: Mapping[str, str], summed: Iterable[str]) -> str:
    return f"""
INSERT INTO analytics.daily_artist_stats (artist_id, day, {_listed((*summed, *own))})
SELECT $1::uuid, $2::date, masters.*, own.*
  FROM (SELECT {_computed({name: f"coalesce(sum({name}), 0)" for name in summed})}
          FROM analytics.daily_master_stats WHERE artist_id = $1 AND day = $2) AS masters,
       (SELECT {_computed(own)} FROM analytics.analytics_events WHERE {_IN_DAY} HAVING count(*) > 0) AS own
    ON CONFLICT (artist_id, day) DO UPDATE SET {_over((*summed, *own))}
"""


def _platform_day(own: Mapping[str, str]) -> str:
    return f"""
INSERT INTO analytics.platform_daily (day, {_listed((*figures.SUMMED, *own))})
SELECT $1::date, artists.*, own.*
  FROM (SELECT {_computed({name: f"coalesce(sum({name}), 0)" for name in figures.SUMMED})}
          FROM analytics.daily_artist_stats WHERE day = $1) AS artists,
       (SELECT {_computed(own)} FROM analytics.analytics_events
         WHERE artist_id IS NULL AND created_at >= $2 AND created_at < $3) AS own
    ON CONFLICT (day) DO UPDATE SET {_over((*figures.SUMMED, *own))}
"""


MASTER_DAY: Final = _master_day({**figures.MASTER_PASSING, **figures.MASTER_LASTING})
_MASTER_FROZEN: Final = _master_day(figures.MASTER_LASTING)
ARTIST_DAY: Final = _artist_day(
    {**figures.ARTIST_PASSING, **figures.ARTIST_LASTING}, [name for name in figures.MASTER if name != "visitors"]
)
_ARTIST_FROZEN: Final = _artist_day(figures.ARTIST_LASTING, list(figures.MASTER_LASTING))
SESSION_DAY: Final = f"""
INSERT INTO analytics.session_stats (artist_id, day, session_id, master_id, {_listed(figures.SESSION)})
SELECT $1::uuid, $2::date, session_id, min(master_id::text)::uuid, {_computed(figures.SESSION)}
  FROM analytics.analytics_events WHERE {_IN_DAY} AND session_id IS NOT NULL GROUP BY session_id
"""
PLATFORM_DAY: Final = _platform_day({**figures.PLATFORM_PASSING, **figures.PLATFORM_LASTING})
_PLATFORM_FROZEN: Final = _platform_day(figures.PLATFORM_LASTING)

SUMMARISE: Final = """
INSERT INTO analytics.artist_summaries (period, artist_id, through, views, shares_sold, volume_wei)
SELECT $1, artist_id, $3, sum(views), sum(shares_sold), sum(primary_wei + secondary_wei)
  FROM analytics.daily_artist_stats WHERE artist_id = ANY($4::uuid[]) AND day BETWEEN $2 AND $3 GROUP BY artist_id
"""
_OUTDATED: Final = """
SELECT DISTINCT artist_id FROM (
    SELECT artist_id FROM analytics.artist_summaries WHERE through < $1 ORDER BY through LIMIT $2) AS old
"""


async def roll_artist(tx: Connection, artist_id: UUID, day: date, *, is_frozen: bool) -> None:
    """Make an artist's day anew: masters, sessions, the artist."""
    begins, ends = periods.begins(day), periods.begins(day + timedelta(days=1))
    arguments = (artist_id, day, begins, ends)
    if is_frozen:
        await tx.execute(_MASTER_FROZEN, *arguments)
        await tx.execute(_ARTIST_FROZEN, *arguments)
        return
    for table in ("daily_master_stats", "session_stats", "daily_artist_stats"):
        await tx.execute(f"DELETE FROM analytics.{table} WHERE artist_id = $1 AND day = $2", artist_id, day)
    for statement in (MASTER_DAY, SESSION_DAY, ARTIST_DAY):
        await tx.execute(statement, *arguments)


async def roll_platform(tx: Connection, day: date, *, is_frozen: bool) -> None:
    """Make the platform's day anew; its artists' days come first."""
    begins, ends = periods.begins(day), periods.begins(day + timedelta(days=1))
    await tx.execute(_PLATFORM_FROZEN if is_frozen else PLATFORM_DAY, day, begins, ends)


async def summarise(tx: Connection, artists: list[UUID], today: date) -> None:
    """Add up the periods of these artists, as of today."""
    await tx.execute("DELETE FROM analytics.artist_summaries WHERE artist_id = ANY($1::uuid[])", artists)
    for period in periods.PERIODS:
        await tx.execute(SUMMARISE, period, periods.first_day(period, today), today, artists)


async def outdated(tx: Connection, today: date, most: int) -> list[UUID]:
    """Return artists whose summaries end before today, some at a time."""
    return [row["artist_id"] for row in await tx.fetch(_OUTDATED, today, most)]
