"""Tell a session that is over.

Between: the gateway (/vstudio/sessions/{id}/recap) and store.
Errors: SessionNotFound; InvalidState before it is COMPLETE; NotEligible.
Source: domain.md 2.3 "recap".
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Operation, Reply, Timestamp
from audifi.services.vstudio.errors import InvalidState, NotEligible, SessionNotFound
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes import found
from audifi.services.vstudio.routes.fields import SessionPath
from audifi.services.vstudio.routes.replies import DecisionReply, decision_reply
from audifi.services.vstudio.store import decisions
from audifi.services.vstudio.store.decisions import Decision
from audifi.services.vstudio.store.sessions import Session


class MomentReply(Reply):
    """What happened when."""

    at: Timestamp
    type: str
    title: str
    decision_id: str | None


class RecapReply(Reply, kw_only=True):
    """What a session was."""

    session_id: str
    artist_id: str
    master_id: str
    title: str
    started_at: Timestamp | None
    ended_at: Timestamp | None
    duration_seconds: int
    participants: int
    unique_viewers: int
    peak_viewers: int
    total_votes: int
    decisions: list[DecisionReply]
    key_moments: list[MomentReply]
    locked: bool
    ipo_id: str | None


async def show(call: VstudioCall) -> RecapReply:
    """Return what a session was."""
    async with call.deps.database.read_primary() as connection:
        session = await found.visible(connection, call)
        asked = await decisions.of_session(connection, session.id)
    if session.status != "COMPLETE":
        raise InvalidState(f"There is no recap of a session that is {session.status}.")
    verdict = await found.view(call.deps, session, found.viewer_id(call))
    if not verdict.has_access:
        raise NotEligible(details={"missingRequirements": list(verdict.missing), "ctaType": verdict.cta})
    return RecapReply(
        session_id=session.id,
        artist_id=session.artist_id,
        master_id=session.master_id,
        title=session.title,
        started_at=None if session.started_at is None else iso(session.started_at),
        ended_at=None if session.ended_at is None else iso(session.ended_at),
        duration_seconds=_duration_s(session),
        participants=session.participant_count,
        unique_viewers=session.unique_viewers,
        peak_viewers=session.peak_viewers,
        total_votes=session.total_votes,
        decisions=[decision_reply(each) for each in asked],
        key_moments=[
            MomentReply(iso(at), kind, title, decision_id)
            for at, kind, title, decision_id in sorted(_moments(session, asked), key=lambda each: each[0])
        ],
        locked=session.is_locked,
        ipo_id=session.ipo_id,
    )


def _duration_s(session: Session) -> int:
    if session.started_at is None or session.ended_at is None:
        return 0
    return int((session.ended_at - session.started_at).total_seconds())


def _moments(session: Session, asked: list[Decision]) -> Iterator[tuple[datetime, str, str, str | None]]:
    if session.started_at is not None:
        yield session.started_at, "session_started", session.title, None
    for each in asked:
        named = (
            (each.opens_at, "decision_opened"),
            (each.closed_at, "decision_closed"),
            (each.finalized_at, "decision_finalized"),
        )
        for at, kind in named:
            if at is not None:
                yield at, kind, each.question, each.id
    if session.ended_at is not None:
        yield session.ended_at, "session_locked" if session.is_locked else "session_ended", session.title, None


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/vstudio/sessions/{id}/recap", handler=show, summary="Tell a session that is over",
        tag="sessions", access=Access.OPTIONAL, parameters=SessionPath, reply=RecapReply,
        errors=(SessionNotFound, InvalidState, NotEligible),
    ),
)  # fmt: skip
