"""Rooms on a real cluster: whatever happens to the master that owns their channel, they hear each event once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from tests.component.live.conftest import Redis

from audifi.clients.live.feed import Feed
from audifi.clients.live.publishing import Publisher
from audifi.clients.live.ring import Event, State
from audifi.clients.live.room import Room
from audifi.kernel.cache import Cache
from audifi.kernel.ids import new_id
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.live import feed
from audifi.wire.live.calls import Events
from audifi.wire.problems import Unavailable

pytestmark = pytest.mark.asyncio


@dataclass
class Truth:
    """What PostgreSQL would say, and who has published it."""

    cache: Cache
    events: dict[str, int] = field(default_factory=dict[str, int])
    reads: int = 0

    async def missed(self, session_id: str, after: int) -> Events:
        self.reads += 1
        newest = self.events.get(session_id, 0)
        return Events(events=[(seq, f"{seq}") for seq in range(after + 1, newest + 1)], complete=True, newest=newest)

    async def publish(self, session_id: str) -> int:
        """The relay of vstudio-service: again and again, until Redis has it."""
        seq = self.events[session_id] = self.events.get(session_id, 0) + 1

        async def tried() -> None:
            try:
                await Publisher(self.cache).event(session_id, seq, b"%d" % seq)
            except Unavailable as problem:
                raise NotReady(str(problem)) from problem

        await wait_for(tried, within_s=30, saying=f"event {seq} is published", every_s=0.05)
        return seq


@dataclass
class Follower:
    """A room and what its listener heard."""

    room: Room
    events: list[int] = field(default_factory=list[int])
    states: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def heard(self, events: Sequence[Event], states: Sequence[State]) -> None:
        self.events += [event.seq for event in events]
        self.states += [(state.key, state.version) for state in states]

    async def has(self, check: "Callable[[Follower], bool]") -> None:
        async def probe() -> None:
            if not check(self):
                raise NotReady(f"at {self.room.seq}, {len(self.events)} events, {self.states[-3:]}")

        await wait_for(probe, within_s=30, saying="the room heard", every_s=0.02)


@pytest.fixture
def truth(cache: Cache) -> Truth:
    return Truth(cache)


@pytest_asyncio.fixture
async def live(redis: Redis, cache: Cache, truth: Truth) -> AsyncIterator[Feed]:
    opened = Feed.open(redis, cache, truth.missed)
    running = asyncio.create_task(opened.run())
    yield opened
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await opened.close()


async def followed(live: Feed, session_id: str) -> Follower:
    room = live.follow(session_id)
    follower = Follower(room)
    room.listeners.append(follower.heard)
    await asyncio.wait_for(room.has_begun.wait(), 10)
    return follower


async def test_a_room_begins_with_the_log_and_hears_what_follows(live: Feed, cache: Cache, truth: Truth) -> None:
    session_id = str(new_id())
    for _ in range(5):
        await truth.publish(session_id)
    await Publisher(cache).state(session_id, 5, 7, "presence", b"{}")
    follower = await followed(live, session_id)
    await follower.has(lambda each: each.states == [("presence", 7)])
    assert [event.seq for event in follower.room.events_after(0) or ()] == [1, 2, 3, 4, 5]
    await asyncio.gather(*(truth.publish(session_id) for _ in range(20)))
    await follower.has(lambda each: each.room.seq == 25)
    assert follower.events == list(range(6, 26))
    assert truth.reads == 1


async def test_what_the_channel_never_said_is_found(live: Feed, cache: Cache, truth: Truth) -> None:
    session_id = str(new_id())
    follower = await followed(live, session_id)
    truth.events[session_id] = 3  # committed, and published by nobody
    await truth.publish(session_id)
    await follower.has(lambda each: each.events == [1, 2, 3, 4])
    truth.events[session_id] = 6
    await Publisher(cache).state(session_id, 6, 1, "presence", b"{}")
    await follower.has(lambda each: each.events == [1, 2, 3, 4, 5, 6])


async def test_two_who_follow_share_a_room(live: Feed, truth: Truth) -> None:
    session_id = str(new_id())
    first, second = live.follow(session_id), live.follow(session_id)
    assert first is second
    await asyncio.wait_for(first.has_begun.wait(), 10)
    live.leave(first)
    live.leave(second)
    assert live.follow(session_id) is first  # within the time after which it is forgotten


async def owner(stores: Held, cache: Cache, session_id: str) -> tuple[str, int]:
    """The pod that owns the session's channel, and its process."""
    port = int((await cache.owner(feed.channel(session_id))).rpartition(":")[2])
    pods = stores.topology.component("redis-cluster").pods
    pod = next(pod for pod in pods if stores.port(pod, "redis") == port)
    return pod, int((await stores.units())[pod]["pid"])


async def all_ready(stores: Held) -> None:
    bad = {
        name: unit["detail"] for name, unit in (await stores.units()).items() if unit["state"] not in {"ready", "done"}
    }
    if bad:
        raise NotReady(f"{bad}")


@pytest.mark.parametrize("deed", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_the_master_of_the_channel_dies_and_nobody_misses_an_event(
    stores: Held, live: Feed, cache: Cache, truth: Truth, deed: signal.Signals
) -> None:
    session_id = str(new_id())
    await wait_for(lambda: all_ready(stores), within_s=60, saying="all stores are ready")
    follower = await followed(live, session_id)
    last = await truth.publish(session_id)
    await follower.has(lambda each: each.room.seq == last)
    reads = truth.reads
    _, process = await owner(stores, cache, session_id)
    os.kill(process, deed)
    try:
        for _ in range(20):
            last = await truth.publish(session_id)
        await follower.has(lambda each: each.room.seq == last)
        await Publisher(cache).state(session_id, last, 2, "presence", b"{}")
        await follower.has(lambda each: ("presence", 2) in each.states)
        assert follower.events == list(range(1, last + 1))
        assert truth.reads - reads <= 4
    finally:
        if deed == signal.SIGSTOP:
            os.kill(process, signal.SIGCONT)
        await wait_for(lambda: all_ready(stores), within_s=90, saying="all stores are ready again")
    last = await truth.publish(session_id)
    await follower.has(lambda each: each.room.seq == last)


async def test_thousands_of_events_arrive_once_and_in_order(live: Feed, truth: Truth) -> None:
    sessions = [str(new_id()) for _ in range(4)]
    followers = [await followed(live, session_id) for session_id in sessions]
    await asyncio.gather(*(truth.publish(session_id) for session_id in sessions for _ in range(500)))
    for follower in followers:
        await follower.has(lambda each: each.room.seq == 500)
        assert follower.events == list(range(1, 501))
