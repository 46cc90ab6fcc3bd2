"""Keep subscriptions as Stripe last told them, and what everybody was told of a user's plan.

Between: sagas.subscribing (writes, holding the user's lock), routes (read).
Invariant: at most one live row per user (partial unique index); `version` grows with every change.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection, Row, changed

_COLUMNS: Final = """s.id, s.user_id, s.plan_slug, p.plan, p.billing_interval, s.status, s.period_start, s.period_end,
    s.trial_start, s.trial_end, s.cancel_at_period_end, s.canceled_at, s.stripe_customer_id, s.stripe_subscription_id,
    s.stripe_item_id, s.last_event_at, s.version"""
_FROM: Final = "FROM payment.subscriptions s JOIN payment.plans p ON p.slug = s.plan_slug"
_LIVE: Final = "s.status IN ('ACTIVE', 'TRIALING', 'PAST_DUE')"


@dataclass(frozen=True, kw_only=True)
class State:
    """What Stripe says of a subscription."""

    plan_slug: str
    status: str
    period_start: datetime
    period_end: datetime
    trial_start: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    stripe_customer_id: str
    stripe_item_id: str


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A row."""

    id: str
    user_id: str
    plan: str
    interval: str | None
    stripe_subscription_id: str
    last_event_at: datetime
    version: int
    state: State


async def lock_user(tx: Connection, user_id: str) -> None:
    """Let nobody else change this user's subscriptions until the transaction ends."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('payment.user'), hashtext($1))", user_id)


async def by_stripe_id(connection: Connection, stripe_id: str) -> Subscription | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} {_FROM} WHERE s.stripe_subscription_id = $1",  # our own columns
        stripe_id,
    )
    return _subscription(row) if row is not None else None


async def live(connection: Connection, user_id: str) -> Subscription | None:
    """Return the one that may entitle."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} {_FROM} WHERE s.user_id = $1 AND {_LIVE}", user_id)
    return _subscription(row) if row is not None else None


async def newest(connection: Connection, user_id: str) -> Subscription | None:
    """Return the live one, else the one begun last."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} {_FROM} WHERE s.user_id = $1 ORDER BY {_LIVE} DESC, s.created_at DESC LIMIT 1",
        user_id,
    )
    return _subscription(row) if row is not None else None


async def ever(connection: Connection, user_id: str) -> bool:
    """Whether this user subscribed before: a trial is given once."""
    return bool(
        await connection.fetchval("SELECT EXISTS (SELECT 1 FROM payment.subscriptions WHERE user_id = $1)", user_id)
    )


async def insert(
    tx: Connection, *, row_id: str, user_id: str, stripe_id: str, state: State, at: datetime, now: datetime
) -> None:
    """Keep a subscription we had not heard of."""
    await tx.execute(
        """INSERT INTO payment.subscriptions
                  (id, user_id, stripe_subscription_id, last_event_at, created_at, updated_at, plan_slug, status,
                   period_start, period_end, trial_start, trial_end, cancel_at_period_end, canceled_at,
                   stripe_customer_id, stripe_item_id)
           VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)""",
        row_id,
        user_id,
        stripe_id,
        at,
        now,
        *_values(state),
    )


async def update(
    tx: Connection, stripe_id: str, state: State, *, version: int, at: datetime | None, now: datetime
) -> bool:
    """Change a subscription that nobody changed since `version`; `at` is the event's time, if an event says so."""
    tag = await tx.execute(
        """UPDATE payment.subscriptions
              SET version = version + 1, last_event_at = coalesce($3, last_event_at), updated_at = $4, plan_slug = $5,
                  status = $6, period_start = $7, period_end = $8, trial_start = $9, trial_end = $10,
                  cancel_at_period_end = $11, canceled_at = $12, stripe_customer_id = $13, stripe_item_id = $14
            WHERE stripe_subscription_id = $1 AND version = $2""",
        stripe_id,
        version,
        at,
        now,
        *_values(state),
    )
    return changed(tag) == 1


async def told(tx: Connection, user_id: str) -> tuple[str, str] | None:
    """Return the plan and status everybody was last told."""
    row = await tx.fetchrow("SELECT plan, status FROM payment.entitlements WHERE user_id = $1", user_id)
    return (row["plan"], row["status"]) if row is not None else None


async def tell(tx: Connection, user_id: str, plan: str, status: str, now: datetime) -> None:
    await tx.execute(
        """INSERT INTO payment.entitlements (user_id, plan, status, changed_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (user_id) DO UPDATE SET plan = $2, status = $3, changed_at = $4""",
        user_id,
        plan,
        status,
        now,
    )


async def out_of_grace(connection: Connection, before: datetime, limit: int) -> list[str]:
    """Return users whose unpaid period began before then, and who were not told yet."""
    rows = await connection.fetch(
        """SELECT s.user_id FROM payment.subscriptions s JOIN payment.entitlements e ON e.user_id = s.user_id
            WHERE s.status = 'PAST_DUE' AND s.period_start <= $1 AND e.plan <> 'FREE' LIMIT $2""",
        before,
        limit,
    )
    return [str(row["user_id"]) for row in rows]


def _values(state: State) -> tuple[object, ...]:
    return (
        state.plan_slug,
        state.status,
        state.period_start,
        state.period_end,
        state.trial_start,
        state.trial_end,
        state.cancel_at_period_end,
        state.canceled_at,
        state.stripe_customer_id,
        state.stripe_item_id,
    )


def _subscription(row: Row) -> Subscription:
    return Subscription(
        id=str(row["id"]),
        user_id=str(row["user_id"]),
        plan=row["plan"],
        interval=row["billing_interval"],
        stripe_subscription_id=row["stripe_subscription_id"],
        last_event_at=row["last_event_at"],
        version=row["version"],
        state=State(
            plan_slug=row["plan_slug"],
            status=row["status"],
            period_start=row["period_start"],
            period_end=row["period_end"],
            trial_start=row["trial_start"],
            trial_end=row["trial_end"],
            cancel_at_period_end=row["cancel_at_period_end"],
            canceled_at=row["canceled_at"],
            stripe_customer_id=row["stripe_customer_id"],
            stripe_item_id=row["stripe_item_id"],
        ),
    )
