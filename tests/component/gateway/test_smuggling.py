"""What two parsers could read differently is refused: raw sockets, because clients would not send it."""

import asyncio
import ssl

import pytest
from tests.component.gateway.conftest import Gate

pytestmark = pytest.mark.asyncio(loop_scope="session")

SILENT_S = 1  # a loopback answer takes milliseconds
HOST = b"Host: api.audifi.localhost\r\n"


async def raw(gate: Gate, payload: bytes, *, at_gateway: bool) -> bytes:
    """Send bytes as they are; return everything until the other side closes or falls silent."""
    context = None
    if not at_gateway:
        context = ssl.create_default_context(cafile=str(gate.authority))
        context.set_alpn_protocols(["http/1.1"])
    reader, writer = await asyncio.open_connection(
        "127.0.0.1",
        gate.gateway_port if at_gateway else gate.https_port,
        ssl=context,
        server_hostname="api.audifi.localhost" if context else None,
    )
    answer = b""
    try:
        writer.write(payload)
        await writer.drain()
        while piece := await asyncio.wait_for(reader.read(65536), SILENT_S):
            answer += piece
    except TimeoutError:
        pass  # it keeps the connection: what it said so far is its answer
    finally:
        writer.close()
    return answer


SMUGGLED = b"GET /v1/admin/users HTTP/1.1\r\nHost: x\r\n\r\n"
ATTACKS = {
    "both lengths": b"POST /v1/auth/magic-link HTTP/1.1\r\n" + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two content lengths": b"POST /v1/auth/magic-link HTTP/1.1\r\n" + HOST
    + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + SMUGGLED,
    "obscured chunked": b"POST /v1/auth/magic-link HTTP/1.1\r\n" + HOST
    + b"Transfer-Encoding: xchunked\r\nContent-Type: application/json\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "negative length": b"POST /v1/auth/magic-link HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "space before the colon": b"POST /v1/auth/magic-link HTTP/1.1\r\n" + HOST
    + b"Content-Length : 4\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "no host": b"GET /v1/artists/x HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/artists/x HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
    "null in a header": b"GET /v1/artists/x HTTP/1.1\r\n" + HOST + b"X-A: a\x00b\r\n\r\n",
    "garbage": b"\x16\x03\x01 nonsense\r\n\r\n",
    "bad chunk size": b"POST /v1/auth/magic-link HTTP/1.1\r\n" + HOST
    + b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("at_gateway", [True, False])
@pytest.mark.parametrize("attack", sorted(ATTACKS))
async def test_ambiguous_requests_are_refused(gate: Gate, attack: str, at_gateway: bool) -> None:
    answer = await raw(gate, ATTACKS[attack], at_gateway=at_gateway)
    statuses = [line.split()[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses, f"{attack}: no answer at all"
    assert all(status.startswith(b"4") or status == b"501" for status in statuses), (attack, answer[:300])
    assert b'"pod"' not in answer, f"{attack}: a service saw it"
    assert len(statuses) == 1, f"{attack}: the rest was read as a second request"


TRICKS = (
    "/v1/artists/../admin/users", "/v1/artists/%2e%2e/admin/users", "/v1/artists/..%2fadmin/users",
    "/v1/artists%2f..%2fadmin", "/v1/artists/x%5c..%5cadmin", "/v1/artists/x%00", "/v1/artists/..;/admin/users",
    "/v1/artists/%252e%252e/internal", "/v1/./internal/v1/users", "/v1/artists/x\\..\\internal",
)  # fmt: skip


@pytest.mark.parametrize("path", TRICKS)
@pytest.mark.parametrize("at_gateway", [True, False])
async def test_path_tricks_reach_nothing(gate: Gate, path: str, at_gateway: bool) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: api.audifi.localhost\r\nConnection: close\r\n\r\n".encode()
    answer = await raw(gate, request, at_gateway=at_gateway)
    status = int(answer.split(b" ", 2)[1])
    if at_gateway and status == 200:
        # The gateway alone may pass an odd but harmless segment on, never anything it would have refused plain.
        assert b'"path":"/artists/' in answer
        assert b".." not in answer.split(b'"path":"', 1)[1].split(b'"', 1)[0]
    else:
        assert status in {400, 401, 403, 404}
    if not at_gateway:
        assert status in {400, 403}
        assert b'"requestId"' in answer


async def test_slashes_are_merged_before_anything_is_decided(gate: Gate) -> None:
    assert (await gate.ask("//v1///admin//users")).status == 401
    assert (await gate.ask("/v1//internal/v1/users")).status == 404
