"""Write down what Stripe said of money, once, and ask for what follows from it.

Between: sagas.applying (events), sagas.errands; store.payments, store.invoices, store.checkouts.

    paid        payment SUCCEEDED → payment.succeeded, and nft-service is told (errand PAID)
    refused     payment FAILED → payment.failed; a later card may still succeed
    given back  payment REFUNDED → payment.refunded, and nft-service is told (errand REFUNDED); what was refunded had
                succeeded, whoever says so first
    billed      invoice PAID → invoice.paid and a payment; not paid → invoice.failed
Invariant: totals balance: every payment of a subscription is the amount of one paid invoice.
Source: domain.md 2.4, 2.8 "Card purchase".
"""

from datetime import datetime
from typing import Final

from audifi.clients.stripe.objects import Invoice
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.services.payment.rules.naming import named
from audifi.services.payment.sagas.subscribing import moment
from audifi.services.payment.store import customers, errands, invoices, payments
from audifi.services.payment.store.invoices import Bill
from audifi.services.payment.store.payments import NewPayment, Payment
from audifi.wire.events import EventData
from audifi.wire.events.payment import (
    InvoiceFailed,
    InvoicePaid,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
)

_BILLS: Final = {"draft": "DRAFT", "open": "OPEN", "paid": "PAID", "void": "VOID", "uncollectible": "UNCOLLECTIBLE"}


async def paid(tx: Connection, payment_id: str, intent: str | None, now: datetime) -> str | None:
    """Money arrived."""
    payment = await payments.succeeded(tx, payment_id, intent, now)
    if payment is None:
        return "known"
    await _say(tx, PaymentSucceeded, payment)
    if payment.purchase_id is not None:
        await errands.ask(tx, "PAID", payment.id, now)
    return None


async def refused(tx: Connection, payment_id: str, now: datetime) -> str | None:
    """A card was refused, or the time to pay is over."""
    payment = await payments.failed(tx, payment_id, now)
    if payment is None:
        return "known, or known better"
    await _say(tx, PaymentFailed, payment)
    return None


async def given_back(tx: Connection, payment_id: str, intent: str | None, now: datetime) -> str | None:
    """All of it went back; its success may be told us only later, or never."""
    arrived = await payments.succeeded(tx, payment_id, intent, now)
    if arrived is not None:
        await _say(tx, PaymentSucceeded, arrived)
    payment = await payments.refunded(tx, payment_id, now)
    if payment is None:
        return "known"
    await _say(tx, PaymentRefunded, payment)
    if payment.purchase_id is not None:
        await errands.ask(tx, "REFUNDED", payment.id, now)
    return None


async def billed(tx: Connection, told: Invoice, *, at: datetime, now: datetime) -> str | None:
    """A period was paid, or could not be."""
    details = told.subscription
    if details is None:
        return "a bill of no subscription"
    user_id = named(details.metadata, "userId") or await customers.user_of(tx, told.customer or "")
    if user_id is None:
        return "no user of ours"
    bill = Bill(
        stripe_invoice_id=told.id,
        stripe_subscription_id=details.subscription,
        user_id=user_id,
        amount_due_cents=told.amount_due,
        amount_paid_cents=told.amount_paid,
        currency=told.currency,
        status=_BILLS.get(told.status or "draft", "DRAFT"),
        issued_at=moment(told.created),
        at=at,
    )
    kept = await invoices.keep(tx, str(new_id()), bill)
    if kept is None:
        return "known, or known better"
    invoice_id, status = kept
    kind = InvoicePaid if status == "PAID" else InvoiceFailed
    cents = bill.amount_paid_cents if status == "PAID" else bill.amount_due_cents
    said = kind(invoice_id=invoice_id, user_id=user_id, amount_cents=cents, currency=bill.currency)
    await outbox.add(tx, said, aggregate_id=user_id)
    if status == "PAID" and bill.amount_paid_cents > 0:
        await _paid_bill(tx, bill, now)
    return None


async def _paid_bill(tx: Connection, bill: Bill, now: datetime) -> None:
    new = NewPayment(
        id=str(new_id()),
        user_id=bill.user_id,
        type="SUBSCRIPTION",
        amount_cents=bill.amount_paid_cents,
        currency=bill.currency,
        stripe_invoice_id=bill.stripe_invoice_id,
        now=now,
    )
    payment_id = await payments.insert(tx, new)
    if payment_id is not None:
        await paid(tx, payment_id, None, now)


async def _say(
    tx: Connection, kind: type[PaymentSucceeded | PaymentFailed | PaymentRefunded], payment: Payment
) -> None:
    said: EventData = kind(
        payment_id=payment.id,
        user_id=payment.user_id,
        type=payment.type,
        amount_cents=payment.amount_cents,
        currency=payment.currency,
        purchase_id=payment.purchase_id,
    )
    await outbox.add(tx, said, aggregate_id=payment.id)
