"""Type the parts of Stripe's objects that we read.

Between: client and webhooks (decode) and payment-service (reads).
Units: amounts in cents of `currency`; moments in seconds since the epoch.
Shape: API version API_VERSION; fields we do not read are not kept.
Source: docs.stripe.com/api; since 2025-03-31 a subscription's period is on its items, an invoice's subscription under
`parent`.
"""

from typing import Any, Final

import msgspec

API_VERSION: Final = "2026-10-28.endive"
"""The version our requests name and the webhook endpoint is registered with: the SDK's own, pinned by its release."""


class Session(msgspec.Struct):
    """A checkout session."""

    id: str
    mode: str  # payment | subscription
    status: str | None  # open | complete | expired
    payment_status: str  # paid | unpaid | no_payment_required
    expires_at: int
    amount_total: int | None
    metadata: dict[str, str] | None = None
    url: str | None = None
    customer: str | None = None
    payment_intent: str | None = None
    subscription: str | None = None

    @property
    def is_paid(self) -> bool:
        return self.status == "complete" and self.payment_status == "paid"


class Price(msgspec.Struct):
    """What an item costs."""

    id: str
    lookup_key: str | None = None


class Item(msgspec.Struct):
    """The one line of a subscription."""

    id: str
    price: Price
    current_period_start: int
    current_period_end: int


class Items(msgspec.Struct):
    """A subscription's lines."""

    data: list[Item]


class Card(msgspec.Struct):
    """What may be shown of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


class PaymentMethod(msgspec.Struct):
    """A card kept by Stripe."""

    id: str
    card: Card | None = None


class Subscription(msgspec.Struct):
    """A subscription."""

    id: str
    customer: str
    status: str
    items: Items
    cancel_at_period_end: bool
    created: int
    metadata: dict[str, str] | None = None
    canceled_at: int | None = None
    ended_at: int | None = None
    trial_start: int | None = None
    trial_end: int | None = None
    default_payment_method: PaymentMethod | str | None = None

    @property
    def item(self) -> Item:
        return self.items.data[0]


class _SubscriptionDetails(msgspec.Struct):
    subscription: str
    metadata: dict[str, str] | None = None


class _Parent(msgspec.Struct):
    subscription_details: _SubscriptionDetails | None = None


class Invoice(msgspec.Struct):
    """A bill of a period."""

    id: str
    customer: str | None
    status: str | None  # draft | open | paid | void | uncollectible
    amount_due: int
    amount_paid: int
    currency: str
    created: int
    parent: _Parent | None = None

    @property
    def subscription(self) -> _SubscriptionDetails | None:
        return self.parent.subscription_details if self.parent is not None else None


class Intent(msgspec.Struct):
    """One payment, however many cards were tried."""

    id: str
    status: str
    amount: int
    currency: str
    metadata: dict[str, str] | None = None


class Charge(msgspec.Struct):
    """One attempt to take money."""

    id: str
    amount: int
    amount_refunded: int
    refunded: bool  # wholly
    currency: str
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None  # its intent's


class Refund(msgspec.Struct):
    """Money on its way back."""

    id: str
    status: str | None  # pending | succeeded | failed | …
    amount: int


class _EventData(msgspec.Struct):
    object: dict[str, Any]


class Event(msgspec.Struct):
    """Something happened; `object` is what it happened to, as it was then."""

    id: str
    type: str
    created: int
    data: _EventData

    @property
    def object(self) -> dict[str, Any]:
        return self.data.object
