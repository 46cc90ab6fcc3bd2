"""List the refusals coin-service answers with, grouped by who can cause them.

Between: rules, store and routes (raise), kernel.problems (answers). Nothing is defined here that wire does not list:
codes are public and live in one place.
Errors: these are the errors.
"""

from audifi.wire.problems import (
    CoinExists,
    CoinNotFound,
    Conflict,
    Forbidden,
    Invalid,
    InvalidState,
    MfaRequired,
    NotFound,
    PoolNotFound,
    StakeLocked,
    Unavailable,
    UserNotFound,
)

__all__ = [
    "CoinExists",
    "CoinNotFound",
    "Conflict",
    "Forbidden",
    "Invalid",
    "InvalidState",
    "MfaRequired",
    "NotFound",
    "PoolNotFound",
    "StakeLocked",
    "Unavailable",
    "UserNotFound",
]
