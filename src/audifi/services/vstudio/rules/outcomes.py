"""Say in the socket's codes what became of one of many.

Between: routes.gateway (answers a batch) and problems, which one request would be answered with; pure.
Errors: none; a refusal without a code of its own is an invalid message, an outage UNAVAILABLE.
Source: domain.md 3 "Error codes".
"""

from typing import Final

from audifi.services.vstudio.errors import (
    AlreadyVoted,
    DecisionClosed,
    Forbidden,
    NotEligible,
    PlanLimitReached,
    Problem,
    RateLimited,
    Refusal,
    SessionNotFound,
)
from audifi.wire.live.calls import Outcome
from audifi.wire.live.protocol import Code

_CODES: Final[dict[type[Problem], Code]] = {
    AlreadyVoted: Code.ALREADY_VOTED,
    DecisionClosed: Code.DECISION_CLOSED,
    Forbidden: Code.NOT_ALLOWED,
    NotEligible: Code.NOT_ELIGIBLE,
    PlanLimitReached: Code.NOT_ALLOWED,
    RateLimited: Code.RATE_LIMITED,
    SessionNotFound: Code.SESSION_NOT_FOUND,
}


def refused(request_id: str, problem: Problem, *, decision_id: str | None = None) -> Outcome:
    """Return the outcome of what was refused, or could not be done now."""
    otherwise = Code.INVALID_MESSAGE if isinstance(problem, Refusal) else Code.UNAVAILABLE
    return Outcome(
        request_id=request_id,
        decision_id=decision_id,
        code=_CODES.get(type(problem), otherwise),
        message=_message(problem),
        retry_after_s=problem.retry_after_s,
    )


def _message(problem: Problem) -> str:
    if isinstance(problem, Refusal) and problem.details:
        told = "; ".join(f"{field}: {reason}" for field, reason in problem.details.items())
        return f"{problem.message} ({told})"
    return problem.message
