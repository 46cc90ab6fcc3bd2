"""Keep what each buyer of the first IPO is given, and whether it was.

Between: sagas.giving.
Invariant: one grant per coin and wallet; a grant is wanted of the chain under one key per attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from audifi.kernel.connection import Connection, changed

RETRY_MINUTES = 15  # the worker tries a transfer for eight minutes before it is refused
ATTEMPTS_MAX = 5


@dataclass(frozen=True)
class Due:
    """A grant to be asked for now."""

    artist_id: str
    chain_id: int
    coin: str
    wallet: str
    amount: int
    attempt: int


async def insert(tx: Connection, coin_id: str, shares_of: Mapping[str, int], amounts: Mapping[str, int]) -> None:
    """Write down who is given what."""
    await tx.executemany(
        """INSERT INTO coin.grants (coin_id, wallet, shares, amount) VALUES ($1, $2, $3, $4)
           ON CONFLICT (coin_id, wallet) DO NOTHING""",
        [(coin_id, wallet, shares_of[wallet], Decimal(amount)) for wallet, amount in amounts.items() if amount > 0],
    )


async def take_due(tx: Connection, limit: int) -> list[Due]:
    """Mark grants as wanted that can be given now, and return them; what failed comes again some time later."""
    rows = await tx.fetch(
        """WITH due AS (
               SELECT g.coin_id, g.wallet FROM coin.grants g JOIN coin.coins c ON c.id = g.coin_id
                WHERE g.status IN ('WAITING', 'FAILED') AND g.due_at <= now() AND c.address IS NOT NULL
                  AND g.attempt <= $2
                ORDER BY g.due_at LIMIT $1 FOR UPDATE OF g SKIP LOCKED)
           UPDATE coin.grants g SET status = 'WANTED' FROM due, coin.coins c
            WHERE g.coin_id = due.coin_id AND g.wallet = due.wallet AND c.id = g.coin_id
           RETURNING c.artist_id, c.chain_id, c.address, g.wallet, g.amount, g.attempt""",
        limit,
        ATTEMPTS_MAX,
    )
    return [
        Due(
            str(row["artist_id"]),
            row["chain_id"],
            row["address"],
            row["wallet"],
            int(row["amount"]),
            row["attempt"],
        )
        for row in rows
    ]


async def give(tx: Connection, artist_id: str, wallet: str, attempt: int, tx_hash: str | None) -> bool:
    """The transfer is in the chain."""
    tag = await tx.execute(
        """UPDATE coin.grants SET status = 'GIVEN', tx_hash = $4, error = NULL
            WHERE coin_id = (SELECT id FROM coin.coins WHERE artist_id = $1) AND wallet = $2 AND attempt = $3
              AND status = 'WANTED'""",
        artist_id,
        wallet,
        attempt,
        tx_hash,
    )
    return changed(tag) == 1


async def fail(tx: Connection, artist_id: str, wallet: str, attempt: int, error: str) -> bool:
    """The transfer will never be: another attempt later, under another key."""
    tag = await tx.execute(
        """UPDATE coin.grants SET status = 'FAILED', attempt = attempt + 1, error = $4,
                  due_at = now() + make_interval(mins => $5)
            WHERE coin_id = (SELECT id FROM coin.coins WHERE artist_id = $1) AND wallet = $2 AND attempt = $3
              AND status = 'WANTED'""",
        artist_id,
        wallet,
        attempt,
        error,
        RETRY_MINUTES,
    )
    return changed(tag) == 1
