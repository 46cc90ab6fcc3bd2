"""Say what somebody may do in a session, and what would help.

Between: the gateway (/vstudio/sessions/{id}/eligibility), sagas.standing, rules.gating.
Shape: voting needs both gates. `weight` is what a vote would weigh now; decisions with a gate of their own are listed.
Units: weight in thousandths of a vote.
Errors: SessionNotFound; Unavailable when a service that knows is away.
Source: domain.md 2.3, 8 (useGatingStatus).
"""

from typing import Any, Final

from audifi.kernel.http import Access, Operation, Reply
from audifi.services.vstudio.errors import SessionNotFound
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes import found
from audifi.services.vstudio.routes.fields import SessionPath
from audifi.services.vstudio.rules import gating
from audifi.services.vstudio.rules.gating import Gate, Standing, Verdict
from audifi.services.vstudio.sagas.standing import standing_of
from audifi.services.vstudio.store import decisions
from audifi.services.vstudio.store.decisions import Decision
from audifi.services.vstudio.store.sessions import Session


class GateReply(Reply, kw_only=True):
    """Whether the caller comes in; what is missing otherwise (NFT, ARTIST_COIN, SUBSCRIPTION)."""

    has_access: bool
    requirement: Gate
    missing_requirements: tuple[str, ...]
    cta_type: str | None


class VoteGateReply(GateReply, kw_only=True):
    """Whether the caller may vote, and what the vote weighs."""

    weight: int


class DecisionGateReply(VoteGateReply, kw_only=True):
    """The same of a decision."""

    decision_id: str


class EligibilityReply(Reply, kw_only=True):
    """What the caller may do; `decisions` only those with a gate or weights of their own."""

    view: GateReply
    vote: VoteGateReply
    decisions: list[DecisionGateReply]


async def show(call: VstudioCall) -> EligibilityReply:
    """Say what the caller may do."""
    parts, user_id = call.deps, call.user().user_id
    async with parts.database.read_primary() as connection:
        session = await found.visible(connection, call)
        asked = await decisions.of_session(connection, session.id)
    view = await found.view(parts, session, user_id)
    vote, held = await _vote(call, session, None, view)
    special = [each for each in asked if each.gating is not None or each.voting_mode == "WEIGHTED"]
    return EligibilityReply(
        view=GateReply(**_fields(session.view_gating, view)),
        vote=VoteGateReply(
            **_fields(session.vote_gating, vote), weight=_weight(session, session.vote_gating, held, "SIMPLE")
        ),
        decisions=[await _special(call, session, each, view) for each in special],
    )


async def _special(call: VstudioCall, session: Session, decision: Decision, view: Verdict) -> DecisionGateReply:
    gate = decision.gating or session.vote_gating
    verdict, held = await _vote(call, session, decision, view)
    weight = _weight(session, gate, held, decision.voting_mode)
    return DecisionGateReply(**_fields(gate, verdict), weight=weight, decision_id=decision.id)


async def _vote(
    call: VstudioCall, session: Session, decision: Decision | None, view: Verdict
) -> tuple[Verdict, Standing]:
    gate = session.vote_gating if decision is None or decision.gating is None else decision.gating
    is_weighted = decision is not None and decision.voting_mode == "WEIGHTED"
    held = await standing_of(call.deps, session, call.user().user_id, gate=gate, is_weighted=is_weighted)
    verdict = gating.judge(gate, held, artist_id=session.artist_id)
    if view.has_access or not verdict.has_access:
        return verdict, held
    return view, held


def _weight(session: Session, gate: Gate, held: Standing, mode: gating.VotingMode) -> int:
    return gating.weight_milli(gate, held, artist_id=session.artist_id, mode=mode)


def _fields(gate: Gate, verdict: Verdict) -> dict[str, Any]:
    return {
        "has_access": verdict.has_access,
        "requirement": gate,
        "missing_requirements": verdict.missing,
        "cta_type": verdict.cta,
    }


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/vstudio/sessions/{id}/eligibility", handler=show, tag="sessions", access=Access.USER,
        summary="Say what the caller may do in a session", parameters=SessionPath, reply=EligibilityReply,
        errors=(SessionNotFound,),
    ),
)  # fmt: skip
