"""A room's listeners hear each event once and in order, whatever Redis loses, repeats, disorders or forgets."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import virtual_time
from tests.support.live import World, body

from audifi.clients.live.ring import Event, State
from audifi.clients.live.room import Room
from audifi.wire.live import feed


@dataclass
class Listener:
    """What it heard."""

    events: list[int] = field(default_factory=list[int])
    states: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def heard(self, events: Sequence[Event], states: Sequence[State]) -> None:
        assert all(event.body == body(event.seq) for event in events)
        self.events += [event.seq for event in events]
        self.states += [(state.key, state.version) for state in states]


def followed(world: World) -> tuple[Room, Listener]:
    room, listener = world.room(), Listener()
    room.listeners.append(listener.heard)
    return room, listener


async def reached(room: Room, seq: int) -> None:
    async with asyncio.timeout(60):
        while room.seq < seq:
            await virtual_time.pass_s(0.01)


def presence(seq: int, version: int) -> bytes:
    return feed.state(seq, version, "presence", b'{"type":"presence"}')


fates = st.tuples(
    st.integers(0, 200),  # published after so many ms
    st.lists(st.integers(0, 120), max_size=3),  # and delivered after so many more, as often as that
    st.booleans(),  # and in Redis' log
)


@settings(max_examples=200)
@given(st.lists(fates, min_size=1, max_size=25), st.lists(st.integers(0, 3000), max_size=3), st.integers(0, 3))
def test_each_event_once_in_order(fate: list[tuple[int, list[int], bool]], doubts: list[int], before: int) -> None:
    async def story() -> None:
        loop, world = asyncio.get_running_loop(), World(truth=list(range(1, before + 1)))
        room, listener = followed(world)
        room.doubt()
        await room.has_begun.wait()
        assert room.seq == before
        at_ms = 0
        for seq, (pause_ms, deliveries, is_logged) in enumerate(fate, start=before + 1):
            at_ms += pause_ms
            loop.call_later(at_ms / 1000, world.truth.append, seq)
            if is_logged:
                loop.call_later(at_ms / 1000, world.log.append, seq)
            for late_ms in deliveries:
                loop.call_later((at_ms + late_ms) / 1000, room.receive, feed.event(seq, body(seq)))
        for doubt_ms in doubts:
            loop.call_later(doubt_ms / 1000, room.doubt)
        last = before + len(fate)
        loop.call_later((at_ms + 500) / 1000, room.receive, presence(last, 1))
        await reached(room, last)
        await virtual_time.pass_s(5)
        assert listener.events == list(range(before + 1, last + 1))
        assert [event.seq for event in room.events_after(before) or ()] == listener.events
        lost = sum(1 for _, deliveries, _ in fate if not deliveries)
        slow = sum(1 for _, deliveries, _ in fate if deliveries and min(deliveries) >= 50)
        assert world.truth_reads <= 1 + len(doubts) + 2 * (lost + slow)
        await room.close()

    virtual_time.run(story())


def test_disorder_of_less_than_50_ms_reads_nothing() -> None:
    async def story() -> None:
        world = World(truth=[1, 2, 3], log=[1, 2, 3])
        room, listener = followed(World())
        room.doubt()
        await room.has_begun.wait()
        for late_s, seq in ((0.0, 3), (0.02, 2), (0.04, 1)):
            asyncio.get_running_loop().call_later(late_s, room.receive, feed.event(seq, body(seq)))
        await virtual_time.pass_s(5)
        assert listener.events == [1, 2, 3]
        assert (world.log_reads, world.truth_reads) == (0, 0)
        await room.close()

    virtual_time.run(story())


def test_the_newest_state_of_each_key_counts_and_is_read_again_after_a_gap() -> None:
    async def story() -> None:
        world = World(kept={"presence": presence(0, 4)})
        room, listener = followed(world)
        room.doubt()
        await room.has_begun.wait()
        await virtual_time.pass_s(0.1)
        for version in (3, 6, 5, 6):
            room.receive(presence(0, version))
        room.receive(feed.state(0, 1, "reaction_burst", b"{}"))
        room.receive(feed.state(0, 1, "reaction_burst", b"{}"))
        world.kept["presence"] = presence(0, 9)
        room.doubt()
        await virtual_time.pass_s(1)
        assert listener.states == [("presence", 4), ("presence", 6), *[("reaction_burst", 1)] * 2, ("presence", 9)]
        assert room.states["presence"].version == 9
        assert set(room.states) == {"presence"}
        await room.close()

    virtual_time.run(story())


def test_a_room_begins_and_heals_without_redis_and_without_the_service_later() -> None:
    async def story() -> None:
        world = World(truth=[1, 2], is_redis_away=True)
        room, listener = followed(world)
        await room.has_begun.wait()  # by itself: nobody subscribed it
        world.is_service_away = True
        room.receive(feed.event(4, body(4)))
        await virtual_time.pass_s(10)
        assert listener.events == []
        world.truth += [3, 4]
        world.is_service_away = False
        await reached(room, 4)
        assert listener.events == [3, 4]
        await room.close()

    virtual_time.run(story())


def test_what_nobody_has_any_more_is_a_jump() -> None:
    async def story() -> None:
        world = World(truth=[1])
        room, listener = followed(world)
        room.doubt()
        await room.has_begun.wait()
        world.truth, world.oldest = list(range(1, 10)), 8
        room.receive(feed.event(9, body(9)))
        await reached(room, 9)
        assert listener.events == [8, 9]
        assert room.events_after(1) is None
        assert room.events_after(7) is not None
        await room.close()

    virtual_time.run(story())
