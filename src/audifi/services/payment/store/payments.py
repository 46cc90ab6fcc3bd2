"""Keep what was paid, and what went back.

Between: sagas.opening (wants a payment), sagas.money (what Stripe said of it), routes.history.
Invariant: `succeeded_at` and `refunded_at` are set once and never unset, so the state is the same in whatever order
Stripe's events come.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection, Row

_COLUMNS: Final = """id, user_id, type, amount_cents, currency, status, stripe_payment_intent, purchase_id, created_at,
    succeeded_at, refunded_at"""


@dataclass(frozen=True, kw_only=True)
class Payment:
    """A row."""

    id: str
    user_id: str
    type: str
    amount_cents: int
    currency: str
    status: str
    stripe_payment_intent: str | None
    purchase_id: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewPayment:
    """A payment somebody may make."""

    id: str
    user_id: str
    type: str
    amount_cents: int
    currency: str
    now: datetime
    purchase_id: str | None = None
    stripe_invoice_id: str | None = None


async def insert(tx: Connection, new: NewPayment) -> str | None:
    """Want a payment; None when its purchase or invoice has one."""
    found = await tx.fetchval(
        """INSERT INTO payment.payments
                  (id, user_id, type, amount_cents, currency, purchase_id, stripe_invoice_id, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id""",
        new.id,
        new.user_id,
        new.type,
        new.amount_cents,
        new.currency,
        new.purchase_id,
        new.stripe_invoice_id,
        new.now,
    )
    return None if found is None else str(found)


async def get(connection: Connection, payment_id: str) -> Payment | None:
    return await _one(connection, "id = $1", payment_id)


async def of_purchase(connection: Connection, purchase_id: str) -> Payment | None:
    return await _one(connection, "purchase_id = $1", purchase_id)


async def of_intent(connection: Connection, intent: str) -> Payment | None:
    return await _one(connection, "stripe_payment_intent = $1", intent)


async def succeeded(tx: Connection, payment_id: str, intent: str | None, now: datetime) -> Payment | None:
    """Money arrived; None when we knew."""
    row = await tx.fetchrow(
        f"""UPDATE payment.payments
               SET status = 'SUCCEEDED', succeeded_at = $3, failed_at = NULL,
                   stripe_payment_intent = coalesce(stripe_payment_intent, $2)
             WHERE id = $1 AND status IN ('PENDING', 'FAILED') RETURNING {_COLUMNS}""",  # noqa: S608  # our own columns
        payment_id,
        intent,
        now,
    )
    return _payment(row) if row is not None else None


async def failed(tx: Connection, payment_id: str, now: datetime) -> Payment | None:
    """A card was refused, or nobody paid in time; None when we knew, or know better."""
    row = await tx.fetchrow(
        f"""UPDATE payment.payments SET status = 'FAILED', failed_at = $2
             WHERE id = $1 AND status = 'PENDING' RETURNING {_COLUMNS}""",  # noqa: S608
        payment_id,
        now,
    )
    return _payment(row) if row is not None else None


async def refunded(tx: Connection, payment_id: str, now: datetime) -> Payment | None:
    """Money went back, all of it; None when we knew, or when it never arrived."""
    row = await tx.fetchrow(
        f"""UPDATE payment.payments SET status = 'REFUNDED', refunded_at = $2
             WHERE id = $1 AND status = 'SUCCEEDED' RETURNING {_COLUMNS}""",  # noqa: S608
        payment_id,
        now,
    )
    return _payment(row) if row is not None else None


async def paid_purchases(connection: Connection, since: datetime) -> dict[str, int]:
    """Return purchase → cents, of what was paid since then, given back or not."""
    rows = await connection.fetch(
        """SELECT purchase_id, amount_cents FROM payment.payments
            WHERE purchase_id IS NOT NULL AND succeeded_at IS NOT NULL AND succeeded_at >= $1""",
        since,
    )
    return {str(row["purchase_id"]): row["amount_cents"] for row in rows}


async def _one(connection: Connection, where: str, value: str) -> Payment | None:
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM payment.payments WHERE {where}", value)  # noqa: S608
    return _payment(row) if row is not None else None


def _payment(row: Row) -> Payment:
    return Payment(
        id=str(row["id"]),
        user_id=str(row["user_id"]),
        type=row["type"],
        amount_cents=row["amount_cents"],
        currency=row["currency"],
        status=row["status"],
        stripe_payment_intent=row["stripe_payment_intent"],
        purchase_id=None if row["purchase_id"] is None else str(row["purchase_id"]),
        created_at=row["created_at"],
    )
