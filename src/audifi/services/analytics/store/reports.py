"""Add roll-ups up for pages: totals of a period, days of a period, who is at the top, what happened last.

Between: routes (read from a replica), store.rollups (wrote the rows).
Units: wei and base units as int. Shape: a total is {figure: int} with every figure of its table.
Invariant: every statement finds its rows by an index (tests/component/analytics/test_plans.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from audifi.kernel.connection import Connection, Row
from audifi.services.analytics.rules import kinds
from audifi.services.analytics.store import figures
from audifi.services.analytics.store.documents import from_json, whole

# ruff: noqa: S608  # the names are constants of store.figures

Totals = dict[str, int]
Ranking = Literal["volume", "shares", "views"]
_RANKED_BY: Final = {"volume": "volume_wei", "shares": "shares_sold", "views": "views"}


def _sums(names: Iterable[str]) -> str:
    return ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in names)


def _days(table: str, names: Iterable[str], key: str | None) -> str:
    where = f"{key} = $3 AND day BETWEEN $1 AND $2" if key else "day BETWEEN $1 AND $2"
    return f"SELECT day, {', '.join(names)} FROM analytics.{table} WHERE {where} ORDER BY day"


MASTER_TOTAL: Final = f"""
SELECT {_sums(figures.MASTER)} FROM analytics.daily_master_stats WHERE master_id = $3 AND day BETWEEN $1 AND $2
"""
ARTIST_TOTAL: Final = f"""
SELECT {_sums(figures.ARTIST)} FROM analytics.daily_artist_stats WHERE artist_id = $3 AND day BETWEEN $1 AND $2
"""
PLATFORM_TOTAL: Final = f"""
SELECT {_sums(figures.PLATFORM)} FROM analytics.platform_daily WHERE day BETWEEN $1 AND $2
"""
SESSION_TOTAL: Final = f"SELECT {_sums(figures.SESSION)} FROM analytics.session_stats WHERE session_id = $1"
MASTER_DAYS: Final = _days("daily_master_stats", figures.MASTER, "master_id")
ARTIST_DAYS: Final = _days("daily_artist_stats", figures.ARTIST, "artist_id")
PLATFORM_DAYS: Final = _days("platform_daily", figures.PLATFORM, None)
SESSIONS: Final = """
SELECT count(DISTINCT session_id) AS sessions, coalesce(sum(viewers), 0) AS viewers FROM analytics.session_stats
 WHERE artist_id = $3 AND day BETWEEN $1 AND $2
"""
TOP: Final = """
SELECT artist_id, views, shares_sold, volume_wei FROM analytics.artist_summaries
 WHERE period = $1 ORDER BY {column} DESC, artist_id LIMIT $2
"""
_PUBLIC: Final = ", ".join(f"'{kind}'" for kind in kinds.PUBLIC)  # the words of the index analytics_events_public
ACTIVITY: Final = f"""
SELECT event_id, created_at, type, artist_id, master_id, session_id, properties FROM analytics.analytics_events
 WHERE type IN ({_PUBLIC}) AND created_at < $1 ORDER BY created_at DESC, event_id DESC LIMIT $2
"""
SALES: Final = """
SELECT event_id, created_at, type, properties, count(*) OVER () AS total FROM analytics.analytics_events
 WHERE is_lasting AND master_id = $1 AND created_at BETWEEN $2 AND $3
   AND (type = 'share.sold' OR (type = 'purchase.completed' AND properties->>'kind' = 'PRIMARY'))
 ORDER BY created_at DESC, event_id DESC LIMIT $4 OFFSET $5
"""
SPAN: Final = """
SELECT min(created_at) AS first, max(created_at) AS last FROM analytics.analytics_events WHERE session_id = $1
"""
ENGAGEMENT: Final = """
SELECT date_bin(make_interval(secs => $2::float8), created_at, 'epoch') AS at,
       count(*) FILTER (WHERE type = 'session_view') AS views, count(*) FILTER (WHERE type = 'session_join') AS joins,
       count(*) FILTER (WHERE type = 'reaction') AS reactions, count(*) FILTER (WHERE type = 'vote.cast') AS votes
  FROM analytics.analytics_events WHERE session_id = $1 GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True)
