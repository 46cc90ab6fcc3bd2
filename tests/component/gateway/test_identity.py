"""Tokens: what the gateway lets pass, and what nobody from outside can pretend."""

import base64
import hmac
import json

import pytest
from joserfc.jwk import RSAKey
from tests.component.gateway.conftest import Gate, Tokens

from audifi.wire import headers

pytestmark = pytest.mark.asyncio(loop_scope="session")

ME = "/v1/user/profile"


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(claims: dict[str, object], alg: str = "none") -> str:
    head = {"alg": alg, "typ": "JWT", "kid": "one"}
    return f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}."


def hmac_signed(claims: dict[str, object], secret: bytes) -> str:
    """By hand: libraries refuse to make this forgery."""
    head = unsigned(claims, "HS256").rstrip(".")
    return f"{head}.{encoded(hmac.digest(secret, head.encode(), 'sha256'))}"


@pytest.mark.parametrize("path", [ME, "/api" + ME, "/v1/auth/sessions", "/v1/admin/users"])
async def test_a_good_token_passes_and_is_passed_on(gate: Gate, tokens: Tokens, path: str) -> None:
    sent = tokens.bearer()
    answer = await gate.ask(path, headers=sent)
    assert answer.status == 200
    assert answer.json["path"] == path.removeprefix("/api").removeprefix("/v1")
    assert answer.json["headers"]["authorization"] == sent["Authorization"]
    assert answer.headers["Cache-Control"] == "no-store"


async def test_bad_tokens_are_refused_alike(gate: Gate, tokens: Tokens) -> None:
    now = tokens.claims()["iat"]
    public = tokens.key.as_pem(private=False)
    any_alg = RSAKey.import_key(tokens.key.as_pem(private=True))
    bad = {
        "expired beyond the 30 s that clocks may differ": tokens.token(exp=now - 40),
        "without an end": tokens.token(exp=None),
        "for somebody else": tokens.token(aud="https://evil.example"),
        "from somebody else": tokens.token(iss="https://evil.example"),
        "not valid yet": tokens.token(nbf=now + 100),
        "signed with another key": tokens.token(key=RSAKey.generate_key(2048)),
        "unsigned": unsigned(tokens.claims()),
        "HMAC with the public key": hmac_signed(tokens.claims(), public),
        "another RSA algorithm": tokens.token(key=any_alg, alg="RS512"),
        "PSS": tokens.token(key=any_alg, alg="PS256"),
        "cut short": tokens.token()[:-20],
        "no token at all": "nonsense",
        "": "",
    }
    for what, token in bad.items():
        answer = await gate.ask(ME, headers={"Authorization": f"Bearer {token}"}, at_gateway=True)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED"), what
        assert answer.json["error"]["message"] == "A valid access token is required.", what


async def test_clocks_may_differ_by_30_seconds(gate: Gate, tokens: Tokens) -> None:
    almost = tokens.bearer(exp=tokens.claims()["iat"] - 15)
    assert (await gate.ask(ME, headers=almost)).status == 200


async def test_public_routes_do_not_look_at_the_token(gate: Gate) -> None:
    stale = {"Authorization": "Bearer stale"}
    assert (await gate.ask("/v1/auth/magic-link", "POST", json={"email": "a@example.org"}, headers=stale)).status == 200


async def test_an_optional_token_may_be_absent_but_not_wrong(gate: Gate, tokens: Tokens) -> None:
    path = "/v1/auth/2fa/verify"
    for sent, status in (({}, 200), (tokens.bearer(), 200), ({"Authorization": "Bearer wrong"}, 401)):
        assert (await gate.ask(path, "POST", json={"code": "1"}, headers=sent)).status == status


@pytest.mark.parametrize("at_gateway", [True, False])
async def test_identity_headers_from_outside_are_gone(gate: Gate, tokens: Tokens, at_gateway: bool) -> None:
    forged = dict.fromkeys((*headers.IDENTITY, "X-Envoy-Internal", headers.DEADLINE, "x-envoy-retry-on"), "forged")
    answer = await gate.ask(ME, headers={**tokens.bearer(), **forged}, at_gateway=at_gateway)
    seen = answer.json["headers"]
    assert [name for name in headers.IDENTITY if name.lower() in seen] == []
    assert "forged" not in seen.values()
    assert seen[headers.DEADLINE] == "30000"


async def test_underscored_twins_do_not_arrive(gate: Gate, tokens: Tokens) -> None:
    sent = {**tokens.bearer(), "X_User_Id": "forged"}
    through_edge = await gate.ask(ME, headers=sent)
    assert "forged" not in through_edge.json["headers"].values()
    assert (await gate.ask(ME, headers=sent, at_gateway=True)).status == 400


async def test_the_clients_address_is_what_the_edge_saw(gate: Gate, tokens: Tokens) -> None:
    lies = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "CF-Connecting-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
    }
    answer = await gate.ask(ME, headers={**tokens.bearer(), **lies})
    assert answer.json["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert not any("6.6.6.6" in value for value in answer.json["headers"].values())


@pytest.mark.parametrize("at_gateway", [True, False])
@pytest.mark.parametrize(("sent", "kept"), [("order-12345678", True), ("short", False), ("has space in it", False),
                                            ("x" * 65, False), ("<script>alert", False)])  # fmt: skip
async def test_request_ids(gate: Gate, sent: str, kept: bool, at_gateway: bool) -> None:
    answer = await gate.ask(
        "/v1/auth/magic-link", "POST", json={}, headers={headers.REQUEST_ID: sent}, at_gateway=at_gateway
    )
    returned = answer.headers[headers.REQUEST_ID]
    assert answer.json["headers"]["x-request-id"] == returned
    assert (returned == sent) is kept
    assert kept or returned.startswith("req_")
