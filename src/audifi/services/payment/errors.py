"""List the refusals payment-service answers with.

Between: rules, store, sagas and routes (raise), kernel.problems (answers). Nothing is defined here that wire does not
list: codes are public and live in one place.
Errors: these are the errors.
"""

from audifi.wire.problems import (
    Conflict,
    Invalid,
    InvalidState,
    NotFound,
    PaymentProviderError,
    PlanNotFound,
    Problem,
    RateLimited,
    Refusal,
    ReservationExpired,
    SoldOut,
    SubscriptionNotFound,
    Unavailable,
    WebhookSignatureInvalid,
)

__all__ = [
    "Conflict",
    "Invalid",
    "InvalidState",
    "NotFound",
    "PaymentProviderError",
    "PlanNotFound",
    "Problem",
    "RateLimited",
    "Refusal",
    "ReservationExpired",
    "SoldOut",
    "SubscriptionNotFound",
    "Unavailable",
    "WebhookSignatureInvalid",
]
