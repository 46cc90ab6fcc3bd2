"""Keep stakes: what a wallet was told to send, and what the chain says became of it.

Between: routes.stakes (tells), facts (hears).
Shape: PENDING → ACTIVE (the log came) → UNSTAKING (told how to take it back) → CLOSED (the log came).
Invariant: (coin, number in the contract) is unique; a log finds the row that was promised for it, or makes one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from audifi.kernel.connection import Connection, Row, changed
from audifi.kernel.ids import new_id

_COLUMNS = """id, coin_id, user_id, wallet, amount, lock_days, apy_bps, stake_id, started_at, unlocks_at, status,
    reward_paid, created_at"""


@dataclass(frozen=True, kw_only=True)
class Stake:
    """Coins put away for a time."""

    id: str
    coin_id: str
    user_id: str | None
    wallet: str
    amount: int
    lock_days: int
    apy_bps: int
    stake_id: int | None
    started_at: datetime | None
    unlocks_at: datetime | None
    status: str
    reward_paid: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a Staked log says."""

    stake_id: int
    wallet: str
    amount: int
    lock_days: int
    apy_bps: int
    started_at_s: int
    unlocks_at_s: int


@dataclass(frozen=True)
class Standing:
    """What some wallets have staked of one coin."""

    staked: int
    locks_days: tuple[int, ...]


async def promise(tx: Connection, coin_id: str, new: Stake) -> None:
    """Write down what a wallet was told to send."""
    await tx.execute(
        """INSERT INTO coin.stakes (id, coin_id, user_id, wallet, amount, lock_days, apy_bps, status, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 'PENDING', $8)""",
        new.id,
        coin_id,
        new.user_id,
        new.wallet,
        Decimal(new.amount),
        new.lock_days,
        new.apy_bps,
        new.created_at,
    )


async def begin(tx: Connection, coin_id: str, begun: Begun) -> Stake:
    """Make a promised stake active, the oldest that fits; or write down one that nobody promised."""
    promised = await tx.fetchval(
        """SELECT id FROM coin.stakes WHERE coin_id = $1 AND wallet = $2 AND amount = $3 AND lock_days = $4
              AND status = 'PENDING' ORDER BY created_at, id LIMIT 1 FOR UPDATE""",
        coin_id,
        begun.wallet,
        Decimal(begun.amount),
        begun.lock_days,
    )
    row = await tx.fetchrow(
        f"""INSERT INTO coin.stakes (id, coin_id, wallet, amount, lock_days, apy_bps, stake_id, started_at, unlocks_at,
                                     status)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'ACTIVE')
            ON CONFLICT (id) DO UPDATE SET stake_id = excluded.stake_id, started_at = excluded.started_at,
               unlocks_at = excluded.unlocks_at, apy_bps = excluded.apy_bps, status = 'ACTIVE'
            RETURNING {_COLUMNS}""",  # noqa: S608  # constant text
        promised or new_id(),
        coin_id,
        begun.wallet,
        Decimal(begun.amount),
        begun.lock_days,
        begun.apy_bps,
        begun.stake_id,
        datetime.fromtimestamp(begun.started_at_s, UTC),
        datetime.fromtimestamp(begun.unlocks_at_s, UTC),
    )
    assert row is not None, "the statement returns the row it wrote"
    return _stake(row)


async def unbegin(tx: Connection, coin_id: str, stake_id: int) -> None:
    """A stake's log left the chain: who was told to send it may yet; one that nobody promised never was."""
    await tx.execute(
        "DELETE FROM coin.stakes WHERE coin_id = $1 AND stake_id = $2 AND user_id IS NULL", coin_id, stake_id
    )
    await tx.execute(
        """UPDATE coin.stakes SET status = 'PENDING', stake_id = NULL, started_at = NULL, unlocks_at = NULL
            WHERE coin_id = $1 AND stake_id = $2""",
        coin_id,
        stake_id,
    )