class Days:
    """The first and the last day of a period."""

    first: date
    last: date


@dataclass(frozen=True)
class Happening:
    """An event as pages show it."""

    event_id: str
    at: datetime
    kind: str
    artist_id: str | None
    master_id: str | None
    session_id: str | None
    data: dict[str, Any]


async def of_master(connection: Connection, master_id: UUID, days: Days) -> Totals:
    """Add a master's days up."""
    return _totals(await connection.fetchrow(MASTER_TOTAL, days.first, days.last, master_id))


async def of_artist(connection: Connection, artist_id: UUID, days: Days) -> Totals:
    """Add an artist's days up, with sessions and their viewers."""
    totals = _totals(await connection.fetchrow(ARTIST_TOTAL, days.first, days.last, artist_id))
    return totals | _totals(await connection.fetchrow(SESSIONS, days.first, days.last, artist_id))


async def of_platform(connection: Connection, days: Days) -> Totals:
    """Add the platform's days up."""
    return _totals(await connection.fetchrow(PLATFORM_TOTAL, days.first, days.last))


async def of_session(connection: Connection, session_id: UUID) -> Totals:
    """Add a session's days up."""
    return _totals(await connection.fetchrow(SESSION_TOTAL, session_id))


async def days_of_artist(connection: Connection, artist_id: UUID, days: Days) -> list[tuple[date, Totals]]:
    """Return an artist's days that had events."""
    return [_day(row) for row in await connection.fetch(ARTIST_DAYS, days.first, days.last, artist_id)]


async def days_of_platform(connection: Connection, days: Days) -> list[tuple[date, Totals]]:
    """Return the platform's days that had events."""
    return [_day(row) for row in await connection.fetch(PLATFORM_DAYS, days.first, days.last)]


async def top(connection: Connection, period: str, by: Ranking, limit: int) -> list[Row]:
    """Return the artists with most of something."""
    return await connection.fetch(TOP.format(column=_RANKED_BY[by]), period, limit)


async def activity(connection: Connection, before: datetime, limit: int) -> list[Happening]:
    """Return what everybody may see, the newest first."""
    return [_happening(row) for row in await connection.fetch(ACTIVITY, before, limit)]


async def sales(
    connection: Connection, master_id: UUID, first: datetime, last: datetime, *, limit: int, offset: int
) -> tuple[list[Happening], int]:
    """Return one page of a master's sales, the newest first, and how many there are."""
    rows = await connection.fetch(SALES, master_id, first, last, limit, offset)
    return [_happening(row) for row in rows], whole(rows[0]["total"]) if rows else 0


async def span(connection: Connection, session_id: UUID) -> tuple[datetime, datetime] | None:
    """Return when a session's first and last event happened."""
    row = await connection.fetchrow(SPAN, session_id)
    return None if row is None or row["first"] is None else (row["first"], row["last"])


async def engagement(connection: Connection, session_id: UUID, width_s: int) -> list[Row]:
    """Return a session's events by buckets of this width."""
    return await connection.fetch(ENGAGEMENT, session_id, float(width_s))


def _totals(row: Row | None) -> Totals:
    assert row is not None, "a sum has one row"
    return {name: whole(value) for name, value in dict(row).items()}


def _day(row: Row) -> tuple[date, Totals]:
    values = dict(row)
    return values.pop("day"), {name: whole(value) for name, value in values.items()}


def _happening(row: Row) -> Happening:
    def text(name: str) -> str | None:
        value = row.get(name)
        return None if value is None else str(value)

    return Happening(
        event_id=str(row["event_id"]),
        at=row["created_at"],
        kind=row["type"],
        artist_id=text("artist_id"),
        master_id=text("master_id"),
        session_id=text("session_id"),
        data=from_json(row["properties"]),
    )
