"""Fill a coin's pool: the quarter of the supply that is for it, and the platform's own ether.

    EMPTY → APPROVING (the pool may take the coins) → PROVIDING → ACTIVE, the coin TRADABLE; FAILED may be asked again

Between: routes.pools (asks) and consumers (chain.settled).
Invariant: a pool is filled once; reserves come from the chain's logs, never from what was asked.
Errors: Conflict for a pool that is filled or about to be.
Source: domain.md 2.5 "Pool".
"""

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.telemetry import log
from audifi.services.coin.errors import Conflict
from audifi.services.coin.rules.keys import Key
from audifi.services.coin.rules.supply import BUCKETS, Bucket
from audifi.services.coin.sagas import wishes
from audifi.services.coin.store import coins, pools
from audifi.services.coin.store.coins import Coin
from audifi.services.coin.store.pools import Pool
from audifi.wire.amounts import wei
from audifi.wire.events.chain import AddLiquidity, ApproveCoin, ChainSettled
from audifi.wire.events.coin import CoinPoolCreated

APPROVE, PROVIDE = "approve-pool", "add-liquidity"


async def asked(tx: Connection, coin: Coin, *, type_: str, native_wei: int) -> Pool:
    """Begin to fill the pool."""
    if not await pools.ask(tx, coin.id, type_=type_, native_wei=native_wei):
        raise Conflict("This coin has a pool already.")
    pool = await _pool(tx, coin)
    assert coin.address is not None, "a coin with a pool has an address"
    command = ApproveCoin(coin=coin.address, spender=pool.address, amount=wei(BUCKETS[Bucket.POOL]))
    await wishes.want(tx, Key(coin.artist_id, APPROVE, attempt=pool.attempt), coin.chain_id, command)
    return pool


async def settled(tx: Connection, key: Key, told: ChainSettled) -> None:
    """Take the next step, or stop."""
    coin = await coins.of_artist(tx, key.artist_id)
    if coin is None:
        return
    if told.state in wishes.NEVER:
        if await pools.fail(tx, coin.id, key.attempt, told.error or told.state):
            log.error("a pool could not be filled; its artist may ask again", key=told.key, error=told.error)
    elif told.state in wishes.SUCCEEDED:
        await (_provide if key.what == APPROVE else _open)(tx, coin, key)


async def _provide(tx: Connection, coin: Coin, key: Key) -> None:
    if not await pools.advance(tx, coin.id, key.attempt, from_="APPROVING", to="PROVIDING"):
        return
    pool = await _pool(tx, coin)
    assert pool.native_wanted is not None, "whoever asked said how much"
    command = AddLiquidity(pool=pool.address, coin_amount=wei(BUCKETS[Bucket.POOL]), value_wei=wei(pool.native_wanted))
    await wishes.want(tx, Key(coin.artist_id, PROVIDE, attempt=key.attempt), coin.chain_id, command)


async def _open(tx: Connection, coin: Coin, key: Key) -> None:
    if not await pools.advance(tx, coin.id, key.attempt, from_="PROVIDING", to="ACTIVE"):
        return
    await coins.make_tradable(tx, coin.id)
    pool = await _pool(tx, coin)
    created = CoinPoolCreated(
        coin_id=coin.id, artist_id=coin.artist_id, address=pool.address, type=pool.type or "UNISWAP_V2"
    )
    await outbox.add(tx, created, aggregate_id=coin.id)


async def _pool(tx: Connection, coin: Coin) -> Pool:
    pool = await pools.of_coin(tx, coin.id)
    assert pool is not None, "pools are never deleted"
    return pool
