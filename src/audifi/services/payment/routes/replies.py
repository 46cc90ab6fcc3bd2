"""Shape what is answered about plans, subscriptions and payments, in one place for all routes that answer it.

Between: routes.* (build), docs/openapi/payment.json and the SDK (read).
Units: cents of `currency`; timestamps ISO-8601 UTC with milliseconds; a limit of null is no limit.
"""

from audifi.kernel.clock import iso
from audifi.kernel.http import Reply, Timestamp
from audifi.services.payment.rules.entitlement import Standing
from audifi.services.payment.store.invoices import Entry
from audifi.services.payment.store.plans import Limits, Plan
from audifi.services.payment.store.subscriptions import Subscription


class LimitsReply(Reply, kw_only=True):
    """What a plan includes."""

    masters: int | None
    ipos_per_month: int | None
    sessions: int | None
    decisions_per_session: int | None


class PlanReply(Reply, kw_only=True):
    """One price of one plan."""

    slug: str
    plan: str
    interval: str | None
    price_cents: int
    currency: str
    trial_days: int
    limits: LimitsReply
    features: tuple[str, ...]


class StandingReply(Reply, kw_only=True):
    """Which plan counts for somebody now."""

    plan: str
    status: str
    limits: LimitsReply


class SubscriptionReply(Reply, kw_only=True):
    """The caller's subscription; FREE when there is none."""

    plan: str
    status: str
    interval: str | None
    current_period_start: Timestamp | None
    current_period_end: Timestamp | None
    trial_end: Timestamp | None
    cancel_at_period_end: bool
    limits: LimitsReply


class HistoryReply(Reply, kw_only=True):
    """A payment or an invoice."""

    kind: str
    id: str
    type: str
    amount_cents: int
    currency: str
    status: str
    purchase_id: str | None
    created_at: Timestamp


def limits_reply(limits: Limits) -> LimitsReply:
    return LimitsReply(
        masters=limits.masters,
        ipos_per_month=limits.ipos_per_month,
        sessions=limits.sessions,
        decisions_per_session=limits.decisions_per_session,
    )


def plan_reply(plan: Plan) -> PlanReply:
    return PlanReply(
        slug=plan.slug,
        plan=plan.plan,
        interval=plan.interval,
        price_cents=plan.price_cents,
        currency=plan.currency,
        trial_days=plan.trial_days,
        limits=limits_reply(plan.limits),
        features=plan.features,
    )


def standing_reply(standing: Standing, limits: Limits) -> StandingReply:
    return StandingReply(plan=standing.plan, status=standing.status, limits=limits_reply(limits))


def subscription_reply(row: Subscription | None, standing: Standing, limits: Limits) -> SubscriptionReply:
    state = row.state if row is not None else None
    return SubscriptionReply(
        plan=standing.plan,
        status=standing.status,
        interval=row.interval if row is not None else None,
        current_period_start=iso(state.period_start) if state is not None else None,
        current_period_end=iso(state.period_end) if state is not None else None,
        trial_end=iso(state.trial_end) if state is not None and state.trial_end is not None else None,
        cancel_at_period_end=state is not None and state.cancel_at_period_end,
        limits=limits_reply(limits),
    )


def history_reply(entry: Entry) -> HistoryReply:
    return HistoryReply(
        kind=entry.kind,
        id=entry.id,
        type=entry.type,
        amount_cents=entry.amount_cents,
        currency=entry.currency,
        status=entry.status,
        purchase_id=entry.purchase_id,
        created_at=iso(entry.created_at),
    )
