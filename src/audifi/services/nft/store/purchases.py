"""Keep what somebody buys: reserved, paid, minted or resold, or given up.

Between: sagas.reserving, .minting, .reselling, .cards; routes.purchases and .purchases_internal; purchases_loop.
Units: wei; cents of a card's currency.
Invariant: a state is left by one conditional statement, so of two that want to only one does; whoever changes a
purchase that holds shares has locked the IPO's (or the listing's) row before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.nft.rules.sale import HELD, Held, Parts

_COLUMNS: Final = """
p.id, p.kind, p.buyer_user_id, p.wallet, p.master_id, m.artist_id, p.listing_id, p.chain_id, p.currency, p.quantity,
p.unit_wei, p.fee_wei, p.royalty_wei, p.seller_wei, p.payment_method, p.status, p.expires_at, p.tx_hash, p.log_index,
p.token_ids, p.payment_id, p.paid_cents, p.paid_currency, p.paid_at, p.mint_tries, p.failure, p.created_at,
p.completed_at
"""
_FROM: Final = "FROM nft.purchases p JOIN nft.masters m ON m.id = p.master_id"
FIND: Final = f"SELECT {_COLUMNS} {_FROM} WHERE p.id = $1"
_INSERT: Final = """
INSERT INTO nft.purchases (id, kind, buyer_user_id, wallet, master_id, listing_id, chain_id, currency, quantity,
       unit_wei, total_wei, fee_wei, royalty_wei, seller_wei, payment_method, status, expires_at, consent_versions,
       created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)
"""
# Whose mint this is: the purchase that named the transaction, else the oldest that holds shares and named none, else
# one that named another (a wallet that sped its transaction up), else one that had expired.
_MATCH: Final = f"""
SELECT {_COLUMNS} {_FROM}
 WHERE p.wallet = $1 AND p.master_id = $2 AND p.quantity = $3 AND p.kind = 'PRIMARY' AND p.payment_method = 'WALLET'
   AND (p.status IN ('RESERVED', 'PENDING_CHAIN', 'EXPIRED') OR (p.status = 'FAILED' AND p.tx_hash = $4))
 ORDER BY p.tx_hash IS NOT DISTINCT FROM $4 DESC, p.status = 'EXPIRED', p.tx_hash IS NOT NULL, p.created_at, p.id
 LIMIT 1 FOR UPDATE OF p
"""  # noqa: S608  # our own column list
_CONFIRM: Final = """
UPDATE nft.purchases SET status = 'PENDING_CHAIN', tx_hash = $2, updated_at = $3, look_at = $3
 WHERE id = $1 AND status = 'RESERVED' AND payment_method = 'WALLET' AND expires_at > $3
   AND NOT EXISTS (SELECT 1 FROM nft.purchases WHERE tx_hash = $2)
"""
_COMPLETE: Final = """
UPDATE nft.purchases SET status = 'COMPLETED', tx_hash = $3, log_index = $4, token_ids = $5, completed_at = $6,
       updated_at = $6, look_at = NULL, failure = NULL
 WHERE id = $1 AND status = $2
"""
# Of two that one transaction completed only one can go on naming it.
_REVERT: Final = """
UPDATE nft.purchases p SET status = 'PENDING_CHAIN', log_index = NULL, token_ids = '{}', completed_at = NULL,
       updated_at = $2, look_at = $2,
       tx_hash = CASE WHEN EXISTS (SELECT 1 FROM nft.purchases o WHERE o.tx_hash = p.tx_hash AND o.log_index IS NULL)
                      THEN NULL ELSE p.tx_hash END
 WHERE p.id = $1 AND p.status = 'COMPLETED'
"""
_LEAVE: Final = """
UPDATE nft.purchases SET status = $3, failure = $4, updated_at = $5, look_at = NULL
 WHERE id = $1 AND status = ANY($2::text[])
"""
_PAY: Final = """
UPDATE nft.purchases SET status = $3, payment_id = $4, paid_cents = $5, paid_currency = $6, paid_at = $7,
       updated_at = $7, look_at = $7
 WHERE id = $1 AND status = $2 AND payment_id IS NULL
"""
_ASK: Final = """
UPDATE nft.purchases SET status = 'PENDING_CHAIN', mint_tries = mint_tries + 1, look_at = $2, updated_at = $3
 WHERE id = $1 AND status = 'PAID' RETURNING mint_tries
"""
_REFUSED: Final = """
UPDATE nft.purchases SET status = 'PAID', failure = $3, look_at = $4, updated_at = $5
 WHERE id = $1 AND status = 'PENDING_CHAIN' AND mint_tries = $2
"""
_EXPIRING: Final = """
SELECT id, kind, master_id, listing_id FROM nft.purchases
 WHERE status = 'RESERVED' AND expires_at <= $1 ORDER BY expires_at LIMIT $2
