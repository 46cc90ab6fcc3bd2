"""List the refusals vstudio-service answers with.

Between: rules, store, sagas and routes (raise), kernel.problems (answers). Nothing is defined here that wire does not
list: codes are public and live in one place.
Errors: these are the errors.
"""

from audifi.wire.problems import (
    AlreadyVoted,
    Conflict,
    DecisionClosed,
    DecisionNotFound,
    Forbidden,
    Invalid,
    InvalidState,
    MasterNotFound,
    NotEligible,
    NotFound,
    PlanLimitReached,
    Problem,
    RateLimited,
    Refusal,
    SessionNotFound,
    Unauthorized,
    Unavailable,
)

__all__ = [
    "AlreadyVoted",
    "Conflict",
    "DecisionClosed",
    "DecisionNotFound",
    "Forbidden",
    "Invalid",
    "InvalidState",
    "MasterNotFound",
    "NotEligible",
    "NotFound",
    "PlanLimitReached",
    "Problem",
    "RateLimited",
    "Refusal",
    "SessionNotFound",
    "Unauthorized",
    "Unavailable",
]
