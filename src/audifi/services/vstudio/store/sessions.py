"""Keep sessions and what they wish of nft-service.

Between: sagas, routes.
Invariant: every change of a state is a conditional UPDATE; False says that it had been left.
Errors: Conflict where an artist has a live session already, or a master is in another session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.vstudio.errors import Conflict
from audifi.services.vstudio.rules.gating import Gate


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an artist says of a session before it begins."""

    title: str
    description: str | None
    scheduled_start: datetime | None
    scheduled_end: datetime | None
    stream_url: str | None
    platform: str
    producer_ids: tuple[str, ...]
    view_gating: Gate
    vote_gating: Gate
    chat_enabled: bool
    reactions_enabled: bool
    max_participants: int


@dataclass(frozen=True, kw_only=True)
class Session(Plan):
    """A session."""

    id: str
    artist_id: str
    master_id: str
    slug: str
    status: str  # rules/states.py
    status_reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    live_seq: int
    participant_count: int
    total_votes: int
    peak_viewers: int
    unique_viewers: int
    is_locked: bool
    ipo_id: str | None
    wish: str | None  # OPEN | LEAVE | LOCK: what nft-service is to be asked for
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which sessions a list shows."""

    artist_id: str | None = None
    statuses: Sequence[str] = ()
    is_upcoming: bool = False
    owner_id: str | None = None  # whose drafts are shown too


_COLUMNS: Final = """id, artist_id, master_id, title, slug, description, status, status_reason, view_gating,
    vote_gating, scheduled_start, scheduled_end, started_at, ended_at, stream_url, platform, producer_ids, chat_enabled,
    reactions_enabled, max_participants, live_seq, participant_count, total_votes, peak_viewers, unique_viewers,
    is_locked, ipo_id, wish, created_at, updated_at"""
_REFUSED: Final = {
    "sessions_live": "You have a live session already: end it first.",
    "sessions_master": "This master is in another session already.",
}


async def one(connection: Connection, session_id: str, *, for_update: bool = False) -> Session | None:
    """Return a session."""
    lock = "FOR UPDATE" if for_update else ""
    query = f"SELECT {_COLUMNS} FROM vstudio.sessions WHERE id = $1 {lock}"  # noqa: S608  # constant text
    row = await connection.fetchrow(query, session_id)
    return None if row is None else _session(row)


async def listed(connection: Connection, filters: Filters, *, limit: int, offset: int) -> tuple[list[Session], int]:
    """Return one page of sessions and how many there are: what begins next first, else the newest."""
    where, arguments = _where(filters)
    order = "scheduled_start, id" if filters.is_upcoming else "created_at DESC, id DESC"
    total = await connection.fetchval(f"SELECT count(*) FROM vstudio.sessions WHERE {where}", *arguments)  # noqa: S608
    page = f"LIMIT ${len(arguments) + 1} OFFSET ${len(arguments) + 2}"
    query = f"SELECT {_COLUMNS} FROM vstudio.sessions WHERE {where} ORDER BY {order} {page}"  # noqa: S608  # constant text
    rows = await connection.fetch(query, *arguments, limit, offset)
    return [_session(row) for row in rows], int(total)


async def count_kept(connection: Connection, artist_id: str) -> int:
    """Return how many sessions of an artist count against the plan."""
    query = "SELECT count(*) FROM vstudio.sessions WHERE artist_id = $1 AND status <> 'CANCELLED'"
    return int(await connection.fetchval(query, artist_id))


async def lock_artist(tx: Connection, artist_id: str) -> None:
    """Let one request of an artist at a time count against the plan."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('vstudio.artist'), hashtext($1))", artist_id)


async def insert(tx: Connection, session_id: str, *, artist_id: str, master_id: str, slug: str, plan: Plan) -> None:
    """Plan a session; nft-service is still to be asked for the master (wish OPEN)."""
    status = "DRAFT" if plan.scheduled_start is None else "SCHEDULED"
    statement = """
        INSERT INTO vstudio.sessions (id, artist_id, master_id, slug, status, wish, title, description, scheduled_start,
               scheduled_end, stream_url, platform, producer_ids, view_gating, vote_gating, chat_enabled,
               reactions_enabled, max_participants)
        VALUES ($1, $2, $3, $4, $5, 'OPEN', $6, $7, $8, $9, $10, $11, $12::uuid[], $13::jsonb, $14::jsonb, $15,
               $16, $17)
    """
    await _unique(tx, statement, session_id, artist_id, master_id, slug, status, *_said(plan))


