"""List the refusals nft-service answers with.

Between: rules, store and routes (raise), kernel.problems (answers). Nothing is defined here that wire does not list:
codes are public and live in one place.
Errors: these are the errors.
"""

from audifi.wire.problems import (
    AlreadyClaimed,
    BlockchainError,
    Conflict,
    ContentUnavailable,
    Forbidden,
    InsufficientSupply,
    Invalid,
    InvalidState,
    IpfsError,
    IpoNotFound,
    MasterNotFound,
    MfaRequired,
    NotEligible,
    NotFound,
    PayloadTooLarge,
    PlanLimitReached,
    Problem,
    Refusal,
    ReservationExpired,
    SoldOut,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)

__all__ = [
    "AlreadyClaimed",
    "BlockchainError",
    "Conflict",
    "ContentUnavailable",
    "Forbidden",
    "InsufficientSupply",
    "Invalid",
    "InvalidState",
    "IpfsError",
    "IpoNotFound",
    "MasterNotFound",
    "MfaRequired",
    "NotEligible",
    "NotFound",
    "PayloadTooLarge",
    "PlanLimitReached",
    "Problem",
    "Refusal",
    "ReservationExpired",
    "SoldOut",
    "Unauthorized",
    "Unavailable",
    "UnsupportedMediaType",
]
