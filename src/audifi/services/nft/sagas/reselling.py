"""Take over what the marketplace and transfers tell: who offers what, who sold, who owns a share now.

Between: facts (calls these for logs of Market contracts and transfers of Master contracts), store.

    Listed ─► a wish becomes an offer (or an offer made without us appears)     Delisted, a transfer ─► CANCELLED
    Sold ─► the listing is SOLD, its buyer's purchase COMPLETED; the Transfer behind it moves the share
Invariant: the chain decides; a listing that a log ended remembers what it was, so that `…_undone` brings it back.
Errors: none of its own; what contradicts our rows is logged as critical.
Source: domain.md 2.2, 2.8 "Secondary sale"; contracts/src/Market.sol.
"""

from datetime import datetime
from typing import Final

from audifi.clients.chain.contracts.events import Delisted, Listed, ShareTransfer, Sold
from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.kernel.logs import log
from audifi.services.nft.rules.sale import HELD
from audifi.services.nft.sagas import reserving
from audifi.services.nft.store import listings, purchases, shares, transfers
from audifi.services.nft.store.shares import Place
from audifi.services.nft.store.transfers import Move
from audifi.wire.amounts import wei
from audifi.wire.events.nft import PurchaseCompleted, ShareSold, ShareTransferred

NOBODY: Final = "0x" + "0" * 40


async def transferred(tx: Connection, fact: Fact, event: ShareTransfer, now: datetime) -> None:
    """A share has another owner; one that is minted is told by Minted."""
    if event.from_ == NOBODY:
        return
    place = await shares.master_of(tx, fact.chain_id, fact.address)
    if place is None or not await shares.give(
        tx, fact.chain_id, place.master_id, event.token_id, old=event.from_, new=event.to, now=now
    ):
        log.critical("a share moved that its owner did not have here", contract=fact.address, token=event.token_id)
        return
    if not await transfers.is_of_sale(tx, fact, place.master_id, event.token_id):
        move = Move(
            master_id=place.master_id, token_id=event.token_id, from_wallet=event.from_, to_wallet=event.to
        )  # fmt: skip
        await transfers.insert(tx, fact, move, now)
    await _end(tx, fact, place, event.token_id, now)
    told = ShareTransferred(
        master_id=place.master_id,
        artist_id=place.artist_id,
        token_id=event.token_id,
        chain_id=fact.chain_id,
        from_wallet=event.from_,
        to_wallet=event.to,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
    )
    await outbox.add(tx, told, aggregate_id=place.master_id)


async def transferred_undone(tx: Connection, fact: Fact, event: ShareTransfer, now: datetime) -> None:
    """The share is where it was."""
    place = None if event.from_ == NOBODY else await shares.master_of(tx, fact.chain_id, fact.address)
    if place is None:
        return
    await shares.give(tx, fact.chain_id, place.master_id, event.token_id, old=event.to, new=event.from_, now=now)
    await transfers.remove(tx, fact)
    await _revive(tx, fact)


async def listed(tx: Connection, fact: Fact, event: Listed, now: datetime) -> None:
    """An owner offers a share; an earlier offer of it is replaced."""
    place = await shares.master_of(tx, fact.chain_id, event.master)
    if place is None:
        return  # a master of somebody else
    await _end(tx, fact, place, event.token_id, now)
    if await listings.grant(tx, fact, place.master_id, event, now):
        return
    await _end(tx, fact, place, event.token_id, now, even_unlisted=True)
    await listings.add(tx, fact, place.master_id, event, listing_id=str(new_id()), now=now)


async def listed_undone(tx: Connection, fact: Fact, event: Listed) -> None:
    """That offer never was; what it replaced is back."""
    place = await shares.master_of(tx, fact.chain_id, event.master)
    if place is not None:
        await listings.unlist(tx, fact, place.master_id, event.token_id)
        await _revive(tx, fact)


async def delisted(tx: Connection, fact: Fact, event: Delisted, now: datetime) -> None:
    """An offer was taken back on the chain."""
    place = await shares.master_of(tx, fact.chain_id, event.master)
    if place is not None:
        await _end(tx, fact, place, event.token_id, now)


