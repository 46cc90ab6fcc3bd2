"""Deliver what was paid by card, or give the money back.

Between: routes.purchases_internal (payment-service says what was paid), the queue (`chain.settled`), purchases_loop
(tries again), store.purchases.

    paid ─► PAID ─► chain.wanted MintPurchased ─► PENDING_CHAIN ─► PurchaseMinted (sagas.minting) ─► COMPLETED
                     ▲                               │ FAILED, REFUSED
                     └──── again, later ◄── PAID ◄───┘                 24 h after the payment ─► REFUND_DUE

Why a refused mint may be asked for again: the contract spends the purchase's id, and the loop asks it first. Each ask
has a key of its own, because a key stands for one command for ever.
Invariant: one payment is taken per purchase, every other one goes back; what is given back is not on its way to the
chain. The shares stay reserved as long as the money is ours.
Errors: NotFound.
Source: domain.md 2.2 "Purchase lifecycle", 2.8 "Card purchase".
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.logs import log
from audifi.kernel.queue import Handler
from audifi.services.nft.errors import NotFound
from audifi.services.nft.parts import Parts
from audifi.services.nft.rules import sale
from audifi.services.nft.rules.sale import Payment
from audifi.services.nft.sagas import reserving
from audifi.services.nft.store import contracts, purchases
from audifi.services.nft.store.purchases import CardPayment, Purchase
from audifi.wire.events import Event, data_of
from audifi.wire.events.chain import ChainSettled, ChainWanted, MintPurchased

LOOK_S: Final = 60.0  # how often the loop looks at a mint that is under way
_KEY: Final = re.compile(r"nft:purchase:(?P<id>[0-9a-f-]{36}):mint:(?P<tries>[0-9]+)")
_LOST: Final = ("FAILED", "REFUSED")


@dataclass(frozen=True)
class Verdict:
    """What became of a payment."""

    purchase: Purchase
    refund_due: bool


async def paid(tx: Connection, purchase_id: str, payment: CardPayment, now: datetime) -> Verdict:
    """Take a payment, once."""
    found = await _locked(tx, purchase_id)
    verdict = sale.paid(found.status, found.payment_method, found.payment_id, payment.id)
    if verdict is Payment.TAKEN:
        await purchases.pay(tx, found, payment, to="PAID", now=now)
        await ask(tx, found, now)
    elif verdict is Payment.LATE:
        await purchases.pay(tx, found, payment, to="REFUND_DUE", now=now)
        await reserving.announce_end(tx, found, "REFUND_DUE")
    return Verdict(await _again(tx, purchase_id), verdict in (Payment.LATE, Payment.REFUND))


async def payment_failed(tx: Connection, purchase_id: str, now: datetime) -> Purchase:
    """Let a reservation go that will not be paid; what was paid, or is over, stays."""
    found = await _locked(tx, purchase_id)
    if found.payment_method == "STRIPE":
        await reserving.let_go(tx, found, states=["RESERVED"], to="FAILED", now=now, failure="the card was not charged")
    return await _again(tx, purchase_id)


async def refunded(tx: Connection, purchase_id: str, now: datetime) -> Purchase:
    """The buyer has the money back."""
    await purchases.leave(tx, purchase_id, states=["REFUND_DUE"], to="REFUNDED", now=now)
    return await _again(tx, purchase_id)


async def ask(tx: Connection, purchase: Purchase, now: datetime) -> None:
    """Ask the chain to mint what is PAID; nothing when somebody was faster."""
    tries = await purchases.ask_mint(tx, purchase.id, look_at=now + timedelta(seconds=LOOK_S), now=now)
    if tries is None:
        return
    deployed = {each.kind: each.address for each in await contracts.of_master(tx, purchase.master_id)}
    command = MintPurchased(
        master=deployed["MASTER"], purchase_id=purchase.id, to=purchase.wallet, count=purchase.quantity
    )
    wanted = ChainWanted(key=f"nft:purchase:{purchase.id}:mint:{tries}", chain_id=purchase.chain_id, command=command)
    await outbox.add(tx, wanted, aggregate_id=purchase.id)


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return what this saga listens to."""

    async def on_settled(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, ChainSettled), "the registry maps this type to this class"
        await settled(tx, data, parts.clock.now())

    return {"chain.settled": on_settled}


async def settled(tx: Connection, data: ChainSettled, now: datetime) -> None:
    """Try a refused mint again later; one that was mined is told by the contract itself (sagas.minting)."""
    match = _KEY.fullmatch(data.key)
    if match is None or data.state not in _LOST:
        return
    tries, failure = int(match["tries"]), data.error or data.state
    look_at = now + timedelta(seconds=sale.again_s(tries))
    if await purchases.mint_refused(tx, match["id"], tries=tries, failure=failure, look_at=look_at, now=now):
        log.warning("the chain did not mint what a card paid", purchase=match["id"], tries=tries, error=failure)


async def _locked(tx: Connection, purchase_id: str) -> Purchase:
    found = await purchases.find(tx, purchase_id)
    if found is None:
        raise NotFound
    await reserving.lock(tx, found)
    return await _again(tx, purchase_id)


async def _again(tx: Connection, purchase_id: str) -> Purchase:
    found = await purchases.find(tx, purchase_id, for_update=True)
    if found is None:
        raise NotFound
    return found
