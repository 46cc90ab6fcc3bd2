"""Name every way a request can be told no, once, for services, gateways and clients.

Between: rules and routes (raise them), kernel.problems (turns them into responses), targets.envoy and
targets.nginx (render the same envelope for their own refusals), sdk (raises them again at the caller).

    Problem
    ├── Refusal            a legitimate "no": stable code, 4xx, logged at INFO, never pages
    │   └── …              one class per code below; services add none that wire does not list
    └── Unavailable        the world failed: 5xx; carries retry_after_s and whether it may have taken effect

A broken invariant is neither: it is a Bug (assert or any other exception), answered 500 INTERNAL_ERROR.

Shape: {"error": {"code", "message", "details"?}, "requestId"} — `Envelope` below.
Invariant: retryability is fixed where the error is born; nobody guesses it later.
Errors: none of its own. The class docstring is the default message.
Source: domain.md 2.0 (table of codes); style.md "Errors"; Polar ADR-0002 (business errors carry a status).
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class Problem(Exception):
    """The request could not be served."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(
        self, message: str | None = None, *, details: Mapping[str, Any] | None = None, retry_after_s: int | None = None
    ) -> None:
        """Take the class docstring as the message when the caller has nothing more precise to say."""
        self.message = message or (type(self).__doc__ or self.code).strip()
        self.details = details
        self.retry_after_s = retry_after_s
        super().__init__(self.message)


class Refusal(Problem):
    """The request is refused."""

    status = 400
    code = "VALIDATION_ERROR"


class Invalid(Refusal):
    """The request does not have the required form; `details` maps each field to its reason."""


class InvalidSignature(Refusal):
    """The signature does not prove control of this wallet."""

    code = "INVALID_SIGNATURE"


class NonceInvalid(Refusal):
    """This nonce is unknown, used or expired; request a new one."""

    code = "NONCE_INVALID"


class Unauthorized(Refusal):
    """A valid access token is required."""

    status = 401
    code = "UNAUTHORIZED"


class InvalidToken(Refusal):
    """This link is not valid; request a new one."""

    status = 401
    code = "INVALID_TOKEN"


class InvalidCode(Refusal):
    """This code is not valid."""

    status = 401
    code = "INVALID_CODE"


class InvalidRefreshToken(Refusal):
    """The session cannot be renewed; sign in again."""

    status = 401
    code = "INVALID_REFRESH_TOKEN"


class Forbidden(Refusal):
    """You are not allowed to do this."""

    status = 403
    code = "FORBIDDEN"


class MfaRequired(Refusal):
    """Confirm with your second factor first."""

    status = 403
    code = "MFA_REQUIRED"


class CsrfFailed(Refusal):
    """This call must come from the application: Origin or X-CSRF-Token does not match."""

    status = 403
    code = "CSRF_FAILED"


class AccountSuspended(Refusal):
    """This account is suspended."""

    status = 403
    code = "ACCOUNT_SUSPENDED"


class NotEligible(Refusal):
    """You do not meet the requirements; `details` says which."""

    status = 403
    code = "NOT_ELIGIBLE"


class PlanLimitReached(Refusal):
    """Your plan does not include more of this."""

    status = 403
    code = "PLAN_LIMIT_REACHED"


class WebhookSignatureInvalid(Refusal):
    """The signature of this webhook does not match."""

    status = 400
    code = "WEBHOOK_SIGNATURE_INVALID"


class ContentUnavailable(Refusal):
    """This content was taken down."""

    status = 451
    code = "CONTENT_UNAVAILABLE"


class NotFound(Refusal):
    """There is nothing here."""

    status = 404
    code = "NOT_FOUND"


class UserNotFound(Refusal):
    """There is no such user."""

    status = 404
    code = "USER_NOT_FOUND"


class MasterNotFound(Refusal):
    """There is no such master."""

    status = 404
    code = "MASTER_NOT_FOUND"


class IpoNotFound(Refusal):
    """This master has no IPO."""

    status = 404
    code = "IPO_NOT_FOUND"


