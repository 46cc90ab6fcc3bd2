"""Keep events, each once, with a mark on its day: one statement, so that neither exists without the other.

Between: recording (queue), routes.events (clients), housekeeping; table analytics_events and its partitions.
Why a fact comes first: of two events about one fact only the first is kept, whatever their ids.
Why marks are rows of their own: a writer never waits for another one, or for a roll (store.marks).
Invariant: `keep` returns False when nothing was kept; an event's moment is part of its key and comes from the event.
Errors: those of the driver; a month without a partition is a CheckViolationError: call months.ensure first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audifi.kernel.connection import Connection, changed
from audifi.services.analytics.store.documents import to_json

_KEEP: Final = """
WITH fact AS (
    INSERT INTO analytics.counted_facts (fact, event_id)
    SELECT $11, $1 WHERE $11::text IS NOT NULL ON CONFLICT DO NOTHING RETURNING fact
), kept AS (
    INSERT INTO analytics.analytics_events
           (event_id, created_at, type, is_lasting, artist_id, master_id, session_id, user_id, visitor, properties)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
     WHERE $11::text IS NULL OR EXISTS (SELECT FROM fact)
    ON CONFLICT DO NOTHING RETURNING artist_id, created_at
), marked AS (
    INSERT INTO analytics.dirty_days (artist_id, day, due_at)
    SELECT artist_id, (created_at AT TIME ZONE 'UTC')::date, $12 FROM kept
)
SELECT count(*) FROM kept
"""

# What names a master or session nobody told us of is not kept: guests could fill the table with made-up ids.
_KEEP_CLIENTS: Final = """
WITH told AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::bytea[],
                         $8::bytea[])
             AS t (event_id, created_at, type, master_id, session_id, properties, visitor, seen)
), new AS (
    INSERT INTO analytics.client_events_seen (seen, seen_at)
    SELECT DISTINCT seen, $12::timestamptz FROM told WHERE seen IS NOT NULL ON CONFLICT DO NOTHING RETURNING seen
), known AS (
    SELECT DISTINCT ON (coalesce(told.seen, uuid_send(told.event_id))) told.*, m.ipo_status,
           coalesce(m.artist_id, s.artist_id) AS artist_id
      FROM told LEFT JOIN analytics.masters m USING (master_id) LEFT JOIN analytics.sessions s USING (session_id)
     WHERE (told.seen IS NULL OR told.seen IN (SELECT seen FROM new))
       AND (told.master_id IS NULL OR m.master_id IS NOT NULL)
       AND (told.session_id IS NULL OR s.session_id IS NOT NULL)
     ORDER BY coalesce(told.seen, uuid_send(told.event_id)), told.event_id
), kept AS (
    INSERT INTO analytics.analytics_events
           (event_id, created_at, type, is_lasting, artist_id, master_id, session_id, user_id, visitor, properties, ip,
            user_agent)
    SELECT event_id, created_at, type, false, artist_id, master_id, session_id, $9, visitor, properties::jsonb,
           $10::text::inet, $11
      FROM known ON CONFLICT DO NOTHING
), marked AS (
    INSERT INTO analytics.dirty_days (artist_id, day, due_at)
    SELECT artist_id, (created_at AT TIME ZONE 'UTC')::date,
           min($12::timestamptz + make_interval(secs => CASE
               WHEN session_id IS NOT NULL THEN $13::float8 WHEN ipo_status = 'LIVE' THEN $14 ELSE $15 END))
      FROM known GROUP BY 1, 2
)
SELECT (SELECT count(*) FROM known) AS kept,
       (SELECT count(*) FROM told WHERE seen IS NOT NULL) - (SELECT count(*) FROM new) AS repeated
