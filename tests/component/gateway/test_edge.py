"""What only the edge does: TLS, HTTP/2, cache, limits per address, pages."""

import asyncio
import json
import ssl
from collections import Counter

import pytest
from tests.component.gateway.conftest import Gate, Tokens

from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def handshake(gate: Gate, change: ssl.SSLContext) -> tuple[str | None, str | None]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", gate.https_port, ssl=change, server_hostname="api.audifi.localhost"
    )
    del reader
    spoken = writer.get_extra_info("ssl_object")
    found = (spoken.version(), spoken.selected_alpn_protocol())
    writer.close()
    return found


async def output(*argv: str) -> str:
    """What another program prints."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 10)
    return printed.decode()


def context(gate: Gate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(gate.authority))


async def test_tls_1_3_and_http_2_are_preferred(gate: Gate) -> None:
    trusted = context(gate)
    trusted.set_alpn_protocols(["h2", "http/1.1"])
    assert await handshake(gate, trusted) == ("TLSv1.3", "h2")


async def test_tls_1_2_works_and_older_does_not(gate: Gate) -> None:
    trusted = context(gate)
    trusted.maximum_version = ssl.TLSVersion.TLSv1_2
    assert (await handshake(gate, trusted))[0] == "TLSv1.2"
    target = ("-connect", f"127.0.0.1:{gate.https_port}")
    old = await output("openssl", "s_client", *target, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    assert "Cipher is (NONE)" in old, old


async def test_http_2_requests_work(gate: Gate) -> None:
    url = f"https://api.audifi.localhost:{gate.https_port}/v1/artists/someone"
    told = ("-o", "/dev/null", "-w", "%{http_version} %{http_code}")
    assert await output("curl", "-sS", "--http2", "--cacert", str(gate.authority), *told, url) == "2 200"


async def test_anonymous_reads_are_cached_and_others_are_not(gate: Gate, tokens: Tokens) -> None:
    path = "/v1/artists/cached-one"
    first, second = await gate.ask(path), await gate.ask(path)
    assert [answer.headers["X-Cache-Status"] for answer in (first, second)] == ["MISS", "HIT"]
    assert first.body == second.body
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert "s-maxage=30" in second.headers["Cache-Control"]
    for sent in (tokens.bearer(), {"Cookie": "a=b"}):
        other = await gate.ask(path, headers=sent)
        assert "X-Cache-Status" not in other.headers
        assert other.json["served"] != first.json["served"] or other.json["pod"] != first.json["pod"]


async def test_failures_and_private_routes_are_never_cached(gate: Gate, tokens: Tokens) -> None:
    for path, sent in (("/v1/artists/x?status=404", {}), ("/v1/user/profile", tokens.bearer())):
        answers = [await gate.ask(path, headers=sent) for _ in range(2)]
        assert all(answer.headers.get("X-Cache-Status", "MISS") == "MISS" for answer in answers)
        assert answers[0].body != answers[1].body
        assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


async def test_keys_are_public_at_both_addresses(gate: Gate) -> None:
    for path in ("/.well-known/jwks.json", "/v1/.well-known/jwks.json"):
        answer = await gate.ask(path)
        assert (answer.status, answer.json["keys"][0]["kid"]) == (200, "one")
        assert "s-maxage=300" in answer.headers["Cache-Control"]


async def test_logs_say_what_was_asked_for_without_the_query(gate: Gate, tokens: Tokens) -> None:
    await gate.ask("/v1/user/profile?token=hidden", headers={**tokens.bearer(), "X-Request-ID": "find-this-line"})
    for pods in (("edge-1",), ("api-gateway-1", "api-gateway-2")):

        async def logged(pods: tuple[str, ...] = pods) -> str:
            text = "".join(gate.instance.log(pod).read_text() for pod in pods)
            lines = [line for line in text.splitlines() if "find-this-line" in line]
            if not lines:
                raise NotReady("no line yet")
            return lines[0]

        line = await wait_for(logged, within_s=15, saying=f"{pods[0]} logs the request")
        assert json.loads(line)["path"] == "/v1/user/profile"
        assert "hidden" not in line


async def test_a_strangers_flood_is_limited(stranger: Gate) -> None:
    answers = await asyncio.gather(*(stranger.ask("/v1/artists/flood") for _ in range(300)))
    seen = Counter(answer.status for answer in answers)
    assert set(seen) == {200, 429}
    assert 100 <= seen[200] <= 200, "the burst passes, then 1000 a minute"
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.code, refused.headers["Retry-After"]) == ("RATE_LIMITED", "1")


async def test_admin_is_only_for_its_networks(stranger: Gate, tokens: Tokens) -> None:
    answer = await stranger.ask("/v1/admin/users", headers=tokens.bearer())
    assert answer.status in {403, 429}  # the flood above may still count against this address
    assert answer.code in {"FORBIDDEN", "RATE_LIMITED"}


async def test_the_client_address_is_the_strangers(stranger: Gate, tokens: Tokens) -> None:
    answer = await stranger.ask("/v1/user/profile", headers=tokens.bearer())
    assert answer.status == 429 or answer.json["headers"]["x-forwarded-for"] == "127.0.0.2"


@pytest.mark.parametrize(
    ("host", "said", "paths"),
    [
        ("apex", b"Where the API is", ["/"]),
        ("app", b"not here yet", ["/", "/auth/verify?token=x"]),
        ("studio", b"not here yet", ["/", "/auth/verify?token=x"]),
    ],
)
async def test_pages_say_what_is_here(gate: Gate, host: str, said: bytes, paths: list[str]) -> None:
    for path in paths:
        answer = await gate.ask(path, host=host)
        assert (answer.status, said in answer.body) == (200, True)
        assert answer.headers["Content-Type"].startswith("text/html")
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert f"wss://ws.audifi.localhost:{gate.https_port}" in policy
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("host", "path", "kind"),
    [
        ("apex", "/nowhere", "text/html"),
        ("app", "/assets/gone.js", "text/html"),
        ("app", "/api/v1/nowhere", "application/json"),
        ("apex", "/__problem_page_404.html", "text/html"),
    ],
)
async def test_a_person_is_refused_with_a_page_and_a_program_with_json(
    gate: Gate, host: str, path: str, kind: str
) -> None:
    answer = await gate.ask(path, host=host)
    assert (answer.status, answer.headers["Content-Type"]) == (404, kind)
    assert answer.headers["X-Frame-Options"] == "DENY"


async def test_the_app_host_reaches_the_api_below_api(gate: Gate, tokens: Tokens) -> None:
    read = await gate.ask("/api/v1/user/profile", host="app", headers=tokens.bearer())
    write = await gate.ask("/api/v1/user/profile", "PUT", host="app", json={}, headers=tokens.bearer())
    assert [read.json["path"], write.json["path"]] == ["/user/profile"] * 2


async def test_www_leads_to_the_apex(gate: Gate) -> None:
    answer = await gate.ask("/a?b=c", host="www")
    assert (answer.status, answer.headers["Location"]) == (301, f"https://audifi.localhost:{gate.https_port}/a?b=c")
