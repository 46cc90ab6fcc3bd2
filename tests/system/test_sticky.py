"""Stickiness of live sockets through the whole platform: the named pod, the cookie's pod, and the next after a death.

Between: the SDK (tickets), aiohttp (handshakes as a browser makes them), edge, balancer, ws-gateway.
Invariant: who connects is a person with an address of their own; nothing here reaches behind the edge.
Units: *_s seconds.
"""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import aiohttp
import pytest
from tests.system.visitors import Visitors, new_address

from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Audifi
from audifi.sdk.resolver import LocalhostResolver
from audifi.wire.headers import REQUEST_ID
from audifi.wire.live.addresses import NAMED, POD_HEADER, named
from audifi.wire.live.protocol import DRAINING, Code

PODS = ("ws-gateway-1", "ws-gateway-2", "ws-gateway-3")
BACK_WITHIN_S = 60.0
BROWSERS = 9


async def pid_of(platform: Held, pod: str) -> int:
    pid = (await platform.units())[pod]["pid"]
    assert isinstance(pid, int), f"{pod} does not run"
    return pid


async def has_another_pid(platform: Held, pod: str, former: int) -> None:
    unit = (await platform.units())[pod]
    if unit["state"] != "ready" or unit["pid"] == former:
        raise NotReady(f"{pod} is {unit['state']} with pid {unit['pid']}")


@dataclass
class Browser:
    """One program with its cookies."""

    http: aiohttp.ClientSession
    answered: list[str]  # pods, one per handshake

    @asynccontextmanager
    async def opened(self, url: str, **sent: str) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        async with self.http.ws_connect(url, headers=sent) as socket:
            yield socket

    async def landed(self, url: str) -> str:
        """The pod that answered a handshake."""
        async with self.opened(url):
            return self.answered[-1]


@asynccontextmanager
async def browser(people: Visitors) -> AsyncGenerator[Browser]:
    answered: list[str] = []

    async def seen(_: aiohttp.ClientSession, __: object, done: aiohttp.TraceRequestEndParams) -> None:
        if POD_HEADER in done.response.headers:
            answered.append(done.response.headers[POD_HEADER])

    watching = aiohttp.TraceConfig()
    watching.on_request_end.append(seen)  # pyright: ignore[reportArgumentType]  # its context has no type of ours
    connector = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=str(people.ca_file)),
        resolver=LocalhostResolver(),
        limit=0,
        local_addr=(new_address(), 0),
    )
    async with aiohttp.ClientSession(connector=connector, trace_configs=[watching]) as http:
        yield Browser(http, answered)


def socket_url(platform: Held, path: str, domain: str = "ws") -> str:
    return platform.public_url(domain, path).replace("https", "wss", 1)


def on_pod(url: str, pod: str) -> str:
    """The same ticket at another pod's address."""
    parts = urlsplit(url)
    assert parts.path.startswith(NAMED)
    return urlunsplit(parts._replace(path=named(pod) + "/" + parts.path.split("/", 3)[3]))


async def everybody_is_sent_to(people: Visitors, platform: Held) -> None:
    """Raise NotReady while the balancer leaves a pod out."""
    async with AsyncExitStack() as stack:
        some = [await stack.enter_async_context(browser(people)) for _ in range(BROWSERS)]
        found = {await each.landed(socket_url(platform, f"/vstudio/{uuid4()}")) for each in some}
    if found != set(PODS):
        raise NotReady(f"only {sorted(found)} are sent to")


async def live_session(people: Visitors) -> tuple[Audifi, str]:
    """An artist and the session that is on air."""
    artist = await people.artist()
    master = await artist.masters.create(title="Night Bus", type="TRACK", genre="Techno", durationSeconds=1)
    session = await artist.vstudio.create(masterId=master.id, title="How does it end?")
    await artist.vstudio.start(session.id)
    return artist, session.id


@pytest.mark.asyncio
@pytest.mark.parametrize("pod", PODS)
async def test_an_address_that_names_a_pod_leads_to_it(people: Visitors, platform: Held, pod: str) -> None:
    async with browser(people) as one:
        for _ in range(3):
            assert await one.landed(socket_url(platform, f"{named(pod)}/vstudio/{uuid4()}")) == pod


@pytest.mark.asyncio
async def test_a_ticket_names_the_pod_that_answers_and_works_at_another(people: Visitors, platform: Held) -> None:
    artist, session = await live_session(people)
    async with browser(people) as one:
        for _ in range(3):
            url = (await artist.vstudio.ticket(session)).ws_url
            named_pod = "ws-gateway-" + urlsplit(url).path.split("/")[2]
            async with one.opened(url) as socket:
                assert one.answered[-1] == named_pod
                await socket.send_json({"type": "join", "requestId": "a"})
                assert (await socket.receive_json(timeout=10))["type"] in {"session_state", "ack"}
        spare = (await artist.vstudio.ticket(session)).ws_url
        other = next(pod for pod in PODS if not urlsplit(spare).path.startswith(named(pod) + "/"))
        async with one.opened(on_pod(spare, other)) as socket:
            assert one.answered[-1] == other
            await socket.send_json({"type": "join", "requestId": "b"})
            assert (await socket.receive_json(timeout=10))["type"] in {"session_state", "ack"}
        async with one.opened(spare) as socket:  # spent
            message = await socket.receive_json(timeout=10)
            assert (message["type"], message["code"]) == ("error", Code.INVALID_TICKET)


