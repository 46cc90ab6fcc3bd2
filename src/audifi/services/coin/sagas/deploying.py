"""Bring an artist's coin to its chain, one step of rules.steps after the other.

Between: consumers (ipo.launched, chain.settled), routes.coins (POST deploy), loops (names what waits for a name).
How it resumes. Each step is one transaction: what was confirmed is written and the next step wanted, or neither.
A pod that dies loses nothing; an event that comes again finds the step left, and changes nothing.
Invariant: one coin per artist, whoever asks first; one deployment each (a key stands for one command for ever).
Errors: CoinExists, UserNotFound, Unavailable of auth-service.
Source: domain.md 2.5 "Coin lifecycle".
"""

import msgspec

from audifi.clients.chain.mirroring.mirror import Mirror
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.peers import Peers
from audifi.kernel.telemetry import log
from audifi.services.coin.errors import CoinExists, Conflict, UserNotFound
from audifi.services.coin.rules import naming, staking, steps
from audifi.services.coin.rules.keys import Key
from audifi.services.coin.sagas import wishes
from audifi.services.coin.store import coins, pools
from audifi.services.coin.store.coins import Coin, NewCoin, Under
from audifi.wire.events.chain import ChainSettled
from audifi.wire.events.coin import CoinDeployed
from audifi.wire.events.nft import IpoLaunched


class Artist(msgspec.Struct, rename="camel"):
    """What we want to know of an artist's profile."""

    artist_name: str


async def launched(tx: Connection, ipo: IpoLaunched) -> None:
    """An IPO is open: the artist's first one makes the coin, and its buyers get the participants' part."""
    new = NewCoin(
        artist_id=ipo.artist_id,
        chain_id=ipo.chain_id,
        treasury=ipo.artist_wallet,
        base_bps=staking.BASE_BPS,
        master_id=ipo.master_id,
        ipo_id=ipo.ipo_id,
    )
    if not await coins.insert(tx, new):
        await coins.set_ipo(tx, ipo.artist_id, master_id=ipo.master_id, ipo_id=ipo.ipo_id)


async def name_pending(tx: Connection, coin: Coin, artist_name: str) -> None:
    """Name a coin after its artist, and begin."""
    name, symbol = naming.name_of(artist_name), naming.symbol_of(artist_name)
    if await coins.name(tx, coin.id, name=name, symbol=symbol):
        await _want(tx, await _again(tx, coin.artist_id))


async def artist_name(peers: Peers, artist_id: str) -> str:
    """Return what auth-service calls the artist; an account that is gone does not stop its coin."""
    try:
        return (await peers.get("auth-service", f"/internal/v1/users/{artist_id}/artist", Artist)).artist_name
    except UserNotFound:
        return naming.FALLBACK


async def asked(tx: Connection, new: NewCoin) -> Coin:
    """Make a coin at its artist's word, or take up the step that failed."""
    if await coins.insert(tx, new):
        coin = await _again(tx, new.artist_id)
    else:
        found = await _again(tx, new.artist_id)
        if not await coins.retry(tx, found.id):
            raise CoinExists
        coin = await _again(tx, new.artist_id)
    await _want(tx, coin)
    return coin


async def settled(tx: Connection, mirror: Mirror, key: Key, told: ChainSettled) -> None:
    """Take the next step, or stop, when the one under way is settled."""
    coin = await coins.of_artist(tx, key.artist_id)
    if coin is None or (coin.step, coin.attempt) != (key.what, key.attempt):
        return
    under = Under(coin_id=coin.id, step=key.what, attempt=key.attempt)
    if told.state in wishes.NEVER:
        if await coins.fail(tx, under, told.error or told.state):
            log.error("a coin's deployment stopped; its artist may ask again", key=told.key, error=told.error)
    elif told.state in wishes.SUCCEEDED:
        await _watch(tx, mirror, coin, told)
        await _advance(tx, coin, under, told)


async def _watch(tx: Connection, mirror: Mirror, coin: Coin, told: ChainSettled) -> None:
    """Mirror what came into being from its first block on; before any row is locked that the mirror locks too."""
    contract = steps.CONTRACTS.get(coin.step)
    if contract is not None:
        if told.contract is None or told.block_number is None:
            raise Conflict(f"{told.key} is {told.state} without an address or a block")
        await mirror.watch(tx, coin.chain_id, told.contract, contract, told.block_number)


async def _advance(tx: Connection, coin: Coin, under: Under, told: ChainSettled) -> None:
    to = steps.after(coin.step)
    if not await coins.advance(tx, under, to=to, contract=told.contract, tx_hash=told.tx_hash):
        return
    if coin.step == steps.POOL and told.contract is not None:
        await pools.insert(tx, coin.id, chain_id=coin.chain_id, address=told.contract, fee_bps=coin.pool_fee_bps)
    moved = await _again(tx, coin.artist_id)
    if to != steps.DONE:
        await _want(tx, moved)
        return
    assert moved.address is not None, "the coin's own step was the first"
    deployed = CoinDeployed(
        coin_id=moved.id,
        artist_id=moved.artist_id,
        chain_id=moved.chain_id,
        address=moved.address,
        symbol=moved.symbol or "",
    )
    await outbox.add(tx, deployed, aggregate_id=moved.id)


async def _want(tx: Connection, coin: Coin) -> None:
    pool = await pools.of_coin(tx, coin.id)
    command = steps.command(coin.step, coin.place(None if pool is None else pool.address))
    if command is not None:
        await wishes.want(tx, Key(coin.artist_id, coin.step, attempt=coin.attempt), coin.chain_id, command)


async def _again(tx: Connection, artist_id: str) -> Coin:
    coin = await coins.of_artist(tx, artist_id)
    assert coin is not None, "coins are never deleted"
    return coin
