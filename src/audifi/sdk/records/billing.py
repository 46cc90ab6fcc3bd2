"""Say what payment-service returns: plans, checkouts, subscriptions, payments.

Between: sdk.payments, sdk.subscriptions (decode into them) and callers.
Units: cents of `currency`.
Invariant: a card's number is nowhere in the API: it is typed on the payment provider's page.
Errors: as records.
Source: domain.md 2.4.
"""

from datetime import datetime

import msgspec


class Limits(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """How much a plan includes; null: without end."""

    masters: int | None = None
    ipos_per_month: int | None = None
    sessions: int | None = None
    decisions_per_session: int | None = None


class Plan(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What can be subscribed to: a plan for an interval."""

    slug: str
    plan: str  # FREE | PRO | ENTERPRISE
    price_cents: int
    currency: str
    trial_days: int
    limits: Limits
    interval: str | None = None  # MONTHLY | YEARLY
    features: tuple[str, ...] = ()


class Checkout(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where to pay, and until when."""

    session_id: str
    url: str
    expires_at: datetime | None = None


class Portal(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where a customer looks after cards and invoices."""

    url: str


class Subscription(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What the user is on; FREE when nothing was ever paid."""

    plan: str
    status: str
    limits: Limits
    interval: str | None = None
    trial_end: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False


class Payment(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Money that moved, or did not; or an invoice for it."""

    kind: str
    id: str
    type: str  # SUBSCRIPTION | NFT_MINT | ARTIST_COIN_PURCHASE | ONE_TIME
    amount_cents: int
    currency: str
    status: str  # PENDING | SUCCEEDED | FAILED | REFUNDED
    purchase_id: str | None = None
    created_at: datetime | None = None
