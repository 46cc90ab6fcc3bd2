"""Number and keep what happens in a session, in the transaction of its cause.

Between: sagas and routes (add) and the relay (publishes what was committed).
Shape: the body is the flat frame without its number: {"type": …, "ts": …, fields}, `type` first.
Invariant: a session's numbers have no gap: the row of its counter is locked until the transaction ends, and a number
that is rolled back is given again.
Source: docs/decisions/0047-live-events-are-rows.md.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from audifi.kernel.connection import Connection


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
