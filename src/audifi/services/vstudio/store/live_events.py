"""Number and keep what happens in a session, in the transaction of its cause.

Between: sagas and routes (add) and the relay (publishes what was committed).
Shape: the body is the flat frame without its number: {"type": …, "ts": …, fields}, `type` first.
Invariant: a session's numbers have no gap: the row of its counter is locked until the transaction ends, and a number
that is rolled back is given again.
Source: docs/decisions/0047-live-events-are-rows.md.
"""

from typing import Any

import msgspec

from audifi.kernel.connection import Connection


async def add(tx: Connection, session_id: str, body: dict[str, Any]) -> int:
    """Write an event and return its number; call parts.wake_live() after the commit."""
    seq = int(
        await tx.fetchval(
            "UPDATE vstudio.sessions SET live_seq = live_seq + 1 WHERE id = $1 RETURNING live_seq", session_id
        )
    )
    await tx.execute(
        "INSERT INTO vstudio.live_events (session_id, seq, body) VALUES ($1, $2, $3)",
        session_id,
        seq,
        msgspec.json.encode(body).decode(),
    )
    return seq
