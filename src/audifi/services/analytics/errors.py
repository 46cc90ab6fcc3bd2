"""List the refusals analytics-service answers with.

Between: rules, store and routes (raise), kernel.problems (answers). Nothing is defined here that wire does not list.
Errors: these are the errors.
"""

from audifi.wire.problems import (
    Forbidden,
    Invalid,
    InvalidState,
    MasterNotFound,
    MfaRequired,
    NotFound,
    Problem,
    SessionNotFound,
)

__all__ = [
    "Forbidden",
    "Invalid",
    "InvalidState",
    "MasterNotFound",
    "MfaRequired",
    "NotFound",
    "Problem",
    "SessionNotFound",
]
