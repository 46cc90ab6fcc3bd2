"""Ask nft-service for what sessions wish: a master (OPEN), to leave it (LEAVE), to lock it with its decisions (LOCK).

Between: routes.sessions (asks at once after the commit), loops (asks again), nft-service.
Shape: a wish stands in the session's row since the transaction of its cause. Who carries it out takes it for LEASE_S;
an answer is noted by a conditional change, so that two answers have one effect. nft-service answers a second ask as it
did the first, so a crash at any line is a second ask.

    OPEN    taken → nothing is wished any more · refused → the session is CANCELLED
    LOCK    taken → who took part is told too → COMPLETE, session.locked · refused → ACTIVE again, with the reason
    LEAVE   taken, or refused because the master is somebody else's now → nothing is wished any more
Invariant: a session is never COMPLETE by a lock that nft-service did not acknowledge; no answer is no refusal.
Units: *_S seconds. Errors: Unavailable: the wish stays and is tried again after RETRY_S.
Source: domain.md 2.8 "Lock".
"""

from datetime import timedelta
from typing import Any, Final

import msgspec

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.telemetry import log
from audifi.services.vstudio.errors import RateLimited, Refusal, Unavailable
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.sagas import frames
from audifi.services.vstudio.sagas.running import counts, current, ids
from audifi.services.vstudio.store import decisions, live_events, sessions
from audifi.services.vstudio.store.decisions import Decision
from audifi.services.vstudio.store.sessions import Session
from audifi.wire.events.vstudio import SessionCancelled, SessionLocked

LEASE_S: Final = 25  # two asks of at most 10 s each, and a margin
RETRY_S: Final = 3
BATCH: Final = 10
_NFT: Final = "nft-service"


class _Body(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    session_id: str
    artist_id: str
    decisions: list[dict[str, Any]] | None = None


class _TookPart(msgspec.Struct, rename="camel"):
    user_ids: list[str]


async def carry_out_due(parts: Parts) -> int:
    """Take wishes that are due and ask; return how many were carried out."""
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        until = now + timedelta(seconds=LEASE_S)
        due = await sessions.claim_wishes(tx, now=now, until=until, limit=BATCH)
    done = [await _asked(parts, session) for session in due]
    return sum(done)


async def carry_out(parts: Parts, session_id: str) -> None:
    """Ask at once for what a session wishes; what does not work now is tried again by the loop.

    Errors: the refusal of nft-service.
    """
    async with parts.database.transaction() as tx:
        until = parts.clock.now() + timedelta(seconds=LEASE_S)
        session = await sessions.claim_wish(tx, session_id, until=until)
    if session is not None:
        await _asked(parts, session, is_raising=True)


async def _asked(parts: Parts, session: Session, *, is_raising: bool = False) -> bool:
    try:
        await _ask(parts, session)
    except (Unavailable, RateLimited) as problem:
        log.warning("a master is asked for again later", session_id=session.id, wish=session.wish, error=problem)
        await _later(parts, session)
        return False
    except Refusal as refusal:
        await refused(parts, session, refusal)
        if is_raising and session.wish == "OPEN":
            raise
        return True
    await _taken(parts, session)
    return True


async def _ask(parts: Parts, session: Session) -> None:
    body = _Body(session_id=session.id, artist_id=session.artist_id)
    master = f"/internal/v1/masters/{session.master_id}"
    match session.wish:
        case "OPEN":
            await parts.peers.post(_NFT, f"{master}/session-opened", body, dict[str, Any])
        case "LEAVE":
            await parts.peers.post(_NFT, f"{master}/unlock", body, dict[str, Any])
        case _:
            async with parts.database.read_primary() as connection:
                decided = await decisions.of_session(connection, session.id)
                took_part = await sessions.participants(connection, session.id)
            body.decisions = [_winner(each) for each in decided if each.status == "FINALIZED"]
            await parts.peers.post(_NFT, f"{master}/lock", body, dict[str, Any])
            told = _TookPart(took_part)
            await parts.peers.post(_NFT, f"/internal/v1/sessions/{session.id}/participants", told, type(None))


def _winner(decision: Decision) -> dict[str, Any]:
    """Say what was decided, as the master will remember it."""
    label = next((option.label for option in decision.options if option.id == decision.winning_option), None)
    said = {"id": decision.id, "type": decision.type, "question": decision.question, "winner": label}
    found = decision.results
    assert found is not None, "what is final has results"
    said |= {"totalVotes": found.total_votes, "override": decision.is_override}
    return said if found.mean is None else {**said, "mean": found.mean}


async def _taken(parts: Parts, session: Session) -> None:
    async with parts.database.transaction() as tx:
        match session.wish:
            case "OPEN":
                await sessions.opened(tx, session.id)
            case "LEAVE":
                await sessions.left(tx, session.id)
            case _:
                await _complete(tx, parts, session)
    parts.wake_live()


async def _complete(tx: Connection, parts: Parts, session: Session) -> None:
    now = parts.clock.now()
    if not await sessions.locked(tx, session.id, now):
        return  # somebody noted it
    final = await current(tx, session.id)
    named = {"sessionId": session.id, "status": final.status}
    await live_events.add(tx, session.id, frames.frame("session_locked", now, **named, masterId=session.master_id))
    await live_events.add(tx, session.id, frames.frame("session_ended", now, **named, reason="locked"))
    await outbox.add(tx, SessionLocked(**ids(final), **counts(final)), aggregate_id=session.id)


async def refused(parts: Parts, session: Session, refusal: Refusal) -> None:
    """Note what nft-service will not do."""
    reason, now = f"{refusal.code}: {refusal.message}", parts.clock.now()
    log.warning("nft-service refused a session's wish", session_id=session.id, wish=session.wish, reason=reason)
    async with parts.database.transaction() as tx:
        match session.wish:
            case "OPEN":
                if await sessions.open_refused(tx, session.id, reason, now):
                    await _say(tx, session, "session_ended", parts, status="CANCELLED", reason="refused")
                    await outbox.add(tx, SessionCancelled(**ids(session)), aggregate_id=session.id)
            case "LEAVE":
                await sessions.left(tx, session.id)
            case _:
                if await sessions.lock_refused(tx, session.id, reason, now):
                    await _say(tx, session, "session_updated", parts, status="ACTIVE", reason=reason)
    parts.wake_live()


async def _say(tx: Connection, session: Session, type_: str, parts: Parts, **fields: Any) -> None:
    await live_events.add(tx, session.id, frames.frame(type_, parts.clock.now(), sessionId=session.id, **fields))


async def _later(parts: Parts, session: Session) -> None:
    async with parts.database.transaction() as tx:
        await sessions.wish_later(tx, session.id, parts.clock.now() + timedelta(seconds=RETRY_S))
