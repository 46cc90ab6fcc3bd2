"""Keep mail promised by events until it is sent.

Between: consumers (promise, in the transaction that handles the event), postman (claims, reports).
Shape: claims come oldest first, at most `limit`. A mail has a list of facts; only reports gather more than one.
Invariant: one mail of a kind about one thing, for ever: rows stay. A claim is a lease: a postman that dies lets go
after LEASE_S and another resends with the same Message-ID.
Why a lease and not a held row lock: SMTP may take half a minute, and a transaction open that long pins a server
connection of PgBouncer.
Errors: what the driver raises, which kernel.database translates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from audifi.kernel.connection import Connection, changed
from audifi.kernel.ids import new_id

LEASE_S: Final = 45  # the mail client's whole deadline (30 s), and time to write down how it ended
Facts = Mapping[str, str]

_INSERT: Final = """
INSERT INTO mails (id, kind, about, user_id, facts, message_id, created_at, next_attempt_at, expires_at)
VALUES ($1, $2, $3, $4, jsonb_build_array($5::jsonb), $6, $7, $8, $9)
"""
# A report that nobody began to send takes one more entry; else the caller begins another.
_GATHER: Final = _INSERT + (
    " ON CONFLICT (kind, about) DO UPDATE SET facts = mails.facts || excluded.facts"
    " WHERE mails.attempts = 0 AND mails.failed_at IS NULL"
)
_CLAIM: Final = """
UPDATE mails SET attempts = attempts + 1, next_attempt_at = $2 WHERE id IN (
    SELECT id FROM mails
     WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= $1 AND expires_at > $1
     ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, user_id, facts, message_id, attempts
"""
_SENT: Final = "UPDATE mails SET sent_at = $2, last_error = NULL WHERE id = $1"
_LATER: Final = "UPDATE mails SET next_attempt_at = $2, last_error = $3 WHERE id = $1"
_FAILED: Final = "UPDATE mails SET failed_at = $2, last_error = $3 WHERE id = $1"
_EXPIRED: Final = """
UPDATE mails SET failed_at = $1, last_error = coalesce(last_error, 'expired unsent')
 WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= $1 AND expires_at <= $1
"""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A mail to be."""

    kind: str
    about: str
    user_id: str
    facts: Facts
    due_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A claimed mail."""

    id: str
    kind: str
    user_id: str
    facts: Sequence[Facts]
    message_id: str
    attempts: int


async def insert(tx: Connection, promise: Promise, now: datetime) -> bool:
    """Promise a mail; False when there is, or was, one of this kind about this."""
    return await _put(tx, _INSERT + " ON CONFLICT (kind, about) DO NOTHING", promise, now)


async def gather(tx: Connection, promise: Promise, now: datetime) -> bool:
    """Promise a mail, or add to the one that is promised; False when that is on its way already."""
    return await _put(tx, _GATHER, promise, now)


async def _put(tx: Connection, statement: str, promise: Promise, now: datetime) -> bool:
    mail_id = new_id()
    tag = await tx.execute(
        statement,
        mail_id,
        promise.kind,
        promise.about,
        promise.user_id,
        msgspec.json.encode(promise.facts).decode(),
        f"<{mail_id}@worker.audifi>",
        now,
        promise.due_at,
        promise.expires_at,
    )
    return changed(tag) == 1


async def claim(tx: Connection, *, now: datetime, limit: int) -> list[Mail]:
    """Take due mails for ourselves for LEASE_S; rows another postman is taking are skipped."""
    rows = await tx.fetch(_CLAIM, now, now + timedelta(seconds=LEASE_S), limit)
    return [
        Mail(
            id=str(row["id"]),
            kind=row["kind"],
            user_id=row["user_id"],
            facts=msgspec.json.decode(row["facts"], type=list[dict[str, str]]),
            message_id=row["message_id"],
            attempts=row["attempts"],
        )
        for row in rows
    ]


async def mark_sent(tx: Connection, mail_id: str, now: datetime) -> None:
    await tx.execute(_SENT, mail_id, now)


async def mark_later(tx: Connection, mail_id: str, *, at: datetime, error: str) -> None:
    """Try again then."""
    await tx.execute(_LATER, mail_id, at, error)


async def mark_failed(tx: Connection, mail_id: str, *, now: datetime, error: str) -> None:
    """Give up: the server will never take it, or nobody is there to read it."""
    await tx.execute(_FAILED, mail_id, now, error)


async def fail_expired(tx: Connection, now: datetime) -> int:
    """Give up what is no longer worth reading."""
    return changed(await tx.execute(_EXPIRED, now))
