"""Keep every move of a share that is in the chain now; append-only but for reorgs.

Between: sagas.minting and .reselling (write what the chain told).
Units: wei.
Invariant: (chain, tx_hash, log_index) is one move; a sale is one row, its own log's, and the transfer in the same
transaction adds none.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel.connection import Connection

_INSERT: Final = """
INSERT INTO nft.share_transfers (chain_id, tx_hash, log_index, block_number, master_id, token_id, type, from_wallet,
       to_wallet, price_wei, royalty_wei, fee_wei, marketplace, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_SOLD: Final = """
SELECT 1 FROM nft.share_transfers
 WHERE chain_id = $1 AND tx_hash = $2 AND master_id = $3 AND token_id = $4 AND type = 'SALE' AND log_index < $5
"""
MARKETPLACE: Final = "audifi"


@dataclass(frozen=True, kw_only=True)
class Move:
    """A share that changed hands; a price only when our marketplace saw one."""

    master_id: str
    token_id: int
    from_wallet: str
    to_wallet: str
    price_wei: int | None = None
    royalty_wei: int | None = None
    fee_wei: int | None = None


async def insert(tx: Connection, fact: Fact, move: Move, now: datetime) -> None:
    """Write a move down."""
    is_sale = move.price_wei is not None
    await tx.execute(
        _INSERT,
        fact.chain_id,
        fact.tx_hash,
        fact.log_index,
        fact.block_number,
        move.master_id,
        move.token_id,
        "SALE" if is_sale else "TRANSFER",
        move.from_wallet,
        move.to_wallet,
        _numeric(move.price_wei),
        _numeric(move.royalty_wei),
        _numeric(move.fee_wei),
        MARKETPLACE if is_sale else None,
        now,
    )


async def is_of_sale(tx: Connection, fact: Fact, master_id: str, token_id: int) -> bool:
    """Whether this transfer delivers a sale that the same transaction told before."""
    found = await tx.fetchval(_SOLD, fact.chain_id, fact.tx_hash, master_id, token_id, fact.log_index)
    return found is not None


async def remove(tx: Connection, fact: Fact) -> None:
    """Forget a move that a reorg took away."""
    query = "DELETE FROM nft.share_transfers WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3"
    await tx.execute(query, fact.chain_id, fact.tx_hash, fact.log_index)


def _numeric(amount: int | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)
