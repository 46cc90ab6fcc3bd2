"""Apply what Stripe says of a subscription, whatever the order it says it in, and tell everybody what it means.

Between: sagas.applying (events), sagas.changing (answers to our own calls), store.subscriptions.

How disorder is met. An event older than the newest one applied is ignored. Events carry whole seconds, so two may share
one: then neither snapshot can be trusted, `Look` is raised, the caller asks Stripe for the subscription as it is now,
and applies that if nobody changed the row meanwhile (its version). A look that begins after an event was sent holds
everything the event tells; so the last look, or the newest snapshot, is Stripe's present.
A second live subscription of one user (two pages paid at once) is cancelled; but first the other one is looked at: its
end may merely not have arrived.
Invariant: all changes of one user's subscriptions happen under that user's lock; at most one of them is live.
Errors: Look.
Source: domain.md 2.4 ("ignore events older than the row's last_event_at").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from audifi.clients.stripe.objects import PaymentMethod
from audifi.clients.stripe.objects import Subscription as Told
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.kernel.telemetry import log
from audifi.services.payment.rules import entitlement
from audifi.services.payment.rules.entitlement import NOTHING, Standing
from audifi.services.payment.rules.lifecycle import LIVE, may_become, status_of
from audifi.services.payment.rules.naming import named
from audifi.services.payment.store import customers, errands, plans, subscriptions
from audifi.services.payment.store.subscriptions import State, Subscription
from audifi.wire.events.payment import SubscriptionCanceled, SubscriptionCreated, SubscriptionUpdated


class Look(Exception):
    """Ask Stripe how this subscription is now."""

    def __init__(self, stripe_id: str, version: int) -> None:
        super().__init__(stripe_id)
        self.stripe_id = stripe_id
        self.version = version


@dataclass(frozen=True)
class Looked:
    """How a subscription was, asked when its row had this version (0: no row)."""

    version: int
    told: Told


async def apply(tx: Connection, told: Told, *, at: datetime, looked: Mapping[str, Looked], now: datetime) -> str | None:
    """Apply an event's snapshot, or a look if there is one; returns why nothing was done."""
    user_id = await _owner(tx, told)
    if user_id is None:
        return "no user of ours"
    await subscriptions.lock_user(tx, user_id)
    row = await subscriptions.by_stripe_id(tx, told.id)
    if row is not None and at < row.last_event_at:
        return "older than what is known"
    version = row.version if row is not None else 0
    look = looked.get(told.id)
    if look is not None and look.version == version:
        told = look.told
    elif look is not None or (row is not None and at == row.last_event_at):
        raise Look(told.id, version)
    state = await state_of(tx, told)
    if state is None:
        return "a price of no plan"
    if row is not None and not may_become(row.state.status, state.status):
        return f"{row.state.status} does not become {state.status}"
    if state.status in LIVE and await _is_second(tx, user_id, told.id, looked, now):
        return "a second subscription: it is cancelled"
    await _write(tx, row, user_id, told, state, at=at, now=now)
    await _keep_card(tx, user_id, told)
    await _announce(tx, user_id, row, state, now)
    return None


async def answered(tx: Connection, row: Subscription, told: Told, now: datetime) -> None:
    """Apply what Stripe answered to our own call, unless an event was faster."""
    await subscriptions.lock_user(tx, row.user_id)
    state = await state_of(tx, told)
    if state is None or not may_become(row.state.status, state.status):
        return
    if await subscriptions.update(tx, row.stripe_subscription_id, state, version=row.version, at=None, now=now):
        await _announce(tx, row.user_id, row, state, now)


async def standing_of(connection: Connection, user_id: str, now: datetime) -> Standing:
    """Return which plan a user may use now."""
    live = await subscriptions.live(connection, user_id)
    if live is not None:
        return entitlement.standing(live.plan, live.state.status, live.state.period_start, now)
    last = await subscriptions.newest(connection, user_id)
    return Standing(entitlement.FREE, last.state.status) if last is not None else NOTHING


