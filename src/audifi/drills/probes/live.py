"""Measure live connections: stickiness, fan-out over pods, and connections whose program is gone.

Between: drills.probes (collects), the swarm's scene (an artist and one open decision), sdk.live and aiohttp.
Shape: viewers sit on every pod, put there by the address that names it.
Units: what goes wrong, counted; *_s seconds.
Invariant: everything is asked through the edge; a session that was made is ended.
Errors: those of the SDK and of visiting.
Source: design.md "WebSocket Architecture", "Connection Handling"; domain.md 3 (ping 30 s, pong 10 s, 2 misses).
"""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from secrets import token_hex
from typing import Final
from uuid import uuid4

import aiohttp

from audifi.drills import scars
from audifi.drills.journey import losses, people
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.people import Person
from audifi.drills.journey.stage import Stage, own_address
from audifi.drills.probes.probe import Probe, Weakened
from audifi.drills.probes.visiting import trust
from audifi.drills.rehearsal.seats import Seat, seated
from audifi.drills.swarm import scene
from audifi.local import resolution
from audifi.local.waiting import TimedOut
from audifi.sdk.resolver import LocalhostResolver
from audifi.wire.live.addresses import POD_HEADER, named

GATEWAY: Final = "ws-gateway"
RETURNS: Final = 10  # of one browser
DEAD_MAX_S: Final = 70.0  # the promise's own words


@asynccontextmanager
async def browser(*, keeps_cookies: bool, stage: Stage) -> AsyncGenerator[tuple[aiohttp.ClientSession, list[str]]]:
    """A program that opens sockets, and the pods that answered its handshakes."""
    answered: list[str] = []

    async def seen(_: aiohttp.ClientSession, __: object, done: aiohttp.TraceRequestEndParams) -> None:
        answered.append(done.response.headers.get(POD_HEADER, ""))

    watching = aiohttp.TraceConfig()
    watching.on_request_end.append(seen)  # pyright: ignore[reportArgumentType]  # its context has no type of ours
    connector = aiohttp.TCPConnector(
        ssl=trust(stage), resolver=LocalhostResolver(), limit=0, local_addr=(own_address(), 0)
    )
    jar = aiohttp.CookieJar() if keeps_cookies else aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, trace_configs=[watching]) as http:
        yield http, answered


def address(stage: Stage, path: str = "") -> str:
    """The address of a socket, as a browser has it; without a path one that names no pod."""
    where = path or f"/vstudio/{uuid4()}"
    return resolution.public_url(stage.instance, stage.topology, "ws", where).replace("https", "wss", 1)


async def handshake(stage: Stage) -> str:
    """The pod that answered; "" when nobody did."""
    async with browser(keeps_cookies=False, stage=stage) as (http, answered):
        try:
            async with http.ws_connect(address(stage)):
                return answered[-1]
        except aiohttp.ClientError:
            return ""


async def returns_to_another_pod(stage: Stage) -> float:
    """How often one browser that comes back is sent to another pod than before."""
    return await _moves(stage, keeps_cookies=True)


async def returns_without_a_cookie(stage: Stage) -> float:
    return await _moves(stage, keeps_cookies=False)


async def _moves(stage: Stage, *, keeps_cookies: bool) -> float:
    async with browser(keeps_cookies=keeps_cookies, stage=stage) as (http, answered):
        for _ in range(RETURNS):
            async with http.ws_connect(address(stage)):
                pass
    return sum(before != after for before, after in itertools.pairwise(answered))


async def is_sticky(stage: Stage) -> float:
    """Whether every return of one browser comes to the same pod."""
    return await returns_to_another_pod(stage) == 0


async def is_sticky_without_a_cookie(stage: Stage) -> float:
    return await returns_without_a_cookie(stage) == 0


async def viewers_that_missed_a_vote(stage: Stage) -> float:
    """Somebody votes; how many viewers, on all pods, are not shown the new tally."""
    return await _missed(stage, frozen="")


async def viewers_of_a_frozen_pod(stage: Stage) -> float:
    return await _missed(stage, frozen=f"{GATEWAY}-2")


