"""Show a session as it is now, to somebody who was not there, or missed too much.

Between: routes.gateway, routes.streams and store.
Shape: the fields of `session_state` but `you`, which is somebody's own. Its seq is read before anything else: events
after it are applied again, which changes nothing; none is missed.
Why from the primary: a replica may lag behind the events that were published.
Errors: SessionNotFound.
Source: domain.md 3 "session_state".
"""

from typing import Any, Final

from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.services.vstudio import audience
from audifi.services.vstudio.errors import SessionNotFound
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.sagas import frames
from audifi.services.vstudio.store import chat, decisions, live_events, sessions, tallies
from audifi.services.vstudio.store.decisions import Decision
from audifi.services.vstudio.store.sessions import Session
from audifi.wire.live import protocol
from audifi.wire.live.calls import Events, Snapshot

LINES_MAX: Final = 50


async def of_session(parts: Parts, session_id: str) -> Snapshot:
    """Return a session's snapshot."""
    viewers = await audience.viewers(parts.cache, session_id)
    async with parts.database.read_primary() as connection:
        session = await sessions.one(connection, session_id)
        if session is None:
            raise SessionNotFound
        shown = [
            await _shown(connection, each)
            for each in await decisions.of_session(connection, session_id)
            if each.status != "CANCELLED"
        ]
        lines = await chat.newest(connection, session_id, LINES_MAX)
    state = _state(session) | {
        "viewerCount": viewers,
        "activeDecision": next((each for each in shown if each["status"] == "OPEN"), None),
        "decisions": shown,
        "chat": [frames.frame("chat_message", each.created_at, **chat.fields_of(each)) for each in lines],
    }
    return Snapshot(seq=session.live_seq, status=session.status, state=state)


async def missed(database: Database, session_id: str, after: int) -> Events:
    """Return the events after a number as PostgreSQL has them."""
    async with database.read_primary() as connection:
        session = await sessions.one(connection, session_id)
        if session is None:
            raise SessionNotFound
        found = await live_events.after(connection, session_id, after, protocol.LOG_EVENTS_MAX)
    newest = max(session.live_seq, found[-1][0] if found else 0)
    is_complete = found[0][0] == after + 1 if found else newest <= after
    return Events(events=found, complete=is_complete, newest=newest)


async def _shown(connection: Connection, decision: Decision) -> dict[str, Any]:
    said = frames.shown(decision)
    if decision.status == "OPEN":
        tally = await tallies.of_decision(connection, decision.id)
        assert tally is not None, "it was there a moment ago"
        said |= {**tally.fields, "version": tally.version}
    return said


def _state(session: Session) -> dict[str, Any]:
    return {
        "sessionId": session.id,
        "title": session.title,
        "artistId": session.artist_id,
        "masterId": session.master_id,
        "status": session.status,
        "startedAt": frames.moment(session.started_at),
        "streamUrl": session.stream_url,
        "chatEnabled": session.chat_enabled,
        "reactionsEnabled": session.reactions_enabled,
    }
