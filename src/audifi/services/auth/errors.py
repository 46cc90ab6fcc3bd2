"""List the refusals auth-service answers with, grouped by who can cause them.

Between: rules, store and routes (raise), kernel.problems (answers). Nothing is defined here that wire does not list:
codes are public and live in one place.
Errors: these are the errors.
"""

from audifi.wire.problems import (
    AccountLocked,
    AccountSuspended,
    Conflict,
    CsrfFailed,
    Forbidden,
    Invalid,
    InvalidCode,
    InvalidRefreshToken,
    InvalidSignature,
    InvalidState,
    InvalidToken,
    MfaRequired,
    NonceInvalid,
    NotFound,
    Problem,
    RateLimited,
    Refusal,
    Unauthorized,
    Unavailable,
    UserNotFound,
    WalletAlreadyLinked,
)

__all__ = [
    "AccountLocked",
    "AccountSuspended",
    "Conflict",
    "CsrfFailed",
    "Forbidden",
    "Invalid",
    "InvalidCode",
    "InvalidRefreshToken",
    "InvalidSignature",
    "InvalidState",
    "InvalidToken",
    "MfaRequired",
    "NonceInvalid",
    "NotFound",
    "Problem",
    "RateLimited",
    "Refusal",
    "Unauthorized",
    "Unavailable",
    "UserNotFound",
    "WalletAlreadyLinked",
]
