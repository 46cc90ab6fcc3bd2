"""Say what payment-service publishes: payments, subscriptions, invoices.

Between: payment-service and auth (the plan claim), analytics, worker (mail).
Units: cents of `currency` (ISO 4217, lower case as Stripe writes it).
Invariant: nothing here is said without an event of the payment provider behind it.
Source: domain.md 2.4 "Publishes".
"""

from audifi.wire.events import EventData, event


class _PaymentData(EventData, kw_only=True):
    payment_id: str
    user_id: str
    type: str  # SUBSCRIPTION | NFT_MINT | ARTIST_COIN_PURCHASE | ONE_TIME
    amount_cents: int
    currency: str
    purchase_id: str | None = None


@event("payment.succeeded")
class PaymentSucceeded(_PaymentData):
    """Money arrived."""


@event("payment.failed")
class PaymentFailed(_PaymentData):
    """A card was refused."""


@event("payment.refunded")
class PaymentRefunded(_PaymentData):
    """Money went back."""


class _SubscriptionData(EventData):
    user_id: str
    plan: str  # FREE | PRO | ENTERPRISE: what the user is entitled to now
    status: str


@event("subscription.created")
class SubscriptionCreated(_SubscriptionData):
    """A user subscribed."""


@event("subscription.updated")
class SubscriptionUpdated(_SubscriptionData):
    """A user's plan changed, or ended (FREE)."""


@event("subscription.canceled")
class SubscriptionCanceled(_SubscriptionData):
    """A subscription is over, or will be at the end of its period."""


class _InvoiceData(EventData):
    invoice_id: str
    user_id: str
    amount_cents: int
    currency: str


@event("invoice.paid")
class InvoicePaid(_InvoiceData):
    """A period was paid."""


@event("invoice.failed")
class InvoiceFailed(_InvoiceData):
    """A period could not be paid."""


@event("webhook.received")
class WebhookReceived(EventData):
    """Stripe told us something: payment-service tells itself, to apply it after the acknowledgement."""

    row_id: str
    type: str  # Stripe's name of it
