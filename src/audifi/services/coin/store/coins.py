"""Keep each artist's coin and how far it is on its way to the chain.

Between: sagas, facts, routes.
Invariant: one coin per artist (unique), whoever asks first; a step is left only by whoever names it and its attempt.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from audifi.kernel.connection import Connection, Row, changed
from audifi.kernel.ids import new_id
from audifi.services.coin.rules.steps import Place
from audifi.services.coin.rules.supply import BUCKETS


@dataclass(frozen=True, kw_only=True)
class Coin:
    """An artist's coin."""

    id: str
    artist_id: str
    name: str | None
    symbol: str | None
    chain_id: int
    treasury: str
    total_supply: int
    pool_fee_bps: int
    base_bps: int
    status: str
    step: str
    attempt: int
    error: str | None
    address: str | None
    deploy_tx: str | None
    staking_address: str | None
    custodian: str | None
    rewards_funded: int
    rewards_paid: int
    master_id: str | None
    ipo_id: str | None
    participants: str
    created_at: datetime

    @property
    def rewards_left(self) -> int:
        return self.rewards_funded - self.rewards_paid

    def place(self, pool: str | None) -> Place:
        """Return what the steps need to know of it."""
        assert self.name is not None, "a coin without a name is PENDING: it takes no step"
        assert self.symbol is not None, "name and symbol come together"
        return Place(
            name=self.name,
            symbol=self.symbol,
            treasury=self.treasury,
            pool_fee_bps=self.pool_fee_bps,
            base_bps=self.base_bps,
            address=self.address,
            pool=pool,
            staking=self.staking_address,
        )


@dataclass(frozen=True, kw_only=True)
class NewCoin:
    """A coin that is wanted; without a name it waits for its artist's."""

    artist_id: str
    chain_id: int
    treasury: str
    base_bps: int
    pool_fee_bps: int = 30
    name: str | None = None
    symbol: str | None = None
    master_id: str | None = None
    ipo_id: str | None = None


_COLUMNS = """id, artist_id, name, symbol, chain_id, treasury, total_supply, pool_fee_bps, base_bps, status, step,
    attempt, error, address, deploy_tx, staking_address, custodian, rewards_funded, rewards_paid, master_id, ipo_id,
    participants, created_at"""
_PUBLIC = "status IN ('DEPLOYED', 'TRADABLE')"


async def insert(tx: Connection, new: NewCoin) -> bool:
    """Make the artist's coin; False when there is one."""
    coin_id = new_id()
    made = await tx.fetchval(
        """INSERT INTO coin.coins (id, artist_id, chain_id, treasury, base_bps, pool_fee_bps, name, symbol, master_id,
                                   ipo_id, status)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (artist_id) DO NOTHING RETURNING id""",
        coin_id,
        new.artist_id,
        new.chain_id,
        new.treasury.lower(),
        new.base_bps,
        new.pool_fee_bps,
        new.name,
        new.symbol,
        new.master_id,
        new.ipo_id,
        "PENDING" if new.name is None else "DEPLOYING",
    )
    if made is None:
        return False
    await tx.executemany(
        "INSERT INTO coin.allocations (coin_id, bucket, amount) VALUES ($1, $2, $3)",
        [(coin_id, bucket.value, Decimal(amount)) for bucket, amount in BUCKETS.items()],
    )
    return True


async def of_artist(connection: Connection, artist_id: str) -> Coin | None:
    """Return an artist's coin."""
    return await _one(connection, "artist_id = $1", artist_id)


async def of_contract(connection: Connection, contract: str, chain_id: int, address: str) -> Coin | None:
    """Return the coin that a contract of ours belongs to."""
    where = {
        "Coin": "chain_id = $1 AND address = $2",
        "Staking": "chain_id = $1 AND staking_address = $2",
        "Pool": "id = (SELECT coin_id FROM coin.pools WHERE chain_id = $1 AND address = $2)",
    }[contract]
    return await _one(connection, where, chain_id, address)


async def listed(connection: Connection, *, newest_first: bool, limit: int, offset: int) -> list[Coin]:
    """Return coins that are on their chain."""
    way = "DESC" if newest_first else "ASC"
    where = f"{_PUBLIC} ORDER BY created_at {way}, id LIMIT $1 OFFSET $2"
    return await _some(connection, where, limit, offset)


async def count(connection: Connection) -> int:
    """Return how many `listed` has in all."""
    return int(await connection.fetchval(f"SELECT count(*) FROM coin.coins WHERE {_PUBLIC}"))  # noqa: S608  # constant text


async def pending(connection: Connection, limit: int) -> list[Coin]:
    """Return coins that wait for a name, the oldest first."""
    return await _some(connection, "status = 'PENDING' ORDER BY created_at LIMIT $1", limit)


async def name(tx: Connection, coin_id: str, *, name: str, symbol: str) -> bool:
    """Give a pending coin its name; False when another pod did."""
    return await _changed(
        tx,
        """UPDATE coin.coins SET status = 'DEPLOYING', name = $2, symbol = $3, updated_at = now()
            WHERE id = $1 AND status = 'PENDING'""",
        coin_id,
        name,
        symbol,
    )


@dataclass(frozen=True, kw_only=True)
class Under:
    """The step a coin must be at for a change to count."""

    coin_id: str
    step: str
    attempt: int


