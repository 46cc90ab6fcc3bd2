"""Do outside what was asked for inside: tell nft-service, give money back, close pages, end subscriptions.

Between: sagas.working (claims, calls, reports) and nft-service, Stripe.

    PAID payment        nft-service is told; when the reservation is gone: REFUND
    REFUND payment      the money goes back; Stripe's event then says so
    REFUNDED payment    nft-service is told that it went back
    EXPIRE checkout     its page is closed; when somebody was faster, Stripe's event says so
    CANCEL subscription it ends now
    FORGET customer     it is deleted, and what it subscribed to with it
Invariant: each may be done twice and has one effect: nft-service takes a payment once, Stripe a key once, and what is
closed stays closed.
Errors: Unavailable (try again), Refusal of nft-service that is no end of the reservation (try again, somebody looks).
Source: domain.md 2.8 "Card purchase", 2.4.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from audifi.kernel.telemetry import log
from audifi.services.payment.errors import InvalidState, NotFound, ReservationExpired, SoldOut
from audifi.services.payment.parts import Parts
from audifi.services.payment.sagas import money
from audifi.services.payment.store import checkouts, errands, payments
from audifi.services.payment.store.errands import Errand

_GONE: Final = (ReservationExpired, InvalidState, NotFound, SoldOut)


class PaidBody(msgspec.Struct, rename="camel"):
    """What nft-service is told of a payment."""

    payment_id: str
    amount_cents: int
    currency: str


class PaidReply(msgspec.Struct, rename="camel"):
    """What nft-service makes of it."""

    refund_due: bool = False


async def do(parts: Parts, errand: Errand) -> None:
    """Do one errand, and write down that it is done."""
    await _BY_KIND[errand.kind](parts, errand.subject)
    async with parts.database.transaction() as tx:
        await errands.done(tx, errand.id, parts.clock.now())


async def _paid(parts: Parts, payment_id: str) -> None:
    async with parts.database.read_primary() as connection:
        payment = await payments.get(connection, payment_id)
    if payment is None or payment.purchase_id is None or payment.status == "REFUNDED":
        return
    body = PaidBody(payment.id, payment.amount_cents, payment.currency)
    path = f"/internal/v1/purchases/{payment.purchase_id}/paid"
    try:
        reply = await parts.peers.post("nft-service", path, body, PaidReply)
        is_gone = reply.refund_due
    except _GONE as refusal:
        log.info("a paid reservation is gone", payment=payment.id, purchase=payment.purchase_id, error=refusal)
        is_gone = True
    if is_gone:
        async with parts.database.transaction() as tx:
            await errands.ask(tx, "REFUND", payment.id, parts.clock.now())
        parts.wake()


async def _refund(parts: Parts, payment_id: str) -> None:
    async with parts.database.read_primary() as connection:
        payment = await payments.get(connection, payment_id)
    if payment is None or payment.status == "REFUNDED" or payment.stripe_payment_intent is None:
        return
    await parts.stripe.refund(payment.stripe_payment_intent, key=f"refund:{payment.id}")


async def _refunded(parts: Parts, payment_id: str) -> None:
    async with parts.database.read_primary() as connection:
        payment = await payments.get(connection, payment_id)
    if payment is None or payment.purchase_id is None:
        return
    path = f"/internal/v1/purchases/{payment.purchase_id}/refunded"
    with contextlib.suppress(*_GONE):
        await parts.peers.post("nft-service", path, None, PaidReply)


async def _expire(parts: Parts, checkout_id: str) -> None:
    async with parts.database.read_primary() as connection:
        checkout = await checkouts.get(connection, checkout_id)
    if checkout is None or checkout.status not in ("OPENING", "OPEN"):
        return
    if checkout.stripe_session_id is not None:
        session = await parts.stripe.expire(checkout.stripe_session_id)
        if session.status != "expired":
            return  # paid at the last moment: the webhook tells
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        if await checkouts.expired(tx, checkout_id) and checkout.payment_id is not None:
            await money.refused(tx, checkout.payment_id, now)


async def _cancel(parts: Parts, stripe_id: str) -> None:
    await parts.stripe.cancel(stripe_id)


async def _forget(parts: Parts, customer_id: str) -> None:
    await parts.stripe.forget_customer(customer_id)


_BY_KIND: Final[dict[str, Callable[[Parts, str], Awaitable[None]]]] = {
    "PAID": _paid,
    "REFUND": _refund,
    "REFUNDED": _refunded,
    "EXPIRE": _expire,
    "CANCEL": _cancel,
    "FORGET": _forget,
}
