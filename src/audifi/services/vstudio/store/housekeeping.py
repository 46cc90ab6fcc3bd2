"""Delete what has had its time: old live events, who did what when, what people said.

Between: loops.
Shape: by row identifiers, so that two pods at once delete each row once.
"""

from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection, changed
from audifi.wire.live import protocol

# What nobody resumes after: older than `events_before`, and not among a session's newest that are kept for replay.
_EVENTS: Final = """DELETE FROM vstudio.live_events WHERE ctid = ANY(ARRAY(
    SELECT e.ctid FROM vstudio.live_events e JOIN vstudio.sessions s ON s.id = e.session_id
     WHERE e.published_at < $1 AND e.seq <= s.live_seq - $3 LIMIT $2 FOR UPDATE OF e SKIP LOCKED))"""
_ENGAGEMENT: Final = """DELETE FROM vstudio.engagement_events WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM vstudio.engagement_events WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"""
_CHAT: Final = """DELETE FROM vstudio.chat_messages WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM vstudio.chat_messages WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"""


async def forget(
    tx: Connection, *, events_before: datetime, engagement_before: datetime, chat_before: datetime, rows_max: int
) -> int:
    """Delete at most so many rows of each; return how many went."""
    events = changed(await tx.execute(_EVENTS, events_before, rows_max, protocol.LOG_EVENTS_MAX))
    engagement = changed(await tx.execute(_ENGAGEMENT, engagement_before, rows_max))
    return events + engagement + changed(await tx.execute(_CHAT, chat_before, rows_max))
