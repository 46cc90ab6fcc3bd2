"""Apply one event of Stripe's: find out what it is about, look where it must be looked, do its effect once.

Between: consumers and sagas.working (name a row of webhook_events), sagas.money and sagas.subscribing (effects).
Shape: claim (a lease) → effect and the row's end in one transaction; whatever fails is tried again after a growing
pause, for ever: Stripe's word is not given up.
Invariant: an event's effect is committed with its row's end, so it happens once; a worker whose lease was taken over
commits nothing.
Errors: none leave but bugs: Unavailable is written down, with when to try again.
Source: domain.md 2.4 (types, steps).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from audifi.clients.stripe.objects import Charge, Event, Intent, Invoice, Session
from audifi.clients.stripe.objects import Subscription as Told
from audifi.clients.stripe.webhooks import parsed
from audifi.kernel.connection import Connection
from audifi.kernel.metrics import counter
from audifi.kernel.telemetry import log
from audifi.services.payment.errors import Conflict, Invalid, Unavailable
from audifi.services.payment.parts import Parts
from audifi.services.payment.rules.naming import named
from audifi.services.payment.sagas import money, subscribing
from audifi.services.payment.sagas.subscribing import Look, Looked, moment
from audifi.services.payment.store import checkouts, payments, subscriptions, webhooks
from audifi.services.payment.store.webhooks import Received
from audifi.wire import metrics

LOOKS_MAX: Final = 5  # rows that change under our hands more often than that can wait
PAUSE_FIRST_S: Final = 1
PAUSE_MAX_S: Final = 300
T = TypeVar("T")


class _NotOurs(Exception):
    """Says of an event why it has no effect."""


@dataclass(frozen=True)
class _Effect:
    """One event on its way into the database."""

    tx: Connection
    event: Event
    looked: dict[str, Looked]
    now: datetime

    @property
    def at(self) -> datetime:
        return moment(self.event.created)

    def about(self, kind: type[T]) -> T:
        return msgspec.convert(self.event.object, kind)


async def apply(parts: Parts, row_id: str) -> bool:
    """Apply an event that waits; False when somebody else does, or did."""
    async with parts.database.transaction() as tx:
        received = await webhooks.claim(tx, row_id, parts.clock.now())
    if received is None:
        return False
    try:
        await _applied(parts, received)
    except (Unavailable, Conflict) as problem:
        await _later(parts, received, problem)
    except Invalid as refused:
        await _unfit(parts, received, refused)
    parts.wake()
    return True


async def _applied(parts: Parts, received: Received) -> None:
    looked: dict[str, Looked] = {}
    for _ in range(LOOKS_MAX):
        try:
            await _committed(parts, received, looked)
        except Look as wanted:
            told = await parts.stripe.subscription(wanted.stripe_id)
            looked[wanted.stripe_id] = Looked(wanted.version, told)
        else:
            return
    raise Conflict("the subscription changes faster than it can be looked at")


async def _committed(parts: Parts, received: Received, looked: dict[str, Looked]) -> None:
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        status, note = await _effect(tx, received, looked, now)
        if not await webhooks.done(tx, received.id, status=status, note=note, now=now):
            raise Conflict("another worker took this event over")


async def _effect(
    tx: Connection, received: Received, looked: dict[str, Looked], now: datetime
) -> tuple[str, str | None]:
    try:
        event = parsed(received.payload)
        handle = _BY_TYPE.get(event.type)
        if handle is None:
            return "SKIPPED", "not a type we read"
        note = await handle(_Effect(tx, event, looked, now))
    except (msgspec.ValidationError, Invalid) as error:
        # Signed by Stripe and not as its documents say: an operator must look; nothing is guessed.
        log.error("an event of Stripe's has another form", row=received.id, error=error)
        counter(metrics.STRIPE_WEBHOOK_ERRORS).inc()
        return "SKIPPED", f"unreadable: {error}"
    return ("PROCESSED", None) if note is None else ("SKIPPED", note)


async def _unfit(parts: Parts, received: Received, refused: Invalid) -> None:
    log.error("an event of Stripe's holds what no column can", row=received.id, error=refused)
    counter(metrics.STRIPE_WEBHOOK_ERRORS).inc()
    async with parts.database.transaction() as tx:
        await webhooks.done(tx, received.id, status="SKIPPED", note=str(refused), now=parts.clock.now())


async def _later(parts: Parts, received: Received, problem: Unavailable | Conflict) -> None:
    pause_s = pause_after(received.retries)
    counter(metrics.STRIPE_WEBHOOK_ERRORS).inc()
    log.warning("an event of Stripe's waits", row=received.id, tries=received.retries, retry_s=pause_s, error=problem)
    async with parts.database.transaction() as tx:
        at = parts.clock.now() + timedelta(seconds=pause_s)
        await webhooks.later(tx, received.id, at=at, error=str(problem))


def pause_after(tries: int) -> int:
    """Return how many seconds to wait after so many tries."""
    return min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** min(max(tries - 1, 0), 10))


async def _session_completed(effect: _Effect) -> str | None:
    tx, session = effect.tx, effect.about(Session)
    await checkouts.completed(tx, session.id)
    if session.mode == "subscription" and session.subscription is not None:
        return await _look_at(effect, session.subscription)
    payment_id = await _payment_of(tx, session.metadata)
    if not session.is_paid:
        return "not paid yet"  # a slow way to pay: payment_intent.succeeded follows
    return await money.paid(tx, payment_id, session.payment_intent, effect.now)


async def _session_expired(effect: _Effect) -> str | None:
    tx, session = effect.tx, effect.about(Session)
    checkout = await checkouts.of_session(tx, session.id)
    if checkout is None:
        return "not our page"
    await checkouts.expired(tx, checkout.id)
    return None if checkout.payment_id is None else await money.refused(tx, checkout.payment_id, effect.now)


async def _look_at(effect: _Effect, stripe_id: str) -> str | None:
    """Apply a subscription as it is now: the event says only that there is one."""
    row = await subscriptions.by_stripe_id(effect.tx, stripe_id)
    look = effect.looked.get(stripe_id)
    if look is None:
        raise Look(stripe_id, row.version if row is not None else 0)
    return await subscribing.apply(effect.tx, look.told, at=effect.at, looked=effect.looked, now=effect.now)


async def _subscription(effect: _Effect) -> str | None:
    told = effect.about(Told)
    return await subscribing.apply(effect.tx, told, at=effect.at, looked=effect.looked, now=effect.now)


async def _invoice(effect: _Effect) -> str | None:
    return await money.billed(effect.tx, effect.about(Invoice), at=effect.at, now=effect.now)


async def _intent_succeeded(effect: _Effect) -> str | None:
    intent = effect.about(Intent)
    return await money.paid(effect.tx, await _payment_of(effect.tx, intent.metadata), intent.id, effect.now)


async def _intent_failed(effect: _Effect) -> str | None:
    intent = effect.about(Intent)
    return await money.refused(effect.tx, await _payment_of(effect.tx, intent.metadata), effect.now)


async def _refunded(effect: _Effect) -> str | None:
    charge = effect.about(Charge)
    if not charge.refunded:
        return "a part of it: the payment stands"
    payment_id = await _payment_of(effect.tx, charge.metadata)
    return await money.given_back(effect.tx, payment_id, charge.payment_intent, effect.now)


async def _payment_of(tx: Connection, metadata: dict[str, str] | None) -> str:
    """Return the payment that our own words in the object name."""
    payment_id = named(metadata, "paymentId")
    payment = await payments.get(tx, payment_id) if payment_id is not None else None
    if payment is None:
        raise _NotOurs("no payment of ours")
    return payment.id


def _skipping(handle: Callable[[_Effect], Awaitable[str | None]]) -> Callable[[_Effect], Awaitable[str | None]]:
    async def handled(effect: _Effect) -> str | None:
        try:
            return await handle(effect)
        except _NotOurs as reason:
            return str(reason)

    return handled


_BY_TYPE: Final = {
    "checkout.session.completed": _skipping(_session_completed),
    "checkout.session.expired": _session_expired,
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
    "invoice.paid": _invoice,
    "invoice.payment_failed": _invoice,
    "payment_intent.succeeded": _skipping(_intent_succeeded),
    "payment_intent.payment_failed": _skipping(_intent_failed),
    "charge.refunded": _skipping(_refunded),
}
TYPES: Final = tuple(_BY_TYPE)
