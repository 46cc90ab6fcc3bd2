"""Take a session through its life: start, end, cancel, ask for the lock.

Between: routes.sessions; sagas.wishes carries out what nft-service is asked for.
Shape: as in sagas.deciding: rows are locked decisions first, and each step tells the queue and the viewers.
Invariant: an artist has at most one live session; what is open is closed before a session ends; a lock is asked for
only when everything is decided.
Errors: InvalidState, Conflict (another live session).
Source: domain.md 2.3 "Session lifecycle".
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.vstudio.errors import InvalidState, SessionNotFound
from audifi.services.vstudio.rules import states
from audifi.services.vstudio.sagas import deciding, frames
from audifi.services.vstudio.sagas.deciding import Both
from audifi.services.vstudio.store import decisions, live_events, sessions
from audifi.services.vstudio.store.sessions import Session
from audifi.wire.events import EventData
from audifi.wire.events.vstudio import SessionCancelled, SessionEnded, SessionStarted

_PENDING: Final = "nft-service is still asked about the master: try again in a moment."


async def start(tx: Connection, session: Session, now: datetime) -> Session:
    """Go live."""
    if not await sessions.start(tx, session.id, now):
        pending = session.status in states.PLANNED
        raise InvalidState(_PENDING if pending else f"A session that is {session.status} is not started.")
    await _tell(tx, session, now, "session_started", status="ACTIVE", startedAt=frames.moment(now))
    return await _told(tx, session, SessionStarted(**ids(session)))


async def end(tx: Connection, session: Session, now: datetime) -> Session:
    """Complete it without a lock; decisions that are open are closed first."""
    await _close_open(tx, session, now)
    if not await sessions.end(tx, session.id, now):
        raise InvalidState(f"A session that is {session.status} is not ended.")
    await _tell(tx, session, now, "session_ended", status="COMPLETE", reason="ended")
    ended = await current(tx, session.id)
    return await _told(tx, ended, SessionEnded(**ids(ended), **counts(ended)))


async def cancel(tx: Connection, session: Session, reason: str | None, now: datetime) -> Session:
    """Give it up; its decisions with it."""
    for decision in await decisions.of_session(tx, session.id, lock="FOR UPDATE"):
        if decision.status in ("PENDING", "OPEN"):
            await decisions.cancel(tx, decision.id, now)
    if not await sessions.cancel(tx, session.id, reason, now):
        pending = session.status in (*states.PLANNED, *states.LIVE)
        raise InvalidState(_PENDING if pending else f"A session that is {session.status} is not cancelled.")
    await _tell(tx, session, now, "session_ended", status="CANCELLED", reason="cancelled")
    return await _told(tx, session, SessionCancelled(**ids(session)))


async def ask_lock(tx: Connection, session: Session, now: datetime) -> Session:
    """Have what was decided become the master's; sagas.wishes asks nft-service."""
    asked = await decisions.of_session(tx, session.id, lock="FOR UPDATE")
    undecided = [decision.id for decision in asked if decision.status not in states.DECIDED]
    if undecided:
        raise InvalidState("Finalize or cancel every decision first.", details={"undecided": undecided})
    if not await sessions.ask_lock(tx, session.id, now):
        raise InvalidState(f"A session that is {session.status} is not locked.")
    await _tell(tx, session, now, "session_updated", status="LOCKED")
    return await current(tx, session.id)


async def current(tx: Connection, session_id: str) -> Session:
    """Return the session as it is now."""
    session = await sessions.one(tx, session_id)
    if session is None:
        raise SessionNotFound
    return session


def ids(session: Session) -> dict[str, Any]:
    """Name what every event about a session names."""
    return {"session_id": session.id, "artist_id": session.artist_id, "master_id": session.master_id}


def counts(session: Session) -> dict[str, Any]:
    """Say how many took part."""
    return {
        "peak_viewers": session.peak_viewers,
        "unique_viewers": session.unique_viewers,
        "total_votes": session.total_votes,
    }


async def _close_open(tx: Connection, session: Session, now: datetime) -> None:
    for decision in await decisions.of_session(tx, session.id, lock="FOR UPDATE"):
        if decision.status == "OPEN":
            await deciding.close(tx, Both(replace(session, status="VOTING"), decision), now)


async def _tell(tx: Connection, session: Session, at: datetime, type_: str, **fields: Any) -> None:
    await live_events.add(tx, session.id, frames.frame(type_, at, sessionId=session.id, **fields))


async def _told(tx: Connection, session: Session, event: EventData) -> Session:
    await outbox.add(tx, event, aggregate_id=session.id, actor_id=session.artist_id)
    return await current(tx, session.id)
