"""Keep where each coin trades, and what the pool holds by the chain's logs.

Between: sagas.deploying (the contract), sagas.providing (fills it), facts (reserves), routes.pools.
Invariant: reserves change only with the row of their event, in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.coin.rules.trading import Reserves

_COLUMNS = """coin_id, chain_id, address, type, status, fee_bps, native_wanted, attempt, error, coin_reserve,
    native_reserve"""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool; `type` is None until somebody asked to fill it."""

    coin_id: str
    chain_id: int
    address: str
    type: str | None
    status: str
    fee_bps: int
    native_wanted: int | None
    attempt: int
    error: str | None
    coin_reserve: int
    native_reserve: int

    @property
    def reserves(self) -> Reserves:
        return Reserves(self.coin_reserve, self.native_reserve, self.fee_bps)


@dataclass(frozen=True, kw_only=True)
class PoolEvent:
    """What a log changed of the reserves."""

    chain_id: int
    tx_hash: str
    log_index: int
    block_number: int
    type: str  # ADD | REMOVE | SWAP
    wallet: str
    coin_change: int
    native_change: int


async def insert(tx: Connection, coin_id: str, *, chain_id: int, address: str, fee_bps: int) -> None:
    """The contract is on the chain, empty."""
    await tx.execute(
        """INSERT INTO coin.pools (coin_id, chain_id, address, fee_bps) VALUES ($1, $2, $3, $4)
           ON CONFLICT (coin_id) DO NOTHING""",
        coin_id,
        chain_id,
        address.lower(),
        fee_bps,
    )


async def of_coin(connection: Connection, coin_id: str) -> Pool | None:
    """Return a coin's pool."""
    return (await of_coins(connection, [coin_id])).get(coin_id)


async def of_coins(connection: Connection, coin_ids: Sequence[str]) -> dict[str, Pool]:
    """Return the pools of these coins, by coin."""
    query = f"SELECT {_COLUMNS} FROM coin.pools WHERE coin_id = ANY($1::uuid[])"  # noqa: S608  # constant text
    return {str(row["coin_id"]): _pool(row) for row in await connection.fetch(query, list(coin_ids))}


async def ask(tx: Connection, coin_id: str, *, type_: str, native_wei: int) -> bool:
    """Ask for the pool to be filled, for the first time or after a failure; False when somebody did."""
    tag = await tx.execute(
        """UPDATE coin.pools SET type = $2, native_wanted = $3, error = NULL,
                  attempt = CASE status WHEN 'FAILED' THEN attempt + 1 ELSE attempt END, status = 'APPROVING'
            WHERE coin_id = $1 AND status IN ('EMPTY', 'FAILED')""",
        coin_id,
        type_,
        Decimal(native_wei),
    )
    return changed(tag) == 1


async def advance(tx: Connection, coin_id: str, attempt: int, *, from_: str, to: str) -> bool:
    """Leave a state; False when it was left."""
    tag = await tx.execute(
        "UPDATE coin.pools SET status = $4 WHERE coin_id = $1 AND attempt = $2 AND status = $3",
        coin_id,
        attempt,
        from_,
        to,
    )
    return changed(tag) == 1


async def fail(tx: Connection, coin_id: str, attempt: int, error: str) -> bool:
    tag = await tx.execute(
        """UPDATE coin.pools SET status = 'FAILED', error = $3
            WHERE coin_id = $1 AND attempt = $2 AND status IN ('APPROVING', 'PROVIDING')""",
        coin_id,
        attempt,
        error,
    )
    return changed(tag) == 1


async def record(tx: Connection, coin_id: str, event: PoolEvent) -> None:
    """Note what a log changed."""
    await tx.execute(
        """INSERT INTO coin.pool_events
                  (chain_id, tx_hash, log_index, coin_id, block_number, type, wallet, coin_change, native_change)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        event.chain_id,
        event.tx_hash,
        event.log_index,
        coin_id,
        event.block_number,
        event.type,
        event.wallet,
        Decimal(event.coin_change),
        Decimal(event.native_change),
    )
    await _change(tx, coin_id, event.coin_change, event.native_change)


async def forget(tx: Connection, coin_id: str, event: PoolEvent) -> None:
    """Take back what a log changed that left the chain."""
    await tx.execute(
        "DELETE FROM coin.pool_events WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3",
        event.chain_id,
        event.tx_hash,
        event.log_index,
    )
    await _change(tx, coin_id, -event.coin_change, -event.native_change)


async def volume_wei(connection: Connection, coin_id: str) -> int:
    """Return how much native currency was traded within a day."""
    return int(
        await connection.fetchval(
            """SELECT coalesce(sum(abs(native_change)), 0) FROM coin.pool_events
                WHERE coin_id = $1 AND type = 'SWAP' AND seen_at > now() - interval '24 hours'""",
            coin_id,
        )
    )


async def _change(tx: Connection, coin_id: str, coins: int, native: int) -> None:
    await tx.execute(
        """UPDATE coin.pools SET coin_reserve = coin_reserve + $2, native_reserve = native_reserve + $3
            WHERE coin_id = $1""",
        coin_id,
        Decimal(coins),
        Decimal(native),
    )


def _pool(row: Row) -> Pool:
    values: dict[str, Any] = dict(row)
    values |= {name: int(row[name]) for name in ("coin_reserve", "native_reserve")}
    wanted = row["native_wanted"]
    values |= {"coin_id": str(row["coin_id"]), "native_wanted": None if wanted is None else int(wanted)}
    return Pool(**values)
