"""Turn every way a request can fail into the one envelope clients know.

Between: kernel.http.pipeline (catches) and the client.
Shape: {"error": {"code", "message", "details"?}, "requestId"}.
Invariant: in production a 5xx says only what its class says; no answer carries a stack.
Errors: never raises.
Source: domain.md 2.0 "Error envelope".
"""

from typing import Any

import msgspec

from audifi.wire.problems import Problem, Unavailable

BUG_MESSAGE = "Something broke on our side; it has been recorded under this request id."


def envelope(problem: Problem, request_id: str, *, is_production: bool) -> bytes:
    """Return the JSON body for a refusal or an outage."""
    error: dict[str, Any] = {"code": problem.code, "message": _message(problem, is_production=is_production)}
    details = dict(problem.details or {})
    if problem.retry_after_s is not None:
        details["retryAfter"] = problem.retry_after_s
    if isinstance(problem, Unavailable) and problem.may_have_taken_effect:
        details["mayHaveTakenEffect"] = True
    if details:
        error["details"] = details
    return msgspec.json.encode({"error": error, "requestId": request_id})


def bug_envelope(request_id: str) -> bytes:
    """Return the JSON body for a broken invariant: it says nothing about it."""
    return msgspec.json.encode({"error": {"code": "INTERNAL_ERROR", "message": BUG_MESSAGE}, "requestId": request_id})


def _message(problem: Problem, *, is_production: bool) -> str:
    if problem.status >= 500 and is_production:
        return (type(problem).__doc__ or problem.code).strip()
    return problem.message
