"""A pod that stops: nobody new, everybody told, closed one after the other, and an end in time."""

import asyncio
import signal
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from tests.component.ws.conftest import running
from tests.component.ws.driver import Pod

from audifi.kernel.ids import new_id
from audifi.local.held import Held
from audifi.wire.live import feed, protocol

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def own(stores: Held) -> AsyncGenerator[Pod]:
    """A pod that may be stopped."""
    async with running(stores, drain_s="1") as pod:
        yield pod
        assert pod.alarms() == []


async def test_viewers_are_told_and_closed_over_the_window(own: Pod) -> None:
    session_id = str(new_id())
    sockets = [await own.open(session_id) for _ in range(20)]
    for socket in sockets:
        await socket.say("join", requestId="j")
        await socket.heard("ack")
    loop = asyncio.get_running_loop()
    started = loop.time()
    own.stop()
    told = [(await socket.heard("reconnect"))["afterMs"] for socket in sockets]
    assert loop.time() - started < 1, "everybody at once"
    assert (await own.get("/ready"))[0] == 503
    declined = await own.connect(f"/vstudio/{session_id}?ticket={await own.ticket(session_id)}")
    assert (declined.status, declined.headers["retry-after"]) == (503, "1")
    assert await own.cache.command("HGET", feed.pods(), own.environment["AUDIFI_POD"]) is None, "no ticket names it"

    async def closed_after(index: int) -> float:
        assert await sockets[index].closed() == protocol.DRAINING
        return (loop.time() - started) * 1000

    took = await asyncio.gather(*(closed_after(index) for index in range(len(sockets))))
    assert sorted(told) == [250 * (number + 1) for number in range(20)], "5 s for so few, evenly"
    assert all(took[index] >= told[index] - 50 for index in range(20)), "nobody before their moment"
    assert await asyncio.wait_for(own.process.wait(), 5) == 0


async def test_a_pod_nobody_watches_ends_after_its_drain(own: Pod) -> None:
    own.stop()
    assert await asyncio.wait_for(own.process.wait(), 5) == 0


async def test_an_interrupt_closes_everybody_at_once(own: Pod) -> None:
    sockets = [await own.open() for _ in range(5)]
    for socket in sockets:
        await socket.say("ping")
        await socket.heard("pong")
    own.stop(signal.SIGINT)
    for socket in sockets:
        assert await socket.closed() == protocol.DRAINING
    assert await asyncio.wait_for(own.process.wait(), 5) == 0


async def test_a_second_signal_ends_it_now(own: Pod) -> None:
    sockets = [await own.open() for _ in range(5)]
    own.stop()
    await sockets[0].heard("reconnect")
    own.stop()
    assert await asyncio.wait_for(own.process.wait(), 3) == 1


async def test_somebody_who_never_answers_does_not_keep_it(own: Pod) -> None:
    sockets = [await own.open() for _ in range(3)]
    for socket in sockets:
        await socket.say("ping")
        await socket.heard("pong")
    own.stop(signal.SIGINT)
    assert await asyncio.wait_for(own.process.wait(), 6) == 0