async def retell(tx: Connection, user_id: str, now: datetime) -> Standing:
    """Tell everybody the user's plan if it is another than they know."""
    standing = await standing_of(tx, user_id, now)
    if await subscriptions.told(tx, user_id) != (standing.plan, standing.status):
        await subscriptions.tell(tx, user_id, standing.plan, standing.status, now)
        data = SubscriptionUpdated(user_id=user_id, plan=standing.plan, status=standing.status)
        await outbox.add(tx, data, aggregate_id=user_id)
    return standing


async def state_of(connection: Connection, told: Told) -> State | None:
    """Return Stripe's word in ours; None for a price that belongs to no plan."""
    item = told.item
    slug = await plans.slug_of_price(connection, item.price.id, item.price.lookup_key)
    if slug is None:
        log.error("a subscription to a price of no plan", subscription=told.id, price=item.price.id)
        return None
    return State(
        plan_slug=slug,
        status=status_of(told.status),
        period_start=moment(item.current_period_start),
        period_end=moment(item.current_period_end),
        trial_start=_optional(told.trial_start),
        trial_end=_optional(told.trial_end),
        cancel_at_period_end=told.cancel_at_period_end,
        canceled_at=_optional(told.canceled_at),
        stripe_customer_id=told.customer,
        stripe_item_id=item.id,
    )


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _optional(seconds: int | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


async def _owner(tx: Connection, told: Told) -> str | None:
    return named(told.metadata, "userId") or await customers.user_of(tx, told.customer)


async def _is_second(tx: Connection, user_id: str, stripe_id: str, looked: Mapping[str, Looked], now: datetime) -> bool:
    other = await subscriptions.live(tx, user_id)
    if other is None or other.stripe_subscription_id == stripe_id:
        return False
    look = looked.get(other.stripe_subscription_id)
    if look is None or look.version != other.version:
        raise Look(other.stripe_subscription_id, other.version)
    state = await state_of(tx, look.told)
    if state is not None and state.status not in LIVE:
        await subscriptions.update(tx, other.stripe_subscription_id, state, version=other.version, at=None, now=now)
        return False
    log.error("a second subscription is cancelled: give its payment back", subscription=stripe_id, user_id=user_id)
    await errands.ask(tx, "CANCEL", stripe_id, now)
    return True


async def _write(
    tx: Connection, row: Subscription | None, user_id: str, told: Told, state: State, *, at: datetime, now: datetime
) -> None:
    if row is None:
        await subscriptions.insert(
            tx, row_id=str(new_id()), user_id=user_id, stripe_id=told.id, state=state, at=at, now=now
        )
        return
    done = await subscriptions.update(tx, told.id, state, version=row.version, at=at, now=now)
    assert done, "the user's lock is held, so nobody else changed the row"


async def _keep_card(tx: Connection, user_id: str, told: Told) -> None:
    method = told.default_payment_method
    if isinstance(method, PaymentMethod) and method.card is not None:
        card = method.card
        expiry = f"{card.exp_month:02}/{card.exp_year}"
        await customers.keep_card(tx, user_id, method.id, brand=card.brand, last4=card.last4, expiry=expiry)


async def _announce(tx: Connection, user_id: str, row: Subscription | None, state: State, now: datetime) -> None:
    standing = await retell(tx, user_id, now)
    said = {"user_id": user_id, "plan": standing.plan, "status": state.status}
    begins = row is None or row.state.status == "INCOMPLETE"
    if begins and state.status in LIVE:
        await outbox.add(tx, SubscriptionCreated(**said), aggregate_id=user_id)
    ended = state.status == "CANCELLED" and (row is None or row.state.status != "CANCELLED")
    will_end = state.cancel_at_period_end and not (row is not None and row.state.cancel_at_period_end)
    if ended or (will_end and state.status in LIVE):
        await outbox.add(tx, SubscriptionCanceled(**said), aggregate_id=user_id)
