"""Keep the bills of subscriptions, and list what somebody paid.

Between: sagas.money (writes), routes.history (reads, from a replica).
Invariant: a paid bill stays paid, whatever comes late.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection, Row


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What Stripe says of an invoice."""

    stripe_invoice_id: str
    stripe_subscription_id: str
    user_id: str
    amount_due_cents: int
    amount_paid_cents: int
    currency: str
    status: str
    issued_at: datetime
    at: datetime  # the event's time


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a history: a payment or an invoice."""

    kind: str
    id: str
    type: str
    amount_cents: int
    currency: str
    status: str
    purchase_id: str | None
    created_at: datetime


# Paid is final. Otherwise the newer event wins, and of two in one second the later word: OPEN < UNCOLLECTIBLE < VOID.
_KEEP: Final = """
INSERT INTO payment.invoices AS i
       (id, user_id, stripe_invoice_id, stripe_subscription_id, amount_due_cents, amount_paid_cents, currency, status,
        issued_at, paid_at, last_event_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $8 = 'PAID' THEN $10::timestamptz END, $10)
ON CONFLICT (stripe_invoice_id) DO UPDATE
   SET status = excluded.status, amount_due_cents = excluded.amount_due_cents,
       amount_paid_cents = excluded.amount_paid_cents, paid_at = excluded.paid_at,
       last_event_at = excluded.last_event_at
 WHERE i.status <> 'PAID' AND (excluded.status = 'PAID' OR excluded.last_event_at > i.last_event_at)
RETURNING id, status
"""


async def keep(tx: Connection, row_id: str, bill: Bill) -> tuple[str, str] | None:
    """Keep a bill; returns its id and status when this changed something."""
    row = await tx.fetchrow(
        _KEEP,
        row_id,
        bill.user_id,
        bill.stripe_invoice_id,
        bill.stripe_subscription_id,
        bill.amount_due_cents,
        bill.amount_paid_cents,
        bill.currency,
        bill.status,
        bill.issued_at,
        bill.at,
    )
    return (str(row["id"]), row["status"]) if row is not None else None


# Each half is narrowed by its own index before the two meet.
_HISTORY: Final = """
SELECT * FROM (
    (SELECT 'PAYMENT' AS kind, id, type, amount_cents, currency, status, purchase_id, created_at
       FROM payment.payments WHERE user_id = $1 ORDER BY created_at DESC LIMIT $2)
    UNION ALL
    (SELECT 'INVOICE', id, 'SUBSCRIPTION', amount_due_cents, currency, status, NULL, issued_at
       FROM payment.invoices WHERE user_id = $1 ORDER BY issued_at DESC LIMIT $2)
) AS entries ORDER BY created_at DESC, id OFFSET $3 LIMIT $4
"""
_COUNT: Final = """
SELECT (SELECT count(*) FROM payment.payments WHERE user_id = $1)
     + (SELECT count(*) FROM payment.invoices WHERE user_id = $1)
"""


async def history(connection: Connection, user_id: str, *, offset: int, limit: int) -> tuple[list[Entry], int]:
    """Return one page of what a user paid, newest first, and how much there is."""
    rows = await connection.fetch(_HISTORY, user_id, offset + limit, offset, limit)
    return [_entry(row) for row in rows], int(await connection.fetchval(_COUNT, user_id))


def _entry(row: Row) -> Entry:
    return Entry(
        kind=row["kind"],
        id=str(row["id"]),
        type=row["type"],
        amount_cents=row["amount_cents"],
        currency=row["currency"],
        status=row["status"],
        purchase_id=None if row["purchase_id"] is None else str(row["purchase_id"]),
        created_at=row["created_at"],
    )
