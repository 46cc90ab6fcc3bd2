"""Number and keep what happens in a session, in the transaction of its cause.

Between: sagas and routes (add) and the relay (publishes what was committed).
Shape: the body is the flat frame without its number: {"type": …, "ts": …, fields}, `type` first.
Invariant: a session's numbers have no gap: the row of its counter is locked until the transaction ends, and a number
that is rolled back is given again.
Source: docs/decisions/0047-live-events-are-rows.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from audifi.kernel.connection import Connection


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event; `body` is its frame."""

    session_id: str
    seq: int
    body: bytes


async def add(tx: Connection, session_id: str, body: dict[str, Any]) -> int:
    """Write an event and return its number; call parts.wake_live() after the commit."""
    return await add_all(tx, session_id, [body])


async def add_all(tx: Connection, session_id: str, bodies: Sequence[dict[str, Any]]) -> int:
    """Write events in their order and return the last one's number; call parts.wake_live() after the commit."""
    last = int(
        await tx.fetchval(
            "UPDATE vstudio.sessions SET live_seq = live_seq + $2 WHERE id = $1 RETURNING live_seq",
            session_id,
            len(bodies),
        )
    )
    await tx.execute(
        """INSERT INTO vstudio.live_events (session_id, seq, body)
           SELECT $1, $2 + place, body FROM unnest($3::text[]) WITH ORDINALITY AS new (body, place)""",
        session_id,
        last - len(bodies),
        [msgspec.json.encode(body).decode() for body in bodies],
    )
    return last


async def take(tx: Connection, limit: int) -> list[LiveEvent]:
    """Take events that nobody has published and no other pod is publishing, each session's in order."""
    rows = await tx.fetch(
        """SELECT session_id, seq, body FROM vstudio.live_events WHERE published_at IS NULL
            ORDER BY session_id, seq LIMIT $1 FOR UPDATE SKIP LOCKED""",
        limit,
    )
    return [LiveEvent(str(row["session_id"]), row["seq"], row["body"].encode()) for row in rows]


async def mark(tx: Connection, published: Sequence[LiveEvent]) -> None:
    """Say that they are published."""
    await tx.execute(
        """UPDATE vstudio.live_events e SET published_at = now()
             FROM unnest($1::uuid[], $2::bigint[]) AS done (session_id, seq)
            WHERE e.session_id = done.session_id AND e.seq = done.seq""",
        [each.session_id for each in published],
        [each.seq for each in published],
    )


async def after(connection: Connection, session_id: str, seq: int, limit: int) -> list[tuple[int, str]]:
    """Return a session's events after a number, oldest first, published or not."""
    rows = await connection.fetch(
        "SELECT seq, body FROM vstudio.live_events WHERE session_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        session_id,
        seq,
        limit,
    )
    return [(row["seq"], row["body"]) for row in rows]
