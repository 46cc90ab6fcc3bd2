"""Take Stripe's webhooks: believe the signature, keep the event, acknowledge; everything else comes later.

Between: the gateway (two public paths), clients.stripe (signature), sagas.receiving, alarms.
Invariant: what is acknowledged is kept: 200 is sent after the commit. An event we have is acknowledged again.
Errors: WebhookSignatureInvalid; RateLimited for an address that is closed; Invalid for signed bytes that are no event.
Source: domain.md 2.4.
"""

from typing import Final

from audifi.clients.stripe import verified
from audifi.kernel.http import Access, Operation, Reply
from audifi.kernel.metrics import counter
from audifi.services.payment import alarms
from audifi.services.payment.errors import Invalid, RateLimited, WebhookSignatureInvalid
from audifi.services.payment.parts import PaymentCall
from audifi.services.payment.sagas import receiving
from audifi.wire import metrics


class ReceivedReply(Reply):
    """The acknowledgement."""

    received: bool


async def receive(call: PaymentCall, payload: bytes) -> ReceivedReply:
    """Keep one event."""
    parts = call.deps
    await alarms.require_open(call)
    try:
        event = verified(payload, call.headers.lower("stripe-signature"), parts.settings.stripe_webhook_secret)
    except WebhookSignatureInvalid:
        counter(metrics.STRIPE_WEBHOOK_ERRORS).inc()
        await alarms.bad_signature(call)
        raise
    async with parts.database.transaction() as tx:
        await receiving.receive(tx, parts, event, payload)
    return ReceivedReply(received=True)


def _operation(path: str) -> Operation:
    return Operation(
        method="POST", path=path, handler=receive, summary="Take an event of Stripe's", tag="webhooks",
        access=Access.GUEST, raw_body=True, reply=ReceivedReply, envelope=False, unlimited=True,
        errors=(Invalid, RateLimited, WebhookSignatureInvalid),
        description="Signed by Stripe (`Stripe-Signature`), at most 300 s ago. Three bad signatures in a minute close "
                    "the address for ten minutes.",
    )  # fmt: skip


OPERATIONS: Final = (_operation("/payments/webhook"), _operation("/webhooks/stripe"))
