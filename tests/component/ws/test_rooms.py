"""What happens in a session reaches everybody, at whichever pod, once and in order, whatever dies meanwhile."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

import pytest
import pytest_asyncio
from tests.component.ws import client
from tests.component.ws.client import Socket
from tests.component.ws.conftest import running
from tests.component.ws.driver import Pod

from audifi.clients.live.publishing import Publisher
from audifi.kernel.ids import new_id
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.live import feed, protocol
from audifi.wire.live.calls import Pulse
from audifi.wire.problems import Unavailable

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Stage:
    """Two pods, and a session of which both hear."""

    first: Pod
    second: Pod
    session_id: str

    @property
    def truth(self) -> list[str]:
        return self.first.neighbours.truth.setdefault(self.session_id, [])

    async def happen(self, count: int = 1, *, text: str = "x") -> None:
        """Events are committed, and published until Redis has them."""
        for _ in range(count):
            self.truth.append(f'{{"type":"chat_message","ts":1,"text":"{text}"}}')
            await self.publish(len(self.truth))

    async def publish(self, seq: int) -> None:
        async def tried() -> None:
            try:
                await Publisher(self.first.cache).event(self.session_id, seq, self.truth[seq - 1].encode())
            except Unavailable as problem:
                raise NotReady(str(problem)) from problem

        await wait_for(tried, within_s=30, saying="it is published", every_s=0.05)

    async def state(self, version: int) -> None:
        body = b'{"type":"presence","ts":1,"viewerCount":%d}' % version
        await Publisher(self.first.cache).state(self.session_id, len(self.truth), version, "presence", body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pods(stores: Held) -> AsyncIterator[tuple[Pod, Pod]]:
    async with running(stores) as first, running(stores) as second:
        second.neighbours.truth = first.neighbours.truth
        yield first, second


@pytest_asyncio.fixture(loop_scope="module")
async def stage(pods: tuple[Pod, Pod]) -> AsyncIterator[Stage]:
    for pod in pods:
        pod.neighbours.reads.clear()
        pod.neighbours.pulses.clear()
    yield Stage(*pods, session_id=str(new_id()))
    for pod in pods:
        await pod.part()


async def joined(pod: Pod, session_id: str, last_seq: int | None = None) -> Socket:
    viewer = await pod.open(session_id)
    await viewer.say("join", **({} if last_seq is None else {"lastSeq": last_seq}))
    return viewer


async def events(viewer: Socket, count: int) -> list[int]:
    return [(await viewer.heard("chat_message"))["seq"] for _ in range(count)]


async def test_viewers_at_two_pods_see_the_same_in_the_same_order(stage: Stage) -> None:
    await stage.happen(3)
    viewers = [await joined(pod, stage.session_id) for pod in (stage.first, stage.second) for _ in range(3)]
    for viewer in viewers:
        snapshot = await viewer.heard("session_state")
        assert snapshot["seq"] == 3
        assert snapshot["you"]["role"] == "viewer"
    await stage.happen(40)
    await stage.state(1)
    for viewer in viewers:
        assert await events(viewer, 40) == list(range(4, 44))
        presence = await viewer.heard("presence")
        assert (presence["seq"], presence["version"]) == (43, 1)
    for pod in (stage.first, stage.second):
        assert pod.neighbours.reads == {"snapshot": 1, "events": 1}, "one question, however many viewers"


async def test_whoever_comes_back_gets_what_it_missed_from_any_pod(stage: Stage) -> None:
    viewer = await joined(stage.first, stage.session_id)
    await viewer.heard("session_state")
    await stage.happen(5)
    assert await events(viewer, 5) == [1, 2, 3, 4, 5]
    await viewer.leave()
    await stage.happen(5)
    back = await joined(stage.second, stage.session_id, 5)
    assert await events(back, 5) == [6, 7, 8, 9, 10]
    await stage.happen()
    assert await events(back, 1) == [11]
    assert stage.second.neighbours.reads["snapshot"] == 0


async def test_a_session_that_ended_is_told_and_then_its_sockets_are_closed_for_good(stage: Stage) -> None:
    viewers = [await joined(pod, stage.session_id) for pod in (stage.first, stage.second)]
    for viewer in viewers:
        await viewer.heard("session_state")
    stage.truth.append('{"type":"session_ended","ts":1,"reason":"ended"}')
    await stage.publish(1)
    for viewer in viewers:
        assert (await viewer.heard("session_ended"))["reason"] == "ended"
        assert await viewer.closed() == protocol.Code.SESSION_OVER


async def test_a_pod_dies_and_its_viewers_go_on_at_the_other(stores: Held, stage: Stage) -> None:
    async with running(stores) as doomed:
        doomed.neighbours.truth = stage.first.neighbours.truth
        viewers = [await joined(doomed, stage.session_id) for _ in range(20)]
        for viewer in viewers:
            await viewer.heard("session_state")
        await stage.happen(2)
        for viewer in viewers:
            assert await events(viewer, 2) == [1, 2]
        doomed.process.kill()
        await stage.happen(7)
        back = await asyncio.gather(*(joined(stage.second, stage.session_id, 2) for _ in viewers))
        for viewer in back:
            assert await events(viewer, 7) == list(range(3, 10))
    assert stage.second.neighbours.reads["events"] <= 1


async def test_the_master_of_the_channel_is_killed_and_sockets_stay_and_miss_nothing(
    stores: Held, stage: Stage
) -> None:
    async def all_ready() -> None:
        units = await stores.units()
        if bad := {name: unit["detail"] for name, unit in units.items() if unit["state"] not in {"ready", "done"}}:
            raise NotReady(f"{bad}")

    viewers = [await joined(pod, stage.session_id) for pod in (stage.first, stage.second) for _ in range(10)]
    for viewer in viewers:
        await viewer.heard("session_state")
    await stage.happen()
    port = int((await stage.first.cache.owner(feed.channel(stage.session_id))).rpartition(":")[2])
    pods = stores.topology.component("redis-cluster").pods
    master = next(pod for pod in pods if stores.port(pod, "redis") == port)
    os.kill(int((await stores.units())[master]["pid"]), signal.SIGKILL)
    try:
        await stage.happen(10)
        for viewer in viewers:
            assert await events(viewer, 11) == list(range(1, 12))
    finally:
        await wait_for(all_ready, within_s=90, saying="all stores are ready again")
    reads = stage.first.neighbours.reads["events"] + stage.second.neighbours.reads["events"]
    assert reads < len(viewers), "a few for each pod, none for a viewer"


async def test_whoever_reads_nothing_is_closed_and_the_others_do_not_notice(stage: Stage) -> None:
    brisk = await joined(stage.first, stage.session_id)
    await brisk.heard("session_state")
    await stuck(stage.first, stage.session_id)
    loop = asyncio.get_running_loop()
    slowest_s, count = 0.0, 0
    while await is_there(stage.first, viewers=2):
        assert count < 2000, "it was never closed"
        started_s = loop.time()
        await stage.happen(text="y" * 3000)
        count += 1
        assert await events(brisk, 1) == [count]
        slowest_s = max(slowest_s, loop.time() - started_s)
    assert slowest_s < 0.25


async def stuck(pod: Pod, session_id: str) -> None:
    """A viewer that joined and reads nothing, with little room in its own socket."""
    reader, writer = await pod.raw()
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ticket = await pod.ticket(session_id)
    viewer = await client.upgraded(reader, writer, client.handshake(f"/vstudio/{session_id}?ticket={ticket}"))
    await viewer.say("join")
    await viewer.heard("session_state")
    cast("asyncio.Transport", writer.transport).pause_reading()


async def is_there(pod: Pod, viewers: int) -> bool:
    return (await pod.metrics())["ws_connections_active"] == viewers


async def test_who_watches_is_told_once_a_second_and_the_pod_is_listed(stage: Stage) -> None:
    pulses = stage.first.neighbours.pulses
    viewer = await joined(stage.first, stage.session_id)
    await viewer.heard("session_state")
    await viewer.say("reaction", emoji=protocol.REACTIONS[0])
    await viewer.say("reaction", emoji=protocol.REACTIONS[0])

    await told(pulses, "it came", lambda each: each.viewers == 1 and bool(each.joined))
    await told(pulses, "it reacted", lambda each: sum(each.reactions.values()) == 2)
    listed = await stage.first.cache.command("HGETALL", feed.pods())
    assert b"ws-gateway-1" in listed
    await viewer.leave()
    await told(pulses, "it left", lambda each: each.viewers == 0 and bool(each.left))


async def told(pulses: list[Pulse], saying: str, what: Callable[[Pulse], bool]) -> None:
    async def probe() -> None:
        if not any(map(what, pulses)):
            raise NotReady(f"{pulses}")

    await wait_for(probe, within_s=10, saying=saying)


async def test_a_pod_that_stops_is_listed_no_more(stores: Held, pods: tuple[Pod, Pod]) -> None:
    del pods  # they renew the same line; so only that it ends well is looked at here
    async with running(stores) as leaving:
        leaving.stop()
        assert await asyncio.wait_for(leaving.process.wait(), 20) == 0
