"""The firewall stops attacks and never an ordinary request of ours."""

from typing import Any

import pytest
from tests.component.gateway.conftest import Gate, Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIWE = (
    "app.audifi.io wants you to sign in with your Ethereum account:\n0x52908400098527886E0F7030069857D2E4169EE7\n\n"
    "Link this wallet to your AudiFi account. This costs nothing; no transaction is sent.\n\nURI: https://app.audifi.io\n"
    "Version: 1\nChain ID: 8453\nNonce: 4k2jh5Bd8sD9fG3hJ\nIssued At: 2026-11-23T01:00:00.000Z\n"
    "Expiration Time: 2026-11-23T01:05:00.000Z"
)
JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.eyJpc3MiOiJodHRwczovL2FwaS5hdWRpZmkuaW8ifQ.XQHyMrl8LGZnBO_wus-Noj"

ORDINARY: dict[str, tuple[str, str, Any]] = {
    "magic link": ("POST", "/v1/auth/magic-link", {
        "email": "o'brien+music@example.org", "redirectPath": "/masters/1?tab=ipo"}),
    "token": ("POST", "/v1/auth/verify-magic-link", {"token": "d2hvLXNlbGVjdC0tX3VuaW9uLWRyb3A_aWQ9MQ-_x0OR1e1-"}),
    "hard token": ("POST", "/v1/auth/verify-magic-link", {"token": "--or1eq1_-SELECT-x-FROM--UNION_--"}),
    "second factor": ("POST", "/v1/auth/2fa/verify", {"code": "123456", "mfaToken": JWT}),
    "wallet": ("POST", "/v1/user/wallet", {
        "address": "0x52908400098527886E0F7030069857D2E4169EE7", "chainId": 8453, "message": SIWE,
        "signature": "0x" + "ab1e" * 32 + "1b"}),
    "profile": ("PUT", "/v1/user/profile", {
        "displayName": "Zoë Großmann 李 🎧", "avatarUrl": "https://cdn.example.com/a/b.png?size=200&v=2",
        "bio": "Producer & DJ; loves \"lo-fi\" (since '98).\nWho am I? I select sounds from the union of jazz and dub "
               "-- and drop the beat. Time; space; echo | sleep. 1+1=2; a < b?"}),
    "artist": ("POST", "/v1/user/artist-profile", {
        "artistName": "Sinéad O'Connor", "genre": "R&B / Soul", "location": "Zürich, CH", "consents": ["terms-2026-01"],
        "socialLinks": {"instagram": "https://instagram.com/some.one", "website": "https://10.example.org/?"}}),
    "patch": ("PATCH", "/v1/user/profile", {"bio": "Ünïcödé — “quotes” … العربية עברית हिन्दी"}),
    "remove": ("DELETE", "/v1/user/wallet/0x52908400098527886E0F7030069857D2E4169EE7?chainId=1", None),
    "consent": ("POST", "/v1/consents", {
        "policyType": "TERMS", "policyVersion": "2026-01", "action": "ACCEPT", "flow": "signup"}),
    "search": ("GET", "/v1/admin/users?q=o%27brien%40example.org&page=2&limit=50&sort=-createdAt", None),
    "empty body": ("POST", "/v1/auth/logout", None),
    "slug": ("GET", "/v1/artists/sinead-o-connor", None),
}  # fmt: skip

ATTACKS: dict[str, tuple[str, str, Any]] = {
    "SQL in the query": ("GET", "/v1/admin/users?q=1%27%20OR%20%271%27=%271%27%20UNION%20SELECT%20a%20FROM%20b", None),
    "SQL in a body": ("PUT", "/v1/user/profile", {"bio": "x' OR 1=1; DROP TABLE users; --"}),
    "SQL in a list": ("POST", "/v1/user/artist-profile", {"consents": ["1' UNION SELECT null,version()--"]}),
    "script in a body": ("PUT", "/v1/user/profile", {"displayName": "<script>alert(document.cookie)</script>"}),
    "script in the query": ("GET", "/v1/admin/users?q=%3Cscript%3Ealert(1)%3C/script%3E", None),
    "file in the query": ("GET", "/v1/admin/users?q=../../../../etc/passwd", None),
    "shell in the query": ("GET", "/v1/admin/users?q=;cat%20/etc/passwd", None),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(ORDINARY))
async def test_ordinary_requests_pass(gate: Gate, tokens: Tokens, what: str) -> None:
    method, path, body = ORDINARY[what]
    cookie = {"Cookie": "refresh_token=--or_1eq1-UNION_SELECT-x--; csrf_token=Zm9v_YmFy-"}
    answer = await gate.ask(path, method, json=body, headers={**tokens.bearer(), **cookie})
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("what", sorted(ATTACKS))
async def test_attacks_are_refused(gate: Gate, tokens: Tokens, what: str) -> None:
    method, path, body = ATTACKS[what]
    answer = await gate.ask(path, method, json=body, headers=tokens.bearer())
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


async def test_scanners_are_refused(gate: Gate) -> None:
    answer = await gate.ask("/v1/artists/x?scan=1", headers={"User-Agent": "sqlmap/1.7"})
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


async def test_secrets_never_reach_the_log(gate: Gate, tokens: Tokens) -> None:
    secret = "--or1eq1_-SELECT-secret-FROM--UNION_--"
    await gate.ask("/v1/auth/verify-magic-link", "POST", json={"token": secret})
    await gate.ask(f"/v1/auth/sso/google/callback?code={secret}", headers=tokens.bearer())
    for pod in ("edge-1", "api-gateway-1", "api-gateway-2"):
        text = gate.instance.log(pod).read_text()
        assert secret not in text
        assert tokens.token()[-20:] not in text
