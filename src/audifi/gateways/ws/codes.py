"""Say a problem of vstudio-service in the socket's codes. Pure.

Between: admitting and commands (ask the service) and clients (know codes).
Errors: none; a refusal nobody thought of is INVALID_MESSAGE, anything else UNAVAILABLE.
Source: domain.md 3 "Error codes".
"""

from typing import Final

from audifi.wire import problems
from audifi.wire.live.protocol import Code
from audifi.wire.problems import Problem, Refusal

_CODES: Final[dict[type[Problem], Code]] = {
    problems.Unauthorized: Code.INVALID_TICKET,
    problems.NotFound: Code.SESSION_NOT_FOUND,
    problems.SessionNotFound: Code.SESSION_NOT_FOUND,
    problems.NotEligible: Code.NOT_ELIGIBLE,
    problems.Forbidden: Code.NOT_ALLOWED,
    problems.PlanLimitReached: Code.NOT_ALLOWED,
    problems.DecisionClosed: Code.DECISION_CLOSED,
    problems.AlreadyVoted: Code.ALREADY_VOTED,
    problems.RateLimited: Code.RATE_LIMITED,
}
# Asked for an admission, a refusal is about the session itself.
_ADMITTING: Final[dict[type[Problem], Code]] = {
    problems.InvalidState: Code.SESSION_OVER,
    problems.Conflict: Code.SESSION_FULL,
    problems.Forbidden: Code.NOT_ELIGIBLE,
}


def code_of(problem: Problem, *, admitting: bool = False) -> Code:
    """Return the code that says the same."""
    if admitting and type(problem) in _ADMITTING:
        return _ADMITTING[type(problem)]
    return _CODES.get(type(problem), Code.INVALID_MESSAGE if isinstance(problem, Refusal) else Code.UNAVAILABLE)
