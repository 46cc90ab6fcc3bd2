"""Take a decision through its life: create, open, close, finalize, cancel; and close it when its time is over.

Between: routes.decisions, the gateway's commands, sagas.running (closes what is open at the end), loops (time).
Shape: each step works on rows its caller has locked, decision before session, and writes the event for the queue and
the one for the viewers in the same transaction; the caller wakes the relay after the commit.
Invariant: at most one open decision per session; results are computed with the row locked exclusively, so that no vote
lands after them; a result never changes.
Errors: InvalidState, Invalid (a tie and no choice), PlanLimitReached, DecisionNotFound.
Source: domain.md 2.3 "Decision lifecycle".
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.ids import new_id
from audifi.services.vstudio.errors import DecisionNotFound, Invalid, InvalidState, SessionNotFound
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.rules import gating, states, tallying
from audifi.services.vstudio.sagas import frames
from audifi.services.vstudio.sagas.plans import Plan
from audifi.services.vstudio.store import decisions, live_events, sessions
from audifi.services.vstudio.store.decisions import Decision, Question
from audifi.services.vstudio.store.sessions import Session
from audifi.wire.events.vstudio import DecisionClosed, DecisionFinalized, DecisionOpened

DECISIONS_MAX: Final = 100  # what nft-service takes with a lock


@dataclass(frozen=True)
class Both:
    """A decision that is locked, and its session."""

    session: Session
    decision: Decision

    @property
    def ids(self) -> dict[str, str]:
        """Name everything an event about it names."""
        session, decision = self.session, self.decision
        whose = {"session_id": session.id, "artist_id": session.artist_id, "master_id": session.master_id}
        return {**whose, "decision_id": decision.id, "type": decision.type}


async def locked(tx: Connection, decision_id: str, *, session_id: str | None = None) -> Both:
    """Return a decision, its row locked, and its session."""
    decision = await decisions.one(tx, decision_id, lock="FOR UPDATE")
    if decision is None or session_id not in (None, decision.session_id):
        raise DecisionNotFound
    session = await sessions.one(tx, decision.session_id)
    assert session is not None, "a decision refers to its session"
    return Both(session, decision)


def may_run(session: Session, user_id: str, *, is_own: bool = False) -> bool:
    """Whether somebody may create, open and close: its artist, and producers the artist named unless `is_own`."""
    return session.artist_id == user_id or (not is_own and user_id in session.producer_ids)


async def create(tx: Connection, session_id: str, asked: Question, plan: Plan, now: datetime) -> Decision:
    """Add a decision at the end of a session."""
    session = await sessions.one(tx, session_id, for_update=True)
    if session is None:
        raise SessionNotFound
    if session.status not in (*states.PLANNED, *states.LIVE):
        raise InvalidState(f"A session that is {session.status} takes no more decisions.")
    used = await decisions.count(tx, session_id)
    plan.require("decisionsPerSession", plan.limits.decisions_per_session, used)
    if used >= DECISIONS_MAX:
        raise InvalidState(f"A session has at most {DECISIONS_MAX} decisions.")
    if asked.gating is not None:
        plan.require_gates([asked.gating])
        gating.checked(asked.gating, master_id=session.master_id)
    decision_id = str(new_id())
    await decisions.insert(tx, decision_id, session_id, asked)
    decision = await decisions.one(tx, decision_id)
    assert decision is not None, "it was just written"
    await _tell(tx, decision, "decision_created", now, decision=frames.shown(decision))
    return decision


async def open_(tx: Connection, both: Both, now: datetime) -> Decision:
    """Take votes until its time is over."""
    session, decision = both.session, both.decision
    until = now + timedelta(seconds=decision.duration_s)
    if not await decisions.open_(tx, decision.id, at=now, until=until):
        raise InvalidState(f"A decision that is {decision.status} is not opened.")
    if not await sessions.set_voting(tx, session.id, is_voting=True, now=now):
        raise InvalidState("Start the session first: decisions are opened while it is live.")
    opened = replace(decision, status="OPEN", opens_at=now, closes_at=until)
    await outbox.add(tx, DecisionOpened(**both.ids, closes_at=until), aggregate_id=session.id)
    said = frames.shown(opened)
    await _tell(tx, opened, "decision_opened", now, endsAt=said["endsAt"], decision=said)
    return opened


async def close(tx: Connection, both: Both, now: datetime) -> Decision:
    """Count the votes, for ever."""
    session, decision = both.session, both.decision
    ballots = await decisions.ballots(tx, decision.id)
    found = tallying.results(decision.type, decision.option_ids, ballots)
    if not await decisions.close(tx, decision.id, found, now):
        raise InvalidState(f"A decision that is {decision.status} is not closed.")
    await sessions.count_votes(tx, session.id, found.total_votes)
    await sessions.set_voting(tx, session.id, is_voting=False, now=now)
    closed = replace(
        decision, status="CLOSED", results=found, is_tie=found.is_tie, winning_option=found.winner, closed_at=now
    )
    event = DecisionClosed(**both.ids, total_votes=found.total_votes, is_tie=found.is_tie)
    await outbox.add(tx, event, aggregate_id=session.id)
    await _tell(tx, closed, "decision_closed", now, **frames.outcome(closed, found))
    return closed


async def finalize(tx: Connection, both: Both, chosen: str | None, now: datetime) -> Decision:
    """Accept the result, or the artist's choice; a choice against the votes is recorded as one."""
    session, decision = both.session, both.decision
    if decision.results is None or decision.status != "CLOSED":
        raise InvalidState(f"A decision that is {decision.status} is not finalized: close it first.")
    winner, is_override = _winner(decision, chosen)
    if not await decisions.finalize(tx, decision.id, winner, is_override=is_override, now=now):
        raise InvalidState("This decision was finalized already.")
    final = replace(decision, status="FINALIZED", winning_option=winner, is_override=is_override, finalized_at=now)
    event = DecisionFinalized(**both.ids, winning_option=winner, is_override=is_override)
    await outbox.add(tx, event, aggregate_id=session.id)
    await _tell(tx, final, "decision_finalized", now, **frames.outcome(final, decision.results))
    return final


