"""Raise at the caller what the server refused: the same class, found by its code.

Between: sdk.transport (has a response or a broken connection) and the caller's `except`.

    {"error": {"code": "RATE_LIMITED", "message": "Too many requests", "details": {…}}, "requestId": "req_…"}

Invariant: a code this version does not know still arrives as Refusal or Unavailable (by status), with that code.
An answer without an envelope came from something that is not AudiFi, e.g. a proxy in between: never trusted as
a refusal of ours, so 5xx of that kind may have taken effect.
Errors: these are the errors.
Source: domain.md 2.0 (error envelope).
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from audifi.wire import headers
from audifi.wire.problems import Problem, Refusal, Unavailable

# Codes for which several classes exist take the most general one: it is defined first.
MAY_HAVE_TAKEN_EFFECT: Final = "mayHaveTakenEffect"


class _Error(msgspec.Struct):
    code: str
    message: str
    details: dict[str, Any] | None = None


class _Envelope(msgspec.Struct, rename="camel"):
    error: _Error
    request_id: str = ""


def problem_from(status: int, body: bytes, fields: Mapping[str, str]) -> Problem:
    """Turn an answer of 400 or more into the exception it stands for."""
    retry_after_s = _seconds(fields.get(headers.RETRY_AFTER))
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
    except msgspec.MsgspecError:
        shown = body[:200].decode("utf-8", "replace").strip()
        return _foreign(status, shown, retry_after_s)
    problem = _problem(status, envelope.error, retry_after_s)
    if envelope.request_id:
        problem.add_note(f"requestId {envelope.request_id}")
    return problem


def _problem(status: int, error: _Error, retry_after_s: int | None) -> Problem:
    kind = _kinds().get(error.code) or _unknown(status, error.code)
    if issubclass(kind, Unavailable):
        effect = bool((error.details or {}).get(MAY_HAVE_TAKEN_EFFECT, True))
        return kind(error.message, details=error.details, retry_after_s=retry_after_s, may_have_taken_effect=effect)
    return kind(error.message, details=error.details, retry_after_s=retry_after_s)


def _foreign(status: int, shown: str, retry_after_s: int | None) -> Problem:
    message = f"status {status} without AudiFi's error envelope: {shown!r}"
    kind = _unknown(status, f"HTTP_{status}")
    if issubclass(kind, Unavailable):
        return kind(message, retry_after_s=retry_after_s, may_have_taken_effect=True)
    return kind(message, retry_after_s=retry_after_s)


@cache
def _unknown(status: int, code: str) -> type[Problem]:
    names = {"status": status, "code": code, "__doc__": f"Answered {status} {code}."}
    if status < 500:
        return type("Refusal", (Refusal,), names)
    return type("Problem", (Problem,), names) if status == 500 else type("Unavailable", (Unavailable,), names)


@cache
def _kinds() -> dict[str, type[Problem]]:
    found: dict[str, type[Problem]] = {}
    for kind in _descendants(Problem):
        found.setdefault(kind.code, kind)
    return found


def _descendants(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == Problem.__module__:
            yield from _descendants(child)


def _seconds(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() else None
