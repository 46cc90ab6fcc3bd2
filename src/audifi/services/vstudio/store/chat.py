"""Keep what people say in a session, line by line.

Between: sagas.chatting (many lines in one transaction), sagas.snapshots.
Invariant: one line per session, person and request; a removed line keeps its text for those who judge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from audifi.kernel.connection import Connection, Row, changed

_INSERT: Final = """
INSERT INTO vstudio.chat_messages (id, session_id, user_id, request_id, display_name, role, text, created_at)
SELECT id, $1, user_id, request_id, display_name, role, text, $2
  FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[])
       AS new (id, user_id, request_id, display_name, role, text)
 ORDER BY user_id, request_id
    ON CONFLICT (session_id, user_id, request_id) DO NOTHING
RETURNING id
"""
_COLUMNS: Final = "id, user_id, request_id, platform, display_name, role, text, created_at"


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something somebody said."""

    id: str
    user_id: str | None
    request_id: str
    display_name: str
    role: str
    text: str
    created_at: datetime
    platform: str = "audifi"


def fields_of(line: Line) -> dict[str, Any]:
    """Return the line's fields as viewers see them."""
    return {
        "id": line.id,
        "userId": line.user_id,
        "displayName": line.display_name,
        "role": line.role,
        "platform": line.platform,
        "text": line.text,
    }


async def insert(tx: Connection, session_id: str, now: datetime, lines: Sequence[Line]) -> set[str]:
    """Write lines; return the ids of those that were not said before."""
    rows = await tx.fetch(
        _INSERT,
        session_id,
        now,
        [each.id for each in lines],
        [each.user_id for each in lines],
        [each.request_id for each in lines],
        [each.display_name for each in lines],
        [each.role for each in lines],
        [each.text for each in lines],
    )
    return {str(row["id"]) for row in rows}


async def said_before(tx: Connection, session_id: str, lines: Sequence[Line]) -> dict[tuple[str, str], str]:
    """Return the ids of lines that were said, by person and request."""
    rows = await tx.fetch(
        """SELECT id, user_id, request_id FROM vstudio.chat_messages
            WHERE session_id = $1 AND (user_id, request_id) IN (SELECT * FROM unnest($2::uuid[], $3::text[]))""",
        session_id,
        [each.user_id for each in lines],
        [each.request_id for each in lines],
    )
    return {(str(row["user_id"]), row["request_id"]): str(row["id"]) for row in rows}


async def newest(connection: Connection, session_id: str, limit: int) -> list[Line]:
    """Return the newest lines that were not removed, the oldest of them first."""
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM vstudio.chat_messages WHERE session_id = $1 AND removed_at IS NULL
             ORDER BY created_at DESC, id DESC LIMIT $2""",  # noqa: S608  # constant text
        session_id,
        limit,
    )
    return [_line(row) for row in reversed(rows)]


async def one(connection: Connection, session_id: str, line_id: str) -> Line | None:
    """Return a line of a session."""
    query = f"SELECT {_COLUMNS} FROM vstudio.chat_messages WHERE session_id = $1 AND id = $2"  # noqa: S608  # constant
    row = await connection.fetchrow(query, session_id, line_id)
    return None if row is None else _line(row)


async def remove(tx: Connection, line_id: str, by: str, reason: str | None, now: datetime) -> bool:
    """Hide a line; False when it was hidden already."""
    tag = await tx.execute(
        """UPDATE vstudio.chat_messages SET removed_at = $4, removed_by = $2, removed_reason = $3
            WHERE id = $1 AND removed_at IS NULL""",
        line_id,
        by,
        reason,
        now,
    )
    return changed(tag) == 1


def _line(row: Row) -> Line:
    values: dict[str, Any] = dict(row)
    values |= {"id": str(row["id"]), "user_id": None if row["user_id"] is None else str(row["user_id"])}
    return Line(**values)
