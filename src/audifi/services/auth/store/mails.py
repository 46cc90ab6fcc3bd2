"""Keep mail promised by committed changes until it is sent.

Between: letters (enqueue, in the change's transaction), postman (claims, reports).
Shape: claims come oldest first, at most `limit`.
Invariant: a claim is a lease: a postman that dies lets go after LEASE_S and another resends with the same Message-ID.
Why a lease and not a held row lock: SMTP may take half a minute, and a transaction open that long pins a server
connection of PgBouncer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audifi.kernel.connection import Connection, changed

LEASE_S: Final = 45  # the mail client's whole deadline (30 s), and time to write down how it ended


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A claimed mail."""

    id: str
    kind: str
    payload_enc: str
    message_id: str
    attempts: int


async def insert(
    tx: Connection, *, mail_id: str, kind: str, payload_enc: str, message_id: str, now: datetime, expires_at: datetime
) -> None:
    """Promise a mail."""
    await tx.execute(
        """INSERT INTO auth.mails (id, kind, payload_enc, message_id, created_at, next_attempt_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $5, $6)""",
        mail_id,
        kind,
        payload_enc,
        message_id,
        now,
        expires_at,
    )


async def claim(tx: Connection, *, now: datetime, limit: int) -> list[Mail]:
    """Take due mails for ourselves for LEASE_S; rows another postman is taking are skipped."""
    rows = await tx.fetch(
        """UPDATE auth.mails SET attempts = attempts + 1, next_attempt_at = $2 WHERE id IN (
               SELECT id FROM auth.mails
                WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= $1 AND expires_at > $1
                ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING id, kind, payload_enc, message_id, attempts""",
        now,
        now + timedelta(seconds=LEASE_S),
        limit,
    )
    return [
        Mail(
            id=str(row["id"]),
            kind=row["kind"],
            payload_enc=row["payload_enc"],
            message_id=row["message_id"],
            attempts=row["attempts"],
        )
        for row in rows
    ]


async def mark_sent(tx: Connection, mail_id: str, now: datetime) -> None:
    """Record delivery and forget what was in the mail."""
    await tx.execute(
        "UPDATE auth.mails SET sent_at = $2, payload_enc = NULL, last_error = NULL WHERE id = $1", mail_id, now
    )


async def mark_later(tx: Connection, mail_id: str, *, at: datetime, error: str) -> None:
    """Try again then."""
    await tx.execute("UPDATE auth.mails SET next_attempt_at = $2, last_error = $3 WHERE id = $1", mail_id, at, error)


async def mark_failed(tx: Connection, mail_id: str, *, now: datetime, error: str) -> None:
    """Give up: the server will never take it."""
    await tx.execute(
        "UPDATE auth.mails SET failed_at = $2, payload_enc = NULL, last_error = $3 WHERE id = $1", mail_id, now, error
    )


async def fail_expired(tx: Connection, now: datetime) -> int:
    """Give up what is no longer worth reading."""
    tag = await tx.execute(
        """UPDATE auth.mails SET failed_at = $1, payload_enc = NULL, last_error = coalesce(last_error, 'expired unsent')
            WHERE sent_at IS NULL AND failed_at IS NULL AND expires_at <= $1""",
        now,
    )
    return changed(tag)
