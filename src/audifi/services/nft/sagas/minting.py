"""Take over what master contracts mint: whose shares they are, and which purchase that completes.

Between: facts (calls these for logs of Master contracts, in the chain's order), store.

A call of the contract writes `Transfer, Minted` per share and then one log that ends it: `ProceedsSplit` when a wallet
paid (its amounts say how many shares), `PurchaseMinted` when a card did (it names the purchase). Shares are written
with their Minted; counters and purchases change with the end.
Which purchase: the one that named the transaction, else the oldest reservation of that wallet for so many shares, even
an expired one. None: somebody bought without us, and the shares are sold all the same.
Invariant: the chain decides. When it sold more than was free here, somebody who has not paid gives way (rules.sale);
`…_undone` is the inverse, so that a reorg and its replay leave the same rows and counters; only what gave way stays so.
Errors: none of its own; what contradicts our rows is logged as critical.
Source: domain.md 2.2 "Purchase lifecycle", 2.8; contracts/src/Master.sol.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from audifi.clients.chain.contracts.events import Minted, ProceedsSplit, PurchaseMinted
from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.logs import log
from audifi.services.nft.rules import money, sale
from audifi.services.nft.sagas import reserving
from audifi.services.nft.store import purchases, shares, supply, transfers
from audifi.services.nft.store.purchases import Purchase
from audifi.services.nft.store.shares import Fresh
from audifi.services.nft.store.supply import Supply
from audifi.wire.amounts import wei
from audifi.wire.events.nft import IpoSoldOut, MasterUpdated, PurchaseCompleted, ShareMinted

_UUID_BITS = 128


async def minted(tx: Connection, fact: Fact, event: Minted, now: datetime) -> None:
    """A share exists. One of the reserve is told at once: nothing else ends its call."""
    place = await shares.mint(tx, fact, event, now)
    if place is None:
        log.critical("a share of an unknown contract was minted", contract=fact.address, chain=fact.chain_id)
        return
    if event.price == 0:
        told = ShareMinted(
            master_id=place.master_id,
            artist_id=place.artist_id,
            token_id=event.token_id,
            chain_id=fact.chain_id,
            wallet=event.minter,
            tier=money.tier(event.token_id),
            price_wei=wei(0),
            tx_hash=fact.tx_hash,
            log_index=fact.log_index,
            is_reserve=True,
            user_id=place.user_id,
        )
        await outbox.add(tx, told, aggregate_id=place.master_id)


async def minted_undone(tx: Connection, fact: Fact, event: Minted) -> None:
    """A share does not exist any more."""
    await shares.unmint(tx, fact, event.token_id)
    await transfers.remove(tx, fact)


async def wallet_paid(tx: Connection, fact: Fact, event: ProceedsSplit, now: datetime) -> None:
    """Somebody paid the contract, and has the shares minted just before."""
    counters = await _counters(tx, fact)
    if counters is None:
        return
    fresh = await shares.batch(tx, counters.master_id, fact, _quantity(event, counters))
    assert fresh, "the shares of a call are told before its end"
    wallet = fresh[0].wallet
    bought = await purchases.match(
        tx, wallet=wallet, master_id=counters.master_id, quantity=len(fresh), tx_hash=fact.tx_hash
    )
    await _sold(tx, fact, counters, fresh, bought=bought, now=now)


async def wallet_paid_undone(tx: Connection, fact: Fact, event: ProceedsSplit, now: datetime) -> None:
    """That payment never was."""
    counters = await _counters(tx, fact)
    if counters is not None:
        await _unsold(tx, fact, counters, _quantity(event, counters), now)


async def card_minted(tx: Connection, fact: Fact, event: PurchaseMinted, now: datetime) -> None:
    """The platform minted what a card paid."""
    counters = await _counters(tx, fact)
    if counters is None:
        return
    fresh = await shares.batch(tx, counters.master_id, fact, event.count)
    bought = await _named(tx, event)
    is_right = bought is not None and (bought.master_id, bought.wallet, bought.quantity, bought.is_held) == (
        counters.master_id, event.minter, event.count, True,
    )  # fmt: skip
    if not is_right:
        told = {"purchase": event.purchase_id, "status": bought.status if bought else "unknown", "tx": fact.tx_hash}
        log.critical("shares were minted for a purchase that is not paid", **told)
    await _sold(tx, fact, counters, fresh, bought=bought if is_right else None, now=now)


async def card_minted_undone(tx: Connection, fact: Fact, event: PurchaseMinted, now: datetime) -> None:
    """That mint never was; the worker's transaction is mined again, or fails."""
    counters = await _counters(tx, fact)
    if counters is not None:
        await _unsold(tx, fact, counters, event.count, now)


