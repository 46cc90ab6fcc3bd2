"""Keep the hosted pages we opened.

Between: sagas.opening, sagas.applying, sagas.errands.

    OPENING (we want it) → OPEN (Stripe has it) → COMPLETE | EXPIRED; OPENING → EXPIRED

Invariant: one per purchase, for ever: a second ask gets the first page; one open subscription page per user.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from audifi.kernel.connection import Connection, Row, changed

_COLUMNS: Final = """id, user_id, kind, purchase_id, payment_id, plan_slug, trial_days, amount_cents, currency, status,
    stripe_session_id, url, expires_at, closes_at"""


@dataclass(frozen=True, kw_only=True)
class NewCheckout:
    """A page somebody wants."""

    id: str
    user_id: str
    kind: str
    amount_cents: int
    currency: str
    expires_at: datetime
    closes_at: datetime
    now: datetime
    purchase_id: str | None = None
    payment_id: str | None = None
    plan_slug: str | None = None
    trial_days: int = 0
    total_wei: int | None = None
    quote_cents: int | None = None


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A row."""

    id: str
    user_id: str
    kind: str
    purchase_id: str | None
    payment_id: str | None
    plan_slug: str | None
    trial_days: int
    amount_cents: int
    currency: str
    status: str
    stripe_session_id: str | None
    url: str | None
    expires_at: datetime
    closes_at: datetime


async def insert(tx: Connection, new: NewCheckout) -> None:
    """Want a page; unless its purchase, or its user's subscription, has one."""
    await tx.execute(
        """INSERT INTO payment.checkouts (id, user_id, kind, purchase_id, payment_id, plan_slug, trial_days,
                                          amount_cents, currency, total_wei, quote_cents, expires_at, closes_at,
                                          created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING""",
        new.id,
        new.user_id,
        new.kind,
        new.purchase_id,
        new.payment_id,
        new.plan_slug,
        new.trial_days,
        new.amount_cents,
        new.currency,
        None if new.total_wei is None else Decimal(new.total_wei),
        new.quote_cents,
        new.expires_at,
        new.closes_at,
        new.now,
    )


async def of_purchase(connection: Connection, purchase_id: str) -> Checkout | None:
    return await _one(connection, "purchase_id = $1", purchase_id)


async def of_session(connection: Connection, session_id: str) -> Checkout | None:
    return await _one(connection, "stripe_session_id = $1", session_id)


async def get(connection: Connection, checkout_id: str) -> Checkout | None:
    return await _one(connection, "id = $1", checkout_id)


async def open_subscription(connection: Connection, user_id: str) -> Checkout | None:
    """Return the page on which this user may still subscribe."""
    return await _one(connection, "user_id = $1 AND kind = 'SUBSCRIPTION' AND status IN ('OPENING', 'OPEN')", user_id)


async def set_closing(tx: Connection, checkout_id: str, closes_at: datetime) -> bool:
    """Ask for the page anew, with a later end: the one asked for before was never seen."""
    tag = await tx.execute(
        "UPDATE payment.checkouts SET closes_at = $2 WHERE id = $1 AND status = 'OPENING'", checkout_id, closes_at
    )
    return changed(tag) == 1


async def opened(tx: Connection, checkout_id: str, session_id: str, url: str) -> bool:
    """Stripe has the page."""
    tag = await tx.execute(
        """UPDATE payment.checkouts SET status = 'OPEN', stripe_session_id = $2, url = $3
            WHERE id = $1 AND status = 'OPENING'""",
        checkout_id,
        session_id,
        url,
    )
    return changed(tag) == 1


async def completed(tx: Connection, session_id: str) -> None:
    """Somebody paid; that counts even when we thought it expired."""
    await tx.execute(
        "UPDATE payment.checkouts SET status = 'COMPLETE' WHERE stripe_session_id = $1 AND status <> 'COMPLETE'",
        session_id,
    )


async def expired(tx: Connection, checkout_id: str) -> bool:
    tag = await tx.execute(
        "UPDATE payment.checkouts SET status = 'EXPIRED' WHERE id = $1 AND status IN ('OPENING', 'OPEN')", checkout_id
    )
    return changed(tag) == 1


async def open_of_user(connection: Connection, user_id: str) -> list[str]:
    rows = await connection.fetch(
        "SELECT id FROM payment.checkouts WHERE user_id = $1 AND status IN ('OPENING', 'OPEN')", user_id
    )
    return [str(row["id"]) for row in rows]


async def due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Return pages whose time is over."""
    rows = await connection.fetch(
        """SELECT c.id FROM payment.checkouts c WHERE c.expires_at <= $1 AND c.status IN ('OPENING', 'OPEN')
              AND NOT EXISTS (SELECT 1 FROM payment.errands e WHERE e.kind = 'EXPIRE' AND e.subject = c.id::text)
            ORDER BY c.expires_at LIMIT $2""",
        now,
        limit,
    )
    return [str(row["id"]) for row in rows]


async def _one(connection: Connection, where: str, value: str) -> Checkout | None:
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM payment.checkouts WHERE {where}", value)  # noqa: S608  # our own words
    return _checkout(row) if row is not None else None


def _checkout(row: Row) -> Checkout:
    return Checkout(
        id=str(row["id"]),
        user_id=str(row["user_id"]),
        kind=row["kind"],
        purchase_id=_text(row["purchase_id"]),
        payment_id=_text(row["payment_id"]),
        plan_slug=row["plan_slug"],
        trial_days=row["trial_days"],
        amount_cents=row["amount_cents"],
        currency=row["currency"],
        status=row["status"],
        stripe_session_id=row["stripe_session_id"],
        url=row["url"],
        expires_at=row["expires_at"],
        closes_at=row["closes_at"],
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
