"""The refusals of edge and gateway: one envelope, the platform's codes."""

import json

import pytest

from audifi.targets.envoy import replies
from audifi.targets.nginx import replies as edge_replies
from audifi.wire import problems


@pytest.mark.parametrize(("status", "code"), [
    (400, "VALIDATION_ERROR"), (401, "UNAUTHORIZED"), (403, "FORBIDDEN"), (404, "NOT_FOUND"),
    (405, "METHOD_NOT_ALLOWED"), (408, "VALIDATION_ERROR"), (413, "PAYLOAD_TOO_LARGE"),
    (415, "UNSUPPORTED_MEDIA_TYPE"), (429, "RATE_LIMITED"), (431, "VALIDATION_ERROR"), (502, "SERVICE_UNAVAILABLE"),
    (503, "SERVICE_UNAVAILABLE"), (504, "UPSTREAM_TIMEOUT"),
])  # fmt: skip
def test_codes(status: int, code: str) -> None:
    assert replies.envelope(status, "req_1")["error"]["code"] == code


def test_every_status_a_problem_can_have_there_has_that_problems_code() -> None:
    for status, problem in replies.PROBLEMS.items():
        assert (problem.status, replies.code(status)) == (status, problem.code)
    assert problems.Unauthorized.__doc__ == replies.message(401)


def test_the_edge_writes_valid_json_for_every_status() -> None:
    text = edge_replies.locations()
    bodies = [line.split("return ", 1)[1].split(" ", 1)[1] for line in text.splitlines() if "return " in line]
    assert len(bodies) == len(set(edge_replies.STATUSES.values()))
    for body in bodies:
        found = json.loads(body[1 : body.rindex("'")].replace("\\'", "'"))
        assert set(found) == {"error", "requestId"}
