"""Change a subscription at its owner's wish: end it, go on after all, move to another plan.

Between: routes.subscriptions, Stripe, sagas.subscribing (applies the answer), consumers of `audit.recorded`.
Shape: read our row → ask Stripe → apply the answer if no event was faster.
Why every request has a key of its own: the key makes our repetitions of one call safe, and Stripe keeps a refused card
under it, so that a second wish under the same key would be refused for ever. Wishes themselves can be repeated: a
subscription that is on the plan already is not moved, or charged, again.
Invariant: nothing is changed here that Stripe did not answer to have changed.
Errors: SubscriptionNotFound, InvalidState, PlanNotFound, Invalid, PaymentProviderError.
Source: domain.md 2.4.
"""

from audifi.clients.stripe.objects import Subscription as Told
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.services.payment.errors import Invalid, InvalidState, PlanNotFound, SubscriptionNotFound
from audifi.services.payment.parts import Parts, PaymentCall
from audifi.services.payment.rules.entitlement import FREE
from audifi.services.payment.sagas import opening, subscribing
from audifi.services.payment.store import plans, subscriptions
from audifi.services.payment.store.subscriptions import Subscription
from audifi.wire.events.auth import AuditRecorded


async def end(call: PaymentCall, *, immediately: bool) -> None:
    """Let the subscription end, now or with its period."""
    parts, row = call.deps, await _live(call)
    if immediately:
        await parts.stripe.cancel(row.stripe_subscription_id)
        told = await parts.stripe.subscription(row.stripe_subscription_id)
        await _applied(call, row, told, "subscription.cancelled")
        return
    if row.state.cancel_at_period_end:
        raise InvalidState("The subscription ends with its period already.")
    told = await parts.stripe.end_with_period(row.stripe_subscription_id, ends=True, key=_key(row, "end"))
    await _applied(call, row, told, "subscription.cancelled")


async def go_on(call: PaymentCall) -> None:
    """Take a cancellation back while the period lasts."""
    row = await _live(call)
    if not row.state.cancel_at_period_end:
        raise InvalidState("The subscription is not about to end.")
    told = await call.deps.stripe.end_with_period(row.stripe_subscription_id, ends=False, key=_key(row, "go-on"))
    await _applied(call, row, told, "subscription.reactivated")


async def move(call: PaymentCall, plan_name: str, interval: str) -> None:
    """Change the plan now."""
    parts, row = call.deps, await _live(call)
    if plan_name == FREE:
        raise Invalid(details={"plan": "cancel the subscription to return to FREE"})
    async with parts.database.read_primary() as connection:
        plan = await plans.priced(connection, plan_name, interval)
    if plan is None:
        raise PlanNotFound
    if plan.slug == row.state.plan_slug:
        raise InvalidState("This is your plan already.")
    told = await parts.stripe.change_price(
        row.stripe_subscription_id,
        row.state.stripe_item_id,
        await opening.price_of(parts, plan),
        key=_key(row, plan.slug),
    )
    await _applied(call, row, told, "subscription.plan_changed")


async def _live(call: PaymentCall) -> Subscription:
    async with call.deps.database.read_primary() as connection:
        row = await subscriptions.live(connection, call.user().user_id)
    if row is None:
        raise SubscriptionNotFound
    return row


async def _applied(call: PaymentCall, row: Subscription, told: Told, action: str) -> None:
    parts: Parts = call.deps
    async with parts.database.transaction() as tx:
        await subscribing.answered(tx, row, told, parts.clock.now())
        await _audited(tx, call, row, action)


async def _audited(tx: Connection, call: PaymentCall, row: Subscription, action: str) -> None:
    now = await subscriptions.by_stripe_id(tx, row.stripe_subscription_id)
    said = AuditRecorded(
        action=action,
        category="subscription",
        target_type="subscription",
        target_id=row.id,
        actor_id=row.user_id,
        before=_shown(row),
        after=_shown(now) if now is not None else None,
        client_ip=call.client_ip,
        user_agent=call.user_agent,
    )
    await outbox.add(tx, said, aggregate_id=row.id, actor_id=row.user_id)


def _shown(row: Subscription) -> dict[str, str]:
    state = row.state
    ends = "true" if state.cancel_at_period_end else "false"
    return {"plan": state.plan_slug, "status": state.status, "cancelAtPeriodEnd": ends}


def _key(row: Subscription, wish: str) -> str:
    return f"{wish}:{row.id}:{new_id()}"
