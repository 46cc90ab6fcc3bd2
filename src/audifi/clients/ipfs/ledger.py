"""Remember what shall be pinned where, and how far it is: the SQL of contents and pins.

Between: Pins, keeper and audit (call, in a transaction they opened) and PostgreSQL behind PgBouncer.

Shape: a pin is one content at one provider. Claims come oldest first.
Invariant: a claim is a lease with a name: whoever was overtaken (its lease ended, another took the pin) changes
nothing any more, because every change asks for the claim.
Why a lease and not a held row lock: an upload takes minutes, and a transaction open that long pins a server connection
of PgBouncer.
Why unqualified names: the tables belong to the schema of whoever publishes; the role's search_path finds them.
Units: aware UTC times; bytes.
Errors: those of kernel.database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audifi.clients.ipfs.content import Content
from audifi.kernel.connection import Connection, Row, changed

STATES: Final = ("wanted", "uploading", "pinned", "verified", "failed", "lost")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A pin that is ours until its lease ends."""

    content: Content
    provider: str
    state: str
    remote_id: str | None
    resume_url: str | None
    asked_at: datetime | None
    attempts: int
    claim: UUID
    verified_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a pin stands after somebody worked on it."""

    state: str
    next_at: datetime
    remote_id: str | None = None
    resume_url: str | None = None
    asked_at: datetime | None = None
    attempts: int = 0
    verified_at: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """A pin as it is remembered."""

    cid: str
    provider: str
    state: str
    remote_id: str | None
    attempts: int
    next_at: datetime
    verified_at: datetime | None
    last_error: str | None


async def want(tx: Connection, content: Content, providers: Sequence[str], now: datetime) -> None:
    """Promise pins, in the transaction of the change that needs them. Idempotent."""
    await tx.execute(
        """INSERT INTO contents (cid, sha256, size_bytes, car_bytes, profile, name, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (cid) DO NOTHING""",
        content.cid,
        content.sha256,
        content.size_bytes,
        content.car_bytes,
        content.profile,
        content.name,
        now,
    )
    await tx.execute(
        """INSERT INTO pins (cid, provider, next_at, created_at, updated_at)
           SELECT $1, provider, $3, $3, $3 FROM unnest($2::text[]) AS provider
           ON CONFLICT (cid, provider) DO NOTHING""",
        content.cid,
        list(providers),
        now,
    )


async def claim(
    tx: Connection, *, provider: str, is_fetching: bool, claim_id: UUID, now: datetime, until: datetime, limit: int
) -> list[Claimed]:
    """Take due pins of one provider for ourselves; rows that another keeper is taking are skipped.

    A provider that fetches (instead of being sent the bytes) is asked only once another copy is there to be fetched:
    `verified`, or `pinned` when its gateway keeps failing. Asked earlier it would look in vain, and ever more rarely.
    """
    rows = await tx.fetch(
        """UPDATE pins SET claim = $2, next_at = $4, updated_at = $3, attempts = pins.attempts + 1,
                  state = CASE WHEN pins.state IN ('wanted', 'lost') THEN 'uploading' ELSE pins.state END
             FROM contents
            WHERE contents.cid = pins.cid AND (pins.cid, pins.provider) IN (
                  SELECT cid, provider FROM pins
                   WHERE provider = $1 AND state <> 'failed' AND next_at <= $3
                     AND (NOT $6 OR state IN ('pinned', 'verified') OR remote_id IS NOT NULL
                          OR NOT EXISTS (SELECT 1 FROM pins AS first
                                          WHERE first.cid = pins.cid AND first.provider <> pins.provider)
                          OR EXISTS (SELECT 1 FROM pins AS first
                                      WHERE first.cid = pins.cid AND first.provider <> pins.provider
                                        AND (first.state = 'verified'
                                             OR (first.state = 'pinned' AND first.attempts >= 3))))
                   ORDER BY next_at LIMIT $5 FOR UPDATE SKIP LOCKED)
           RETURNING contents.cid, sha256, size_bytes, car_bytes, profile, name,
                     provider, state, remote_id, resume_url, asked_at, attempts, claim, verified_at""",
        provider,
        claim_id,
        now,
        until,
        limit,
        is_fetching,
    )
    return [
        Claimed(
            content=_content(row),
            provider=row["provider"],
            state=row["state"],
            remote_id=row["remote_id"],
            resume_url=row["resume_url"],
            asked_at=row["asked_at"],
            attempts=row["attempts"],
            claim=row["claim"],
            verified_at=row["verified_at"],
        )
        for row in rows
    ]


async def renew(tx: Connection, pin: Claimed, until: datetime) -> bool:
    """Hold on to a claim; False when somebody else has the pin now."""
    tag = await tx.execute(
        "UPDATE pins SET next_at = $4 WHERE cid = $1 AND provider = $2 AND claim = $3",
        pin.content.cid,
        pin.provider,
        pin.claim,
        until,
    )
    return changed(tag) == 1


async def remember(tx: Connection, pin: Claimed, *, resume_url: str | None) -> bool:
    """Note where an upload can go on."""
    tag = await tx.execute(
        "UPDATE pins SET resume_url = $4 WHERE cid = $1 AND provider = $2 AND claim = $3",
        pin.content.cid,
        pin.provider,
        pin.claim,
        resume_url,
    )
    return changed(tag) == 1


async def settle(tx: Connection, pin: Claimed, outcome: Outcome, now: datetime, *, keep_claim: bool = False) -> bool:
    """Write down how it went; False when the pin is no longer ours."""
    tag = await tx.execute(
        """UPDATE pins SET state = $4, next_at = $5, remote_id = $6, resume_url = $7, attempts = $8, verified_at = $9,
                  last_error = $10, updated_at = $11, claim = CASE WHEN $12 THEN claim END, asked_at = $13
            WHERE cid = $1 AND provider = $2 AND claim = $3""",
        pin.content.cid,
        pin.provider,
        pin.claim,
        outcome.state,
        outcome.next_at,
        outcome.remote_id,
        outcome.resume_url,
        outcome.attempts,
        outcome.verified_at,
        (outcome.last_error or "")[:500] or None,
        now,
        keep_claim,
        outcome.asked_at,
    )
    return changed(tag) == 1


async def doubt(tx: Connection, pin: Claimed, *, since: datetime, now: datetime) -> None:
    """Have the other copies of this content looked at, unless they were since then."""
    await tx.execute(
        """UPDATE pins SET next_at = $4 WHERE cid = $1 AND provider <> $2 AND state = 'verified' AND verified_at < $3
              AND claim IS NULL""",
        pin.content.cid,
        pin.provider,
        since,
        now,
    )


async def again(tx: Connection, *, cid: str, provider: str, state: str, now: datetime) -> bool:
    """Put a pin back to work, whatever became of it: `lost` uploads anew, `pinned` is verified anew."""
    tag = await tx.execute(
        """UPDATE pins SET state = $3, next_at = $4, attempts = 0, claim = NULL, updated_at = $4,
                  remote_id = CASE WHEN $3 = 'lost' THEN NULL ELSE remote_id END,
                  resume_url = NULL, asked_at = NULL
            WHERE cid = $1 AND provider = $2""",
        cid,
        provider,
        state,
        now,
    )
    return changed(tag) == 1


async def contents(connection: Connection, *, after: str = "", limit: int = 500) -> list[Content]:
    """Return contents in order of their CIDs, from the one after `after`."""
    rows = await connection.fetch(
        """SELECT cid, sha256, size_bytes, car_bytes, profile, name FROM contents
            WHERE cid > $1 ORDER BY cid LIMIT $2""",
        after,
        limit,
    )
    return [_content(row) for row in rows]


async def contents_of(connection: Connection, cids: Sequence[str]) -> list[Content]:
    """Return these contents, as far as they are known."""
    rows = await connection.fetch(
        """SELECT cid, sha256, size_bytes, car_bytes, profile, name FROM contents
            WHERE cid = ANY($1::text[]) ORDER BY cid""",
        list(cids),
    )
    return [_content(row) for row in rows]


async def pins_of(connection: Connection, cids: Sequence[str]) -> list[Pin]:
    """Return the pins of these contents, by CID and provider."""
    rows = await connection.fetch(
        """SELECT cid, provider, state, remote_id, attempts, next_at, verified_at, last_error FROM pins
            WHERE cid = ANY($1::text[]) ORDER BY cid, provider""",
        list(cids),
    )
    return [Pin(**row) for row in rows]


async def pins_at(connection: Connection, provider: str, *, after: str = "", limit: int = 500) -> list[Pin]:
    """Return the pins at one provider in order of their CIDs."""
    rows = await connection.fetch(
        """SELECT cid, provider, state, remote_id, attempts, next_at, verified_at, last_error FROM pins
            WHERE provider = $1 AND cid > $2 ORDER BY cid LIMIT $3""",
        provider,
        after,
        limit,
    )
    return [Pin(**row) for row in rows]


async def known(connection: Connection, provider: str, cids: Sequence[str]) -> set[str]:
    """Return which of these we want at this provider."""
    rows = await connection.fetch(
        "SELECT cid FROM pins WHERE provider = $1 AND cid = ANY($2::text[])", provider, list(cids)
    )
    return {row["cid"] for row in rows}


async def totals(connection: Connection) -> list[Row]:
    """Count pins by provider and state, with the oldest verification of each."""
    return await connection.fetch(
        "SELECT provider, state, count(*) AS pins, min(verified_at) AS oldest FROM pins GROUP BY provider, state"
    )


async def copies(connection: Connection) -> dict[int, int]:
    """Return how many contents have so many good copies."""
    rows = await connection.fetch(
        """SELECT good, count(*) AS contents FROM (
               SELECT count(*) FILTER (WHERE state IN ('pinned', 'verified')) AS good FROM pins GROUP BY cid) AS counted
            GROUP BY good"""
    )
    return {row["good"]: row["contents"] for row in rows}


async def standings(connection: Connection) -> dict[str, int]:
    """Count contents by what their pins amount to: policy.standing, in SQL."""
    rows = await connection.fetch(
        """SELECT CASE WHEN good = 0 THEN 'unpinned' WHEN verified = pins THEN 'pinned' ELSE 'degraded' END AS standing,
                  count(*) AS contents
             FROM (SELECT contents.cid, count(provider) AS pins,
                          count(*) FILTER (WHERE state IN ('pinned', 'verified')) AS good,
                          count(*) FILTER (WHERE state = 'verified') AS verified
                     FROM contents LEFT JOIN pins USING (cid) GROUP BY contents.cid) AS counted
            GROUP BY 1"""
    )
    return {row["standing"]: row["contents"] for row in rows}


def _content(row: Any) -> Content:
    return Content(
        cid=row["cid"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        car_bytes=row["car_bytes"],
        profile=row["profile"],
        name=row["name"],
    )
