"""Keep recordings and who takes a part of their revenue.

Between: routes.masters, routes.uploads, routes.internal_masters, sagas.launch.
Shape: ids and wallets as text, wallets in lower case; collaborators in the order the artist named them.
Invariant: content and splits are written only while the state allows it, by the statement itself.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import msgspec

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.nft.rules.masters import Collaborator


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the artist says of a recording."""

    title: str
    type: str
    genre: str
    description: str | None = None
    bpm: int | None = None
    duration_s: int | None = None
    mood_tags: tuple[str, ...] = ()
    release_date: date | None = None
    isrc: str | None = None
    collaborators: tuple[Collaborator, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Master(Description):
    """A recording."""

    id: str
    artist_id: str
    status: str
    audio_cid: str | None
    cover_cid: str | None
    metadata_cid: str | None
    rights_confirmed_at: datetime | None
    vstudio_session_id: str | None
    taken_down_at: datetime | None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which masters to list."""

    viewer_id: str | None = None  # sees the own hidden ones too, when only the own are asked for
    artist_id: str | None = None
    status: str | None = None
    genre: str | None = None
    words: str | None = None  # as rules.masters.search_words returns them
    is_oldest_first: bool = False


_COLUMNS: Final = """m.id, m.artist_id, m.title, m.description, m.type, m.genre, m.bpm, m.duration_s, m.mood_tags,
    m.release_date, m.isrc, m.audio_cid, m.cover_cid, m.metadata_cid, m.status, m.rights_confirmed_at,
    m.vstudio_session_id, m.taken_down_at, m.metadata, m.created_at, m.updated_at, m.published_at,
    (SELECT json_agg(json_build_object('name', c.name, 'role', c.role, 'split_bps', c.split_bps, 'wallet', c.wallet)
                     ORDER BY c.position)
       FROM nft.master_collaborators c WHERE c.master_id = m.id) AS collaborators"""


async def one(connection: Connection, master_id: str, *, for_update: bool = False) -> Master | None:
    """Return a master."""
    lock = "FOR UPDATE OF m" if for_update else ""
    query = f"SELECT {_COLUMNS} FROM nft.masters m WHERE m.id = $1 {lock}"  # noqa: S608  # constant text
    row = await connection.fetchrow(query, master_id)
    return None if row is None else _master(row)


async def listed(connection: Connection, filters: Filters, *, limit: int, offset: int) -> tuple[list[Master], int]:
    """Return one page of masters, and how many there are."""
    where, arguments = _where(filters)
    order = "m.created_at, m.id" if filters.is_oldest_first else "m.created_at DESC, m.id DESC"
    total = await connection.fetchval(f"SELECT count(*) FROM nft.masters m WHERE {where}", *arguments)  # noqa: S608
    limits = f"LIMIT ${len(arguments) + 1} OFFSET ${len(arguments) + 2}"
    query = f"SELECT {_COLUMNS} FROM nft.masters m WHERE {where} ORDER BY {order} {limits}"  # noqa: S608  # constant text
    rows = await connection.fetch(query, *arguments, limit, offset)
    return [_master(row) for row in rows], int(total)


async def count_kept(connection: Connection, artist_id: str) -> int:
    """Return how many masters of an artist count against the plan."""
    query = "SELECT count(*) FROM nft.masters WHERE artist_id = $1 AND status <> 'ARCHIVED'"
    return int(await connection.fetchval(query, artist_id))


async def lock_artist(tx: Connection, artist_id: str) -> None:
    """Let one request of an artist at a time count against the plan."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('nft.artist'), hashtext($1))", artist_id)


async def insert(tx: Connection, master_id: str, artist_id: str, said: Description, now: datetime) -> None:
    """Register a recording."""
    await tx.execute(
        """INSERT INTO nft.masters (id, artist_id, title, description, type, genre, bpm, duration_s, mood_tags,
                  release_date, isrc, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)""",
        master_id,
        artist_id,
        *_said(said),
        now,
    )
    await _insert_collaborators(tx, master_id, said.collaborators)


async def update(tx: Connection, master_id: str, said: Description, now: datetime) -> bool:
    """Describe it anew; False when its state forbids it."""
    tag = await tx.execute(
        """UPDATE nft.masters SET title = $2, description = $3, type = $4, genre = $5, bpm = $6, duration_s = $7,
                  mood_tags = $8, release_date = $9, isrc = $10, updated_at = $11
            WHERE id = $1 AND status IN ('DRAFT', 'IN_VSTUDIO')""",
        master_id,
        *_said(said),
        now,
    )
    if changed(tag) == 0:
        return False
    await tx.execute("DELETE FROM nft.master_collaborators WHERE master_id = $1", master_id)
    await _insert_collaborators(tx, master_id, said.collaborators)
    return True


async def set_content(
    tx: Connection, master_id: str, *, audio_cid: str, cover_cid: str, metadata_cid: str, now: datetime
) -> bool:
    """Say what it consists of; False when its state forbids it."""
    tag = await tx.execute(
        """UPDATE nft.masters SET audio_cid = $2, cover_cid = $3, metadata_cid = $4, updated_at = $5
            WHERE id = $1 AND (status IN ('DRAFT', 'IN_VSTUDIO') OR (status = 'LOCKED' AND audio_cid IS NULL))""",
        master_id,
        audio_cid,
        cover_cid,
        metadata_cid,
        now,
    )
    return changed(tag) == 1


