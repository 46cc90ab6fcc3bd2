"""Read plans, and remember the prices Stripe has for them.

Between: routes, sagas. Plans are seeded by the first migration.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from audifi.kernel.connection import Connection, Row


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a plan includes; None: no limit."""

    masters: int | None
    ipos_per_month: int | None
    sessions: int | None
    decisions_per_session: int | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One price of one plan."""

    slug: str
    plan: str
    interval: str | None
    price_cents: int
    currency: str
    trial_days: int
    limits: Limits
    features: tuple[str, ...]
    stripe_price_id: str | None


_COLUMNS: Final = """slug, plan, billing_interval, price_cents, currency, trial_days, max_masters, max_ipos_per_month,
    sessions_included, decisions_per_session, features, stripe_price_id"""


async def active(connection: Connection) -> list[Plan]:
    """Return what can be subscribed to, in the order of the price list."""
    return [
        _plan(row)
        for row in await connection.fetch(f"SELECT {_COLUMNS} FROM payment.plans WHERE is_active ORDER BY position")  # noqa: S608  # our own columns
    ]


async def priced(connection: Connection, plan: str, interval: str) -> Plan | None:
    """Return the price of a plan for an interval, if it is sold."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM payment.plans WHERE plan = $1 AND billing_interval = $2 AND is_active",  # noqa: S608
        plan,
        interval,
    )
    return _plan(row) if row is not None else None


async def by_slug(connection: Connection, slug: str) -> Plan | None:
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM payment.plans WHERE slug = $1", slug)  # noqa: S608
    return _plan(row) if row is not None else None


async def slug_of_price(connection: Connection, price_id: str, lookup_key: str | None) -> str | None:
    """Return the plan a Stripe price belongs to; its lookup key is our slug."""
    return await connection.fetchval(
        "SELECT slug FROM payment.plans WHERE stripe_price_id = $1 OR slug = $2 LIMIT 1", price_id, lookup_key
    )


async def limits_of(connection: Connection, plan: str) -> Limits:
    """Return what a plan includes, whatever is paid for it."""
    row = await connection.fetchrow(
        """SELECT max_masters, max_ipos_per_month, sessions_included, decisions_per_session
             FROM payment.plans WHERE plan = $1 ORDER BY position LIMIT 1""",
        plan,
    )
    assert row is not None, f"the migrations seed {plan}"
    return _limits(row)


async def remember_price(tx: Connection, slug: str, price_id: str) -> None:
    await tx.execute("UPDATE payment.plans SET stripe_price_id = $2 WHERE slug = $1", slug, price_id)


def _plan(row: Row) -> Plan:
    features: Any = row["features"]
    return Plan(
        slug=row["slug"],
        plan=row["plan"],
        interval=row["billing_interval"],
        price_cents=row["price_cents"],
        currency=row["currency"],
        trial_days=row["trial_days"],
        limits=_limits(row),
        features=tuple(msgspec.json.decode(features, type=list[str])),
        stripe_price_id=row["stripe_price_id"],
    )


def _limits(row: Row) -> Limits:
    return Limits(
        masters=row["max_masters"],
        ipos_per_month=row["max_ipos_per_month"],
        sessions=row["sessions_included"],
        decisions_per_session=row["decisions_per_session"],
    )