async def _counters(tx: Connection, fact: Fact) -> Supply | None:
    place = await shares.master_of(tx, fact.chain_id, fact.address)
    counters = None if place is None else await supply.lock(tx, place.master_id)
    if counters is None:
        log.critical("an unknown contract sold shares", contract=fact.address, chain=fact.chain_id)
    return counters


def _quantity(event: ProceedsSplit, counters: Supply) -> int:
    return (event.fee + event.artist_part) // counters.price_wei


async def _named(tx: Connection, event: PurchaseMinted) -> Purchase | None:
    number = int(event.purchase_id, 16)
    if number >> _UUID_BITS:
        return None
    return await purchases.find(tx, str(UUID(int=number)), for_update=True)


async def _sold(
    tx: Connection, fact: Fact, counters: Supply, fresh: Sequence[Fresh], *, bought: Purchase | None, now: datetime
) -> None:
    first = counters.sold + 1
    if [each.token_id for each in fresh] != list(range(first, first + len(fresh))):
        log.critical("the ids of sold shares have a gap", master=counters.master_id, expected=first, tx=fact.tx_hash)
    freed = len(fresh) if bought is not None and bought.is_held else 0
    free = counters.public_supply - counters.sold - counters.reserved + freed
    await _make_room(tx, counters, len(fresh) - free, bought, now)
    await supply.move(tx, counters.master_id, sold=len(fresh), reserved=-freed, now=now)
    if bought is not None:
        await _complete(tx, fact, bought, fresh, now)
    for each in fresh:
        await outbox.add(tx, _minted(fact, counters, each, bought), aggregate_id=counters.master_id)
    if await supply.sell_out(tx, counters.master_id, now):
        await _announce_sold_out(tx, counters)


async def _complete(tx: Connection, fact: Fact, bought: Purchase, fresh: Sequence[Fresh], now: datetime) -> None:
    ids = tuple(each.token_id for each in fresh)
    await purchases.complete(tx, bought, tx_hash=fact.tx_hash, log_index=fact.log_index, token_ids=ids, now=now)
    told = reserving.told(PurchaseCompleted, bought, token_ids=ids, tx_hash=fact.tx_hash)
    await outbox.add(tx, told, aggregate_id=bought.id)


async def _make_room(
    tx: Connection, counters: Supply, shortfall: int, bought: Purchase | None, now: datetime
) -> None:  # fmt: skip
    """Give up reservations whose shares somebody else got on the chain."""
    if shortfall <= 0:
        return
    held = [each for each in await purchases.held(tx, counters.master_id) if bought is None or each.id != bought.id]
    for each in sale.giving_way(held, shortfall):
        to = sale.given_up_as(each)
        failure = "the chain sold these shares to somebody else"
        is_left = await purchases.leave(tx, each.id, states=[each.status], to=to, now=now, failure=failure)
        assert is_left, f"purchase {each.id} changed under its IPO's lock"
        await supply.move(tx, counters.master_id, reserved=-each.quantity, now=now)
        gone = await purchases.find(tx, each.id)
        assert gone is not None, "it was just changed"
        await reserving.announce_end(tx, gone, to)
        log.warning("a reservation gave way to a mint", purchase=each.id, became=to)


async def _unsold(tx: Connection, fact: Fact, counters: Supply, quantity: int, now: datetime) -> None:
    bought = await purchases.of_log(tx, fact.tx_hash, fact.log_index)
    if bought is not None:
        await purchases.revert(tx, bought.id, now)
    held = quantity if bought is not None else 0
    await supply.move(tx, counters.master_id, sold=-quantity, reserved=held, now=now)
    await supply.reopen(tx, counters.master_id, now)


async def _announce_sold_out(tx: Connection, counters: Supply) -> None:
    sold_out = IpoSoldOut(
        master_id=counters.master_id,
        artist_id=counters.artist_id,
        ipo_id=counters.ipo_id,
        shares_sold=counters.public_supply,
    )
    await outbox.add(tx, sold_out, aggregate_id=counters.ipo_id)
    updated = MasterUpdated(
        master_id=counters.master_id, artist_id=counters.artist_id, status="SOLD", fields=("status",)
    )
    await outbox.add(tx, updated, aggregate_id=counters.master_id)


def _minted(fact: Fact, counters: Supply, fresh: Fresh, bought: Purchase | None) -> ShareMinted:
    told = ShareMinted(
        master_id=counters.master_id,
        artist_id=counters.artist_id,
        token_id=fresh.token_id,
        chain_id=fact.chain_id,
        wallet=fresh.wallet,
        tier=money.tier(fresh.token_id),
        price_wei=wei(counters.price_wei),
        tx_hash=fact.tx_hash,
        log_index=fresh.mint_log,
        user_id=fresh.user_id,
    )
    if bought is None:
        return told
    told.purchase_id = bought.id
    told.user_id = fresh.user_id or bought.buyer_user_id
    return told
