"""React to what nft-service, auth-service and our own pods say through the queue.

Between: kernel.queue (delivers, each effect exactly once) and sagas, store.errands.

webhook.received     our own event: apply what Stripe told us. A failure is written down and tried again from the row.
purchase.expired     the page to pay it on is closed.
purchase.refund_due  it was paid and cannot be delivered: the money goes back.
user.deleted         the customer is deleted at Stripe, which ends what it subscribed to; rows about money stay.
Invariant: a late or repeated event changes nothing: an errand exists once per kind and subject.
Errors: Unavailable makes the queue try again.
Source: domain.md 2.4 "Consumes", 2.8.
"""

import asyncio
import contextlib
from typing import Final

from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.payment.parts import Parts
from audifi.services.payment.sagas import applying
from audifi.services.payment.store import checkouts, customers, errands, payments
from audifi.wire.events import Event, data_of
from audifi.wire.events.auth import UserDeleted
from audifi.wire.events.nft import PurchaseExpired, PurchaseRefundDue
from audifi.wire.events.payment import WebhookReceived

PATIENCE_S: Final = 20.0  # a look at a slow Stripe; the row's lease ends by itself and sagas.working goes on with it


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return the handlers of the group `payment-service` by event type."""

    async def on_webhook(_tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, WebhookReceived), "the registry maps this type to this class"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await applying.apply(parts, data.row_id)

    async def on_expired(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, PurchaseExpired), "the registry maps this type to this class"
        checkout = await checkouts.of_purchase(tx, data.purchase_id)
        if checkout is not None:
            await errands.ask(tx, "EXPIRE", checkout.id, parts.clock.now())
            parts.wake()

    async def on_refund_due(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, PurchaseRefundDue), "the registry maps this type to this class"
        payment = await payments.of_purchase(tx, data.purchase_id)
        if payment is not None:
            await errands.ask(tx, "REFUND", payment.id, parts.clock.now())
            parts.wake()

    async def on_deleted(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, UserDeleted), "the registry maps this type to this class"
        now = parts.clock.now()
        for checkout_id in await checkouts.open_of_user(tx, data.user_id):
            await errands.ask(tx, "EXPIRE", checkout_id, now)
        customer_id = await customers.forget(tx, data.user_id)
        if customer_id is not None:
            await errands.ask(tx, "FORGET", customer_id, now)
        parts.wake()

    return {
        "webhook.received": on_webhook,
        "purchase.expired": on_expired,
        "purchase.refund_due": on_refund_due,
        "user.deleted": on_deleted,
    }
