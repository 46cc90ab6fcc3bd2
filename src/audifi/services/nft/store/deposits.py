"""Keep what the chain says was paid in to dividend contracts: ours, and what anybody else gave.

Between: revenue_facts (writes), store.distributions (looks for a revenue's), reconciliation (adds up).
Units: wei.
Invariant: a row is a log that is in the chain now.
Errors: none of its own.
Source: domain.md 2.2 (events indexed; idempotent by (txHash, logIndex)).
"""

from dataclasses import dataclass
from decimal import Decimal

from audifi.kernel.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Deposit:
    """Money that came in."""

    chain_id: int
    tx_hash: str
    log_index: int
    dividend: str
    depositor: str
    payout_id: str
    amount_wei: int
    block_number: int


async def insert(tx: Connection, new: Deposit) -> None:
    """Keep it; again changes nothing."""
    await tx.execute(
        """INSERT INTO nft.dividend_deposits (chain_id, tx_hash, log_index, dividend, depositor, payout_id, amount_wei,
                  block_number) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING""",
        new.chain_id,
        new.tx_hash,
        new.log_index,
        new.dividend,
        new.depositor,
        new.payout_id,
        Decimal(new.amount_wei),
        new.block_number,
    )


async def delete(tx: Connection, chain_id: int, tx_hash: str, log_index: int) -> None:
    """Forget it: a reorg took it back."""
    await tx.execute(
        "DELETE FROM nft.dividend_deposits WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3",
        chain_id,
        tx_hash,
        log_index,
    )
