"""Refusals arrive as the classes that wire names.

Between: sdk.failures (pure) and nothing else.
"""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from audifi.sdk.failures import problem_from
from audifi.wire.problems import Invalid, InvalidToken, Problem, RateLimited, Refusal, Unavailable, UpstreamTimedOut

NONE: Mapping[str, str] = {}


def envelope(code: str, **error: Any) -> bytes:
    return json.dumps({"error": {"code": code, "message": "no", **error}, "requestId": "req_12345678"}).encode()


def test_a_known_code_is_raised_as_its_class_with_details_and_request_id() -> None:
    problem = problem_from(400, envelope("VALIDATION_ERROR", details={"email": "is missing"}), NONE)
    assert isinstance(problem, Refusal | Invalid)
    assert problem.details == {"email": "is missing"}
    assert problem.__notes__ == ["requestId req_12345678"]


def test_every_code_of_wire_finds_a_class() -> None:
    assert isinstance(problem_from(401, envelope("INVALID_TOKEN"), NONE), InvalidToken)
    assert isinstance(problem_from(504, envelope("UPSTREAM_TIMEOUT"), NONE), UpstreamTimedOut)
    assert type(problem_from(500, envelope("INTERNAL_ERROR"), NONE)) is Problem


def test_retry_after_is_carried() -> None:
    problem = problem_from(429, envelope("RATE_LIMITED"), {"Retry-After": "17"})
    assert isinstance(problem, RateLimited)
    assert problem.retry_after_s == 17


def test_an_unknown_code_keeps_its_name_and_its_kind() -> None:
    problem = problem_from(409, envelope("SOLD_OUT"), NONE)
    assert isinstance(problem, Refusal)
    assert (problem.code, problem.status) == ("SOLD_OUT", 409)


def test_an_answer_of_somebody_else_may_have_taken_effect() -> None:
    problem = problem_from(502, b"<html>Bad Gateway</html>", NONE)
    assert isinstance(problem, Unavailable)
    assert problem.may_have_taken_effect


def test_a_server_that_says_nothing_happened_is_believed() -> None:
    body = envelope("SERVICE_UNAVAILABLE", details={"mayHaveTakenEffect": False})
    problem = problem_from(503, body, NONE)
    assert isinstance(problem, Unavailable)
    assert not problem.may_have_taken_effect


@given(status=st.integers(400, 599), body=st.binary(max_size=300), retry=st.text(max_size=8))
def test_any_answer_becomes_a_problem(status: int, body: bytes, retry: str) -> None:
    assert problem_from(status, body, {"Retry-After": retry}).status >= 400
