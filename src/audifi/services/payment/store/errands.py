"""Keep what must still be done outside until it is.

Between: sagas (ask, in the transaction of the cause), sagas.working (claims, does, reports).
Invariant: one errand per kind and subject, for ever; a claim is a lease, so whoever dies lets go after LEASE.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id

Kind = Literal["PAID", "REFUND", "REFUNDED", "EXPIRE", "CANCEL", "FORGET"]
LEASE: Final = timedelta(seconds=150)  # longer than Stripe's three retries may take


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A claimed errand."""

    id: str
    kind: Kind
    subject: str
    attempts: int


async def ask(tx: Connection, kind: Kind, subject: str, now: datetime) -> bool:
    """Want something done; False when somebody wanted it before."""
    found = await tx.fetchval(
        """INSERT INTO payment.errands (id, kind, subject, next_attempt_at, created_at) VALUES ($1, $2, $3, $4, $4)
           ON CONFLICT DO NOTHING RETURNING id""",
        str(new_id()),
        kind,
        subject,
        now,
    )
    return found is not None


async def claim(tx: Connection, now: datetime, limit: int) -> list[Errand]:
    """Take what is due; what another pod is taking is skipped."""
    rows = await tx.fetch(
        """UPDATE payment.errands SET attempts = attempts + 1, next_attempt_at = $2 WHERE id IN (
               SELECT id FROM payment.errands WHERE done_at IS NULL AND next_attempt_at <= $1
                ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING id, kind, subject, attempts""",
        now,
        now + LEASE,
        limit,
    )
    return [
        Errand(id=str(row["id"]), kind=row["kind"], subject=row["subject"], attempts=row["attempts"]) for row in rows
    ]


async def done(tx: Connection, errand_id: str, now: datetime) -> None:
    await tx.execute(
        "UPDATE payment.errands SET done_at = $2, last_error = NULL WHERE id = $1 AND done_at IS NULL", errand_id, now
    )


async def later(tx: Connection, errand_id: str, *, at: datetime, error: str) -> None:
    await tx.execute(
        "UPDATE payment.errands SET next_attempt_at = $2, last_error = $3 WHERE id = $1 AND done_at IS NULL",
        errand_id,
        at,
        error,
    )
