"""Make balances, stakes and reserves what the chain's logs say, and undo what a reorg takes back.

Between: clients.chain.mirroring (calls `applied` and `undone`, one log at a time, in the chain's order) and store.
Shape: a log of a contract of ours is one change of rows, and its exact opposite when it leaves.
Which part of the supply a coin leaves the platform's hands from follows from where it goes: the staking contract (the
community's), the pool (the pool's), anybody else (the participants').
Invariant: after any batches in any order the rows are those of the logs that are in the chain (a test compares).
Errors: AssertionError when logs are missing: the batch is refused and delivered again.
Source: domain.md 2.5 "Tables".
"""

from typing import Any

from audifi.clients.chain.contracts.events import (
    CoinTransfer,
    Funded,
    LiquidityAdded,
    LiquidityRemoved,
    RewardPaid,
    Staked,
    Swap,
    Unstaked,
)
from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.coin.rules import staking
from audifi.services.coin.rules.supply import BUCKETS, Bucket
from audifi.services.coin.store import allocations, balances, coins, pools, stakes
from audifi.services.coin.store.balances import NOBODY, Movement
from audifi.services.coin.store.coins import Coin
from audifi.services.coin.store.pools import PoolEvent
from audifi.services.coin.store.stakes import Begun, Stake
from audifi.wire.amounts import wei
from audifi.wire.events.coin import CoinStaked, CoinTransferred, CoinUnstaked


async def applied(tx: Connection, fact: Fact) -> None:
    """A log is in the chain."""
    coin = await _coin(tx, fact)
    match fact.event:
        case CoinTransfer() as event:
            await _moved(tx, coin, fact, event)
        case LiquidityAdded() | LiquidityRemoved() | Swap():
            await pools.record(tx, coin.id, _pool_event(fact))
        case Staked() as event:
            stake = await stakes.begin(tx, coin.id, _begun(coin, event))
            await outbox.add(tx, CoinStaked(**_told(coin, stake, fact)), aggregate_id=coin.id)
        case RewardPaid(stake_id=stake_id, amount=amount):
            await _rewarded(tx, coin, stake_id, amount)
        case Unstaked(stake_id=stake_id):
            stake = await stakes.close(tx, coin.id, stake_id)
            await outbox.add(tx, CoinUnstaked(**_told(coin, stake, fact)), aggregate_id=coin.id)
        case Funded(amount=amount):
            await coins.count_rewards(tx, coin.id, funded=amount)
        case _:
            pass  # LiquidityPoolSet: the saga knows its pool


async def undone(tx: Connection, fact: Fact) -> None:
    """A log is in the chain no more; those after it are gone already."""
    coin = await _coin(tx, fact)
    match fact.event:
        case CoinTransfer() as event:
            await _moved_back(tx, coin, fact, event)
        case LiquidityAdded() | LiquidityRemoved() | Swap():
            await pools.forget(tx, coin.id, _pool_event(fact))
        case Staked(stake_id=stake_id):
            await stakes.unbegin(tx, coin.id, stake_id)
        case RewardPaid(stake_id=stake_id, amount=amount):
            await _rewarded(tx, coin, stake_id, -amount)
        case Unstaked(stake_id=stake_id):
            await stakes.reopen(tx, coin.id, stake_id)
        case Funded(amount=amount):
            await coins.count_rewards(tx, coin.id, funded=-amount)
        case _:
            pass


async def _coin(tx: Connection, fact: Fact) -> Coin:
    coin = await coins.of_contract(tx, fact.contract, fact.chain_id, fact.address)
    assert coin is not None, f"{fact.address} is watched and no coin has it"
    return coin


async def _moved(tx: Connection, coin: Coin, fact: Fact, event: CoinTransfer) -> None:
    movement = _movement(fact, event)
    if fact.contract == "Pool":
        await balances.move(tx, coin.id, movement, of_pool=True)
        return
    await balances.record(tx, coin.id, movement)
    await balances.move(tx, coin.id, movement)
    await _release(tx, coin, event, sign=1)
    if event.from_ != NOBODY:
        await outbox.add(tx, _transferred(coin, movement), aggregate_id=coin.id)