async def delisted_undone(tx: Connection, fact: Fact) -> None:
    """The offer stands."""
    await _revive(tx, fact)


async def sold(tx: Connection, fact: Fact, event: Sold, now: datetime) -> None:
    """A share was resold; the transfer that follows moves it."""
    place = await shares.master_of(tx, fact.chain_id, event.master)
    if place is None:
        return
    listing_id = await listings.end(
        tx, fact, master_id=place.master_id, token_id=event.token_id, to="SOLD", now=now
    )  # fmt: skip
    purchase_id = None if listing_id is None else await _bought(tx, fact, event, listing_id, now)
    move = Move(
        master_id=place.master_id,
        token_id=event.token_id,
        from_wallet=event.seller,
        to_wallet=event.buyer,
        price_wei=event.price,
        royalty_wei=event.royalty,
        fee_wei=event.fee,
    )
    await transfers.insert(tx, fact, move, now)
    told = ShareSold(
        master_id=place.master_id,
        artist_id=place.artist_id,
        token_id=event.token_id,
        chain_id=fact.chain_id,
        seller_wallet=event.seller,
        buyer_wallet=event.buyer,
        price_wei=wei(event.price),
        royalty_wei=wei(event.royalty),
        fee_wei=wei(event.fee),
        seller_wei=wei(event.price - event.royalty - event.fee),
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
        purchase_id=purchase_id,
    )
    await outbox.add(tx, told, aggregate_id=place.master_id)


async def sold_undone(tx: Connection, fact: Fact, now: datetime) -> None:
    """That sale never was: its buyer waits for the chain again."""
    bought = await purchases.of_log(tx, fact.tx_hash, fact.log_index)
    if bought is not None:
        await purchases.revert(tx, bought.id, now)
    await transfers.remove(tx, fact)
    await _revive(tx, fact)


async def _bought(tx: Connection, fact: Fact, event: Sold, listing_id: str, now: datetime) -> str | None:
    """Complete the buyer's purchase, and fail that of somebody who was slower."""
    bought = await purchases.of_listing_and_wallet(tx, listing_id, event.buyer, fact.tx_hash)
    if bought is not None:
        if (bought.parts.unit_wei, bought.parts.royalty_wei, bought.parts.fee_wei) != (
            event.price, event.royalty, event.fee,
        ):  # fmt: skip
            log.critical("the marketplace divided a price in another way", purchase=bought.id, tx=fact.tx_hash)
        ids = (event.token_id,)
        await purchases.complete(tx, bought, tx_hash=fact.tx_hash, log_index=fact.log_index, token_ids=ids, now=now)
        told = reserving.told(PurchaseCompleted, bought, token_ids=ids, tx_hash=fact.tx_hash)
        await outbox.add(tx, told, aggregate_id=bought.id)
    await _fail_buyer(tx, listing_id, now)
    return None if bought is None else bought.id


async def _end(  # which share, because of which log
    tx: Connection, fact: Fact, place: Place, token_id: int, now: datetime, *, even_unlisted: bool = False
) -> None:
    """End what is offered of a share, and the purchase of whoever was about to buy it."""
    ended = await listings.end(
        tx,
        fact,
        master_id=place.master_id,
        token_id=token_id,
        to="CANCELLED",
        now=now,
        even_unlisted=even_unlisted,
    )
    if ended is not None:
        await _fail_buyer(tx, ended, now)


async def _fail_buyer(tx: Connection, listing_id: str, now: datetime) -> None:
    slower = await purchases.of_listing(tx, listing_id)
    if slower is not None:
        failure = "the share is not offered any more"
        await purchases.leave(tx, slower.id, states=HELD, to="FAILED", now=now, failure=failure)


async def _revive(tx: Connection, fact: Fact) -> None:
    for listing_id, status in await listings.revive(tx, fact):
        if await purchases.of_listing(tx, listing_id) is not None:
            await listings.keep_for_buyer(tx, listing_id)
        elif status == "IN_ESCROW":
            await listings.take_out_of_escrow(tx, listing_id)