class CoinNotFound(Refusal):
    """This artist has no coin."""

    status = 404
    code = "COIN_NOT_FOUND"


class PlanNotFound(Refusal):
    """There is no such plan."""

    status = 404
    code = "PLAN_NOT_FOUND"


class SubscriptionNotFound(Refusal):
    """There is no subscription."""

    status = 404
    code = "SUBSCRIPTION_NOT_FOUND"


class PoolNotFound(Refusal):
    """This coin has no pool."""

    status = 404
    code = "POOL_NOT_FOUND"


class SessionNotFound(Refusal):
    """There is no such session."""

    status = 404
    code = "SESSION_NOT_FOUND"


class DecisionNotFound(Refusal):
    """There is no such decision."""

    status = 404
    code = "DECISION_NOT_FOUND"


class MethodNotAllowed(Refusal):
    """This address does not take that method."""

    status = 405
    code = "METHOD_NOT_ALLOWED"


class Conflict(Refusal):
    """The request conflicts with what is already there."""

    status = 409
    code = "CONFLICT"


class InvalidState(Refusal):
    """The object is not in a state that allows this."""

    status = 409
    code = "INVALID_STATE"


class SoldOut(Refusal):
    """No shares are left."""

    status = 409
    code = "SOLD_OUT"


class InsufficientSupply(Refusal):
    """Fewer shares are left than were asked for."""

    status = 409
    code = "INSUFFICIENT_SUPPLY"


class AlreadyVoted(Refusal):
    """You have voted on this already."""

    status = 409
    code = "ALREADY_VOTED"


class DecisionClosed(Refusal):
    """No votes are taken on this."""

    status = 409
    code = "DECISION_CLOSED"


class AlreadyClaimed(Refusal):
    """These dividends were claimed already."""

    status = 409
    code = "ALREADY_CLAIMED"


class CoinExists(Refusal):
    """This artist has a coin already."""

    status = 409
    code = "COIN_EXISTS"


class StakeLocked(Refusal):
    """This stake is still locked."""

    status = 409
    code = "STAKE_LOCKED"


class ReservationExpired(Refusal):
    """The time to pay for this reservation is over."""

    status = 410
    code = "RESERVATION_EXPIRED"


class WalletAlreadyLinked(Refusal):
    """This wallet belongs to an account already."""

    status = 409
    code = "WALLET_ALREADY_LINKED"


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was used with another request."""

    status = 409
    code = "IDEMPOTENCY_KEY_REUSED"


class RequestInProgress(Refusal):
    """The first request with this Idempotency-Key is still running."""

    status = 409
    code = "REQUEST_IN_PROGRESS"


class PayloadTooLarge(Refusal):
    """The body is larger than this route accepts."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaType(Refusal):
    """Send application/json."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"


class AccountLocked(Refusal):
    """Too many wrong codes: the second factor is locked for a while."""

    status = 423
    code = "ACCOUNT_LOCKED"


class RateLimited(Refusal):
    """Too many requests; wait and try again."""

    status = 429
    code = "RATE_LIMITED"


class Unavailable(Problem):
    """A part this request needs does not answer; try again shortly."""

    status = 503
    code = "SERVICE_UNAVAILABLE"

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after_s: int | None = 1,
        may_have_taken_effect: bool = False,
    ) -> None:
        """Say also whether the attempt may have taken effect: only then is a blind retry unsafe."""
        super().__init__(message, details=details, retry_after_s=retry_after_s)
        self.may_have_taken_effect = may_have_taken_effect


class UpstreamTimedOut(Unavailable):
    """The deadline of this request passed."""

    status = 504
    code = "UPSTREAM_TIMEOUT"


class BlockchainError(Unavailable):
    """The blockchain providers did not answer as they should; try again shortly."""

    status = 502
    code = "BLOCKCHAIN_ERROR"


class IpfsError(Unavailable):
    """The pinning providers did not answer as they should; try again shortly."""

    status = 502
    code = "IPFS_ERROR"


class PaymentProviderError(Unavailable):
    """The payment provider did not answer as it should; try again shortly."""

    status = 502
    code = "PAYMENT_PROVIDER_ERROR"