async def set_metadata_cid(tx: Connection, master_id: str, metadata_cid: str, now: datetime) -> None:
    """Name the final document, when its launch begins."""
    await tx.execute(
        "UPDATE nft.masters SET metadata_cid = $2, updated_at = $3 WHERE id = $1 AND status = 'LOCKED'",
        master_id,
        metadata_cid,
        now,
    )


async def confirm_rights(tx: Connection, master_id: str, now: datetime) -> bool:
    """Note that the artist declared to own the rights; the first declaration counts."""
    tag = await tx.execute(
        """UPDATE nft.masters SET rights_confirmed_at = $2, updated_at = $2
            WHERE id = $1 AND rights_confirmed_at IS NULL AND status IN ('DRAFT', 'IN_VSTUDIO', 'LOCKED')""",
        master_id,
        now,
    )
    return changed(tag) == 1


async def move(tx: Connection, master_id: str, before: tuple[str, ...], after: str, now: datetime) -> bool:
    """Change the state; False when it was none of `before`."""
    tag = await tx.execute(
        "UPDATE nft.masters SET status = $3, updated_at = $4 WHERE id = $1 AND status = ANY($2)",
        master_id,
        list(before),
        after,
        now,
    )
    return changed(tag) == 1


async def publish(tx: Connection, master_id: str, now: datetime) -> bool:
    """Say that its contracts are live: LOCKED → MINTED."""
    statement = """UPDATE nft.masters SET status = 'MINTED', published_at = $2, updated_at = $2
                    WHERE id = $1 AND status = 'LOCKED'"""
    return changed(await tx.execute(statement, master_id, now)) == 1


async def open_session(tx: Connection, master_id: str, session_id: str, now: datetime) -> bool:
    """Begin a session: DRAFT → IN_VSTUDIO."""
    statement = """UPDATE nft.masters SET status = 'IN_VSTUDIO', vstudio_session_id = $2, updated_at = $3
                    WHERE id = $1 AND status = 'DRAFT'"""
    return changed(await tx.execute(statement, master_id, session_id, now)) == 1


async def lock_by_session(
    tx: Connection, master_id: str, session_id: str, winners: dict[str, Any], now: datetime
) -> bool:
    """End a session with its decisions: IN_VSTUDIO → LOCKED."""
    tag = await tx.execute(
        """UPDATE nft.masters SET status = 'LOCKED', metadata = metadata || $3::text::jsonb, updated_at = $4
            WHERE id = $1 AND status = 'IN_VSTUDIO' AND vstudio_session_id = $2""",
        master_id,
        session_id,
        msgspec.json.encode(winners).decode(),
        now,
    )
    return changed(tag) == 1


async def leave_session(tx: Connection, master_id: str, session_id: str, now: datetime) -> bool:
    """End a session without a decision: IN_VSTUDIO → DRAFT."""
    statement = """UPDATE nft.masters SET status = 'DRAFT', vstudio_session_id = NULL, updated_at = $3
                    WHERE id = $1 AND status = 'IN_VSTUDIO' AND vstudio_session_id = $2"""
    return changed(await tx.execute(statement, master_id, session_id, now)) == 1


def _said(said: Description) -> tuple[Any, ...]:
    return (
        said.title,
        said.description,
        said.type,
        said.genre,
        said.bpm,
        said.duration_s,
        list(said.mood_tags),
        said.release_date,
        said.isrc,
    )


async def _insert_collaborators(tx: Connection, master_id: str, collaborators: tuple[Collaborator, ...]) -> None:
    await tx.executemany(
        """INSERT INTO nft.master_collaborators (master_id, position, name, role, split_bps, wallet)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        [
            (master_id, position, each.name, each.role, each.split_bps, each.wallet)
            for position, each in enumerate(collaborators, 1)
        ],
    )


def _where(filters: Filters) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    arguments: list[Any] = []

    def equal(expression: str, value: object) -> None:
        arguments.append(value)
        conditions.append(expression.format(f"${len(arguments)}"))

    if filters.viewer_id is None:
        conditions += ["m.status NOT IN ('DRAFT', 'ARCHIVED')", "m.taken_down_at IS NULL"]
    else:
        equal("m.artist_id = {}", filters.viewer_id)
    if filters.artist_id is not None:
        equal("m.artist_id = {}", filters.artist_id)
    if filters.status is not None:
        equal("m.status = {}", filters.status)
    if filters.genre is not None:
        equal("m.genre = {}", filters.genre)
    if filters.words is not None:
        equal("to_tsvector('simple', m.title) @@ to_tsquery('simple', {})", filters.words)
    return " AND ".join(conditions), arguments


def _master(row: Row) -> Master:
    collaborators = msgspec.json.decode(row["collaborators"] or "[]", type=tuple[Collaborator, ...])
    session_id = row["vstudio_session_id"]
    plain = {name: value for name, value in row.items() if name not in _CONVERTED}
    return Master(
        **plain,
        id=str(row["id"]),
        artist_id=str(row["artist_id"]),
        vstudio_session_id=None if session_id is None else str(session_id),
        mood_tags=tuple(row["mood_tags"]),
        metadata=msgspec.json.decode(row["metadata"]),
        collaborators=collaborators,
    )


_CONVERTED: Final = ("id", "artist_id", "vstudio_session_id", "mood_tags", "metadata", "collaborators")
