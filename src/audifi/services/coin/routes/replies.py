"""Shape what coin-service answers, in one place for all routes that answer it.

Between: routes.* (build), docs/openapi/coin.json and the SDK (read).
Units: amounts are decimal strings of base units or wei; `formatted` is whole coins, exactly; `…Bps` 1/10,000.
"""

from datetime import datetime
from typing import Any

from audifi.kernel.clock import iso
from audifi.kernel.http import Reply, Timestamp
from audifi.services.coin.rules import staking, trading
from audifi.services.coin.store.allocations import Allocation
from audifi.services.coin.store.coins import Coin
from audifi.services.coin.store.pools import Pool
from audifi.services.coin.store.stakes import Stake
from audifi.wire.amounts import Wei, wei


class TransactionReply(Reply, kw_only=True):
    """What a wallet is asked to sign and send."""

    to: str
    data: str
    value_wei: Wei = "0"


class PoolReply(Reply, kw_only=True):
    """Where a coin trades."""

    address: str
    type: str
    status: str
    fee_bps: int
    coin_reserve: Wei
    native_reserve_wei: Wei
    price_wei: Wei | None


class AllocationReply(Reply):
    """A part of the supply, and how much of it was given away."""

    bucket: str
    amount: Wei
    released: Wei


class CoinReply(Reply, kw_only=True):
    """An artist's coin."""

    id: str
    artist_id: str
    name: str
    symbol: str
    decimals: int
    status: str
    chain_id: int
    address: str | None
    staking_address: str | None
    deploy_tx: str | None
    total_supply: Wei
    price_wei: Wei | None
    created_at: Timestamp


class CoinDetail(CoinReply, kw_only=True):
    """An artist's coin, with everything that hangs on it."""

    error: str | None
    allocations: tuple[AllocationReply, ...]
    metrics: "MetricsReply"
    pool: PoolReply | None


class MetricsReply(Reply, kw_only=True):
    """What a coin does now."""

    price_wei: Wei | None
    market_cap_wei: Wei | None
    volume24h_wei: Wei
    holders: int
    circulating: Wei
    staked: Wei
    rewards_left: Wei
    base_apy_bps: int


class BalanceReply(Reply, kw_only=True):
    """What a wallet has."""

    wallet: str
    balance: Wei
    formatted: str
    staked: Wei


class StakeReply(Reply, kw_only=True):
    """Coins put away for a time."""

    id: str
    wallet: str
    amount: Wei
    lock_days: int
    apy_bps: int
    status: str
    stake_id: int | None
    started_at: Timestamp | None
    unlocks_at: Timestamp | None
    accrued: Wei
    reward_paid: Wei
    transactions: tuple[TransactionReply, ...] = ()


def coin_reply(coin: Coin, pool: Pool | None) -> CoinReply:
    """Return a coin as lists show it."""
    return CoinReply(**_coin(coin, pool))


def coin_detail(coin: Coin, pool: Pool | None, *, allocations: list[Allocation], metrics: MetricsReply) -> CoinDetail:
    """Return a coin with everything that hangs on it."""
    return CoinDetail(
        **_coin(coin, pool),
        error=coin.error,
        allocations=tuple(AllocationReply(each.bucket, wei(each.amount), wei(each.released)) for each in allocations),
        metrics=metrics,
        pool=None if pool is None or pool.type is None else pool_reply(pool),
    )


def pool_reply(pool: Pool) -> PoolReply:
    """Return a pool that somebody asked to fill."""
    return PoolReply(
        address=pool.address,
        type=pool.type or "UNISWAP_V2",
        status=pool.status,
        fee_bps=pool.fee_bps,
        coin_reserve=wei(pool.coin_reserve),
        native_reserve_wei=wei(pool.native_reserve),
        price_wei=_price(pool),
    )


def stake_reply(
    stake: Stake, coin: Coin, now: datetime, *, transactions: tuple[TransactionReply, ...] = ()
) -> StakeReply:
    """Return a stake with what it earned until now."""
    is_open = stake.started_at is not None and stake.status in ("ACTIVE", "UNSTAKING")
    seconds = int((now - stake.started_at).total_seconds()) if is_open and stake.started_at else 0
    accrued = staking.accrued(stake.amount, stake.apy_bps, seconds, paid=stake.reward_paid, left=coin.rewards_left)
    return StakeReply(
        id=stake.id,
        wallet=stake.wallet,
        amount=wei(stake.amount),
        lock_days=stake.lock_days,
        apy_bps=stake.apy_bps,
        status=stake.status,
        stake_id=stake.stake_id,
        started_at=None if stake.started_at is None else iso(stake.started_at),
        unlocks_at=None if stake.unlocks_at is None else iso(stake.unlocks_at),
        accrued=wei(accrued),
        reward_paid=wei(stake.reward_paid),
        transactions=transactions,
    )


def _coin(coin: Coin, pool: Pool | None) -> dict[str, Any]:
    return {
        "id": coin.id,
        "artist_id": coin.artist_id,
        "name": coin.name or "",
        "symbol": coin.symbol or "",
        "decimals": 18,
        "status": coin.status,
        "chain_id": coin.chain_id,
        "address": coin.address,
        "staking_address": coin.staking_address,
        "deploy_tx": coin.deploy_tx,
        "total_supply": wei(coin.total_supply),
        "price_wei": None if pool is None else _price(pool),
        "created_at": iso(coin.created_at),
    }


def _price(pool: Pool) -> str | None:
    price = trading.price_wei(pool.reserves)
    return None if price is None else wei(price)
