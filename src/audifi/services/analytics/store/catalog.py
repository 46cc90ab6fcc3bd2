"""Know whose masters and sessions there are, from events in any order.

Between: recording (tells), routes (access, titles), store.events (which ids clients may name).
Invariant: a state is replaced only by that of a later event; what an event does not say stays.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from audifi.kernel.connection import Connection, Row
from audifi.services.analytics.store.documents import whole

_TELL_MASTER: Final = """
INSERT INTO analytics.masters AS m (master_id, artist_id, title, type, status, status_at, ipo_status, ipo_status_at,
            chain_id, total_shares, public_supply, price_wei, launched_at)
VALUES ($1, $2, $3, $4, coalesce($5::text, 'DRAFT'),
        CASE WHEN $5::text IS NULL THEN '-infinity' ELSE $12::timestamptz END, $6::text,
        CASE WHEN $6::text IS NULL THEN '-infinity' ELSE $12::timestamptz END, $7, $8, $9, $10, $11)
ON CONFLICT (master_id) DO UPDATE SET
    title = coalesce(excluded.title, m.title), type = coalesce(excluded.type, m.type),
    status = CASE WHEN excluded.status_at > m.status_at THEN excluded.status ELSE m.status END,
    status_at = greatest(excluded.status_at, m.status_at),
    ipo_status = CASE WHEN excluded.ipo_status_at > m.ipo_status_at THEN excluded.ipo_status ELSE m.ipo_status END,
    ipo_status_at = greatest(excluded.ipo_status_at, m.ipo_status_at),
    chain_id = coalesce(excluded.chain_id, m.chain_id),
    total_shares = coalesce(excluded.total_shares, m.total_shares),
    public_supply = coalesce(excluded.public_supply, m.public_supply),
    price_wei = coalesce(excluded.price_wei, m.price_wei), launched_at = coalesce(excluded.launched_at, m.launched_at)
"""
_TELL_SESSION: Final = """
INSERT INTO analytics.sessions AS s (session_id, artist_id, master_id, status, status_at, started_at, ended_at)
VALUES ($1, $2, $3, coalesce($4::text, 'SCHEDULED'),
        CASE WHEN $4::text IS NULL THEN '-infinity' ELSE $7::timestamptz END, $5, $6)
ON CONFLICT (session_id) DO UPDATE SET
    master_id = coalesce(excluded.master_id, s.master_id),
    status = CASE WHEN excluded.status_at > s.status_at THEN excluded.status ELSE s.status END,
    status_at = greatest(excluded.status_at, s.status_at),
    started_at = coalesce(excluded.started_at, s.started_at), ended_at = coalesce(excluded.ended_at, s.ended_at)
"""


@dataclass(frozen=True, kw_only=True)
class MasterTold:
    """What an event says of a master; None: nothing."""

    master_id: UUID
    artist_id: UUID
    at: datetime
    title: str | None = None
    type: str | None = None
    status: str | None = None
    ipo_status: str | None = None
    chain_id: int | None = None
    total_shares: int | None = None
    public_supply: int | None = None
    price_wei: int | None = None
    launched_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SessionTold:
    """What an event says of a session."""

    session_id: UUID
    artist_id: UUID
    at: datetime
    master_id: UUID | None = None
    status: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Master:
    """A master as analytics knows it."""

    master_id: str
    artist_id: str
    title: str
    status: str
    ipo_status: str | None
    chain_id: int | None
    total_shares: int
    public_supply: int
    price_wei: int
    launched_at: datetime | None

    @property
    def is_public(self) -> bool:
        """Whether anybody may know that it exists."""
        return self.launched_at is not None or self.status in ("MINTED", "LISTED", "SOLD")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session as analytics knows it."""

    session_id: str
    artist_id: str
    master_id: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None


async def tell_master(tx: Connection, told: MasterTold) -> None:
    """Add what an event says."""
    price = None if told.price_wei is None else Decimal(told.price_wei)
    values = (told.title, told.type, told.status, told.ipo_status, told.chain_id, told.total_shares)
    rest = (told.public_supply, price, told.launched_at, told.at)
    await tx.execute(_TELL_MASTER, told.master_id, told.artist_id, *values, *rest)


async def tell_session(tx: Connection, told: SessionTold) -> None:
    """Add what an event says."""
    values = (told.master_id, told.status, told.started_at, told.ended_at, told.at)
    await tx.execute(_TELL_SESSION, told.session_id, told.artist_id, *values)


async def master(connection: Connection, master_id: UUID) -> Master | None:
    """Return a master."""
    row = await connection.fetchrow("SELECT * FROM analytics.masters WHERE master_id = $1", master_id)
    return None if row is None else _master(row)


async def session(connection: Connection, session_id: UUID) -> Session | None:
    """Return a session."""
    row = await connection.fetchrow("SELECT * FROM analytics.sessions WHERE session_id = $1", session_id)
    if row is None:
        return None
    return Session(
        session_id=str(row["session_id"]),
        artist_id=str(row["artist_id"]),
        master_id=None if row["master_id"] is None else str(row["master_id"]),
        status=row["status"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


async def artist_of_session(connection: Connection, session_id: UUID) -> UUID | None:
    """Return whose session it is, for events that do not say."""
    return await connection.fetchval("SELECT artist_id FROM analytics.sessions WHERE session_id = $1", session_id)


async def masters_of(connection: Connection, artist_id: UUID | None) -> int:
    """Return how many masters an artist has, or all have."""
    if artist_id is None:
        return whole(await connection.fetchval("SELECT count(*) FROM analytics.masters"))
    return whole(await connection.fetchval("SELECT count(*) FROM analytics.masters WHERE artist_id = $1", artist_id))


def _master(row: Row) -> Master:
    return Master(
        master_id=str(row["master_id"]),
        artist_id=str(row["artist_id"]),
        title=row["title"] or "",
        status=row["status"],
        ipo_status=row["ipo_status"],
        chain_id=row["chain_id"],
        total_shares=whole(row["total_shares"]),
        public_supply=whole(row["public_supply"]),
        price_wei=whole(row["price_wei"]),
        launched_at=row["launched_at"],
    )
