"""The sockets' way in: an address names a pod, a cookie names a pod, and neither is lost with it.

Between: edge and balancer as `audifi up` starts them, socket_pod.py in the place of ws-gateway's pods.
"""

import asyncio
import json
import socket
import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from tests.component.gateway.conftest import Gate, Loopback, Services

from audifi.local import probes, resolution
from audifi.local.components import PodSpec, ws_balancer
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, wait_for
from audifi.topology.model.whole import Topology
from audifi.wire.live.addresses import POD_HEADER, named
from audifi.wire.live.protocol import PER_ADDRESS_MAX

pytestmark = pytest.mark.asyncio(loop_scope="session")

PODS = ("ws-gateway-1", "ws-gateway-2", "ws-gateway-3")
ID = "00000000-0000-4000-8000-000000000001"
SESSION = f"/vstudio/{ID}"
RECEIVE_BUFFER_BYTES = 8 * 1024
# Seen 0.8 to 2.6 MB in 12 runs, most of it the receive buffer that the kernel grows at the edge while frames come
# faster than they leave; 6 MB with kernel buffers as they come.
BETWEEN_BYTES = 4 * 1024 * 1024


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pods(instance: Instance, topology: Topology, services: Services) -> dict[str, PodSpec]:
    """The pods that sockets go to, and both balancers, running."""

    def spec(name: str) -> PodSpec:
        port = resolution.port(instance, topology, name, "http")

        async def ready() -> str:
            return await probes.http_get(port, "/ready")

        script = str(Path(__file__).with_name("socket_pod.py"))
        argv = (sys.executable, script, str(port), name)
        return PodSpec(name=name, component="ws-gateway", argv=argv, ready=ready, ports={"http": port})

    found = {name: spec(name) for name in PODS}
    for each in (*found.values(), *ws_balancer.pods(instance, topology)):
        await services.start(each)
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def all_there(gate: Gate, pods: dict[str, PodSpec]) -> None:
    """Wait until the balancers send to every pod, whatever the test before did."""

    async def probe() -> None:
        async with person(gate) as session:
            seen: set[str] = set()
            for _ in range(20):
                session.cookie_jar.clear()
                seen.add(await landed(gate, session, SESSION))
        if seen != set(pods):
            raise NotReady(f"only {sorted(seen)} are sent to")

    await wait_for(probe, within_s=20, saying="every pod is sent to")


@asynccontextmanager
async def person(gate: Gate, address: str | None = None) -> AsyncGenerator[aiohttp.ClientSession]:
    """A browser: its own cookies."""
    trusted = ssl.create_default_context(cafile=str(gate.authority))
    local = (address, 0) if address else None
    connector = aiohttp.TCPConnector(ssl=trusted, resolver=Loopback(), limit=0, local_addr=local)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


def address(gate: Gate, path: str, host: str = "ws") -> str:
    return f"wss://{gate.name(host)}:{gate.https_port}{path}"