@pytest.mark.asyncio
async def test_a_ticket_of_a_dead_pod_is_spent_at_another_and_is_in_no_log(people: Visitors, platform: Held) -> None:
    artist, session = await live_session(people)
    async with browser(people) as one:
        ticket = await artist.vstudio.ticket(session)
        victim = "ws-gateway-" + urlsplit(ticket.ws_url).path.split("/")[2]
        former = await pid_of(platform, victim)
        os.kill(former, signal.SIGKILL)
        async with one.opened(ticket.ws_url, **{REQUEST_ID: f"spent-{session}"}) as socket:
            await socket.send_json({"type": "join", "requestId": "a"})
            assert (await socket.receive_json(timeout=10))["type"] in {"session_state", "ack"}
    await wait_for(lambda: has_another_pid(platform, victim, former), within_s=BACK_WITHIN_S, saying="the pod is back")

    async def logged() -> None:
        if f"spent-{session}" not in platform.instance.log("edge-1").read_text():
            raise NotReady("no line yet")

    await wait_for(logged, within_s=BACK_WITHIN_S, saying="the edge logs the socket's end")
    for pod in await platform.units():
        log = platform.instance.log(pod)
        assert not log.exists() or ticket.ticket not in log.read_text(errors="replace"), f"{pod} wrote a ticket"


@pytest.mark.asyncio
async def test_a_cookie_leads_back_and_moves_on_with_a_death(people: Visitors, platform: Held) -> None:
    async def spread() -> None:
        await everybody_is_sent_to(people, platform)

    await wait_for(spread, within_s=BACK_WITHIN_S, saying="every pod is sent to")
    url = socket_url(platform, f"/vstudio/{uuid4()}")
    async with AsyncExitStack() as stack:
        some = [await stack.enter_async_context(browser(people)) for _ in range(BROWSERS)]
        first = [await each.landed(url) for each in some]
        assert [await each.landed(url) for each in some] == first
        victim = first[0]
        former = await pid_of(platform, victim)
        os.kill(former, signal.SIGKILL)
        second = [await each.landed(url) for each in some]
        moved = [after for before, after in zip(first, second, strict=True) if before == victim]
        stayed = [before == after for before, after in zip(first, second, strict=True) if before != victim]
        assert moved, "the first browser was on it"
        assert all(stayed)
        await wait_for(
            lambda: has_another_pid(platform, victim, former), within_s=BACK_WITHIN_S, saying="the pod is back"
        )
        assert [await each.landed(url) for each in some] == second, "a pod that returns takes nobody back"


@pytest.mark.asyncio
async def test_who_was_on_a_killed_pod_is_taken_by_the_next_at_the_same_address(
    people: Visitors, platform: Held
) -> None:
    url = socket_url(platform, f"{named('ws-gateway-2')}/vstudio/{uuid4()}")
    async with browser(people) as one, one.opened(url) as socket:
        former = await pid_of(platform, "ws-gateway-2")
        os.kill(former, signal.SIGKILL)
        ended = await asyncio.wait_for(socket.receive(), 10)
        assert ended.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR}
        assert await one.landed(url) in PODS, "by another at once, or by itself when it is back"
    await wait_for(
        lambda: has_another_pid(platform, "ws-gateway-2", former), within_s=BACK_WITHIN_S, saying="the pod is back"
    )
    assert socket.close_code != DRAINING, "it was killed, not asked"


@pytest.mark.asyncio
@pytest.mark.parametrize("domain", ["api", "studio"])
async def test_slash_ws_works_on_other_hosts(people: Visitors, platform: Held, domain: str) -> None:
    async with browser(people) as one:
        assert await one.landed(socket_url(platform, f"/ws?sessionId={uuid4()}", domain)) in PODS


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("domain", "path"), [("ws", "/"), ("ws", "/nowhere"), ("ws", "/p/1/metrics"), ("api", "/vstudio/x")]
)
async def test_what_is_no_address_of_sockets_is_answered_404(
    people: Visitors, platform: Held, domain: str, path: str
) -> None:
    async with browser(people) as one, one.http.get(platform.public_url(domain, path)) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "NOT_FOUND"


@pytest.mark.asyncio
async def test_a_page_of_somebody_else_may_not_connect(people: Visitors, platform: Held) -> None:
    async with browser(people) as one:
        for url in (f"{named('ws-gateway-1')}/vstudio/{uuid4()}", f"/vstudio/{uuid4()}"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with one.opened(socket_url(platform, url), Origin="https://evil.example"):
                    raise AssertionError("let in")
            assert refused.value.status == 403
            async with one.opened(socket_url(platform, url), Origin=platform.public_url("app")):
                assert one.answered[-1] in PODS
