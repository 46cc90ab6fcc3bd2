"""Give the buyers of an artist's first IPO their coins, when it is over.

Between: consumers (ipo.closed, ipo.sold_out, chain.settled) and loops (asks nft-service who bought; gives, BATCH at a
time, as soon as the coin has an address).
Invariant: the participants' part is divided once, to the last unit; each wallet is sent its part under one key per
attempt, and another attempt begins only when the one before it can never be.
Errors: Unavailable of nft-service, or while `ipo.launched` was not handled yet: tried again.
Source: domain.md 2.5 "Rules".
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from audifi.kernel.connection import Connection
from audifi.kernel.peers import Peers
from audifi.kernel.telemetry import log
from audifi.services.coin.errors import Unavailable
from audifi.services.coin.rules import supply
from audifi.services.coin.rules.keys import Key
from audifi.services.coin.sagas import wishes
from audifi.services.coin.store import coins, grants
from audifi.services.coin.store.coins import Coin
from audifi.wire.amounts import wei
from audifi.wire.events.chain import ChainSettled, TransferCoin

GIVE: Final = "give"
BATCH: Final = 100


class Participant(msgspec.Struct, rename="camel"):
    """Who bought how many shares at the IPO."""

    wallet: str
    shares: int


async def ended(tx: Connection, artist_id: str, ipo_id: str, shares_sold: int) -> None:
    """An IPO is over: if it is the coin's, its buyers are due; if nobody bought, the next one's will be."""
    coin = await coins.of_artist(tx, artist_id)
    if coin is None or coin.ipo_id is None:
        raise Unavailable(f"ipo {ipo_id} ended before its launch was handled", retry_after_s=1)
    if shares_sold == 0:
        await coins.forget_ipo(tx, ipo_id, artist_id)
    else:
        await coins.make_due(tx, ipo_id, artist_id)


async def participants(peers: Peers, coin: Coin) -> list[Participant]:
    """Return who bought at the coin's IPO."""
    return await peers.get("nft-service", f"/internal/v1/masters/{coin.master_id}/participants", list[Participant])


async def share(tx: Connection, coin: Coin, bought: Sequence[Participant]) -> bool:
    """Divide the participants' part; False when another pod did, or nobody bought."""
    shares_of: dict[str, int] = {}
    for each in bought:
        shares_of[each.wallet.lower()] = shares_of.get(each.wallet.lower(), 0) + each.shares
    shares_of = {wallet: shares for wallet, shares in shares_of.items() if shares > 0}
    if not shares_of:
        raise Unavailable(f"nft-service knows no buyers of master {coin.master_id} yet", retry_after_s=5)
    if not await coins.mark_shared(tx, coin.id):
        return False
    await grants.insert(tx, coin.id, shares_of, supply.among_participants(shares_of))
    return True


async def give_due(tx: Connection) -> int:
    """Want the next transfers; return how many."""
    due = await grants.take_due(tx, BATCH)
    for each in due:
        command = TransferCoin(coin=each.coin, to=each.wallet, amount=wei(each.amount))
        key = Key(each.artist_id, GIVE, wallet=each.wallet, attempt=each.attempt)
        await wishes.want(tx, key, each.chain_id, command)
    return len(due)


async def settled(tx: Connection, key: Key, told: ChainSettled) -> None:
    """Note what became of a transfer."""
    assert key.wallet is not None, "a gift's key names its wallet"
    if told.state in wishes.SUCCEEDED:
        await grants.give(tx, key.artist_id, key.wallet, key.attempt, told.tx_hash)
    elif told.state in wishes.NEVER:
        error = told.error or told.state
        if await grants.fail(tx, key.artist_id, key.wallet, key.attempt, error):
            log.error("coins could not be given; tried again later", key=told.key, error=error)