@asynccontextmanager
async def a_live_session(stage: Stage) -> AsyncGenerator[scene.Scene]:
    """A session on air with one open decision, of an artist of its own; ended with the block."""
    played = await scene.made(replace(stage, run=token_hex(4)))
    try:
        yield played
    finally:
        await played.over()


async def _missed(stage: Stage, *, frozen: str) -> float:
    async with a_live_session(stage) as played:
        async with AsyncExitStack() as stack:
            viewer = await people.signed_in(stage, f"viewer-{uuid4().hex[:12]}@example.org")
            pods = stage.topology.component(GATEWAY).pods
            seats = [await stack.enter_async_context(_on(stage, pod, viewer, played.session_id)) for pod in pods]
            if frozen:
                await stack.enter_async_context(_frozen(stage, frozen))
            await viewer.client.vstudio.vote(played.session_id, played.decision_id, choice=played.options[0])
            saw = await asyncio.gather(*(_saw(each, played.decision_id, played.options[0]) for each in seats))
        return saw.count(False)


def _on(stage: Stage, pod: str, person: Person, session_id: str) -> AbstractAsyncContextManager[Seat]:
    """A seat on this pod: its address names it, and who comes so says the token in the first message."""
    return seated(person, session_id, bare_url=address(stage, f"{named(pod)}/vstudio/{session_id}"))


async def _saw(seat: Seat, decision_id: str, option: str) -> bool:
    try:
        await seat.sees(decision_id, {option: 1})
    except (TimedOut, Mismatch):
        return False
    return True


@asynccontextmanager
async def _frozen(stage: Stage, pod: str) -> AsyncGenerator[None]:
    number = int((await losses.units(stage))[pod]["pid"])
    async with scars.scarred(stage, f"{pod} is frozen", let_go, number=number):
        os.kill(number, signal.SIGSTOP)
        yield


async def let_go(stage: Stage, told: scars.Told) -> None:
    """Undo a freeze."""
    del stage
    try:
        os.kill(int(told["number"]), signal.SIGCONT)
    except ProcessLookupError:
        return


async def dead_connections_kept(stage: Stage) -> float:
    """A program that answers no ping: 1 when its connection is still open after 70 s."""
    return await _kept(stage, answers_pings=False)


async def living_connections_kept(stage: Stage) -> float:
    return await _kept(stage, answers_pings=True)


async def _kept(stage: Stage, *, answers_pings: bool) -> float:
    async with a_live_session(stage) as played:
        viewer = await people.signed_in(stage, f"viewer-{uuid4().hex[:12]}@example.org")
        ticket = await viewer.client.vstudio.ticket(played.session_id)
        async with (
            browser(keeps_cookies=False, stage=stage) as (http, _),
            http.ws_connect(ticket.ws_url, autoping=answers_pings) as socket,
        ):
            await socket.send_json({"type": "join", "requestId": "a"})
            return await _open_after(socket, DEAD_MAX_S)


async def _open_after(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> bool:
    """Read what comes until it is closed or the time is over."""
    deadline_s = time.monotonic() + seconds
    while (left_s := deadline_s - time.monotonic()) > 0:
        try:
            message = await socket.receive(timeout=left_s)
        except TimeoutError:
            return True
        if message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}:
            return False
    return True


PROBES: Final = (
    Probe(
        name="ws-sticky",
        measure=is_sticky,
        sabotage=Weakened(removes="the browser forgets the balancer's cookie", measure=is_sticky_without_a_cookie),
    ),
    Probe(
        name="ws-affinity",
        measure=returns_to_another_pod,
        sabotage=Weakened(removes="the browser forgets the balancer's cookie", measure=returns_without_a_cookie),
    ),
    *(
        Probe(
            name=name,
            measure=viewers_that_missed_a_vote,
            sabotage=Weakened(removes="one pod is frozen: no message reaches it", measure=viewers_of_a_frozen_pod),
            is_quick=False,
        )
        for name in ("ws-fan-out", "ws-scaling")
    ),
    Probe(
        name="ws-health",
        measure=dead_connections_kept,
        sabotage=Weakened(removes="the program answers pings: it is not dead", measure=living_connections_kept),
        is_quick=False,
    ),
)
