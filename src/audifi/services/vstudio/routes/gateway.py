"""Answer the WebSocket gateway: what its viewers say, and what they have to be told.

Between: gateways.ws (with its internal token; never routed from outside) and sagas, store.
Shape: wire.live.calls.
Invariant: the gateway says who, we decide what they may; each of a batch has its own outcome.
Errors: a batch fails as a whole only by SessionNotFound or Unavailable; then asking again is safe.
Source: domain.md 2.3 "Internal", 3.
"""

from typing import Annotated, Final

from msgspec import Meta

from audifi.kernel.http import Access, Body, Operation
from audifi.services.vstudio.errors import Conflict, Invalid, InvalidState, NotEligible, Problem, SessionNotFound
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes.fields import SessionPath
from audifi.services.vstudio.rules import outcomes
from audifi.services.vstudio.rules.ballots import Content
from audifi.services.vstudio.sagas import admitting, chatting, pulsing, snapshots, voting
from audifi.wire.live import calls
from audifi.wire.live.calls import (
    Admission,
    Asking,
    Chat,
    Chats,
    Events,
    Outcome,
    Outcomes,
    Pulse,
    Pulsed,
    Snapshot,
    Vote,
    Votes,
)


class EventsQuery(Body):
    """After which number."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0


async def votes(call: VstudioCall, body: Votes) -> Outcomes:
    """Take many people's votes."""
    if len(body.votes) > calls.BATCH_MAX:
        raise Invalid(details={"votes": f"at most {calls.BATCH_MAX}"})
    if not body.votes:
        return Outcomes(outcomes=[])
    results = await voting.cast(call.deps, str(call.parameters.id), [_said(each) for each in body.votes])
    return Outcomes(outcomes=[_voted(each, result) for each, result in zip(body.votes, results, strict=True)])


def _said(vote: Vote) -> voting.Said:
    content = Content(choice=vote.choice, value=vote.value, ranking=vote.ranking, text=vote.text)
    return voting.Said(user_id=vote.user_id, decision_id=vote.decision_id, content=content, ip=vote.ip)


def _voted(vote: Vote, result: voting.Result) -> Outcome:
    if isinstance(result, Problem):
        return outcomes.refused(vote.request_id, result, decision_id=vote.decision_id)
    return Outcome(
        request_id=vote.request_id,
        id=result.vote_id,
        decision_id=vote.decision_id,
        weight=result.weight_milli,
        duplicate=result.is_duplicate,
    )


async def admission(call: VstudioCall, body: Asking) -> Admission:
    """Say who somebody is in a session."""
    return await admitting.admit(call.deps, str(call.parameters.id), body)


async def chat(call: VstudioCall, body: Chats) -> Outcomes:
    """Take many people's chat lines."""
    if len(body.lines) > calls.BATCH_MAX:
        raise Invalid(details={"lines": f"at most {calls.BATCH_MAX}"})
    said = [
        chatting.Said(user_id=each.user_id, request_id=each.request_id, role=each.role, text=each.text)
        for each in body.lines
    ]
    results = await chatting.say(call.deps, str(call.parameters.id), said)
    return Outcomes(outcomes=[_lined(each, result) for each, result in zip(body.lines, results, strict=True)])


async def pulse(call: VstudioCall, body: Pulse) -> Pulsed:
    """Take what a pod saw in the last second."""
    return Pulsed(viewers=await pulsing.pulse(call.deps, str(call.parameters.id), body))


async def snapshot(call: VstudioCall) -> Snapshot:
    """Return the session as everybody who may watch it sees it."""
    return await snapshots.of_session(call.deps, str(call.parameters.id))


async def events(call: VstudioCall, query: EventsQuery) -> Events:
    """Return what Redis forgot."""
    return await snapshots.missed(call.deps.database, str(call.parameters.id), query.after)


def _lined(line: Chat, result: chatting.Result) -> Outcome:
    if isinstance(result, Problem):
        return outcomes.refused(line.request_id, result)
    return Outcome(request_id=line.request_id, id=result)


_TAG: Final = "internal"
_BASE: Final = "/internal/v1/sessions/{id}"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path=f"{_BASE}/votes", handler=votes, summary="Take many people's votes", tag=_TAG,
        access=Access.SERVICE, parameters=SessionPath, body=Votes, reply=Outcomes, errors=(SessionNotFound, Invalid),
    ),
    Operation(
        method="POST", path=f"{_BASE}/chat", handler=chat, summary="Take many people's chat lines", tag=_TAG,
        access=Access.SERVICE, parameters=SessionPath, body=Chats, reply=Outcomes, errors=(SessionNotFound, Invalid),
    ),
    Operation(
        method="POST", path=f"{_BASE}/admission", handler=admission, summary="Say who somebody is in a session",
        tag=_TAG, access=Access.SERVICE, parameters=SessionPath, body=Asking, reply=Admission,
        errors=(SessionNotFound, InvalidState, NotEligible, Conflict, Invalid),
    ),
    Operation(
        method="POST", path=f"{_BASE}/pulse", handler=pulse, summary="Take what a pod saw in a second", tag=_TAG,
        access=Access.SERVICE, parameters=SessionPath, body=Pulse, reply=Pulsed, errors=(SessionNotFound,),
    ),
    Operation(
        method="GET", path=f"{_BASE}/snapshot", handler=snapshot, summary="Show a session as it is now", tag=_TAG,
        access=Access.SERVICE, parameters=SessionPath, reply=Snapshot, errors=(SessionNotFound,),
    ),
    Operation(
        method="GET", path=f"{_BASE}/events", handler=events, summary="Show a session's live events", tag=_TAG,
        access=Access.SERVICE, parameters=SessionPath, query=EventsQuery, reply=Events, errors=(SessionNotFound,),
    ),
)  # fmt: skip
