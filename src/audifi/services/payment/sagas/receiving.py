"""Take an event in: keep it once, and have it applied from the queue.

Between: routes.webhook (signed by Stripe), sagas.catching_up (read from Stripe's own list), consumers.
Invariant: an event id is kept once; whoever keeps it asks for its application in the same transaction.
"""

from audifi.clients.stripe.objects import Event
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.services.payment.parts import Parts
from audifi.services.payment.sagas.subscribing import moment
from audifi.services.payment.store import webhooks
from audifi.wire.events.payment import WebhookReceived


async def receive(tx: Connection, parts: Parts, event: Event, payload: bytes) -> bool:
    """Keep an event; False when we have it."""
    row_id = str(new_id())
    is_new = await webhooks.insert(
        tx,
        row_id=row_id,
        event_id=event.id,
        type_=event.type,
        payload=payload,
        occurred_at=moment(event.created),
        now=parts.clock.now(),
    )
    if is_new:
        await outbox.add(tx, WebhookReceived(row_id=row_id, type=event.type), aggregate_id=event.id)
    return is_new
