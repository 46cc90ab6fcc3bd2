"""Keep what of each part of the supply has left the platform's hands.

Between: facts (counts by the chain's logs), routes.coins (shows).
"""

from dataclasses import dataclass
from decimal import Decimal

from audifi.kernel.connection import Connection
from audifi.services.coin.rules.supply import Bucket


@dataclass(frozen=True)
class Allocation:
    """One part of the supply."""

    bucket: str
    amount: int
    released: int


async def of_coin(connection: Connection, coin_id: str) -> list[Allocation]:
    """Return the four parts, the largest first."""
    rows = await connection.fetch(
        "SELECT bucket, amount, released FROM coin.allocations WHERE coin_id = $1 ORDER BY amount DESC, bucket",
        coin_id,
    )
    return [Allocation(row["bucket"], int(row["amount"]), int(row["released"])) for row in rows]


async def release(tx: Connection, coin_id: str, bucket: Bucket, amount: int) -> None:
    """Count what left; below 0 when the log that said so left the chain."""
    await tx.execute(
        "UPDATE coin.allocations SET released = released + $3 WHERE coin_id = $1 AND bucket = $2",
        coin_id,
        bucket.value,
        Decimal(amount),
    )
