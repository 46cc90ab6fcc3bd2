"""Keep what is offered for resale, and find what can be bought.

Between: routes.listings (wishes, browsing), sagas.reserving (escrow) and .reselling (what the chain told).
Units: wei.
Invariant: of one share at most one listing is ACTIVE or IN_ESCROW (a unique index); what the chain ended remembers what
it was, and by which log, so that a reorg brings it back.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from audifi.clients.chain.contracts.events import Listed
from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel.connection import Connection, Row, changed

_COLUMNS: Final = """
l.id, l.master_id, m.artist_id, m.title, m.cover_cid, l.token_id, l.chain_id, l.genre, l.seller_wallet, l.price_wei,
l.status, l.created_at, l.listed_at, s.royalty_bps, c.address AS contract, k.address AS market, i.currency
"""
_FROM: Final = """
FROM nft.listings l JOIN nft.masters m ON m.id = l.master_id
JOIN nft.ipos i ON i.master_id = l.master_id
JOIN nft.contracts c ON c.master_id = l.master_id AND c.kind = 'MASTER' AND c.chain_id = l.chain_id
LEFT JOIN nft.shares s ON s.master_id = l.master_id AND s.token_id = l.token_id
LEFT JOIN nft.markets k ON k.chain_id = l.chain_id
"""
FIND: Final = f"SELECT {_COLUMNS} {_FROM} WHERE l.id = $1 AND m.taken_down_at IS NULL"
_INSERT: Final = """
INSERT INTO nft.listings (id, master_id, token_id, chain_id, genre, seller_wallet, price_wei, status, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'PENDING_CHAIN', $8)
ON CONFLICT (master_id, token_id, seller_wallet) WHERE status = 'PENDING_CHAIN'
   DO UPDATE SET price_wei = excluded.price_wei, created_at = excluded.created_at RETURNING id
"""
# What the chain lists is the owner's wish for it, else an offer made without us.
_GRANT: Final = """
UPDATE nft.listings SET status = CASE status WHEN 'PENDING_CHAIN' THEN 'ACTIVE' ELSE status END,
       listed_tx = $5, listed_log = $6, listed_at = $7
 WHERE id = (SELECT id FROM nft.listings
              WHERE master_id = $1 AND token_id = $2 AND seller_wallet = $3 AND price_wei = $4 AND listed_tx IS NULL
                AND status IN ('PENDING_CHAIN', 'IN_ESCROW')
              ORDER BY status, created_at LIMIT 1)
"""
_ADD: Final = """
INSERT INTO nft.listings (id, master_id, token_id, chain_id, genre, seller_wallet, price_wei, status, listed_tx,
       listed_log, created_at, listed_at)
SELECT $1, m.id, $3, $4, m.genre, $5, $6, 'ACTIVE', $7, $8, $9, $9 FROM nft.masters m WHERE m.id = $2
"""
# Back to a wish; when the owner has a newer one, or had taken it back, it is over.
_UNLIST: Final = """
UPDATE nft.listings l SET listed_tx = NULL, listed_log = NULL, listed_at = NULL,
       status = CASE WHEN l.status <> 'ACTIVE' THEN l.status
                     WHEN EXISTS (SELECT 1 FROM nft.listings o
                                   WHERE o.master_id = l.master_id AND o.token_id = l.token_id
                                     AND o.seller_wallet = l.seller_wallet AND o.status = 'PENDING_CHAIN')
                     THEN 'CANCELLED' ELSE 'PENDING_CHAIN' END
 WHERE l.master_id = $1 AND l.token_id = $2 AND l.listed_tx = $3 AND l.listed_log = $4
"""
_END: Final = """
UPDATE nft.listings SET status_before = status, status = $3, ended_tx = $4, ended_log = $5, ended_at = $6
 WHERE id = (SELECT id FROM nft.listings
              WHERE master_id = $1 AND token_id = $2 AND ended_tx IS NULL AND (listed_tx IS NOT NULL OR $7)
                AND (status IN ('ACTIVE', 'IN_ESCROW') OR ($3 = 'SOLD' AND status = 'CANCELLED'))
              ORDER BY status = 'CANCELLED', created_at DESC LIMIT 1)
RETURNING id
"""
_REVIVE: Final = """
UPDATE nft.listings SET status = status_before, status_before = NULL, ended_tx = NULL, ended_log = NULL, ended_at = NULL
 WHERE ended_tx = $1 AND ended_log = $2 RETURNING id, status
"""
_WITHDRAW: Final = """
UPDATE nft.listings SET status = 'CANCELLED', ended_at = $2
 WHERE id = $1 AND status IN ('PENDING_CHAIN', 'ACTIVE')
"""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A share offered for resale, with what buying it needs."""

    id: str
    master_id: str
    artist_id: str
    title: str
    cover_cid: str | None
    token_id: int
    chain_id: int
    currency: str
    genre: str
    seller_wallet: str
    price_wei: int
    status: str
    created_at: datetime
    listed_at: datetime | None
    royalty_bps: int
    contract: str
    market: str | None


@dataclass(frozen=True, kw_only=True)
class NewListing:
    """A wish."""

    id: str
    master_id: str
    token_id: int
    chain_id: int
    genre: str
    seller_wallet: str
    price_wei: int


