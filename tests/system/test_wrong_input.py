"""Send what nobody should: every answer is a refusal in the envelope, never a 500, and nothing leaks through.

Between: raw requests at the edge (no SDK that would make them right) and the platform.
"""

import asyncio
import base64
import json
import secrets
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from tests.system.visitors import Visitors, new_address, new_email

from audifi.sdk.resolver import LOOPBACK, LocalhostResolver
from audifi.wire import headers

ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True)
class Answer:
    """A status and what came with it."""

    status: int
    text: str

    @property
    def code(self) -> str:
        return json.loads(self.text)["error"]["code"]


async def send(people: Visitors, method: str, path: str, **sent: Any) -> Answer:
    """One request as it is given, from a new address."""
    connector = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=str(people.ca_file)),
        resolver=LocalhostResolver(),
        local_addr=(new_address(), 0),
    )
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.request(method, people.api_url + path, allow_redirects=False, **sent) as reply,
    ):
        return Answer(reply.status, await reply.text())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.asyncio
async def test_forged_tokens_are_refused_alike(people: Visitors) -> None:
    person = await people.signed_in()
    token = person.transport.access_token or ""
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = (
        f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'x'})}.{payload}.{signature}",
        f"{head}.{encoded({**claims, 'roles': ['ADMIN']})}.{signature}",
        f"{head}.{encoded({**claims, 'exp': claims['exp'] + 9999})}.{signature}",
        f"{head}.{payload}.{signature[:-4]}AAAA",
        "not-a-token",
        "a.b.c",
        f"{token}x",
    )
    for each in forged:
        answer = await send(people, "GET", "/v1/user/profile", headers=bearer(each))
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED"), each[:40]


@pytest.mark.asyncio
async def test_unknown_and_replayed_links_are_refused_alike(people: Visitors) -> None:
    email = new_email()
    person = await people.guest()
    await person.auth.request_link(email)
    token = await people.token_for(email)
    await person.auth.verify(token)
    for each in (token, secrets.token_urlsafe(32), "x" * 43):
        answer = await send(people, "POST", "/v1/auth/verify-magic-link", json={"token": each})
        assert (answer.status, answer.code) == (401, "INVALID_TOKEN")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"null", b"[]", b'"text"', b'{"token": 1}', b'{"token": null}', b"\xff\xfe", b'{"token": "a", "x": 1}',
     b'{"token": "' + b"a" * 5000 + b'"}', b"[" * 20000],
)  # fmt: skip
async def test_malformed_bodies_are_refused(people: Visitors, body: bytes) -> None:
    sent = {"Content-Type": "application/json"}
    answer = await send(people, "POST", "/v1/auth/verify-magic-link", data=body, headers=sent)
    assert answer.status in (400, 403), answer.text
    assert answer.code in ("VALIDATION_ERROR", "FORBIDDEN")


@pytest.mark.asyncio
async def test_unknown_fields_are_named(people: Visitors) -> None:
    answer = await send(people, "POST", "/v1/auth/magic-link", json={"email": new_email(), "admin": True})
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert "admin" in answer.text


@pytest.mark.asyncio
async def test_identity_headers_from_outside_are_not_believed(people: Visitors) -> None:
    person = await people.signed_in()
    admin = dict.fromkeys(headers.IDENTITY, "00000000-0000-0000-0000-000000000001")
    admin |= {"X-User-Roles": "ADMIN", "X-Mfa": "passed"}
    alone = await send(people, "GET", "/v1/user/profile", headers=admin)
    assert alone.status == 401
    token = person.transport.access_token or ""
    own = await send(people, "GET", "/v1/user/profile", headers={**admin, **bearer(token)})
    assert json.loads(own.text)["data"]["roles"] == ["USER"]
    assert (await send(people, "GET", "/v1/admin/users", headers={**admin, **bearer(token)})).status == 403


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path",
    ["/metrics", "/internal/v1/users/1", "/v1/internal/v1/users/1", "/ready", "/openapi.json", "/v1/../metrics",
     "/v1/%2e%2e/metrics", "/v1//user/profile", "/v1/user/..%2fprofile", "/v1/user/profile%00", "/v1/user/profile;x=1",
     "/v1/artists/' OR '1'='1", "/v1/artists/1;DROP TABLE users", "/v1/artists/..%5c..%5cetc%5cpasswd",
     "/v1/artists/a?x=<script>alert(1)</script>", "/v1/artists/a?id=1 UNION SELECT 1,2,3--"],
)  # fmt: skip
async def test_path_and_sql_tricks_find_nothing(people: Visitors, path: str) -> None:
    answer = await send(people, "GET", path)
    assert answer.status in (400, 401, 403, 404), answer.text[:200]
    assert "error" in json.loads(answer.text)


@pytest.mark.asyncio
async def test_a_body_of_twenty_megabytes_is_refused(people: Visitors) -> None:
    head = "POST /v1/auth/magic-link HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    answered = await spoken(people, head + "Content-Length: 20000000\r\n\r\n" + '"' + "a" * 65536)
    assert answered.startswith(b"HTTP/1.1 413"), answered[:100]
    assert b"PAYLOAD_TOO_LARGE" in answered


POST = "POST /v1/auth/magic-link HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
GET = "GET /v1/user/profile HTTP/1.1\r\nHost: {host}\r\n"
HIDDEN = "0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n"
SMUGGLED = {
    "length and chunked": POST + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" + HIDDEN,
    "two lengths": POST + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "an unknown coding": POST + "Transfer-Encoding: xchunked\r\n\r\n" + HIDDEN,
    "two hosts": GET + "Host: internal\r\n\r\n",
    "a space before the colon": GET + "X-User-Id : 1\r\n\r\n",
    "a control character": "GET /v1/user/pro\x01file HTTP/1.1\r\nHost: {host}\r\n\r\n",
}


@pytest.mark.asyncio
@pytest.mark.parametrize("trick", SMUGGLED)
async def test_smuggled_requests_reach_nothing(people: Visitors, trick: str) -> None:
    answered = await spoken(people, SMUGGLED[trick])
    assert answered.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), answered[:100]
    assert b"# HELP" not in answered


async def spoken(people: Visitors, text: str) -> bytes:
    """What the edge answers to these bytes, until it closes or stops for a while."""
    parts = urlsplit(people.api_url)
    tls = ssl.create_default_context(cafile=str(people.ca_file))
    reader, writer = await asyncio.open_connection(
        LOOPBACK, parts.port or 443, ssl=tls, server_hostname=parts.hostname, local_addr=(new_address(), 0)
    )
    writer.write(text.replace("{host}", parts.netloc).encode("latin-1"))
    try:
        return await asyncio.wait_for(reader.read(65536), ANSWER_WITHIN_S)
    finally:
        writer.transport.abort()