async def asked(
    gate: Gate, session: aiohttp.ClientSession, path: str, host: str = "ws", **headers: str
) -> dict[str, Any]:
    """What the pod saw of a handshake."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.ws_connect(address(gate, path, host), headers=sent) as connection:
        told: dict[str, Any] = await connection.receive_json(timeout=10)
        return told


async def landed(gate: Gate, session: aiohttp.ClientSession, path: str, host: str = "ws") -> str:
    return str((await asked(gate, session, path, host))["pod"])


async def handshake(gate: Gate, path: str) -> tuple[dict[str, str], asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket by hand: the answer's headers, and a connection that takes little by itself."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    made.connect(("127.0.0.1", gate.https_port))
    made.setblocking(False)
    trusted = ssl.create_default_context(cafile=str(gate.authority))
    reader, writer = await asyncio.open_connection(
        sock=made, ssl=trusted, server_hostname=gate.name("ws"), limit=RECEIVE_BUFFER_BYTES
    )
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {gate.name('ws')}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    writer.write(request.encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode()
    assert head.startswith("HTTP/1.1 101 "), head
    lines = [line.partition(": ") for line in head.splitlines()[1:] if line]
    return {name.lower(): value for name, _, value in lines}, reader, writer


async def control(pods: dict[str, PodSpec], name: str, path: str) -> dict[str, Any]:
    return json.loads(await probes.http_get(pods[name].ports["http"], path))


@pytest.mark.parametrize("name", PODS)
async def test_an_address_that_names_a_pod_leads_to_it(gate: Gate, all_there: None, name: str) -> None:
    async with person(gate) as session:
        told = await asked(
            gate, session, f"{named(name)}{SESSION}?ticket=abc",
            X_User_Id="forged", X_Forwarded_For="9.9.9.9", Origin="https://app.audifi.localhost",
        )  # fmt: skip
    assert (told["pod"], told["path"]) == (name, f"{SESSION}?ticket=abc")
    assert told["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert told["headers"]["Origin"] == "https://app.audifi.localhost"
    assert "X-User-Id" not in told["headers"]


async def test_the_handshake_says_who_answered_and_no_more(gate: Gate, all_there: None) -> None:
    answered, _, writer = await handshake(gate, f"/p/2{SESSION}")
    writer.close()
    assert (answered[POD_HEADER.lower()], "server" in answered) == ("ws-gateway-2", False)
    assert answered["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [f"/p/2{SESSION}", SESSION])
async def test_frames_go_both_ways(gate: Gate, all_there: None, path: str) -> None:
    async with person(gate) as session, session.ws_connect(address(gate, path)) as connection:
        await connection.receive_json(timeout=5)
        await connection.send_str("echo")
        assert await connection.receive_str(timeout=5) == "echo"


async def test_a_dead_pods_address_leads_to_another_and_no_log_holds_the_ticket(
    gate: Gate, services: Services, pods: dict[str, PodSpec], all_there: None
) -> None:
    await services.kill("ws-gateway-2")
    async with person(gate) as session:
        for path in (f"/p/2{SESSION}", f"/p/7{SESSION}", SESSION):
            assert await landed(gate, session, f"{path}?ticket=secret-ticket") in {"ws-gateway-1", "ws-gateway-3"}
        await asked(gate, session, f"/p/2{SESSION}?ticket=secret-ticket", X_Request_ID="after-the-death")
    await services.start(pods["ws-gateway-2"])

    async def logged() -> None:
        if "after-the-death" not in gate.instance.log("edge-1").read_text():
            raise NotReady("no line yet")

    await wait_for(logged, within_s=15, saying="the edge logs the socket's end")
    for pod in ("edge-1", "ws-balancer-1", "ws-balancer-2"):
        assert "secret-ticket" not in gate.instance.log(pod).read_text()


async def test_a_pod_that_drains_is_passed_over(gate: Gate, pods: dict[str, PodSpec], all_there: None) -> None:
    await control(pods, "ws-gateway-1", "/_drain?on=1")
    try:
        async with person(gate) as session:
            assert await landed(gate, session, f"/p/1{SESSION}") in {"ws-gateway-2", "ws-gateway-3"}
    finally:
        await control(pods, "ws-gateway-1", "/_drain")


async def test_when_all_drain_the_refusal_is_their_own(gate: Gate, pods: dict[str, PodSpec], all_there: None) -> None:
    for name in PODS:
        await control(pods, name, "/_drain?on=1")
    try:
        async with person(gate) as session:
            for path in (f"/p/1{SESSION}", SESSION):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await landed(gate, session, path)
                assert refused.value.status == 503
    finally:
        for name in PODS:
            await control(pods, name, "/_drain")


async def test_a_cookie_leads_back_to_the_same_pod(gate: Gate, all_there: None) -> None:
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(person(gate)) for _ in range(12)]
        first = [await landed(gate, session, SESSION) for session in people]
        assert set(first) == set(PODS), "nobody had a cookie: all pods are in use"
        for _ in range(3):
            assert [await landed(gate, session, SESSION) for session in people] == first


async def test_cookies_move_on_with_a_death_and_nobody_else_moves(
    gate: Gate, services: Services, pods: dict[str, PodSpec], all_there: None
) -> None:
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(person(gate)) for _ in range(12)]
        first = [await landed(gate, session, SESSION) for session in people]
        await services.kill("ws-gateway-3")
        second = [await landed(gate, session, SESSION) for session in people]
        assert "ws-gateway-3" not in second
        stayed = [before == after for before, after in zip(first, second, strict=True) if before != "ws-gateway-3"]
        assert all(stayed)
        await services.start(pods["ws-gateway-3"])
        third = [await landed(gate, session, SESSION) for session in people]
        assert third == second, "a pod that returns takes nobody back"


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("ws", "/v1/vstudio/ws?sessionId=x"),
        ("ws", f"/v1/vstudio/ws/{ID}"),
        ("ws", f"/vstudio/sessions/{ID}/ws"),
        ("ws", "/ws"),
        ("api", "/ws?sessionId=x"),
        ("app", "/ws"),
        ("studio", "/ws"),
    ],
)
async def test_every_address_of_the_specification_works(gate: Gate, all_there: None, host: str, path: str) -> None:
    async with person(gate) as session:
        assert (await asked(gate, session, path, host=host))["path"] == path


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("ws", "/", (404, "NOT_FOUND")),
        ("ws", "/vstudio", (404, "NOT_FOUND")),
        ("ws", "/p/1/metrics", (404, "NOT_FOUND")),
        ("ws", "/p/1/ready", (404, "NOT_FOUND")),
        ("ws", "/p/x/vstudio/1", (404, "NOT_FOUND")),
        ("ws", "/p/1/vstudio/a%2fb", (400, "VALIDATION_ERROR")),
        ("ws", SESSION, (426, "VALIDATION_ERROR")),
        ("ws", f"/p/1{SESSION}", (426, "VALIDATION_ERROR")),
        ("api", "/ws", (426, "VALIDATION_ERROR")),
        ("api", SESSION, (404, "NOT_FOUND")),
        ("ws", "/vstudio/not-a-session", (404, "NOT_FOUND")),
    ],
)
async def test_what_is_no_socket_is_refused_with_the_envelope(
    gate: Gate, all_there: None, host: str, path: str, expected: tuple[int, str]
) -> None:
    answer = await gate.ask(path, host=host)
    assert (answer.status, answer.code) == expected
    assert answer.headers["X-Frame-Options"] == "DENY"


async def test_a_socket_to_where_none_is_gets_404(gate: Gate, all_there: None) -> None:
    async with person(gate) as session:
        for host, path in (("ws", "/nowhere"), ("api", "/v1/nowhere"), ("ws", f"/p/{SESSION}")):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await landed(gate, session, path, host=host)
            assert refused.value.status == 404


async def test_one_strangers_sockets_and_handshakes_are_limited(gate: Gate, all_there: None) -> None:
    async with person(gate, "127.0.0.3") as session, AsyncExitStack() as stack:
        refused: set[int] = set()
        open_now = 0
        for _ in range(PER_ADDRESS_MAX + 5):
            try:
                await stack.enter_async_context(session.ws_connect(address(gate, f"/p/1{SESSION}")))
                open_now += 1
            except aiohttp.WSServerHandshakeError as error:
                refused.add(error.status)
        assert (open_now, refused) == (PER_ADDRESS_MAX, {429})


@pytest.mark.parametrize("path", [f"/p/1{SESSION}", SESSION])
async def test_a_viewer_who_reads_nothing_is_felt_by_the_pod(
    gate: Gate, pods: dict[str, PodSpec], all_there: None, path: str
) -> None:
    """The pod decides about slow viewers: what waits between it and the viewer must be small."""
    answered, _, writer = await handshake(gate, f"{path}?flood=1")
    pod = answered[POD_HEADER.lower()]

    async def stalled() -> int:
        seen = await control(pods, pod, "/ready")
        if not seen["stalled"]:
            raise NotReady("still flowing")
        return int(seen["flooded"])

    taken = await wait_for(stalled, within_s=20, saying="the pod stops sending")
    writer.close()
    await control(pods, pod, "/_drain")
    assert taken < BETWEEN_BYTES, f"{taken} bytes went to somebody who read nothing"
