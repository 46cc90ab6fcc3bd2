"""Let an artist ask an audience: create decisions, open, close, finalize and cancel them.

Between: the gateway (/vstudio/…/decisions…) and sagas.deciding.
Shape: each step answers with the decision as it is then. Producers the artist named may create, open and close.
Errors: SessionNotFound, DecisionNotFound, Forbidden, InvalidState, Invalid, PlanLimitReached.
Source: domain.md 2.3.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation
from audifi.services.vstudio.errors import (
    DecisionNotFound,
    Forbidden,
    Invalid,
    InvalidState,
    NotEligible,
    PlanLimitReached,
    SessionNotFound,
)
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes import audit, found
from audifi.services.vstudio.routes.fields import (
    AliasPath,
    DecisionPath,
    Description,
    GateBody,
    OptionId,
    QuestionText,
    SessionPath,
)
from audifi.services.vstudio.routes.replies import DecisionReply, decision_reply
from audifi.services.vstudio.rules import deciding as rules
from audifi.services.vstudio.rules.deciding import DecisionType, NewOption, Slider
from audifi.services.vstudio.rules.gating import VotingMode
from audifi.services.vstudio.sagas import deciding, plans
from audifi.services.vstudio.sagas.deciding import Both
from audifi.services.vstudio.store import decisions as store
from audifi.services.vstudio.store.decisions import Decision, Question

Step = Callable[[Connection, Both, datetime], Awaitable[Decision]]


class DecisionBody(Body, kw_only=True):
    """What is asked; `gating` overrides the session's vote gate."""

    type: DecisionType
    question: QuestionText
    description: Description | None = None
    options: tuple[NewOption, ...] = ()
    slider: Slider | None = None
    duration_seconds: Annotated[int, Meta(ge=10, le=604_800)] = 60
    gating: GateBody | None = None
    voting_mode: VotingMode = "SIMPLE"
    allow_vote_change: bool = False

    def asked(self) -> Question:
        """Return the question; refuse one that cannot be voted on."""
        rules.check(self.type, self.options, self.slider)
        return Question(
            type=self.type,
            question=self.question,
            description=self.description,
            options=rules.named(self.options),
            slider=self.slider,
            gating=None if self.gating is None else self.gating.gate(),
            voting_mode=self.voting_mode,
            allow_vote_change=self.allow_vote_change,
            duration_s=self.duration_seconds,
        )


class FinalizeBody(Body, kw_only=True):
    """Who wins; left out, the result counts."""

    winning_option_id: OptionId | None = None


async def listed(call: VstudioCall) -> list[DecisionReply]:
    """List a session's decisions to who may see them."""
    async with call.deps.database.read_primary() as connection:
        session = await found.visible(connection, call)
        asked = await store.of_session(connection, session.id)
    verdict = await found.view(call.deps, session, found.viewer_id(call))
    if not verdict.has_access:
        raise NotEligible(details={"missingRequirements": list(verdict.missing), "ctaType": verdict.cta})
    return [decision_reply(each) for each in asked]


async def create(call: VstudioCall, body: DecisionBody) -> DecisionReply:
    """Add a decision to a session, as far as its artist's plan includes one more."""
    parts, asked = call.deps, body.asked()
    async with parts.database.read_primary() as connection:
        session = await found.visible(connection, call)
    if not deciding.may_run(session, call.user().user_id):
        raise Forbidden("This is another artist's session.")
    plan = await plans.plan_of(parts.peers, session.artist_id)
    async with parts.database.transaction() as tx:
        decision = await deciding.create(tx, session.id, asked, plan, parts.clock.now())
        reply = decision_reply(decision)
        await call.settle(tx, reply)
    parts.wake_live()
    return reply


async def open_(call: VstudioCall) -> DecisionReply:
    """Take votes."""
    return await _stepped(call, deciding.open_)


async def close(call: VstudioCall) -> DecisionReply:
    """Count the votes."""
    return await _stepped(call, deciding.close)


async def cancel(call: VstudioCall) -> DecisionReply:
    """Give a decision up."""
    return await _stepped(call, deciding.cancel, is_own=True)


async def finalize(call: VstudioCall, body: FinalizeBody) -> DecisionReply:
    """Accept the result, or choose."""

    async def step(tx: Connection, both: Both, now: datetime) -> Decision:
        decision = await deciding.finalize(tx, both, body.winning_option_id, now)
        if decision.is_override:
            after = {"winner": decision.winning_option or "", "sessionId": decision.session_id}
            await audit.recorded(tx, call, "decision.overridden", f"decision:{decision.id}", after)
        return decision

    return await _stepped(call, step, is_own=True)


async def _stepped(call: VstudioCall, step: Step, *, is_own: bool = False) -> DecisionReply:
    parts = call.deps
    async with parts.database.transaction() as tx:
        both = await found.decision(tx, call, is_own=is_own)
        reply = decision_reply(await step(tx, both, parts.clock.now()))
        await call.settle(tx, reply)
    parts.wake_live()
    return reply


_TAG: Final = "decisions"
_DECISIONS: Final = "/vstudio/sessions/{id}/decisions"
_ERRORS: Final = (SessionNotFound, DecisionNotFound, Forbidden, InvalidState)
_STEPS: Final = (
    ("open", open_, "Take votes", Access.USER),
    ("close", close, "Count the votes", Access.USER),
    ("cancel", cancel, "Give a decision up", Access.ARTIST),
)
_PATHS: Final[tuple[tuple[str, type[Body], str], ...]] = (
    (f"{_DECISIONS}/{{did}}", DecisionPath, ""),
    ("/vstudio/decisions/{did}", AliasPath, " (alias)"),
)


def _steps(path: str, parameters: type[Body], note: str) -> tuple[Operation, ...]:
    steps = tuple(
        Operation(
            method="POST", path=f"{path}/{verb}", handler=handler, summary=summary + note, tag=_TAG,
            access=access, parameters=parameters, reply=DecisionReply, idempotent=True, errors=_ERRORS,
        )
        for verb, handler, summary, access in _STEPS
    )  # fmt: skip
    final = Operation(
        method="POST", path=f"{path}/finalize", handler=finalize, summary="Accept a result, or choose" + note,
        tag=_TAG, access=Access.ARTIST, parameters=parameters, body=FinalizeBody, reply=DecisionReply, idempotent=True,
        errors=(*_ERRORS, Invalid), example={"winningOptionId": "a"},
    )  # fmt: skip
    # An alias is what clients of [L] know: they cancel no decision.
    return (*(step for step in steps if parameters is DecisionPath or not step.path.endswith("/cancel")), final)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path=_DECISIONS, handler=listed, summary="List a session's decisions", tag=_TAG,
        access=Access.OPTIONAL, parameters=SessionPath, reply=list[DecisionReply],
        errors=(SessionNotFound, NotEligible),
    ),
    Operation(
        method="POST", path=_DECISIONS, handler=create, summary="Add a decision", tag=_TAG, access=Access.USER,
        parameters=SessionPath, body=DecisionBody, reply=DecisionReply, status=201, idempotent=True,
        errors=(SessionNotFound, Forbidden, InvalidState, Invalid, PlanLimitReached),
        example={
            "type": "BINARY", "question": "Which hook?", "durationSeconds": 60,
            "options": [{"label": "A"}, {"label": "B"}],
        },
    ),
    *(operation for path in _PATHS for operation in _steps(*path)),
)  # fmt: skip
