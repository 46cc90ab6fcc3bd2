"""Keep who was in a session.

Between: sagas.admitting (they come), routes.gateway (they leave).
Invariant: one row per session and person, with the role of their first time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from audifi.kernel.connection import Connection

_JOIN: Final = """
WITH joined AS (
    INSERT INTO vstudio.participants (session_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (session_id, user_id) DO NOTHING
)
SELECT decision_id, choice, value, ranking, text FROM vstudio.votes WHERE session_id = $1 AND user_id = $2
"""


async def join(tx: Connection, session_id: str, user_id: str, role: str, at: datetime) -> dict[str, Any]:
    """Write down that somebody came; return what they voted, by decision: an option, a number, a ranking or a text."""
    rows = await tx.fetch(_JOIN, session_id, user_id, role, at)
    said = {str(row["decision_id"]): (row["choice"], row["value"], row["ranking"], row["text"]) for row in rows}
    return {decision: next(each for each in one if each is not None) for decision, one in said.items()}


async def leave(tx: Connection, session_id: str, user_ids: Sequence[str], at: datetime) -> None:
    """Write down when they were seen last."""
    await tx.execute(
        "UPDATE vstudio.participants SET left_at = $3 WHERE session_id = $1 AND user_id = ANY($2::uuid[])",
        session_id,
        sorted(user_ids),
        at,
    )