async def update(tx: Connection, session_id: str, plan: Plan, now: datetime) -> bool:
    """Plan it anew; False once it has begun."""
    tag = await tx.execute(
        """UPDATE vstudio.sessions SET title = $2, description = $3, scheduled_start = $4, scheduled_end = $5,
                  stream_url = $6, platform = $7, producer_ids = $8::uuid[], view_gating = $9::jsonb,
                  vote_gating = $10::jsonb, chat_enabled = $11, reactions_enabled = $12, max_participants = $13,
                  status = CASE WHEN $4::timestamptz IS NULL THEN 'DRAFT' ELSE 'SCHEDULED' END, updated_at = $14
            WHERE id = $1 AND status IN ('DRAFT', 'SCHEDULED')""",
        session_id,
        *_said(plan),
        now,
    )
    return changed(tag) == 1


async def start(tx: Connection, session_id: str, now: datetime) -> bool:
    """Go live; False where it has begun, or nft-service was not asked yet."""
    statement = """UPDATE vstudio.sessions SET status = 'ACTIVE', started_at = $2, updated_at = $2
                    WHERE id = $1 AND status IN ('DRAFT', 'SCHEDULED') AND wish IS NULL"""
    return changed(await _unique(tx, statement, session_id, now)) == 1


async def set_voting(tx: Connection, session_id: str, *, is_voting: bool, now: datetime) -> bool:
    """Follow its decisions: VOTING while one is open; False where it is not live."""
    before, after = ("ACTIVE", "VOTING") if is_voting else ("VOTING", "ACTIVE")
    statement = "UPDATE vstudio.sessions SET status = $3, updated_at = $4 WHERE id = $1 AND status = $2"
    return changed(await tx.execute(statement, session_id, before, after, now)) == 1


async def end(tx: Connection, session_id: str, now: datetime) -> bool:
    """Complete it without a lock: its master is to be left."""
    tag = await tx.execute(
        """UPDATE vstudio.sessions SET status = 'COMPLETE', ended_at = $2, wish = 'LEAVE', wish_due_at = $2,
                  updated_at = $2
            WHERE id = $1 AND status IN ('ACTIVE', 'VOTING')""",
        session_id,
        now,
    )
    return changed(tag) == 1


async def cancel(tx: Connection, session_id: str, reason: str | None, now: datetime) -> bool:
    """Give it up; False where it is over, locking, or nft-service is just being asked for its master."""
    tag = await tx.execute(
        """UPDATE vstudio.sessions SET status = 'CANCELLED', status_reason = $2, ended_at = $3, wish = 'LEAVE',
                  wish_due_at = $3, updated_at = $3
            WHERE id = $1 AND status IN ('DRAFT', 'SCHEDULED', 'ACTIVE', 'VOTING') AND wish IS NULL""",
        session_id,
        reason,
        now,
    )
    return changed(tag) == 1


async def ask_lock(tx: Connection, session_id: str, now: datetime) -> bool:
    """Have its decisions become the master's: nft-service is to be asked."""
    tag = await tx.execute(
        """UPDATE vstudio.sessions SET status = 'LOCKED', status_reason = NULL, wish = 'LOCK', wish_due_at = $2,
                  updated_at = $2
            WHERE id = $1 AND status = 'ACTIVE'""",
        session_id,
        now,
    )
    return changed(tag) == 1


async def locked(tx: Connection, session_id: str, now: datetime) -> bool:
    """nft-service has taken the decisions; False where somebody noted it."""
    tag = await tx.execute(
        """UPDATE vstudio.sessions SET status = 'COMPLETE', is_locked = true, ended_at = $2, wish = NULL,
                  updated_at = $2
            WHERE id = $1 AND status = 'LOCKED'""",
        session_id,
        now,
    )
    return changed(tag) == 1


async def lock_refused(tx: Connection, session_id: str, reason: str, now: datetime) -> bool:
    """nft-service will not: the session goes on."""
    tag = await tx.execute(
        """UPDATE vstudio.sessions SET status = 'ACTIVE', status_reason = $2, wish = NULL, updated_at = $3
            WHERE id = $1 AND status = 'LOCKED'""",
        session_id,
        reason,
        now,
    )
    return changed(tag) == 1


async def opened(tx: Connection, session_id: str) -> bool:
    """nft-service has given us the master."""
    statement = "UPDATE vstudio.sessions SET wish = NULL WHERE id = $1 AND wish = 'OPEN'"
    return changed(await tx.execute(statement, session_id)) == 1


async def open_refused(tx: Connection, session_id: str, reason: str, now: datetime) -> bool:
    """nft-service will not give us the master: there is no session."""
    tag = await tx.execute(
        """UPDATE vstudio.sessions SET status = 'CANCELLED', status_reason = $2, ended_at = $3, wish = NULL,
                  updated_at = $3
            WHERE id = $1 AND wish = 'OPEN'""",
        session_id,
        reason,
        now,
    )
    return changed(tag) == 1


async def left(tx: Connection, session_id: str) -> bool:
    """nft-service has the master back."""
    statement = "UPDATE vstudio.sessions SET wish = NULL WHERE id = $1 AND wish = 'LEAVE'"
    return changed(await tx.execute(statement, session_id)) == 1