async def cancel(tx: Connection, both: Both, now: datetime) -> Decision:
    """Give a decision up that is not closed yet."""
    session, decision = both.session, both.decision
    if session.status not in (*states.PLANNED, *states.LIVE) or not await decisions.cancel(tx, decision.id, now):
        raise InvalidState(f"A decision that is {decision.status} is not cancelled.")
    if decision.status == "OPEN":
        await sessions.set_voting(tx, session.id, is_voting=False, now=now)
    cancelled = replace(decision, status="CANCELLED")
    await _tell(tx, cancelled, "decision_cancelled", now)
    return cancelled


async def close_due(parts: Parts) -> int:
    """Close one decision whose time is over; return how many were."""
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        due = await decisions.due(tx, now, 1)
        for decision in due:
            session = await sessions.one(tx, decision.session_id)
            assert session is not None, "a decision refers to its session"
            await close(tx, Both(session, decision), now)
    if due:
        parts.wake_live()
    return len(due)


def _winner(decision: Decision, chosen: str | None) -> tuple[str | None, bool]:
    found = decision.results
    assert found is not None, "a closed decision has results"
    if decision.type not in tallying.CHOSEN:
        if chosen is not None:
            raise Invalid(details={"winningOptionId": f"a {decision.type} has no options"})
        return None, False
    if chosen is None and tallying.is_choice_needed(decision.type, found):
        why = "it is a tie: choose the winner" if found.is_tie else "nobody voted: choose the winner"
        raise Invalid(details={"winningOptionId": why})
    if chosen is not None and chosen not in decision.option_ids:
        raise Invalid(details={"winningOptionId": f"one of {', '.join(decision.option_ids)}"})
    winner = chosen or found.winner
    return winner, found.total_votes > 0 and winner not in tallying.tops(decision.type, found)


async def _tell(tx: Connection, row: Decision, type_: str, at: datetime, **fields: Any) -> None:
    frame = frames.frame(type_, at, decisionId=row.id, status=row.status, **fields)
    await live_events.add(tx, row.session_id, frame)