"""
_HASH_IPS: Final = """
UPDATE analytics.analytics_events SET ip_hash = sha256(convert_to(host(ip), 'UTF8')), ip = NULL
 WHERE (event_id, created_at) IN (SELECT event_id, created_at FROM analytics.analytics_events
        WHERE ip IS NOT NULL AND created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
   AND created_at < $1
"""
_PURGE: Final = """
DELETE FROM analytics.analytics_events
 WHERE (event_id, created_at) IN (SELECT event_id, created_at FROM analytics.analytics_events
        WHERE NOT is_lasting AND created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
   AND created_at < $1
"""
_PURGE_SEEN: Final = """
DELETE FROM analytics.client_events_seen WHERE seen IN (
    SELECT seen FROM analytics.client_events_seen WHERE seen_at < $1 ORDER BY seen_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
# One new name for all: how many came that day stays what it was. What money is counted from keeps its ids.
FORGET_USER: Final = """
UPDATE analytics.analytics_events SET user_id = NULL, visitor = $2, ip = NULL, ip_hash = NULL, user_agent = NULL,
       properties = properties - 'userId'
 WHERE user_id = $1 AND NOT is_lasting
"""


@dataclass(frozen=True, kw_only=True)
class Told:
    """An event of the queue, as it is kept."""

    event_id: UUID
    at: datetime
    kind: str
    is_lasting: bool
    due_at: datetime
    artist_id: UUID | None = None
    master_id: UUID | None = None
    session_id: UUID | None = None
    user_id: UUID | None = None
    visitor: bytes | None = None
    fact: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An event of a client."""

    event_id: UUID
    at: datetime
    kind: str
    master_id: UUID | None
    session_id: UUID | None
    properties: str
    visitor: bytes | None
    seen: bytes | None


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who sent a batch, and when it came."""

    user_id: UUID | None
    ip: str | None
    user_agent: str
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Waits:
    """How long a roll-up may go without them, in seconds."""

    session_s: float
    on_sale_s: float
    other_s: float


async def keep(tx: Connection, told: Told) -> bool:
    """Keep an event and mark its day; False when it, or its fact, is there already."""
    kept = await tx.fetchval(
        _KEEP,
        told.event_id,
        told.at,
        told.kind,
        told.is_lasting,
        told.artist_id,
        told.master_id,
        told.session_id,
        told.user_id,
        told.visitor,
        to_json(told.properties),
        told.fact,
        told.due_at,
    )
    return bool(kept)


async def keep_seen(tx: Connection, batch: Sequence[Seen], sender: Sender, waits: Waits) -> tuple[int, int]:
    """Keep what a client told; return how many were kept, and how many had been told before."""
    row = await tx.fetchrow(
        _KEEP_CLIENTS,
        [each.event_id for each in batch],
        [each.at for each in batch],
        [each.kind for each in batch],
        [each.master_id for each in batch],
        [each.session_id for each in batch],
        [each.properties for each in batch],
        [each.visitor for each in batch],
        [each.seen for each in batch],
        sender.user_id,
        sender.ip,
        sender.user_agent,
        sender.now,
        waits.session_s,
        waits.on_sale_s,
        waits.other_s,
    )
    assert row is not None, "a SELECT without FROM has one row"
    return int(row["kept"]), int(row["repeated"])


async def hash_ips(tx: Connection, before: datetime, rows_max: int) -> int:
    """Replace old addresses by their hashes; return how many."""
    return changed(await tx.execute(_HASH_IPS, before, rows_max))


async def purge(tx: Connection, before: datetime, rows_max: int) -> int:
    """Delete old engagement; return how many events."""
    return changed(await tx.execute(_PURGE, before, rows_max))


async def purge_seen(tx: Connection, before: datetime, rows_max: int) -> int:
    """Forget clients' own names of old events; return how many."""
    return changed(await tx.execute(_PURGE_SEEN, before, rows_max))


async def forget_user(tx: Connection, user_id: UUID, stranger: bytes) -> int:
    """Leave no trace of who looked at what; sums stay. Return how many events."""
    return changed(await tx.execute(FORGET_USER, user_id, stranger))