async def claim_wishes(tx: Connection, *, now: datetime, until: datetime, limit: int) -> list[Session]:
    """Take what nft-service is to be asked for; nobody else does until that moment."""
    query = f"""
        UPDATE vstudio.sessions SET wish_due_at = $2 WHERE id = ANY(ARRAY(
            SELECT id FROM vstudio.sessions WHERE wish IS NOT NULL AND wish_due_at <= $1
             ORDER BY wish_due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
        RETURNING {_COLUMNS}"""  # noqa: S608  # constant text
    return [_session(row) for row in await tx.fetch(query, now, until, limit)]


async def claim_wish(tx: Connection, session_id: str, *, until: datetime) -> Session | None:
    """Take the wish of one session, due or not; None where it has none."""
    query = f"""UPDATE vstudio.sessions SET wish_due_at = $2 WHERE id = $1 AND wish IS NOT NULL
                RETURNING {_COLUMNS}"""  # noqa: S608  # constant text
    row = await tx.fetchrow(query, session_id, until)
    return None if row is None else _session(row)


async def wish_later(tx: Connection, session_id: str, at: datetime) -> None:
    """Try a wish again from that moment on."""
    await tx.execute("UPDATE vstudio.sessions SET wish_due_at = $2 WHERE id = $1 AND wish IS NOT NULL", session_id, at)


async def count_votes(tx: Connection, session_id: str, votes: int) -> None:
    """Add a closed decision's votes."""
    await tx.execute("UPDATE vstudio.sessions SET total_votes = total_votes + $2 WHERE id = $1", session_id, votes)


async def link_ipo(tx: Connection, *, session_id: str | None, master_id: str, ipo_id: str) -> None:
    """Remember which sale followed: of the session that locked the master."""
    await tx.execute(
        """UPDATE vstudio.sessions SET ipo_id = $3
            WHERE is_locked AND (id = $1 OR ($1::uuid IS NULL AND master_id = $2)) AND ipo_id IS NULL""",
        session_id,
        master_id,
        ipo_id,
    )


async def of_master(connection: Connection, master_id: str) -> Session | None:
    """Return the session a master is in."""
    query = f"""SELECT {_COLUMNS} FROM vstudio.sessions
                 WHERE master_id = $1 AND status NOT IN ('COMPLETE', 'CANCELLED')"""  # noqa: S608  # constant text
    row = await connection.fetchrow(query, master_id)
    return None if row is None else _session(row)


async def participants(connection: Connection, session_id: str) -> list[str]:
    """Return who voted or joined."""
    query = "SELECT user_id FROM vstudio.participants WHERE session_id = $1 ORDER BY joined_at LIMIT 10000"
    return [str(row["user_id"]) for row in await connection.fetch(query, session_id)]


def _where(filters: Filters) -> tuple[str, list[Any]]:
    arguments: list[Any] = [filters.owner_id]
    clauses = ["(status NOT IN ('DRAFT', 'CANCELLED') OR artist_id = $1)"]
    if filters.artist_id is not None:
        arguments.append(filters.artist_id)
        clauses.append(f"artist_id = ${len(arguments)}")
    if filters.statuses:
        arguments.append(list(filters.statuses))
        clauses.append(f"status = ANY(${len(arguments)}::text[])")
    if filters.is_upcoming:
        clauses.append("status = 'SCHEDULED'")
    return " AND ".join(clauses), arguments


def _said(plan: Plan) -> tuple[Any, ...]:
    return (
        plan.title,
        plan.description,
        plan.scheduled_start,
        plan.scheduled_end,
        plan.stream_url,
        plan.platform,
        list(plan.producer_ids),
        msgspec.json.encode(plan.view_gating).decode(),
        msgspec.json.encode(plan.vote_gating).decode(),
        plan.chat_enabled,
        plan.reactions_enabled,
        plan.max_participants,
    )


async def _unique(tx: Connection, statement: str, *arguments: Any) -> str:
    try:
        return await tx.execute(statement, *arguments)
    except asyncpg.UniqueViolationError as error:
        raise Conflict(_REFUSED.get(str(getattr(error, "constraint_name", "")), "")) from error


_CONVERTED: Final = ("id", "artist_id", "master_id", "ipo_id", "producer_ids", "view_gating", "vote_gating")


def _session(row: Row) -> Session:
    return Session(
        id=str(row["id"]),
        artist_id=str(row["artist_id"]),
        master_id=str(row["master_id"]),
        ipo_id=None if row["ipo_id"] is None else str(row["ipo_id"]),
        producer_ids=tuple(str(each) for each in row["producer_ids"]),
        view_gating=msgspec.json.decode(row["view_gating"], type=Gate),
        vote_gating=msgspec.json.decode(row["vote_gating"], type=Gate),
        **{name: value for name, value in row.items() if name not in _CONVERTED},
    )
