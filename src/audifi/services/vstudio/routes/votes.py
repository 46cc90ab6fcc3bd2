"""Vote over HTTP, and show how a decision stands.

Between: the gateway (/vstudio/sessions/{id}/vote, …/stats, …/votes), sagas.voting, store.
Shape: who cannot keep a socket votes here; it is a batch of one.
Why raw votes only to the owner: what somebody chose is theirs and the artist's.
Errors: SessionNotFound, DecisionNotFound, DecisionClosed, AlreadyVoted, NotEligible, Invalid, Forbidden.
Source: domain.md 2.3.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Body, Operation, Page, Paging, Reply, Timestamp
from audifi.services.vstudio.errors import (
    AlreadyVoted,
    DecisionClosed,
    DecisionNotFound,
    Forbidden,
    Invalid,
    NotEligible,
    Problem,
    SessionNotFound,
)
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes import limits
from audifi.services.vstudio.routes.fields import DecisionPath, SessionPath
from audifi.services.vstudio.rules.ballots import Content
from audifi.services.vstudio.sagas import voting
from audifi.services.vstudio.store import decisions, sessions, tallies, votes
from audifi.services.vstudio.store.decisions import Decision

OptionId = Annotated[str, Meta(min_length=1, max_length=40)]


class VoteBody(Body, kw_only=True):
    """Exactly one of choice (or optionIndex, from 0), value, ranking and text."""

    decision_id: UUID
    choice: OptionId | None = None
    option_index: Annotated[int, Meta(ge=0, le=99)] | None = None
    value: float | None = None
    ranking: Annotated[tuple[OptionId, ...], Meta(max_length=30)] | None = None
    text: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


class VoteReply(Reply):
    """A vote that counts; `weight` in thousandths."""

    vote_id: str
    weight: int
    duplicate: bool


class StatsReply(Reply, kw_only=True):
    """How a decision stands: by option votes, their weight where votes weigh, Borda points of rankings."""

    decision_id: str
    status: str
    total_votes: int
    results: dict[str, int]
    weights: dict[str, int] | None
    points: dict[str, int] | None
    mean: float | None
    winner: str | None
    tie: bool
    override: bool


class CastVoteReply(Reply, kw_only=True):
    """One vote, as its artist sees it; whose account is deleted is nobody's."""

    id: str
    user_id: str | None
    choice: str | None
    value: float | None
    ranking: tuple[str, ...] | None
    text: str | None
    weight: int
    created_at: Timestamp
    updated_at: Timestamp


async def vote(call: VstudioCall, body: VoteBody) -> VoteReply:
    """Vote."""
    if body.choice is not None and body.option_index is not None:
        raise Invalid(details={"optionIndex": "either this or choice"})
    choice = body.choice if body.option_index is None else str(body.option_index)
    content = Content(choice=choice, value=body.value, ranking=body.ranking, text=body.text)
    said = voting.Said(
        user_id=call.user().user_id, decision_id=str(body.decision_id), content=content, ip=call.client_ip
    )
    [result] = await voting.cast(call.deps, str(call.parameters.id), [said])
    if isinstance(result, Problem):
        raise result
    if result.is_duplicate or result.is_change:
        call.reply_status = 200
    return VoteReply(result.vote_id, result.weight_milli, result.is_duplicate)


async def stats(call: VstudioCall) -> StatsReply:
    """Return how a decision stands: as its votes are now, or as they were when it closed."""
    async with call.deps.database.read_primary() as connection:
        decision = await _decision(call, connection)
        tally = await tallies.of_decision(connection, decision.id)
    assert tally is not None, "it was there a moment ago"
    found, is_open = decision.results or tally.found, decision.results is None
    return StatsReply(
        decision_id=decision.id,
        status=decision.status,
        total_votes=found.total_votes,
        results=found.results,
        weights=found.weights if decision.voting_mode == "WEIGHTED" else None,
        points=found.points or None,
        mean=found.mean,
        winner=None if is_open else decision.winning_option,
        tie=False if is_open else decision.is_tie,
        override=decision.is_override,
    )


async def listed(call: VstudioCall, query: Paging) -> Page[CastVoteReply]:
    """List the votes of a decision, the oldest first: for its artist."""
    async with call.deps.database.read_primary() as connection:
        decision = await _decision(call, connection)
        session = await sessions.one(connection, decision.session_id)
        if session is None or session.artist_id != call.user().user_id:
            raise Forbidden("Votes are shown to the artist alone.")
        rows, total = await votes.listed(connection, decision.id, limit=query.limit, offset=query.offset)
    return Page([_cast(row) for row in rows], total, query)


def _cast(row: votes.Listed) -> CastVoteReply:
    content = row.content
    return CastVoteReply(
        id=row.id,
        user_id=row.user_id,
        choice=content.choice,
        value=content.value,
        ranking=content.ranking,
        text=content.text,
        weight=row.weight_milli,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


async def _decision(call: VstudioCall, connection: Any) -> Decision:
    found = await decisions.one(connection, str(call.parameters.did))
    if found is None or found.session_id != str(call.parameters.id):
        raise DecisionNotFound
    return found


_TAG: Final = "votes"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/vstudio/sessions/{id}/vote", handler=vote, summary="Vote", tag=_TAG, access=Access.USER,
        parameters=SessionPath, body=VoteBody, reply=VoteReply, status=201, other_statuses=(200,),
        limits=(limits.VOTE,),
        errors=(SessionNotFound, DecisionNotFound, DecisionClosed, AlreadyVoted, NotEligible, Invalid),
        example={"decisionId": "01890000-0000-7000-8000-000000000001", "choice": "a"},
        description="200 when it was voted the same before (`duplicate`), or changed where that is allowed.",
    ),
    Operation(
        method="GET", path="/vstudio/sessions/{id}/decisions/{did}/stats", handler=stats, tag=_TAG,
        summary="Show how a decision stands", access=Access.GUEST, parameters=DecisionPath, reply=StatsReply,
        errors=(DecisionNotFound,),
    ),
    Operation(
        method="GET", path="/vstudio/sessions/{id}/decisions/{did}/votes", handler=listed, tag=_TAG,
        summary="List a decision's votes", access=Access.ARTIST, parameters=DecisionPath, query=Paging,
        reply=CastVoteReply, listed=True, errors=(DecisionNotFound, Forbidden),
    ),
)  # fmt: skip
