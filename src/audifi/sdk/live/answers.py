"""Turn the answer to an action into what the caller gets: an ack, or the refusal it would get over HTTP.

Between: sdk.live.session; pure.
Invariant: a vote refused on the socket and one refused by the API raise the same class.
Errors: Problems of `audifi.wire.problems`; a code this version does not know is a Refusal.
Source: wire/live/protocol.py (Code); domain.md 3 "Error codes".
"""

from typing import Any, Final

import msgspec

from audifi.sdk.live.signals import JsonFrame
from audifi.wire.live.protocol import Code
from audifi.wire.problems import (
    AlreadyVoted,
    DecisionClosed,
    Forbidden,
    Invalid,
    NotEligible,
    Problem,
    RateLimited,
    Refusal,
    SessionNotFound,
    Unauthorized,
    Unavailable,
)

PROBLEMS: Final[dict[int, type[Problem]]] = {
    Code.SESSION_NOT_FOUND: SessionNotFound,
    Code.RATE_LIMITED: RateLimited,
    Code.NOT_ALLOWED: Forbidden,
    Code.NOT_ELIGIBLE: NotEligible,
    Code.SESSION_REVOKED: Unauthorized,
    Code.INVALID_MESSAGE: Invalid,
    Code.DECISION_CLOSED: DecisionClosed,
    Code.ALREADY_VOTED: AlreadyVoted,
    Code.UNAVAILABLE: Unavailable,
}


class Ack(msgspec.Struct, rename="camel", kw_only=True):
    """It is done; `id` is the line's, the decision's."""

    id: str | None = None
    decision_id: str | None = None


class VoteAck(msgspec.Struct, rename="camel", kw_only=True):
    """The vote counts; `weight` in thousandths."""

    decision_id: str
    vote_id: str | None = None
    weight: int | None = None
    duplicate: bool = False


def problem_of(frame: JsonFrame) -> Problem:
    """Return what an `error` frame stands for."""
    message = str(frame.get("message", ""))
    after: Any = frame.get("retryAfter")
    kind = PROBLEMS.get(int(frame.get("code", 0)), Refusal)
    return kind(message, retry_after_s=None if after is None else round(after))


def frame_of(request_id: str, problem: Problem) -> JsonFrame:
    """Return the `error` frame that says the same as a problem of the API."""
    code = next((code for code, kind in PROBLEMS.items() if isinstance(problem, kind)), None)
    if code is None:
        code = Code.INVALID_MESSAGE if isinstance(problem, Refusal) else Code.UNAVAILABLE
    said: JsonFrame = {"type": "error", "code": int(code), "message": problem.message, "requestId": request_id}
    return said if problem.retry_after_s is None else {**said, "retryAfter": problem.retry_after_s}
