"""Answer the WebSocket gateway: what its viewers say, and what they have to be told.

Between: gateways.ws (with its internal token; never routed from outside) and sagas, store.
Shape: wire.live.calls.
Invariant: the gateway says who, we decide what they may; each of a batch has its own outcome.
Errors: a batch fails as a whole only by SessionNotFound or Unavailable; then asking again is safe.
Source: domain.md 2.3 "Internal", 3.
"""

from typing import Final

from audifi.kernel.http import Access, Operation
from audifi.services.vstudio.errors import Invalid, Problem, SessionNotFound
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes.fields import SessionPath
from audifi.services.vstudio.rules import outcomes
from audifi.services.vstudio.rules.ballots import Content
from audifi.services.vstudio.sagas import voting
from audifi.wire.live import calls
from audifi.wire.live.calls import Outcome, Outcomes, Vote, Votes


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


_TAG: Final = "internal"
_BASE: Final = "/internal/v1/sessions/{id}"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path=f"{_BASE}/votes", handler=votes, summary="Take many people's votes", tag=_TAG,
        access=Access.SERVICE, parameters=SessionPath, body=Votes, reply=Outcomes, errors=(SessionNotFound, Invalid),
    ),
)  # fmt: skip
