"""Keep how an audience took part: reactions by the second, and the most who watched.

Between: sagas.pulsing.
Invariant: the peak only grows.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from audifi.kernel.connection import Connection


async def add(tx: Connection, session_id: str, kind: str, data: Mapping[str, int], at: datetime) -> None:
    """Write down what happened, and how often."""
    await tx.execute(
        "INSERT INTO vstudio.engagement_events (session_id, kind, data, created_at) VALUES ($1, $2, $3::jsonb, $4)",
        session_id,
        kind,
        msgspec.json.encode(data).decode(),
        at,
    )


async def raise_peak(tx: Connection, session_id: str, viewers: int) -> None:
    """Remember the most who watched at once."""
    await tx.execute(
        "UPDATE vstudio.sessions SET peak_viewers = $2 WHERE id = $1 AND peak_viewers < $2", session_id, viewers
    )
