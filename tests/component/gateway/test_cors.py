"""Which pages may call us from a browser: domain.md 5.7, row by row."""

import pytest
from tests.component.gateway.conftest import Gate, Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

ME = "/v1/user/profile"
PREFLIGHT = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization, content-type"}


def app(gate: Gate) -> str:
    return f"https://app.audifi.localhost:{gate.https_port}"


@pytest.mark.parametrize("at_gateway", [True, False])
async def test_a_known_origin_may_ask_first(gate: Gate, at_gateway: bool) -> None:
    for origin in (app(gate), "http://localhost:5173"):
        answer = await gate.ask(ME, "OPTIONS", headers={"Origin": origin, **PREFLIGHT}, at_gateway=at_gateway)
        assert answer.status in {200, 204}
        seen = answer.headers
        assert seen["Access-Control-Allow-Origin"] == origin
        assert seen["Access-Control-Allow-Credentials"] == "true"
        assert seen["Access-Control-Max-Age"] == "86400"
        assert {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} <= set(
            seen["Access-Control-Allow-Methods"].replace(" ", "").split(",")
        )
        allowed = seen["Access-Control-Allow-Headers"].lower()
        for name in ("content-type", "authorization", "x-request-id", "x-csrf-token", "idempotency-key"):
            assert name in allowed
        assert "Origin" in ",".join(seen.getall("Vary"))


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.audifi.localhost.evil.example", "null",
                                    "http://app.audifi.localhost", "https://xapp.audifi.localhost"])  # fmt: skip
async def test_an_unknown_origin_gets_no_cors_headers(gate: Gate, tokens: Tokens, origin: str) -> None:
    asked = await gate.ask(ME, "OPTIONS", headers={"Origin": origin, **PREFLIGHT})
    done = await gate.ask(ME, headers={"Origin": origin, **tokens.bearer()})
    assert (asked.status, done.status) == (204, 200)
    for answer in (asked, done):
        assert [name for name in answer.headers if name.lower().startswith("access-control")] == []
        assert "Origin" in ",".join(answer.headers.getall("Vary"))


@pytest.mark.parametrize("with_token", [True, False])
async def test_a_known_origin_may_read_answers_and_refusals(gate: Gate, tokens: Tokens, with_token: bool) -> None:
    sent = {"Origin": app(gate), **(tokens.bearer() if with_token else {})}
    answer = await gate.ask(ME, headers=sent)
    assert answer.status == (200 if with_token else 401)
    assert answer.headers["Access-Control-Allow-Origin"] == app(gate)
    exposed = answer.headers["Access-Control-Expose-Headers"].lower()
    for name in ("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"):
        assert name in exposed