async def find(connection: Connection, listing_id: str) -> Listing | None:
    """Return a listing."""
    row = await connection.fetchrow(FIND, listing_id)
    return None if row is None else listing_of(row)


def listing_of(row: Row) -> Listing:
    """Return what FIND found."""
    return Listing(
        id=str(row["id"]),
        master_id=str(row["master_id"]),
        artist_id=str(row["artist_id"]),
        title=row["title"],
        cover_cid=row["cover_cid"],
        token_id=row["token_id"],
        chain_id=row["chain_id"],
        currency=row["currency"],
        genre=row["genre"],
        seller_wallet=row["seller_wallet"],
        price_wei=int(row["price_wei"]),
        status=row["status"],
        created_at=row["created_at"],
        listed_at=row["listed_at"],
        royalty_bps=row["royalty_bps"] or 0,
        contract=row["contract"],
        market=row["market"],
    )


async def wish(tx: Connection, new: NewListing, now: datetime) -> str:
    """Write an owner's wish down, or give the one it made before this price; return which it is."""
    found = await tx.fetchval(
        _INSERT,
        new.id,
        new.master_id,
        new.token_id,
        new.chain_id,
        new.genre,
        new.seller_wallet,
        Decimal(new.price_wei),
        now,
    )
    return str(found)


async def is_offered(connection: Connection, master_id: str, token_id: int) -> bool:
    """Whether a share can be bought, or is being bought, now."""
    query = """SELECT 1 FROM nft.listings
                WHERE master_id = $1 AND token_id = $2 AND status IN ('ACTIVE', 'IN_ESCROW')"""
    return await connection.fetchval(query, master_id, token_id) is not None


async def withdraw(tx: Connection, listing_id: str, now: datetime) -> bool:
    """Stop offering a share; False when somebody is buying it, or it is over."""
    return changed(await tx.execute(_WITHDRAW, listing_id, now)) == 1


async def put_in_escrow(tx: Connection, listing_id: str) -> bool:
    """Keep a listing for one buyer."""
    query = "UPDATE nft.listings SET status = 'IN_ESCROW' WHERE id = $1 AND status = 'ACTIVE'"
    return changed(await tx.execute(query, listing_id)) == 1


async def lock(tx: Connection, listing_id: str) -> None:
    """Let nobody else change a listing before this transaction ends."""
    await tx.execute("SELECT 1 FROM nft.listings WHERE id = $1 FOR NO KEY UPDATE", listing_id)


async def take_out_of_escrow(tx: Connection, listing_id: str) -> None:
    """Offer it to everybody again; a wish, if a reorg took its log meanwhile."""
    query = """UPDATE nft.listings SET status = CASE WHEN listed_tx IS NULL THEN 'PENDING_CHAIN' ELSE 'ACTIVE' END
                WHERE id = $1 AND status = 'IN_ESCROW'"""
    await tx.execute(query, listing_id)


async def grant(tx: Connection, fact: Fact, master_id: str, listed: Listed, now: datetime) -> bool:
    """Make an owner's wish an offer; False when there was no such wish."""
    tag = await tx.execute(
        _GRANT,
        master_id,
        listed.token_id,
        listed.seller,
        Decimal(listed.price),
        fact.tx_hash,
        fact.log_index,
        now,
    )
    return changed(tag) == 1


async def add(tx: Connection, fact: Fact, master_id: str, listed: Listed, *, listing_id: str, now: datetime) -> None:
    """Add an offer that somebody made on the chain without asking us."""
    await tx.execute(
        _ADD,
        listing_id,
        master_id,
        listed.token_id,
        fact.chain_id,
        listed.seller,
        Decimal(listed.price),
        fact.tx_hash,
        fact.log_index,
        now,
    )


async def unlist(tx: Connection, fact: Fact, master_id: str, token_id: int) -> None:
    """Take back what this log began."""
    await tx.execute(_UNLIST, master_id, token_id, fact.tx_hash, fact.log_index)


async def end(  # which share, which log, and what becomes of the offer
    tx: Connection,
    fact: Fact,
    *,
    master_id: str,
    token_id: int,
    to: str,
    now: datetime,
    even_unlisted: bool = False,
) -> str | None:
    """End the share's offer because of this log; return which it was.

    One in escrow whose Listed a reorg took away is left alone, unless `even_unlisted`: it may be listed again.
    """
    found = await tx.fetchval(_END, master_id, token_id, to, fact.tx_hash, fact.log_index, now, even_unlisted)
    return None if found is None else str(found)


async def revive(tx: Connection, fact: Fact) -> list[tuple[str, str]]:
    """Bring back what this log ended; return (listing, its state)."""
    rows = await tx.fetch(_REVIVE, fact.tx_hash, fact.log_index)
    return [(str(row["id"]), row["status"]) for row in rows]


async def keep_for_buyer(tx: Connection, listing_id: str) -> None:
    """Put a revived listing in escrow: its buyer's transaction was taken back too, and waits for the chain."""
    await tx.execute("UPDATE nft.listings SET status = 'IN_ESCROW' WHERE id = $1 AND status <> 'SOLD'", listing_id)
