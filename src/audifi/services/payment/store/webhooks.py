"""Keep what Stripe told us until it is done, and how far its own list was read.

Between: routes.webhook and sagas.catching_up (insert), sagas.working (claims, reports).

    PENDING → PROCESSING (leased) → PROCESSED | SKIPPED | FAILED → PROCESSING …

Invariant: an event id has one row; a row whose worker died is due again when its lease ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audifi.kernel.connection import Connection

LEASE: Final = timedelta(seconds=60)  # longer than one processing: a look at Stripe takes at most 35 s
FIRST_LOOK: Final = timedelta(seconds=30)  # the queue brings it at once; this finds it when the queue lost it


@dataclass(frozen=True, kw_only=True)
class Received:
    """A claimed event."""

    id: str
    payload: bytes
    retries: int


async def insert(
    tx: Connection, *, row_id: str, event_id: str, type_: str, payload: bytes, occurred_at: datetime, now: datetime
) -> bool:
    """Keep an event; False when we have it."""
    found = await tx.fetchval(
        """INSERT INTO payment.webhook_events
                  (id, event_id, type, payload, next_attempt_at, occurred_at, received_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id""",
        row_id,
        event_id,
        type_,
        payload,
        now + FIRST_LOOK,
        occurred_at,
        now,
    )
    return found is not None


async def known(connection: Connection, event_ids: list[str]) -> set[str]:
    """Return those we have."""
    rows = await connection.fetch(
        "SELECT event_id FROM payment.webhook_events WHERE provider = 'stripe' AND event_id = ANY($1::text[])",
        event_ids,
    )
    return {row["event_id"] for row in rows}


async def claim(tx: Connection, row_id: str, now: datetime) -> Received | None:
    """Take one that nobody works on; None when it is done, or somebody does."""
    row = await tx.fetchrow(
        """UPDATE payment.webhook_events SET status = 'PROCESSING', retries = retries + 1, next_attempt_at = $2
            WHERE id = $1 AND (status IN ('PENDING', 'FAILED') OR (status = 'PROCESSING' AND next_attempt_at <= $3))
           RETURNING id, payload, retries""",
        row_id,
        now + LEASE,
        now,
    )
    if row is None:
        return None
    return Received(id=str(row["id"]), payload=bytes(row["payload"]), retries=row["retries"])


async def due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Return what should have been done by now, oldest first."""
    rows = await connection.fetch(
        """SELECT id FROM payment.webhook_events
            WHERE status IN ('PENDING', 'PROCESSING', 'FAILED') AND next_attempt_at <= $1
            ORDER BY next_attempt_at LIMIT $2""",
        now,
        limit,
    )
    return [str(row["id"]) for row in rows]


async def done(tx: Connection, row_id: str, *, status: str, note: str | None, now: datetime) -> bool:
    """Close it, in the transaction of its effect; False when it was closed meanwhile: then that must not commit."""
    found = await tx.fetchval(
        """UPDATE payment.webhook_events SET status = $2, last_error = $3, processed_at = $4
            WHERE id = $1 AND status = 'PROCESSING' RETURNING id""",
        row_id,
        status,
        note,
        now,
    )
    return found is not None


async def later(tx: Connection, row_id: str, *, at: datetime, error: str) -> None:
    await tx.execute(
        """UPDATE payment.webhook_events SET status = 'FAILED', next_attempt_at = $2, last_error = $3
            WHERE id = $1 AND status = 'PROCESSING'""",
        row_id,
        at,
        error,
    )


async def lease_cursor(tx: Connection, *, now: datetime, start: datetime, until: datetime) -> datetime | None:
    """Return where to read on; None while another pod reads."""
    await tx.execute(
        """INSERT INTO payment.event_cursors (provider, read_until, leased_until) VALUES ('stripe', $1, $2)
           ON CONFLICT DO NOTHING""",
        start,
        now,
    )
    return await tx.fetchval(
        """UPDATE payment.event_cursors SET leased_until = $2 WHERE provider = 'stripe' AND leased_until <= $1
           RETURNING read_until""",
        now,
        until,
    )


async def move_cursor(tx: Connection, read_until: datetime) -> None:
    await tx.execute(
        "UPDATE payment.event_cursors SET read_until = greatest(read_until, $1) WHERE provider = 'stripe'", read_until
    )