async def advance(tx: Connection, under: Under, *, to: str, contract: str | None, tx_hash: str | None) -> bool:
    """Leave a step that was confirmed; False when it was left already. `contract` is what came into being."""
    return await _changed(
        tx,
        """UPDATE coin.coins
              SET step = $4, attempt = 1, error = NULL, updated_at = now(),
                  status = CASE WHEN $4 = 'done' THEN 'DEPLOYED' ELSE status END,
                  address = CASE WHEN $2 = 'deploy' THEN $5 ELSE address END,
                  deploy_tx = CASE WHEN $2 = 'deploy' THEN $6 ELSE deploy_tx END,
                  staking_address = CASE WHEN $2 = 'staking' THEN $5 ELSE staking_address END
            WHERE id = $1 AND step = $2 AND attempt = $3 AND status = 'DEPLOYING'""",
        under.coin_id,
        under.step,
        under.attempt,
        to,
        None if contract is None else contract.lower(),
        tx_hash,
    )


async def fail(tx: Connection, under: Under, error: str) -> bool:
    """Stop at a step that cannot be taken."""
    return await _changed(
        tx,
        """UPDATE coin.coins SET status = 'FAILED', error = $4, updated_at = now()
            WHERE id = $1 AND step = $2 AND attempt = $3 AND status = 'DEPLOYING'""",
        under.coin_id,
        under.step,
        under.attempt,
        error,
    )


async def retry(tx: Connection, coin_id: str) -> bool:
    """Try the failed step again, under a new key; False when nothing failed."""
    return await _changed(
        tx,
        """UPDATE coin.coins SET status = 'DEPLOYING', attempt = attempt + 1, error = NULL, updated_at = now()
            WHERE id = $1 AND status = 'FAILED'""",
        coin_id,
    )


async def make_tradable(tx: Connection, coin_id: str) -> bool:
    return await _changed(
        tx,
        "UPDATE coin.coins SET status = 'TRADABLE', updated_at = now() WHERE id = $1 AND status = 'DEPLOYED'",
        coin_id,
    )


async def set_ipo(tx: Connection, artist_id: str, *, master_id: str, ipo_id: str) -> bool:
    """Name the IPO whose buyers are given coins, unless one is named."""
    return await _changed(
        tx,
        """UPDATE coin.coins SET master_id = $2, ipo_id = $3, updated_at = now()
            WHERE artist_id = $1 AND ipo_id IS NULL""",
        artist_id,
        master_id,
        ipo_id,
    )


async def forget_ipo(tx: Connection, ipo_id: str, artist_id: str) -> bool:
    """An IPO ended with nothing sold: the next one's buyers are given the coins."""
    return await _changed(
        tx,
        """UPDATE coin.coins SET master_id = NULL, ipo_id = NULL, updated_at = now()
            WHERE artist_id = $2 AND ipo_id = $1 AND participants = 'WAITING'""",
        ipo_id,
        artist_id,
    )


async def make_due(tx: Connection, ipo_id: str, artist_id: str) -> bool:
    """The IPO is over: its buyers are to be given coins."""
    return await _changed(
        tx,
        """UPDATE coin.coins SET participants = 'DUE', updated_at = now()
            WHERE artist_id = $2 AND ipo_id = $1 AND participants = 'WAITING'""",
        ipo_id,
        artist_id,
    )


async def due(connection: Connection, limit: int) -> list[Coin]:
    """Return coins whose participants' part is to be divided."""
    return await _some(connection, "participants = 'DUE' ORDER BY updated_at LIMIT $1", limit)


async def mark_shared(tx: Connection, coin_id: str) -> bool:
    """The participants' part was divided; False when another pod did."""
    return await _changed(
        tx,
        "UPDATE coin.coins SET participants = 'SHARED', updated_at = now() WHERE id = $1 AND participants = 'DUE'",
        coin_id,
    )


async def set_custodian(tx: Connection, coin_id: str, wallet: str | None) -> None:
    """Remember which wallet holds what was not given away yet."""
    await tx.execute("UPDATE coin.coins SET custodian = $2 WHERE id = $1", coin_id, wallet)


async def count_rewards(tx: Connection, coin_id: str, *, funded: int = 0, paid: int = 0) -> None:
    """Add to what rewards were funded with, and to what was paid; below 0 when a log left the chain."""
    await tx.execute(
        """UPDATE coin.coins SET rewards_funded = rewards_funded + $2, rewards_paid = rewards_paid + $3
            WHERE id = $1""",
        coin_id,
        Decimal(funded),
        Decimal(paid),
    )


async def _changed(tx: Connection, statement: str, *arguments: Any) -> bool:
    return changed(await tx.execute(statement, *arguments)) == 1


async def _one(connection: Connection, where: str, *arguments: Any) -> Coin | None:
    found = await _some(connection, where, *arguments)
    return found[0] if found else None


async def _some(connection: Connection, where: str, *arguments: Any) -> list[Coin]:
    """Return what fits; `where` is a text of this module."""
    query = f"SELECT {_COLUMNS} FROM coin.coins WHERE {where}"  # noqa: S608  # constant text
    return [_coin(row) for row in await connection.fetch(query, *arguments)]


def _coin(row: Row) -> Coin:
    values: dict[str, Any] = dict(row)
    values |= {name: int(row[name]) for name in ("total_supply", "rewards_funded", "rewards_paid")}
    for name in ("id", "artist_id", "master_id", "ipo_id"):
        values[name] = None if row[name] is None else str(row[name])
    return Coin(**values)
