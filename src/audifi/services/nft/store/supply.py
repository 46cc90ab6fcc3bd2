"""Keep how many public shares of an IPO are sold and reserved.

Between: sagas.reserving, .minting, .cards (change the counters) and routes (show what is for sale).
Invariant: `reserve` is one statement on the IPO's row, so of any number of concurrent buyers only as many succeed as
there are shares; everything else that changes the counters locks that row first (`lock`), before any purchase's row.
Units: wei.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.nft.rules.sale import Offer

FOR_SALE: Final = """
SELECT m.id, m.artist_id, m.taken_down_at IS NOT NULL AS is_taken_down, m.vstudio_session_id, i.id AS ipo_id, i.status,
       i.ending IS NOT NULL AS is_ending, i.public_supply, i.shares_sold, i.shares_reserved, i.price_wei, i.currency,
       i.chain_id, i.actual_start, i.ends_at, i.early_access_hours, c.address AS contract
  FROM nft.masters m
  LEFT JOIN nft.ipos i ON i.master_id = m.id
  LEFT JOIN nft.contracts c ON c.master_id = m.id AND c.kind = 'MASTER' AND c.chain_id = i.chain_id
 WHERE m.id = $1
"""
_RESERVE: Final = """
UPDATE nft.ipos SET shares_reserved = shares_reserved + $2, updated_at = $3
 WHERE master_id = $1 AND status = 'LIVE' AND ending IS NULL AND (ends_at IS NULL OR ends_at > $3)
   AND shares_sold + shares_reserved + $2 <= public_supply
"""
_LOCK: Final = """
SELECT i.id, m.artist_id, i.status, i.public_supply, i.shares_sold, i.shares_reserved, i.price_wei
  FROM nft.ipos i JOIN nft.masters m ON m.id = i.master_id WHERE i.master_id = $1 FOR NO KEY UPDATE OF i
"""
_MOVE: Final = """
UPDATE nft.ipos SET shares_sold = shares_sold + $2, shares_reserved = shares_reserved + $3,
       next_token_id = shares_sold + $2 + 1, updated_at = $4
 WHERE master_id = $1
"""
_SELL_OUT: Final = """
UPDATE nft.ipos SET status = 'SOLD_OUT', actual_end = $2, updated_at = $2
 WHERE master_id = $1 AND status = 'LIVE' AND shares_sold = public_supply
"""
_REOPEN: Final = """
UPDATE nft.ipos SET status = 'LIVE', actual_end = NULL, due_at = $2, updated_at = $2
 WHERE master_id = $1 AND status = 'SOLD_OUT' AND shares_sold < public_supply
"""
_MASTER: Final = "UPDATE nft.masters SET status = $3, updated_at = $4 WHERE id = $1 AND status = $2"


@dataclass(frozen=True, kw_only=True)
class ForSale:
    """A master and what its IPO offers."""

    master_id: str
    artist_id: str
    is_taken_down: bool
    ipo_id: str
    price_wei: int
    currency: str
    chain_id: int
    contract: str | None
    offer: Offer


@dataclass(frozen=True, kw_only=True)
class Supply:
    """The counters of an IPO, under its lock."""

    master_id: str
    ipo_id: str
    artist_id: str
    status: str
    public_supply: int
    sold: int
    reserved: int
    price_wei: int


def for_sale(row: Row) -> ForSale | None:
    """Return what FOR_SALE found; None for a master without an IPO."""
    if row["ipo_id"] is None:
        return None
    session = row["vstudio_session_id"]
    offer = Offer(
        status=row["status"],
        is_ending=row["is_ending"],
        public_supply=row["public_supply"],
        sold=row["shares_sold"],
        reserved=row["shares_reserved"],
        started_at=row["actual_start"],
        ends_at=row["ends_at"],
        early_access_hours=row["early_access_hours"],
        session_id=None if session is None else str(session),
    )
    return ForSale(
        master_id=str(row["id"]),
        artist_id=str(row["artist_id"]),
        is_taken_down=row["is_taken_down"],
        ipo_id=str(row["ipo_id"]),
        price_wei=int(row["price_wei"]),
        currency=row["currency"],
        chain_id=row["chain_id"],
        contract=row["contract"],
        offer=offer,
    )


async def reserve(tx: Connection, master_id: str, quantity: int, now: datetime) -> bool:
    """Hold shares if the IPO is open and has as many."""
    return changed(await tx.execute(_RESERVE, master_id, quantity, now)) == 1


async def lock(tx: Connection, master_id: str) -> Supply | None:
    """Return the counters; nobody else changes them before this transaction ends."""
    row = await tx.fetchrow(_LOCK, master_id)
    if row is None:
        return None
    return Supply(
        master_id=master_id,
        ipo_id=str(row["id"]),
        artist_id=str(row["artist_id"]),
        status=row["status"],
        public_supply=row["public_supply"],
        sold=row["shares_sold"],
        reserved=row["shares_reserved"],
        price_wei=int(row["price_wei"]),
    )


async def move(tx: Connection, master_id: str, *, sold: int = 0, reserved: int = 0, now: datetime) -> None:
    """Add to both counters, in one statement: the table checks their sum."""
    await tx.execute(_MOVE, master_id, sold, reserved, now)


async def sell_out(tx: Connection, master_id: str, now: datetime) -> bool:
    """End the sale when the last public share is sold."""
    if changed(await tx.execute(_SELL_OUT, master_id, now)) == 0:
        return False
    await tx.execute(_MASTER, master_id, "LISTED", "SOLD", now)
    return True


async def reopen(tx: Connection, master_id: str, now: datetime) -> None:
    """Go on with a sale that had sold out before a reorg took shares back."""
    if changed(await tx.execute(_REOPEN, master_id, now)) == 1:
        await tx.execute(_MASTER, master_id, "SOLD", "LISTED", now)


async def took_part(connection: Connection, session_id: str, user_id: str) -> bool:
    """Whether somebody was in the session linked to a master."""
    query = "SELECT 1 FROM nft.session_participants WHERE session_id = $1 AND user_id = $2"
    return await connection.fetchval(query, session_id, user_id) is not None


async def add_participants(tx: Connection, session_id: str, user_ids: list[str]) -> None:
    """Remember who was in a session; telling it twice changes nothing."""
    await tx.execute(
        "INSERT INTO nft.session_participants SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING",
        session_id,
        user_ids,
    )


async def mirrored_block(connection: Connection, chain_id: int) -> int | None:
    """Return how far the chain was mirrored."""
    return await connection.fetchval("SELECT block FROM nft.chain_checkpoints WHERE chain_id = $1", chain_id)
