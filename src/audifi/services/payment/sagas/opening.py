"""Open hosted pages: for a reserved purchase, for a subscription.

Between: routes.checkout, nft-service (what is reserved), Stripe, store.checkouts, store.payments.

    ask nft-service → fix the price in our row (OPENING) → customer, page at Stripe (keyed by the row) → OPEN

Whatever dies in between, the next ask finds the row and goes on: same row, same key, same page. Two asks at once meet
in the row. Stripe wants pages to stay open for 30 minutes at least, a reservation ends sooner: Stripe is told a later
end, and we close the page with the reservation (sagas.working, purchase.expired). Who pays in between is refunded.
A page that was asked for and never shown (Stripe did not answer) is asked for anew once its end is too near; nobody can
pay the lost one, because nobody has its address.
Invariant: one page per purchase, for ever; one open subscription page per user; the price is computed once.
Errors: NotFound, ReservationExpired, InvalidState, Invalid, PlanNotFound, Conflict, PaymentProviderError.
Source: domain.md 2.4, 2.8; docs.stripe.com/api/checkout/sessions/create (`expires_at`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from audifi.clients.stripe.client import Plan as Price
from audifi.clients.stripe.client import Way
from audifi.clients.stripe.objects import Session
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.services.payment.errors import Conflict, Invalid, InvalidState, NotFound, PlanNotFound, ReservationExpired
from audifi.services.payment.parts import Parts
from audifi.services.payment.rules import pricing
from audifi.services.payment.rules.entitlement import FREE
from audifi.services.payment.store import checkouts, customers, payments, plans, subscriptions
from audifi.services.payment.store.checkouts import Checkout, NewCheckout
from audifi.services.payment.store.payments import NewPayment
from audifi.services.payment.store.plans import Plan
from audifi.wire import amounts

OPEN_FOR: Final = timedelta(hours=1)  # a subscription page
CLOSES_AFTER: Final = timedelta(minutes=31)  # Stripe's least, and a request's time on the way
CLOSES_LEAST: Final = timedelta(minutes=30, seconds=5)
_INTERVALS: Final = {"MONTHLY": "month", "YEARLY": "year"}


class Reserved(msgspec.Struct, rename="camel", kw_only=True):
    """What nft-service says of a purchase."""

    status: str
    total_wei: amounts.Wei
    currency: str
    user_id: str
    expires_at: datetime
    quantity: int
    payment_method: str = "STRIPE"


@dataclass(frozen=True)
class Page:
    """What the buyer is sent to."""

    session_id: str
    url: str
    expires_at: datetime


async def for_purchase(parts: Parts, user_id: str, purchase_id: str) -> Page:
    """Return the page on which a purchase is paid."""
    checkout = await _purchase_row(parts, user_id, purchase_id)
    now = parts.clock.now()
    if checkout.status == "COMPLETE":
        raise Conflict("This purchase is paid already.")
    if checkout.status == "EXPIRED" or checkout.expires_at <= now:
        raise ReservationExpired
    if checkout.status == "OPEN":
        return _page(checkout)
    checkout = await _with_time_left(parts, checkout)
    assert checkout.payment_id is not None, "a purchase's checkout has a payment"
    customer = await customer_of(parts, user_id)
    session = await parts.stripe.open_payment(
        customer=customer,
        cents=checkout.amount_cents,
        currency=checkout.currency,
        name="AudiFi shares",
        payment_id=checkout.payment_id,
        way=_way(parts, checkout),
        key=_key(checkout),
    )
    return await _opened(parts, checkout, session)


async def for_subscription(parts: Parts, user_id: str, plan_name: str, interval: str) -> Page:
    """Return the page on which a plan is subscribed to."""
    if plan_name == FREE:
        raise Invalid(details={"plan": "FREE needs no subscription"})
    async with parts.database.read_primary() as connection:
        plan = await plans.priced(connection, plan_name, interval)
    if plan is None:
        raise PlanNotFound
    await _close_other(parts, user_id, plan)
    checkout = await _subscription_row(parts, user_id, plan)
    if checkout.status == "OPEN":
        return _page(checkout)
    checkout = await _with_time_left(parts, checkout)
    customer = await customer_of(parts, user_id)
    session = await parts.stripe.open_subscription(
        customer=customer,
        price=await price_of(parts, plan),
        trial_days=checkout.trial_days,
        user_id=user_id,
        way=_way(parts, checkout),
        key=_key(checkout),
    )
    return await _opened(parts, checkout, session)


async def customer_of(parts: Parts, user_id: str) -> str:
    """Return who the user is at Stripe, made when needed."""
    async with parts.database.read_primary() as connection:
        known = await customers.find(connection, user_id)
    if known is not None:
        return known
    made = await parts.stripe.customer(user_id, key=f"customer:{user_id}")
    async with parts.database.transaction() as tx:
        await customers.keep(tx, user_id, made)
        kept = await customers.find(tx, user_id)
    if kept is None:
        raise Conflict("This account is closed.")
    return kept


async def price_of(parts: Parts, plan: Plan) -> str:
    """Return a plan's price at Stripe, made when nobody made it yet.

    Asked every time: subscribing is rare, and an operator may move the lookup key to another price.
    """
    assert plan.interval is not None, "FREE is never charged"
    price = Price(
        lookup_key=plan.slug,
        product=f"audifi_{plan.plan.lower()}",
        name=f"AudiFi {plan.plan}",
        cents=plan.price_cents,
        currency=plan.currency,
        interval=_INTERVALS[plan.interval],
    )
    price_id = await parts.stripe.price(price)
    if price_id != plan.stripe_price_id:
        async with parts.database.transaction() as tx:
            await plans.remember_price(tx, plan.slug, price_id)
    return price_id


async def _purchase_row(parts: Parts, user_id: str, purchase_id: str) -> Checkout:
    """Return the checkout of a purchase, its price fixed on the first ask."""
    async with parts.database.read_primary() as connection:
        known = await checkouts.of_purchase(connection, purchase_id)
    if known is None:
        reserved = await _reserved(parts, user_id, purchase_id)
        async with parts.database.transaction() as tx:
            await _want_payment(tx, parts, reserved, purchase_id)
            known = await checkouts.of_purchase(tx, purchase_id)
        assert known is not None, "it was inserted, now or by somebody else"
    if known.user_id != user_id:
        raise NotFound
    return known


async def _reserved(parts: Parts, user_id: str, purchase_id: str) -> Reserved:
    reserved = await parts.peers.get("nft-service", f"/internal/v1/purchases/{purchase_id}", Reserved)
    if reserved.user_id != user_id:
        raise NotFound
    if reserved.status == "EXPIRED" or reserved.expires_at <= parts.clock.now():
        raise ReservationExpired
    if reserved.status != "RESERVED" or reserved.payment_method != "STRIPE":
        raise InvalidState("This purchase is not waiting for a card.", details={"status": reserved.status})
    return reserved


async def _want_payment(tx: Connection, parts: Parts, reserved: Reserved, purchase_id: str) -> None:
    now, wei = parts.clock.now(), amounts.parsed(reserved.total_wei)
    quote = pricing.quote_of(parts.quotes, reserved.currency)
    cents = pricing.card_price(wei, quote)
    new = NewPayment(
        id=str(new_id()),
        user_id=reserved.user_id,
        type="NFT_MINT",
        amount_cents=cents,
        currency=pricing.CURRENCY,
        purchase_id=purchase_id,
        now=now,
    )
    payment_id = await payments.insert(tx, new)
    if payment_id is None:
        return  # somebody else asks at the same time: theirs is the row
    await checkouts.insert(
        tx,
        NewCheckout(
            id=str(new_id()),
            user_id=reserved.user_id,
            kind="PURCHASE",
            amount_cents=cents,
            currency=pricing.CURRENCY,
            expires_at=reserved.expires_at,
            closes_at=max(reserved.expires_at, now + CLOSES_AFTER),
            now=now,
            purchase_id=purchase_id,
            payment_id=payment_id,
            total_wei=wei,
            quote_cents=quote,
        ),
    )


async def _close_other(parts: Parts, user_id: str, plan: Plan) -> None:
    """Close a page for another plan, or one whose time is over, before a new one is opened."""
    async with parts.database.read_primary() as connection:
        other = await checkouts.open_subscription(connection, user_id)
    if other is None or (other.plan_slug == plan.slug and other.expires_at > parts.clock.now()):
        return
    if other.stripe_session_id is not None:
        session = await parts.stripe.expire(other.stripe_session_id)
        if session.status != "expired":
            raise Conflict("Your subscription is being set up; look again in a moment.")
    async with parts.database.transaction() as tx:
        await checkouts.expired(tx, other.id)


async def _subscription_row(parts: Parts, user_id: str, plan: Plan) -> Checkout:
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        await subscriptions.lock_user(tx, user_id)
        if await subscriptions.live(tx, user_id) is not None:
            raise Conflict("There is a subscription already: change its plan instead.")
        trial_days = 0 if await subscriptions.ever(tx, user_id) else plan.trial_days
        expires_at = now + OPEN_FOR
        await checkouts.insert(
            tx,
            NewCheckout(
                id=str(new_id()),
                user_id=user_id,
                kind="SUBSCRIPTION",
                amount_cents=plan.price_cents,
                currency=plan.currency,
                expires_at=expires_at,
                closes_at=expires_at,
                now=now,
                plan_slug=plan.slug,
                trial_days=trial_days,
            ),
        )
        found = await checkouts.open_subscription(tx, user_id)
    if found is None or found.plan_slug != plan.slug:
        raise Conflict("Another checkout was opened at the same time.")
    return found


async def _with_time_left(parts: Parts, checkout: Checkout) -> Checkout:
    """Give a page that was asked for long ago, and never shown, an end that Stripe accepts."""
    now = parts.clock.now()
    if checkout.closes_at >= now + CLOSES_LEAST:
        return checkout
    async with parts.database.transaction() as tx:
        await checkouts.set_closing(tx, checkout.id, now + CLOSES_AFTER)
        found = await checkouts.get(tx, checkout.id)
    assert found is not None, "checkouts are never deleted"
    return found


async def _opened(parts: Parts, checkout: Checkout, session: Session) -> Page:
    async with parts.database.transaction() as tx:
        if session.url is not None:
            await checkouts.opened(tx, checkout.id, session.id, session.url)
        found = await checkouts.get(tx, checkout.id)
    if found is None or found.status != "OPEN":
        raise ReservationExpired("The time to pay passed while the page was opened.")
    return _page(found)


def _page(checkout: Checkout) -> Page:
    assert checkout.stripe_session_id is not None, "an open checkout has a session"
    assert checkout.url is not None, "an open checkout has an address"
    return Page(checkout.stripe_session_id, checkout.url, checkout.expires_at)


def _key(checkout: Checkout) -> str:
    return f"checkout:{checkout.id}:{int(checkout.closes_at.timestamp())}"


def _way(parts: Parts, checkout: Checkout) -> Way:
    home = parts.settings.app_origin
    return Way(
        success_url=f"{home}/checkout/success?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{home}/checkout/cancelled",
        expires_at=int(checkout.closes_at.timestamp()),
    )