"""
# Claims what it returns: a pod that dies leaves them to the next look.
_LOOK: Final = """
UPDATE nft.purchases SET look_at = $2 WHERE id IN (
    SELECT id FROM nft.purchases WHERE status IN ('PAID', 'PENDING_CHAIN') AND look_at <= $1
     ORDER BY look_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """One purchase."""

    id: str
    kind: str
    buyer_user_id: str
    wallet: str
    master_id: str
    artist_id: str
    listing_id: str | None
    chain_id: int
    currency: str
    parts: Parts
    payment_method: str
    status: str
    expires_at: datetime
    created_at: datetime
    tx_hash: str | None = None
    log_index: int | None = None
    token_ids: tuple[int, ...] = ()
    payment_id: str | None = None
    paid_cents: int | None = None
    paid_currency: str | None = None
    paid_at: datetime | None = None
    mint_tries: int = 0
    failure: str | None = None
    completed_at: datetime | None = None
    consent_versions: Mapping[str, str] = field(default_factory=dict[str, str])  # kept, not read back

    @property
    def uuid(self) -> UUID:
        return UUID(self.id)

    @property
    def quantity(self) -> int:
        return self.parts.quantity

    @property
    def is_held(self) -> bool:
        return self.status in HELD


@dataclass(frozen=True)
class Due:
    """A reservation whose time is over."""

    id: str
    kind: str
    master_id: str
    listing_id: str | None


async def insert(tx: Connection, purchase: Purchase) -> None:
    """Add a reservation."""
    parts = purchase.parts
    await tx.execute(
        _INSERT,
        purchase.id,
        purchase.kind,
        purchase.buyer_user_id,
        purchase.wallet,
        purchase.master_id,
        purchase.listing_id,
        purchase.chain_id,
        purchase.currency,
        parts.quantity,
        Decimal(parts.unit_wei),
        Decimal(parts.total_wei),
        Decimal(parts.fee_wei),
        Decimal(parts.royalty_wei),
        Decimal(parts.seller_wei),
        purchase.payment_method,
        purchase.status,
        purchase.expires_at,
        msgspec.json.encode(purchase.consent_versions).decode(),
        purchase.created_at,
    )


async def find(connection: Connection, purchase_id: str, *, for_update: bool = False) -> Purchase | None:
    """Return a purchase; locked, when it is about to change."""
    row = await connection.fetchrow(FIND + (" FOR UPDATE OF p" if for_update else ""), purchase_id)
    return None if row is None else purchase_of(row)


async def match(
    tx: Connection, *, wallet: str, master_id: str, quantity: int, tx_hash: str
) -> Purchase | None:  # fmt: skip
    """Return the purchase that a mint belongs to."""
    row = await tx.fetchrow(_MATCH, wallet, master_id, quantity, tx_hash)
    return None if row is None else purchase_of(row)


async def of_log(tx: Connection, tx_hash: str, log_index: int) -> Purchase | None:
    """Return the purchase that this log completed."""
    query = f"SELECT {_COLUMNS} {_FROM} WHERE p.tx_hash = $1 AND p.log_index = $2 FOR UPDATE OF p"
    row = await tx.fetchrow(query, tx_hash, log_index)
    return None if row is None else purchase_of(row)


async def of_listing(tx: Connection, listing_id: str) -> Purchase | None:
    """Return the purchase that keeps a listing in escrow."""
    query = f"SELECT {_COLUMNS} {_FROM} WHERE p.listing_id = $1 AND p.status = ANY($2::text[]) FOR UPDATE OF p"
    row = await tx.fetchrow(query, listing_id, list(HELD))
    return None if row is None else purchase_of(row)


async def of_listing_and_wallet(tx: Connection, listing_id: str, wallet: str, tx_hash: str) -> Purchase | None:
    """Return whose purchase a sale of this listing to this wallet is: also one that had expired."""
    query = f"""SELECT {_COLUMNS} {_FROM} WHERE p.listing_id = $1 AND p.wallet = $2
                   AND (p.status IN ('RESERVED', 'PENDING_CHAIN', 'EXPIRED')
                        OR (p.status = 'FAILED' AND p.tx_hash = $3))
                 ORDER BY p.tx_hash IS NOT DISTINCT FROM $3 DESC, p.status = 'EXPIRED', p.created_at
                 LIMIT 1 FOR UPDATE OF p"""  # noqa: S608  # our own column list
    row = await tx.fetchrow(query, listing_id, wallet, tx_hash)
    return None if row is None else purchase_of(row)


async def held(tx: Connection, master_id: str) -> list[Held]:
    """Return what holds shares of an IPO."""
    query = """SELECT id, status, payment_method, quantity, created_at FROM nft.purchases
                WHERE master_id = $1 AND kind = 'PRIMARY' AND status IN ('RESERVED', 'PAID', 'PENDING_CHAIN')"""
    return [
        Held(
            id=str(row["id"]),
            status=row["status"],
            payment_method=row["payment_method"],
            quantity=row["quantity"],
            created_at=row["created_at"],
        )
        for row in await tx.fetch(query, master_id)
    ]


async def confirm(tx: Connection, purchase_id: str, tx_hash: str, now: datetime) -> bool:
    """Write down the transaction a buyer sent; False when it is too late, or somebody else named it."""
    return changed(await tx.execute(_CONFIRM, purchase_id, tx_hash, now)) == 1


async def is_named(tx: Connection, tx_hash: str) -> bool:
    """Whether a purchase has this transaction already."""
    return await tx.fetchval("SELECT 1 FROM nft.purchases WHERE tx_hash = $1 LIMIT 1", tx_hash) is not None


async def complete(
    tx: Connection, purchase: Purchase, *, tx_hash: str, log_index: int, token_ids: Sequence[int], now: datetime
) -> None:
    """Write down what the buyer owns now."""
    tag = await tx.execute(_COMPLETE, purchase.id, purchase.status, tx_hash, log_index, list(token_ids), now)
    assert changed(tag) == 1, f"purchase {purchase.id} changed under its lock"


async def revert(tx: Connection, purchase_id: str, now: datetime) -> None:
    """Wait for the chain again: a reorg took the shares back."""
    tag = await tx.execute(_REVERT, purchase_id, now)
    assert changed(tag) == 1, f"purchase {purchase_id} changed under its lock"


async def leave(  # from which states to which, and why: all of one change
    tx: Connection,
    purchase_id: str,
    *,
    states: Sequence[str],
    to: str,
    now: datetime,
    failure: str | None = None,
) -> bool:
    """Leave one of these states for another; whether it was in one."""
    return changed(await tx.execute(_LEAVE, purchase_id, list(states), to, failure, now)) == 1


@dataclass(frozen=True, kw_only=True)
class CardPayment:
    """What payment-service says was paid."""

    id: str
    cents: int
    currency: str


async def pay(tx: Connection, purchase: Purchase, payment: CardPayment, *, to: str, now: datetime) -> bool:
    """Write a card's payment down, for a purchase that had none."""
    tag = await tx.execute(
        _PAY, purchase.id, purchase.status, to, payment.id, payment.cents, payment.currency, now
    )  # fmt: skip
    return changed(tag) == 1


async def ask_mint(tx: Connection, purchase_id: str, *, look_at: datetime, now: datetime) -> int | None:
    """Leave PAID because the chain is asked; return which try it is."""
    tries = await tx.fetchval(_ASK, purchase_id, look_at, now)
    return None if tries is None else int(tries)


async def mint_refused(  # the row it names and what is written into it
    tx: Connection, purchase_id: str, *, tries: int, failure: str, look_at: datetime, now: datetime
) -> bool:
    """Go back to PAID because this try was refused; an older try changes nothing."""
    return changed(await tx.execute(_REFUSED, purchase_id, tries, failure, look_at, now)) == 1


async def alerted(tx: Connection, purchase_id: str, now: datetime, before: datetime) -> bool:
    """Whether it is this caller's turn to raise the alert."""
    query = """UPDATE nft.purchases SET alerted_at = $2
                WHERE id = $1 AND (alerted_at IS NULL OR alerted_at < $3)"""
    return changed(await tx.execute(query, purchase_id, now, before)) == 1


async def look_later(tx: Connection, purchase_id: str, at: datetime) -> None:
    """Let the loop look at a purchase again then."""
    query = "UPDATE nft.purchases SET look_at = $2 WHERE id = $1 AND status IN ('PAID', 'PENDING_CHAIN')"
    await tx.execute(query, purchase_id, at)


async def expiring(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Return reservations whose time is over, the oldest first; nothing is locked."""
    rows = await connection.fetch(_EXPIRING, now, limit)
    return [Due(str(row["id"]), row["kind"], str(row["master_id"]), _text(row["listing_id"])) for row in rows]


async def to_look_at(tx: Connection, now: datetime, *, again_at: datetime, limit: int) -> list[str]:
    """Claim purchases that wait for a chain, until `again_at`."""
    return [str(row["id"]) for row in await tx.fetch(_LOOK, now, again_at, limit)]


def purchase_of(row: Row) -> Purchase:
    """Return what FIND found."""
    parts = Parts(
        unit_wei=int(row["unit_wei"]),
        quantity=row["quantity"],
        fee_wei=int(row["fee_wei"]),
        royalty_wei=int(row["royalty_wei"]),
        seller_wei=int(row["seller_wei"]),
    )
    return Purchase(
        id=str(row["id"]),
        kind=row["kind"],
        buyer_user_id=str(row["buyer_user_id"]),
        wallet=row["wallet"],
        master_id=str(row["master_id"]),
        artist_id=str(row["artist_id"]),
        listing_id=_text(row["listing_id"]),
        chain_id=row["chain_id"],
        currency=row["currency"],
        parts=parts,
        payment_method=row["payment_method"],
        status=row["status"],
        expires_at=row["expires_at"],
        created_at=row["created_at"],
        tx_hash=row["tx_hash"],
        log_index=row["log_index"],
        token_ids=tuple(row["token_ids"]),
        payment_id=row["payment_id"],
        paid_cents=row["paid_cents"],
        paid_currency=row["paid_currency"],
        paid_at=row["paid_at"],
        mint_tries=row["mint_tries"],
        failure=row["failure"],
        completed_at=row["completed_at"],
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