async def _moved_back(tx: Connection, coin: Coin, fact: Fact, event: CoinTransfer) -> None:
    movement = _movement(fact, event)
    if fact.contract == "Pool":
        await balances.move(tx, coin.id, movement.reversed, of_pool=True)
        return
    await balances.forget(tx, movement)
    await balances.move(tx, coin.id, movement.reversed)
    await _release(tx, coin, event, sign=-1)


async def _release(tx: Connection, coin: Coin, event: CoinTransfer, *, sign: int) -> None:
    """Count what leaves the platform's hands; at the minting, learn whose these are."""
    if event.from_ == NOBODY:
        if event.value == BUCKETS[Bucket.TREASURY]:
            await allocations.release(tx, coin.id, Bucket.TREASURY, sign * event.value)
        elif event.value == BUCKETS[Bucket.PARTICIPANTS]:
            await coins.set_custodian(tx, coin.id, event.to if sign > 0 else None)
    elif event.from_ == coin.custodian and event.to != coin.custodian:
        await allocations.release(tx, coin.id, await _bucket(tx, coin, event.to), sign * event.value)


async def _bucket(tx: Connection, coin: Coin, to: str) -> Bucket:
    if to == coin.staking_address:
        return Bucket.COMMUNITY
    pool = await pools.of_coin(tx, coin.id)
    return Bucket.POOL if pool is not None and to == pool.address else Bucket.PARTICIPANTS


async def _rewarded(tx: Connection, coin: Coin, stake_id: int, amount: int) -> None:
    await stakes.count_reward(tx, coin.id, stake_id, amount)
    await coins.count_rewards(tx, coin.id, paid=amount)


def _movement(fact: Fact, event: CoinTransfer) -> Movement:
    return Movement(
        chain_id=fact.chain_id,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
        block_number=fact.block_number,
        from_wallet=event.from_,
        to_wallet=event.to,
        amount=event.value,
    )


def _begun(coin: Coin, event: Staked) -> Begun:
    return Begun(
        stake_id=event.stake_id,
        wallet=event.staker,
        amount=event.amount,
        lock_days=staking.lock_of(event.apy_bps, base_bps=coin.base_bps),
        apy_bps=event.apy_bps,
        started_at_s=staking.started_at_s(event.unlocks_at, event.apy_bps, base_bps=coin.base_bps),
        unlocks_at_s=event.unlocks_at,
    )


def _pool_event(fact: Fact) -> PoolEvent:
    match fact.event:
        case LiquidityAdded(provider=wallet, coin_amount=coin_change, native_amount=native_change):
            kind = "ADD"
        case LiquidityRemoved(provider=wallet, coin_amount=coins_out, native_amount=native_out):
            kind, coin_change, native_change = "REMOVE", -coins_out, -native_out
        case Swap() as swap:
            kind, wallet = "SWAP", swap.sender
            coin_change, native_change = swap.coin_in - swap.coin_out, swap.native_in - swap.native_out
        case _:
            raise AssertionError(f"{fact.event} changes no reserve")
    return PoolEvent(
        chain_id=fact.chain_id,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
        block_number=fact.block_number,
        type=kind,
        wallet=wallet,
        coin_change=coin_change,
        native_change=native_change,
    )


def _transferred(coin: Coin, movement: Movement) -> CoinTransferred:
    return CoinTransferred(
        coin_id=coin.id,
        artist_id=coin.artist_id,
        from_wallet=movement.from_wallet,
        to_wallet=movement.to_wallet,
        amount=wei(movement.amount),
        tx_hash=movement.tx_hash,
        log_index=movement.log_index,
    )


def _told(coin: Coin, stake: Stake, fact: Fact) -> dict[str, Any]:
    return {
        "coin_id": coin.id,
        "artist_id": coin.artist_id,
        "stake_id": stake.id,
        "wallet": stake.wallet,
        "amount": wei(stake.amount),
        "lock_days": stake.lock_days,
        "tx_hash": fact.tx_hash,
        "log_index": fact.log_index,
        "user_id": stake.user_id,
    }
