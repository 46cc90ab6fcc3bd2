"""End reservations whose time is over, and look after purchases that wait for a chain.

Between: app (runs `work` in every pod), sagas.reserving, sagas.cards, the chains (reads only).

A wallet's purchase whose transaction was mined and failed, or was mirrored and brought nothing, is FAILED; one whose
transaction no provider knows when the reservation's time is over has expired. A card's purchase that the chain refused
is asked for again once the contract says it was not minted; 15 minutes after the payment somebody is alerted, after
24 hours the money goes back.
Why in every pod without a leader: due rows are claimed (SKIP LOCKED) or changed by conditional statements.
Units: seconds.
Errors: a chain or the database being away is tried again at the next look; a bug restarts the loop (kernel.server).
Source: domain.md 2.2 "Purchase lifecycle", 2.8 (wallet and card purchase).
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from audifi.clients.chain.contracts.surface import MasterContract
from audifi.clients.chain.pool.chain import Chain
from audifi.kernel.logs import log
from audifi.services.nft.errors import BlockchainError, Conflict
from audifi.services.nft.parts import Parts
from audifi.services.nft.rules import sale
from audifi.services.nft.sagas import cards, reserving
from audifi.services.nft.store import contracts, purchases, supply
from audifi.services.nft.store.purchases import Due, Purchase

POLL_S: Final = 1.0
BATCH: Final = 100
LOOK_S: Final = 2.0  # between two looks at a wallet's transaction
ALERT_AGAIN_S: Final = 3600.0


async def work(parts: Parts) -> None:
    """Look, for ever."""
    while True:
        if await expire(parts) + await look(parts) < BATCH:
            await asyncio.sleep(POLL_S)


async def expire(parts: Parts) -> int:
    """Let go what nobody paid in time; return how many were due."""
    now = parts.clock.now()
    async with parts.database.read_primary() as connection:
        due = await purchases.expiring(connection, now, BATCH)
    for each in due:
        await _expire_one(parts, each, now)
    return len(due)


async def _expire_one(parts: Parts, due: Due, now: datetime) -> None:
    async with parts.database.transaction() as tx:
        found = await purchases.find(tx, due.id)
        if found is not None:
            await reserving.let_go(tx, found, states=["RESERVED"], to="EXPIRED", now=now)


async def look(parts: Parts) -> int:
    """Look at purchases that wait for a chain; return how many were due."""
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        again_at = now + timedelta(seconds=LOOK_S)
        claimed = await purchases.to_look_at(tx, now, again_at=again_at, limit=BATCH)
    for purchase_id in claimed:
        async with parts.database.read_primary() as connection:
            found = await purchases.find(connection, purchase_id)
        if found is not None:
            await _look_at(parts, found, now)
    return len(claimed)


async def _look_at(parts: Parts, purchase: Purchase, now: datetime) -> None:
    chain = parts.chains[purchase.chain_id]
    try:
        if purchase.payment_method == "WALLET":
            await _look_at_wallet(parts, purchase, chain, now)
        else:
            await _look_at_card(parts, purchase, chain, now)
    except BlockchainError as error:
        log.info("a purchase waits for its chain", purchase=purchase.id, error=error)
    except Conflict as error:  # somebody holds its sale's lock for longer than we wait: the others go on
        log.info("a purchase waits for the lock of its sale", purchase=purchase.id, error=error)


async def _look_at_wallet(parts: Parts, purchase: Purchase, chain: Chain, now: datetime) -> None:
    tx_hash = purchase.tx_hash  # None: a reorg took away the one transaction that bought for two purchases
    receipt = None if tx_hash is None else await chain.receipt(tx_hash)
    if receipt is None:
        if now >= purchase.expires_at and (tx_hash is None or await chain.transaction(tx_hash) is None):
            await _give_up(parts, purchase, "EXPIRED", "no provider knows this transaction")
        return
    block = int(receipt["blockNumber"], 16)
    if int(receipt["status"], 16) == 0:
        head = await chain.head()
        if head.number - block + 1 >= chain.facts.act_confirmations:
            await _give_up(parts, purchase, "FAILED", "the transaction failed on the chain")
    else:
        await _fail_if_passed(parts, purchase, block, now)


async def _fail_if_passed(parts: Parts, purchase: Purchase, block: int, now: datetime) -> None:
    """Fail a purchase whose transaction was mirrored and brought it nothing: another contract, wallet or number."""
    async with parts.database.transaction() as tx:
        # Locked first: the mirror's transaction that reached this block has completed what it could before.
        await reserving.lock(tx, purchase)
        mirrored = await supply.mirrored_block(tx, purchase.chain_id)
        if mirrored is not None and mirrored >= block:
            failure = "the transaction did not buy these shares"
            await reserving.let_go(tx, purchase, states=["PENDING_CHAIN"], to="FAILED", now=now, failure=failure)


async def _give_up(parts: Parts, purchase: Purchase, to: str, failure: str) -> None:
    async with parts.database.transaction() as tx:
        now = parts.clock.now()
        await reserving.let_go(tx, purchase, states=["PENDING_CHAIN"], to=to, now=now, failure=failure)


async def _look_at_card(parts: Parts, purchase: Purchase, chain: Chain, now: datetime) -> None:
    assert purchase.paid_at is not None, "a card's purchase waits for the chain once it is paid"
    waited_s = (now - purchase.paid_at).total_seconds()
    if waited_s >= sale.ALERT_S:
        await _alert(parts, purchase, waited_s, now)
    if purchase.status != "PAID":
        async with parts.database.transaction() as tx:
            await purchases.look_later(tx, purchase.id, now + timedelta(seconds=cards.LOOK_S))
    elif not await _is_minted(parts, purchase, chain):
        await _ask_or_refund(parts, purchase, waited_s, now)


async def _is_minted(parts: Parts, purchase: Purchase, chain: Chain) -> bool:
    async with parts.database.read_primary() as connection:
        deployed = {each.kind: each.address for each in await contracts.of_master(connection, purchase.master_id)}
    return await MasterContract(deployed["MASTER"]).is_purchase_minted(chain, purchase.uuid)


async def _ask_or_refund(parts: Parts, purchase: Purchase, waited_s: float, now: datetime) -> None:
    async with parts.database.transaction() as tx:
        if waited_s < sale.REFUND_S:
            await cards.ask(tx, purchase, now)
        else:
            failure = purchase.failure or "it could not be minted"
            await reserving.let_go(tx, purchase, states=["PAID"], to="REFUND_DUE", now=now, failure=failure)


async def _alert(parts: Parts, purchase: Purchase, waited_s: float, now: datetime) -> None:
    async with parts.database.transaction() as tx:
        is_turn = await purchases.alerted(tx, purchase.id, now, now - timedelta(seconds=ALERT_AGAIN_S))
    if is_turn:
        told = {"purchase": purchase.id, "status": purchase.status, "tries": purchase.mint_tries}
        log.critical("what a card paid is not minted", waited_s=int(waited_s), error=purchase.failure, **told)