async def find(connection: Connection, coin_id: str, reference: str) -> Stake | None:
    query = f"SELECT {_COLUMNS} FROM coin.stakes WHERE coin_id = $1 AND id = $2"  # noqa: S608  # constant text
    row = await connection.fetchrow(query, coin_id, reference)
    return None if row is None else _stake(row)


async def of_wallets(connection: Connection, coin_id: str, wallets: Sequence[str]) -> list[Stake]:
    """Return their stakes, the newest first."""
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM coin.stakes WHERE coin_id = $1 AND wallet = ANY($2::text[])
             ORDER BY created_at DESC, id DESC LIMIT 1000""",  # noqa: S608  # constant text
        coin_id,
        list(wallets),
    )
    return [_stake(row) for row in rows]


async def standing(connection: Connection, coin_id: str, wallets: Sequence[str]) -> Standing:
    """Return what these wallets have staked, and for how long each was locked."""
    rows = await connection.fetch(
        """SELECT amount, lock_days FROM coin.stakes WHERE coin_id = $1 AND wallet = ANY($2::text[])
              AND status IN ('ACTIVE', 'UNSTAKING')""",
        coin_id,
        list(wallets),
    )
    return Standing(sum(int(row["amount"]) for row in rows), tuple(row["lock_days"] for row in rows))


async def start_unstaking(tx: Connection, reference: str) -> bool:
    """Say that the wallet was told how; again is no mistake, the first try may never have been sent."""
    tag = await tx.execute(
        "UPDATE coin.stakes SET status = 'UNSTAKING' WHERE id = $1 AND status IN ('ACTIVE', 'UNSTAKING')", reference
    )
    return changed(tag) == 1


async def close(tx: Connection, coin_id: str, stake_id: int) -> Stake:
    """The chain gave it back."""
    return await _set(tx, coin_id, stake_id, "CLOSED")


async def reopen(tx: Connection, coin_id: str, stake_id: int) -> None:
    """The log that closed it left the chain."""
    await _set(tx, coin_id, stake_id, "ACTIVE")


async def count_reward(tx: Connection, coin_id: str, stake_id: int, amount: int) -> None:
    """Add to what a stake was paid; below 0 when a log left the chain."""
    await tx.execute(
        "UPDATE coin.stakes SET reward_paid = reward_paid + $3 WHERE coin_id = $1 AND stake_id = $2",
        coin_id,
        stake_id,
        Decimal(amount),
    )


async def total(connection: Connection, coin_id: str) -> int:
    """Return how many coins are staked."""
    return int(
        await connection.fetchval(
            """SELECT coalesce(sum(amount), 0) FROM coin.stakes
                WHERE coin_id = $1 AND status IN ('ACTIVE', 'UNSTAKING')""",
            coin_id,
        )
    )


async def forget_unsent(tx: Connection, before: datetime, limit: int) -> int:
    """Delete promises that nobody kept."""
    return changed(
        await tx.execute(
            """DELETE FROM coin.stakes WHERE id IN (
                   SELECT id FROM coin.stakes WHERE status = 'PENDING' AND created_at < $1
                    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)""",
            before,
            limit,
        )
    )


async def _set(tx: Connection, coin_id: str, stake_id: int, status: str) -> Stake:
    row = await tx.fetchrow(
        f"UPDATE coin.stakes SET status = $3 WHERE coin_id = $1 AND stake_id = $2 RETURNING {_COLUMNS}",  # noqa: S608  # constant text
        coin_id,
        stake_id,
        status,
    )
    assert row is not None, f"stake {stake_id} of coin {coin_id} is not known: logs are missing"
    return _stake(row)


def _stake(row: Row) -> Stake:
    values: dict[str, Any] = dict(row)
    values |= {name: int(row[name]) for name in ("amount", "reward_paid")}
    for name in ("id", "coin_id", "user_id"):
        values[name] = None if row[name] is None else str(row[name])
    return Stake(**values)
