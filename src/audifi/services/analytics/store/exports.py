"""Keep the files somebody asked for: as chunks of bytes, written a page at a time.

Between: routes.exports (asks, reads), exporting (writes), housekeeping (forgets).
Invariant: a chunk and how far the export is are one transaction: a pod that dies leaves neither a gap nor a double.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.analytics.store import figures
from audifi.services.analytics.store.documents import whole

# ruff: noqa: S608  # the names are constants of store.figures

COLUMNS: Final = ("day", "master_id", "artist_id", "title", *figures.MASTER)

_ASK: Final = """
INSERT INTO analytics.exports (id, user_id, artist_id, first_day, last_day, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_PENDING: Final = """
SELECT * FROM analytics.exports WHERE status = 'PENDING' ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_FIGURES: Final = ", ".join(f"stats.{name}" for name in figures.MASTER)
_ROWS: Final = f"""
SELECT stats.day, stats.master_id, stats.artist_id,
       (SELECT title FROM analytics.masters WHERE masters.master_id = stats.master_id) AS title, {_FIGURES}
  FROM analytics.daily_master_stats AS stats
 WHERE {{whose}} stats.day BETWEEN $1 AND $2 AND (stats.day, stats.master_id) > ($3, $4)
 ORDER BY stats.day, stats.master_id LIMIT $5
"""
ROWS_OF_ALL: Final = _ROWS.format(whose="")
ROWS_OF_ARTIST: Final = _ROWS.format(whose="stats.artist_id = $6 AND")
_APPEND: Final = "INSERT INTO analytics.export_chunks (export_id, number, data) VALUES ($1, $2, $3)"
_ADVANCE: Final = """
UPDATE analytics.exports SET chunks = chunks + 1, rows_written = rows_written + $2, bytes_written = bytes_written + $3,
       after_day = $4, after_master = $5, status = CASE WHEN $6 THEN 'READY' ELSE status END,
       ready_at = CASE WHEN $6 THEN $7::timestamptz END
 WHERE id = $1 AND status = 'PENDING'
"""
_PURGE: Final = "DELETE FROM analytics.exports WHERE expires_at < $1"


@dataclass(frozen=True, kw_only=True)
class Export:
    """A file, or the wish for one."""

    id: UUID
    user_id: UUID
    artist_id: UUID | None
    first_day: date
    last_day: date
    status: str
    after_day: date | None
    after_master: UUID | None
    chunks: int
    rows: int
    bytes: int
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True)
class Wish:
    """What is asked for."""

    id: UUID
    user_id: UUID
    artist_id: UUID | None
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Written:
    """One more chunk, and the row it ends with."""

    data: bytes
    rows: int
    after_day: date | None
    after_master: UUID | None
    is_last: bool


async def ask(tx: Connection, wish: Wish, now: datetime, expires_at: datetime) -> None:
    """Ask for a file."""
    days = (wish.first_day, wish.last_day, now, expires_at)
    await tx.execute(_ASK, wish.id, wish.user_id, wish.artist_id, *days)


async def find(connection: Connection, export_id: UUID) -> Export | None:
    """Return an export."""
    row = await connection.fetchrow("SELECT * FROM analytics.exports WHERE id = $1", export_id)
    return None if row is None else _export(row)


async def next_pending(tx: Connection) -> Export | None:
    """Lock and return the oldest export that nobody else is writing."""
    row = await tx.fetchrow(_PENDING)
    return None if row is None else _export(row)


async def rows_after(tx: Connection, export: Export, limit: int) -> list[tuple[Any, ...]]:
    """Return the next rows, in the order of COLUMNS."""
    start = (export.after_day or date.min, export.after_master or UUID(int=0))
    days = (export.first_day, export.last_day)
    if export.artist_id is None:
        found = await tx.fetch(ROWS_OF_ALL, *days, *start, limit)
    else:
        found = await tx.fetch(ROWS_OF_ARTIST, *days, *start, limit, export.artist_id)
    return [tuple(row.values()) for row in found]


async def append(tx: Connection, export: Export, written: Written, now: datetime) -> None:
    """Add a chunk and remember how far the export is."""
    await tx.execute(_APPEND, export.id, export.chunks, written.data)
    place = (written.after_day, written.after_master, written.is_last, now)
    tag = await tx.execute(_ADVANCE, export.id, written.rows, len(written.data), *place)
    assert changed(tag) == 1, "the row is locked by this transaction"


async def chunk(connection: Connection, export_id: UUID, number: int) -> bytes | None:
    """Return one chunk."""
    sql = "SELECT data FROM analytics.export_chunks WHERE export_id = $1 AND number = $2"
    data = await connection.fetchval(sql, export_id, number)
    return None if data is None else bytes(data)


async def purge(tx: Connection, now: datetime) -> int:
    """Forget files whose time is over; return how many."""
    return changed(await tx.execute(_PURGE, now))


def _export(row: Row) -> Export:
    return Export(
        id=row["id"],
        user_id=row["user_id"],
        artist_id=row["artist_id"],
        first_day=row["first_day"],
        last_day=row["last_day"],
        status=row["status"],
        after_day=row["after_day"],
        after_master=row["after_master"],
        chunks=whole(row["chunks"]),
        rows=whole(row["rows_written"]),
        bytes=whole(row["bytes_written"]),
        created_at=row["created_at"],
        ready_at=row["ready_at"],
        expires_at=row["expires_at"],
    )
