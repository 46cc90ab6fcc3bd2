"""Every refusal of the edge and of the gateway speaks the platform's envelope and carries its headers."""

import io

import pytest
from tests.component.gateway.conftest import Answer, Gate, Tokens

from audifi.wire import headers

pytestmark = pytest.mark.asyncio(loop_scope="session")

ME = "/v1/user/profile"
BODY_MAX = 10 * 1024 * 1024


def assert_headers(answer: Answer) -> None:
    for name, value in headers.SECURITY.items():
        assert answer.headers.getall(name) == [value], f"{name} once, with the design's value"
    assert "Server" not in answer.headers
    assert len(answer.headers.getall(headers.REQUEST_ID)) == 1
    leaked = [name for name in answer.headers if name.lower().startswith(("x-envoy", "x-powered"))]
    assert leaked == []


def assert_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json) == {"error", "requestId"}
    assert set(answer.json["error"]) == {"code", "message"}
    assert answer.json["requestId"] == answer.headers[headers.REQUEST_ID]
    assert_headers(answer)


@pytest.mark.parametrize("at_gateway", [True, False])
@pytest.mark.parametrize("path", ["/", "/nothing", "/metrics", "/v1/metrics", "/internal/v1/users/1",
                                  "/v1/internal/v1/users/1", "/openapi.json", "/v1/openapi.json", "/ready",
                                  "/v1/ready", "/v1/authx", "/api/v2/user/profile"])  # fmt: skip
async def test_what_has_no_route_does_not_exist(gate: Gate, path: str, at_gateway: bool) -> None:
    assert_refused(await gate.ask(path, at_gateway=at_gateway), 404, "NOT_FOUND")


@pytest.mark.parametrize("at_gateway", [True, False])
async def test_a_missing_token_is_unauthorized(gate: Gate, at_gateway: bool) -> None:
    answer = await gate.ask(ME, at_gateway=at_gateway)
    assert_refused(answer, 401, "UNAUTHORIZED")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("at_gateway", [True, False])
async def test_a_wrong_method_is_named(gate: Gate, at_gateway: bool) -> None:
    assert_refused(await gate.ask("/v1/events", at_gateway=at_gateway), 405, "METHOD_NOT_ALLOWED")


async def test_an_unknown_method_is_refused_at_the_edge(gate: Gate) -> None:
    assert_refused(await gate.ask(ME, "TRACK"), 405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("at_gateway", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_beyond_10_mb_is_refused(gate: Gate, tokens: Tokens, at_gateway: bool, chunked: bool) -> None:
    async def pieces():  # noqa: ANN202  # an async generator of bytes
        for _ in range(21):
            yield b"x" * (BODY_MAX // 20)

    sent = {**tokens.bearer(), "Content-Type": "application/json"}
    data = pieces() if chunked else io.BytesIO(b"x" * (BODY_MAX + 1))
    answer = await gate.ask(ME, "PUT", at_gateway=at_gateway, data=data, headers=sent)
    assert_refused(answer, 413, "PAYLOAD_TOO_LARGE")


async def test_a_body_of_10_mb_passes(gate: Gate, tokens: Tokens) -> None:
    body = b'{"bio":"' + b"x" * (BODY_MAX - 10) + b'"}'
    sent = {**tokens.bearer(), "Content-Type": "application/json"}
    answer = await gate.ask(ME, "PUT", data=io.BytesIO(body), headers=sent)
    assert (answer.status, answer.json["bytes"]) == (200, BODY_MAX)


async def test_a_service_that_is_not_here_is_unavailable_not_absent(gate: Gate, tokens: Tokens) -> None:
    answer = await gate.ask("/v1/portfolio", headers=tokens.bearer())
    assert_refused(answer, 503, "SERVICE_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "1"


async def test_another_content_type_is_refused(gate: Gate, tokens: Tokens) -> None:
    sent = {**tokens.bearer(), "Content-Type": "text/xml"}
    assert_refused(await gate.ask(ME, "PUT", data=b"<a/>", headers=sent), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("at_gateway", [True, False])
async def test_too_large_headers_are_refused(gate: Gate, at_gateway: bool) -> None:
    answer = await gate.ask(ME, at_gateway=at_gateway, headers={"X-Large": "x" * 60_000})
    assert answer.status == 431
    assert answer.code == "VALIDATION_ERROR"


async def test_the_services_own_refusals_pass_untouched(gate: Gate, tokens: Tokens) -> None:
    answer = await gate.ask(ME + "?status=409", headers=tokens.bearer())
    assert (answer.status, answer.json["path"]) == (409, "/user/profile")
    assert_headers(answer)


@pytest.mark.parametrize("host", ["api", "app", "apex", "ws", "studio", "www"])
async def test_every_host_sends_the_headers(gate: Gate, host: str) -> None:
    answer = await gate.ask("/", host=host)
    for name in headers.SECURITY:
        assert len(answer.headers.getall(name)) == 1, name
    assert "Server" not in answer.headers


async def test_plain_http_only_redirects(gate: Gate) -> None:
    url = f"http://api.audifi.localhost:{gate.http_port}/v1/user/profile?a=1"
    async with gate.session.get(url, allow_redirects=False) as response:
        target = f"https://api.audifi.localhost:{gate.https_port}/v1/user/profile?a=1"
        assert (response.status, response.headers["Location"]) == (301, target)
        assert response.headers["Strict-Transport-Security"] == headers.SECURITY["Strict-Transport-Security"]


async def test_a_name_that_is_not_ours_gets_nothing(gate: Gate) -> None:
    answer = await gate.ask("/v1/artists/x", headers={"Host": "evil.example"})
    assert_refused(answer, 404, "NOT_FOUND")
