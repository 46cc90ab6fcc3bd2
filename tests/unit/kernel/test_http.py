"""The pipeline without sockets: whatever is sent, the answer is one the operation announces."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from .conftest import OPERATIONS, Answer, Client

relaxed = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
GOOD = b'{"name":"Ada","age":36}'


def post(client: Client, body: bytes | list[bytes], **headers: str) -> Answer:
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(client.call("POST", "/echo", body=body, headers=given_headers))


def get(client: Client, path: str, query: str = "", **headers: str) -> Answer:
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(client.call("GET", path, query=query, headers=given_headers))


def test_a_good_request_is_answered_in_the_envelope(client: Client) -> None:
    answer = post(client, GOOD)
    assert (answer.status, answer.json) == (201, {"data": {"displayName": "Ada", "count": 0}})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-length"] == str(len(answer.body))


@relaxed
@given(st.binary(max_size=80))
def test_any_bytes_are_answered_with_200_or_400(client: Client, body: bytes) -> None:
    assert post(client, body or b" ").status in (201, 400)


@relaxed
@given(JSON)
def test_any_json_is_answered_with_201_or_400_and_reasons(client: Client, value: Any) -> None:
    answer = post(client, msgspec.json.encode(value))
    assert answer.status in (201, 400)
    if answer.status == 400:
        assert answer.code == "VALIDATION_ERROR"
        assert answer.json["error"]["details"]


@relaxed
@given(st.text(max_size=60))
def test_any_query_is_answered_with_200_or_400(client: Client, query: str) -> None:
    assert get(client, "/list", query.encode("utf-8", "ignore").decode()).status in (200, 400)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"name":"","age":1}', "name"),
        (b'{"name":"a","age":"1"}', "age"),
        (b'{"name":"a","age":1,"unknown":1}', "unknown"),
        (b'{"name":"a","age":1,"home":{"city":""}}', "home.city"),
        (b'{"name":"a","age":1,"tags":["a","b","c","d"]}', "tags"),
        (b'{"name":"a\\u0000","age":1}', "name"),
        (b'{"name":"a","age":1,"tags":["a\\u0000"]}', "tags[0]"),
        (b'{"name":"a","age":NaN}', "body"),
        (b'{"name":"a","age":1', "body"),
        (b'{"name":"\xff","age":1}', "body"),
        (b"[" * 100_000, "body"),
        (b'{"x":' * 50_000, "body"),
        (b"", "body"),
        (b"null", "body"),
    ],
)
def test_each_mistake_is_named_with_its_field(client: Client, body: bytes, field: str) -> None:
    answer = post(client, body, content_type="application/json")
    assert answer.status == 400
    assert field in answer.json["error"]["details"]


def test_all_mistakes_are_named_together(client: Client) -> None:
    answer = post(client, b'{"age":-1,"home":{},"extra":0}')
    assert set(answer.json["error"]["details"]) == {"name", "age", "home", "extra"}


def test_size_and_type_are_refused(client: Client) -> None:
    assert post(client, b"x" * 2_000_000).status == 413
    assert post(client, GOOD, content_length="20000000").status == 413
    assert post(client, [b" " * 600_000] * 3).code == "PAYLOAD_TOO_LARGE"
    for content_type in ("text/plain", "application/xml", "application/json; charset=latin-1", ""):
        assert post(client, GOOD, content_type=content_type).status == 415
    assert post(client, GOOD, content_encoding="gzip").status == 415
    assert post(client, GOOD, content_type="application/json; charset=UTF-8").status == 201


def test_a_body_in_pieces_is_put_together(client: Client) -> None:
    assert post(client, [GOOD[:5], GOOD[5:9], GOOD[9:]]).status == 201


def test_lists_have_their_pagination(client: Client) -> None:
    answer = get(client, "/list", "page=2&limit=20&displayName=x%20y")
    assert answer.json["data"] == [{"displayName": "x y", "count": 1}]
    assert answer.json["pagination"] == {
        "page": 2, "limit": 20, "total": 41, "totalPages": 3, "hasNext": True, "hasPrev": True,
    }  # fmt: skip
    for query in ("limit=101", "page=0", "page=a", "page=1&page=2", "other=1", "displayName=%00", "displayName=%FF"):
        assert get(client, "/list", query).status == 400, query


def test_addresses_and_methods_that_are_none(client: Client) -> None:
    assert get(client, "/nowhere").code == "NOT_FOUND"
    assert get(client, "/list/").code == "NOT_FOUND"
    answer = asyncio.run(client.call("DELETE", "/list"))
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "METHOD_NOT_ALLOWED", "GET")
    assert get(client, "/things/missing").code == "NOT_FOUND"
    assert get(client, "/things/a\0b").status == 400


def test_a_bug_and_an_unannounced_refusal_say_nothing_about_themselves(client: Client) -> None:
    for path in ("/things/bug", "/things/unannounced"):
        answer = get(client, path)
        assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
        assert b"Traceback" not in answer.body
        assert b"ZeroDivision" not in answer.body


def test_request_ids_are_kept_when_acceptable(client: Client) -> None:
    assert get(client, "/list", x_request_id="abcd-1234").headers["x-request-id"] == "abcd-1234"
    for given_id in ("short", "x" * 65, "has space 123", "line\r\nbreak"):
        assert get(client, "/list", x_request_id=given_id).headers["x-request-id"].startswith("req_")


def test_who_may_what(client: Client) -> None:
    def status(path: str, token: str, method: str = "GET") -> int:
        headers = {"authorization": token} if token else {}
        return asyncio.run(client.call(method, path, headers=headers)).status

    assert [status("/me", token) for token in ("", "Bearer", "Basic x", "Bearer forged")] == [401] * 4
    assert status("/me", "Bearer ada,none,USER") == 200
    assert status("/me", "bearer ada,none,USER") == 200
    assert status("/admin", "Bearer ada,passed,USER") == 403
    assert status("/admin", "Bearer ada,none,ADMIN") == 403
    assert status("/admin", "Bearer ada,passed,ADMIN") == 200
    assert status("/careful", "Bearer ada,none,USER", "POST") == 200
    assert status("/careful", "Bearer ada,enrolled,USER", "POST") == 403
    assert status("/careful", "Bearer ada,passed,USER", "POST") == 200


def test_an_empty_answer_has_no_body_but_its_cookie(client: Client) -> None:
    answer = asyncio.run(client.call("DELETE", "/me", headers={"authorization": "Bearer ada,none,USER"}))
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers
    for part in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/"):
        assert part in answer.headers["set-cookie"]


def test_limits_count_by_the_clients_own_address(client: Client) -> None:
    async def ask(peer: str, forwarded: str) -> Answer:
        return await client.call("GET", "/limited", peer=peer, headers={"x-forwarded-for": forwarded})

    async def scenario() -> list[Answer]:
        # A proxy of ours is believed, the client's own claims to the left of it are not.
        claims = ["1.1.1.1, 203.0.113.9", "2.2.2.2, 203.0.113.9", "203.0.113.9", "9.9.9.9,203.0.113.9"]
        return [await ask("10.0.0.1", claim) for claim in claims] + [await ask("203.0.113.10", "203.0.113.9")]

    answers = asyncio.run(scenario())
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 200]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers[:4]] == ["2", "1", "0", "0"]
    assert int(answers[3].headers["retry-after"]) > 0


def test_every_operation_of_the_table_was_asked_for() -> None:
    assert {operation.path for operation in OPERATIONS} >= {"/echo", "/list", "/me", "/admin", "/careful", "/limited"}
