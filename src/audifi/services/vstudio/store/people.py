"""Forget a person who deleted the account, and find the sessions somebody is in.

Between: consumers.
Invariant: what was counted stays counted: votes keep their weight, with nobody's name on them.
Source: domain.md 2.8 "Account deletion".
"""

from typing import Final

from audifi.kernel.connection import Connection

_FORGET: Final = (
    # The words of an OPEN_TEXT may say who wrote them.
    """UPDATE vstudio.votes SET user_id = NULL, ip_hash = NULL, text = CASE WHEN text IS NULL THEN NULL ELSE '' END
        WHERE user_id = $1""",
    """UPDATE vstudio.chat_messages SET user_id = NULL, display_name = 'Deleted user', text = '',
              removed_at = coalesce(removed_at, now()), removed_reason = coalesce(removed_reason, 'account deleted')
        WHERE user_id = $1""",
    "UPDATE vstudio.contributions SET producer_id = NULL WHERE producer_id = $1",
    "UPDATE vstudio.engagement_events SET user_id = NULL WHERE user_id = $1",
    "DELETE FROM vstudio.participants WHERE user_id = $1",
    "UPDATE vstudio.sessions SET producer_ids = array_remove(producer_ids, $1::uuid) WHERE $1 = ANY(producer_ids)",
)


async def forget(tx: Connection, user_id: str) -> None:
    """Take a person's name off everything."""
    for statement in _FORGET:
        await tx.execute(statement, user_id)


async def live_sessions_of(connection: Connection, user_id: str) -> list[str]:
    """Return the live sessions somebody takes part in."""
    query = """SELECT p.session_id FROM vstudio.participants p JOIN vstudio.sessions s ON s.id = p.session_id
                WHERE p.user_id = $1 AND s.status IN ('ACTIVE', 'VOTING')"""
    return [str(row["session_id"]) for row in await connection.fetch(query, user_id)]
