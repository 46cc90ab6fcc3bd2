"""Handshakes: who gets a socket, who a status, and who is kept waiting for nothing."""

import asyncio
from contextlib import suppress

import msgspec
import pytest
from tests.component.ws import client
from tests.component.ws.client import TEXT, Socket
from tests.component.ws.conftest import ORIGIN
from tests.component.ws.driver import Pod

from audifi.kernel.ids import new_id
from audifi.wire.live import protocol

pytestmark = pytest.mark.asyncio(loop_scope="session")
SESSION = str(new_id())
PATHS = (
    "/vstudio/{}?",
    "/p/0/vstudio/{}?",
    "/p/17/vstudio/{}?",
    "/vstudio/sessions/{}/ws?",
    "/v1/vstudio/ws/{}?",
    "/v1/vstudio/ws?sessionId={}&",
    "/ws?sessionId={}&",
)


@pytest.mark.parametrize("path", PATHS)
async def test_every_published_address_leads_here(pod: Pod, path: str) -> None:
    socket = await pod.connect(path.format(SESSION) + f"ticket={await pod.ticket(SESSION)}")
    assert (socket.status, socket.headers["sec-websocket-accept"]) == (101, client.ACCEPT)
    await socket.say("ping")
    await socket.heard("pong")
    await socket.leave()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 404),
        ("/vstudio/not-an-id", {}, 404),
        ("/p/x/vstudio/" + SESSION, {}, 404),
        ("/ws", {}, 404),
        ("/ws?sessionId=1", {}, 404),
        ("/vstudio/" + SESSION + "?ticket=" + "x" * 600, {}, 414),
        ("/vstudio/" + SESSION, {"Origin": "https://evil.example"}, 403),
        ("/vstudio/" + SESSION, {"Origin": "null"}, 403),
        ("/vstudio/" + SESSION, {"Origin": ORIGIN + ".evil.example"}, 403),
        ("/vstudio/" + SESSION, {"Upgrade": None}, 426),
        ("/vstudio/" + SESSION, {"Upgrade": "h2c"}, 426),
        ("/vstudio/" + SESSION, {"Connection": "keep-alive"}, 426),
        ("/vstudio/" + SESSION, {"Sec_WebSocket_Version": "8"}, 426),
        ("/vstudio/" + SESSION, {"Sec_WebSocket_Key": None}, 400),
        ("/vstudio/" + SESSION, {"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ("/vstudio/" + SESSION, {"Content_Length": "5"}, 400),
        ("/vstudio/" + SESSION, {"Transfer_Encoding": "chunked"}, 400),
    ],
)
async def test_what_is_no_handshake_of_ours_gets_a_status(
    pod: Pod, path: str, headers: dict[str, str | None], status: int
) -> None:
    socket = await pod.connect(path, **headers)
    assert socket.status == status
    async with asyncio.timeout(client.WITHIN_S):
        await socket.reader.read()  # and it is closed


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/vstudio/not-an-id", {}, "NOT_FOUND"),
        ("/vstudio/" + SESSION, {"Origin": "https://evil.example"}, "FORBIDDEN"),
        ("/vstudio/" + SESSION, {"Upgrade": "h2c"}, "VALIDATION_ERROR"),
    ],
)
async def test_a_refusal_is_the_envelope_of_every_api(
    pod: Pod, path: str, headers: dict[str, str | None], code: str
) -> None:
    socket = await pod.connect(path, **headers)
    assert socket.headers["content-type"] == "application/json"
    async with asyncio.timeout(client.WITHIN_S):
        told = msgspec.json.decode(await socket.reader.read())
    assert told["error"]["code"] == code
    assert told["error"]["message"]
    assert told["requestId"].startswith("req_")


async def test_our_origin_may_connect_and_firefox_too(pod: Pod) -> None:
    path = f"/vstudio/{SESSION}?ticket={await pod.ticket(SESSION)}"
    socket = await pod.connect(path, Origin=ORIGIN, Connection="keep-alive, Upgrade")
    assert socket.status == 101
    await socket.leave()


async def test_probes_are_answered_on_the_same_port(pod: Pod) -> None:
    assert (await pod.get("/health"))[0] == 200
    status, body = await pod.get("/ready")
    assert (status, body["status"], body["checks"]["redis"]["status"]) == (200, "healthy", "healthy")


@pytest.mark.parametrize(
    "data", [b"POST / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", b"\r\n\r\n"]
)
async def test_what_is_no_http_get_is_refused(pod: Pod, data: bytes) -> None:
    reader, writer = await pod.raw()
    writer.write(data)
    async with asyncio.timeout(client.WITHIN_S):
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_a_handshake_that_never_ends_is_cut(pod: Pod) -> None:
    """Slow-loris: one byte now and then, and one that sends headers for ever."""
    slow_reader, slow = await pod.raw()
    slow.write(client.handshake("/vstudio/" + SESSION)[:40])
    endless_reader, endless = await pod.raw()
    with suppress(ConnectionError):
        for _ in range(64):
            endless.write(b"GET / HTTP/1.1\r\n" + b"X-Filler: " + b"x" * 1000 + b"\r\n")
            await endless.drain()
    with suppress(ConnectionError):
        async with asyncio.timeout(client.WITHIN_S):
            assert await endless_reader.read() == b""
    async with asyncio.timeout(12):
        assert await slow_reader.read() == b""


async def test_a_hundred_from_one_address_and_no_more(pod: Pod) -> None:
    """Behind our proxy, by what it says; otherwise by where they come from."""
    address = client.somewhere()

    async def connect() -> Socket:
        path = f"/vstudio/{SESSION}?ticket={await pod.ticket(SESSION)}"
        return await pod.connect(path, source="127.0.0.1", X_Forwarded_For=f"9.9.9.9, {address}")

    sockets = [await connect() for _ in range(protocol.PER_ADDRESS_MAX)]
    assert await (await connect()).closed() == protocol.OVERLOAD
    elsewhere = await pod.open()
    await sockets.pop().leave()
    await pod.active(protocol.PER_ADDRESS_MAX)
    again = await connect()
    await again.say("ping")
    await again.heard("pong")
    for socket in (*sockets, again, elsewhere):
        await socket.leave()


async def test_what_somebody_claims_who_is_no_proxy_of_ours_is_not_believed(pod: Pod) -> None:
    source = client.somewhere()

    async def connect(number: int) -> Socket:
        path = f"/vstudio/{SESSION}?ticket={await pod.ticket(SESSION)}"
        return await pod.connect(path, source=source, X_Forwarded_For=f"9.9.9.{number}")

    sockets = [await connect(number) for number in range(protocol.PER_ADDRESS_MAX)]
    assert await (await connect(200)).closed() == protocol.OVERLOAD
    for socket in sockets:
        await socket.leave()


async def test_frames_may_come_together_with_the_handshake(pod: Pod) -> None:
    path = f"/vstudio/{SESSION}?ticket={await pod.ticket(SESSION)}"
    early = client.frame(TEXT, b'{"type":"ping","requestId":"early"}')
    socket = await client.upgraded(*await pod.raw(), client.handshake(path) + early)
    assert (await socket.heard("pong"))["requestId"] == "early"
    await socket.leave()
