"""Whoever joins, pauses, comes back or leaves at whatever moment is written each event once, in order."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import virtual_time
from tests.support.live import World, body

from audifi.clients.live.room import Room
from audifi.gateways.ws import fanout
from audifi.gateways.ws.audience import Audience
from audifi.gateways.ws.backpressure import LAG_S
from audifi.gateways.ws.dialects import Dialect
from audifi.gateways.ws.presence import Present
from audifi.gateways.ws.viewer import Room as ViewersRoom
from audifi.wire.live import feed, protocol
from audifi.wire.live.calls import Admission, Snapshot, You
from audifi.wire.problems import Unavailable


@dataclass(eq=False)
class Fan:
    """A viewer that keeps what it was written, and whose socket takes so many writes before it is full."""

    takes: int = 1_000_000
    drains_after_s: float | None = 0.03
    dialect: Dialect = Dialect.FLAT
    user_id: str | None = None
    session_id: str = "s"
    descriptor: int = -1  # no file: everything comes through write
    room: ViewersRoom | None = None
    is_paused: bool = False
    closed: int | None = None
    raw: bytes = b""
    writes: int = 0
    meddles: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    is_stray: bool = False  # written while in no room
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.takes

    @property
    def admission(self) -> Admission:
        return Admission(
            session_id="s", user_id=self.user_id, display_name="fan", you=You(role="viewer", eligible=True)
        )

    def write(self, frame: bytes | bytearray) -> None:
        if self.closed is not None:
            return
        self.is_stray |= self.room is None
        self.raw += frame
        self.writes += 1
        self.left -= 1
        if self.meddles:  # before the next slice of this batch
            asyncio.get_running_loop().call_soon(self.meddles.pop())
        if self.left <= 0:
            self.fill()

    def fill(self) -> None:
        if self.is_paused:
            return
        self.is_paused = True
        if self.room is not None:
            self.room.paused(self)
        if self.drains_after_s is not None:
            asyncio.get_running_loop().call_later(self.drains_after_s, self.drain)

    def fill_and_drain(self) -> None:
        self.fill()
        self.drain()

    def leave(self) -> None:
        if isinstance(self.room, Audience):
            self.room.leave(self)

    def drain(self) -> None:
        if not self.is_paused:
            return
        self.left, self.is_paused = self.takes, False
        if self.room is not None:
            self.room.resumed(self)

    def close(self, code: int, reason: str = "") -> None:
        del reason
        self.closed = code
        self.leave()

    @property
    def frames(self) -> list[dict[str, Any]]:
        """What was written, parsed."""
        found, at = list[dict[str, Any]](), 0
        while at < len(self.raw):
            assert self.raw[at] == 0x81
            size, at = self.raw[at + 1], at + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                size, at = int.from_bytes(self.raw[at : at + width]), at + width
            found.append(json.loads(self.raw[at : at + size]))
            at += size
        return found


@pytest.fixture(autouse=True, scope="module")
def small_slices() -> Iterator[None]:
    """Let others have a turn after every second viewer, so that they come and go in the middle of a batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanout, "SLICE", 2)
        yield


EVENT, SNAPSHOT = {"chat_message", "chat.message"}, {"session_state", "session.state"}


def judged(fan: Fan, last_seq: int | None) -> tuple[int, int]:
    """Return the newest event and the newest version it saw; fail on a hole, a duplicate or a step back."""
    seq, version = last_seq, 0
    for frame in fan.frames:
        if frame["type"] in SNAPSHOT:
            assert seq is None or frame["seq"] >= seq, "a snapshot from the past"
            seq = frame["seq"]
            version = max(version, (frame.get("payload") or frame)["version"])
        elif frame["type"] in EVENT:
            assert seq is not None
            assert frame["seq"] == seq + 1, f"{frame['seq']} after {seq}"
            seq = frame["seq"]
        else:
            version = max(version, frame["version"])
    return seq or 0, version


@dataclass
class Stage:
    """A session with its truth, and the audience under test."""

    world: World
    room: Room
    audience: Audience = field(init=False)
    version: int = 0
    asked: int = 0
    is_service_away: bool = False

    def __post_init__(self) -> None:
        self.audience = Audience(self.room, Present("ws-gateway-1"), self.snapshot)

    async def snapshot(self, _: str) -> Snapshot:
        if self.is_service_away:
            raise Unavailable("vstudio-service does not answer")
        self.asked += 1
        answer = Snapshot(seq=max(self.world.truth, default=0), status="ACTIVE", state={"version": self.version})
        await virtual_time.pass_s(0.004)
        return answer

    def happen(self, late_s: float = 0.0) -> None:
        """An event is committed, and told a moment later."""
        seq = max(self.world.truth, default=0) + 1
        self.world.truth.append(seq)
        self.world.log.append(seq)
        message = feed.event(seq, body(seq))
        asyncio.get_running_loop().call_later(late_s, self.room.receive, message)

    def change(self, late_s: float = 0.0) -> None:
        """A state becomes newer."""
        self.version += 1
        news = b'{"type":"presence","ts":1,"viewerCount":%d}' % self.version
        message = feed.state(max(self.world.truth, default=0), self.version, "presence", news)
        asyncio.get_running_loop().call_later(late_s, self.room.receive, message)


def staged(story: Callable[[Stage], Any], *, events: int = 3) -> None:
    """Run a story on a stage that has begun."""

    async def run() -> None:
        world = World(truth=list(range(1, events + 1)), log=list(range(1, events + 1)))
        stage = Stage(world, world.room())
        stage.room.doubt()
        await stage.room.has_begun.wait()
        await story(stage)
        stage.audience.close()
        await stage.room.close()

    virtual_time.run(run())


@dataclass(frozen=True)
class Visit:
    """When a fan comes, with what, how much its socket takes, and when it leaves."""

    at_ms: int
    last_seq: int | None
    takes: int
    leaves_ms: int | None
    dialect: Dialect
    meddles: list[tuple[int, str]]  # what happens to whom in the middle of a batch


visits = st.builds(
    Visit,
    at_ms=st.integers(0, 400),
    last_seq=st.none() | st.integers(0, 12),
    takes=st.sampled_from([1, 2, 5, 1000]),
    leaves_ms=st.none() | st.integers(0, 300),
    dialect=st.sampled_from(list(Dialect)),
    meddles=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["fill", "fill_and_drain", "leave"])), max_size=4),
)
moments = st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.integers(0, 40)), min_size=1, max_size=40)


@settings(max_examples=200)
@given(st.lists(visits, min_size=1, max_size=8), moments)
def test_everybody_is_written_each_event_once_and_in_order(guests: list[Visit], happening: list[Any]) -> None:
    async def story(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        for at_ms, is_event, late_ms in happening:
            loop.call_later(at_ms / 1000, stage.happen if is_event else stage.change, late_ms / 1000)

        fans = [Fan(takes=guest.takes, dialect=guest.dialect) for guest in guests]

        async def visit(fan: Fan, guest: Visit) -> int | None:
            fan.meddles += [getattr(fans[whom % len(fans)], what) for whom, what in guest.meddles]
            await virtual_time.pass_s(guest.at_ms / 1000)
            last_seq = None if guest.last_seq is None else min(guest.last_seq, max(stage.world.truth))
            await stage.audience.join(fan, last_seq)
            if guest.leaves_ms is not None:
                await virtual_time.pass_s(guest.leaves_ms / 1000)
                fan.leave()
            return last_seq

        visited = await asyncio.gather(*map(visit, fans, guests))
        stage.change()
        await virtual_time.pass_s(5)
        for fan, last_seq in zip(fans, visited, strict=True):
            seq, version = judged(fan, last_seq)
            assert not fan.is_stray
            if fan.room is not None:
                assert (seq, version) == (stage.room.seq, stage.version)
        assert stage.room.seq == max(stage.world.truth)

    staged(story)


def test_a_lie_about_the_last_event_gets_a_snapshot() -> None:
    async def story(stage: Stage) -> None:
        fan = Fan()
        await stage.audience.join(fan, 999)
        assert not fan.frames
        await virtual_time.pass_s(2)
        assert [frame["type"] for frame in fan.frames] == ["session_state"]
        stage.happen()
        await virtual_time.pass_s(1)
        assert fan.frames[-1]["seq"] == 4

    staged(story)


def test_a_thousand_joins_ask_for_one_snapshot_and_say_who_each_is() -> None:
    async def story(stage: Stage) -> None:
        fans = [Fan() for _ in range(1000)]
        await asyncio.gather(*(stage.audience.join(fan, None) for fan in fans))
        assert stage.asked == 1
        assert all(fan.frames[0]["you"]["role"] == "viewer" for fan in fans)
        await stage.audience.join(Fan(), None)
        assert stage.asked == 1, "nothing happened since"
        await virtual_time.pass_s(2)
        stage.happen()
        await virtual_time.pass_s(1)
        await stage.audience.join(Fan(), None)
        assert stage.asked == 2

    staged(story)


def test_without_the_service_replay_goes_on_and_a_snapshot_is_a_problem() -> None:
    async def story(stage: Stage) -> None:
        stage.is_service_away = True
        fan = Fan()
        with pytest.raises(Unavailable):
            await stage.audience.join(fan, None)
        assert fan.room is None
        await stage.audience.join(fan, 1)
        assert [frame["seq"] for frame in fan.frames] == [2, 3]

    staged(story)


def test_a_burst_leaves_at_once_and_then_in_batches() -> None:
    async def story(stage: Stage) -> None:
        fan = Fan()
        await stage.audience.join(fan, 3)
        stage.happen()
        await virtual_time.pass_s(0.001)
        assert fan.writes == 1, "idle: at once"
        for _ in range(50):
            stage.happen()
            stage.change()
        await virtual_time.pass_s(0.005)
        assert fan.writes == 1
        await virtual_time.pass_s(1)
        assert fan.writes == 2
        assert [frame["type"] for frame in fan.frames].count("presence") == 1, "of a state the newest leaves"
        assert judged(fan, 3) == (54, 50)

    staged(story)


def test_whoever_reads_nothing_is_closed_and_nobody_else_waits() -> None:
    async def story(stage: Stage) -> None:
        stuck, brisk = Fan(takes=1, drains_after_s=None), Fan()
        await asyncio.gather(stage.audience.join(stuck, 3), stage.audience.join(brisk, 3))
        stage.happen()
        await virtual_time.pass_s(LAG_S - 1)
        stage.happen()
        stage.audience.dismiss_slow()
        assert stuck.closed is None
        await virtual_time.pass_s(2)
        stage.audience.dismiss_slow()
        assert stuck.closed == protocol.OVERLOAD
        assert stuck.writes == 1
        assert judged(brisk, 3)[0] == 5
        assert len(stage.audience) == 1

    staged(story)


def test_more_than_256_frames_behind_is_closed_and_256_are_replayed() -> None:
    async def story(stage: Stage) -> None:
        slow = [Fan(takes=1, drains_after_s=None) for _ in range(3)]
        for fan in slow:
            await stage.audience.join(fan, 3)
        stage.happen()
        await virtual_time.pass_s(0.5)
        for _ in range(protocol.QUEUE_FRAMES_MAX):
            stage.happen()
        await virtual_time.pass_s(0.5)
        slow[0].takes = 1000
        slow[0].drain()
        assert judged(slow[0], 3)[0] == stage.room.seq
        stage.happen()
        await virtual_time.pass_s(0.5)
        slow[1].drain()
        assert slow[1].closed == protocol.OVERLOAD
        stage.audience.dismiss_slow()
        assert slow[2].closed == protocol.OVERLOAD

    staged(story)


def test_events_that_nobody_has_any_more_end_in_a_snapshot_for_everybody() -> None:
    async def story(stage: Stage) -> None:
        fans = [Fan() for _ in range(5)]
        for fan in fans:
            await stage.audience.join(fan, 3)
        stage.world.truth, stage.world.log = list(range(1, 10)), []
        stage.world.oldest = 8
        stage.room.receive(feed.state(9, 1, "presence", b'{"type":"presence","ts":1}'))
        await virtual_time.pass_s(3)
        stage.happen()
        await virtual_time.pass_s(1)
        for fan in fans:
            assert judged(fan, 3)[0] == 10
            assert [frame["type"] for frame in fan.frames].count("session_state") == 1

    staged(story)


def test_what_cannot_be_rendered_stops_nobody() -> None:
    async def story(stage: Stage) -> None:
        fan = Fan(dialect=Dialect.ENVELOPE)
        await stage.audience.join(fan, 3)
        stage.room.receive(feed.state(3, 1, "presence", b"7"))
        await virtual_time.pass_s(1)
        stage.happen()
        await virtual_time.pass_s(1)
        assert judged(fan, 3)[0] == 4

    staged(story)


def test_whoever_stalls_in_the_middle_of_a_batch_is_given_it_later() -> None:
    async def story(stage: Stage) -> None:
        fans = [Fan() for _ in range(7)]

        def fill_the_others() -> None:
            for each in fans:
                if each.writes == 0:
                    each.fill()

        for fan in fans:
            await stage.audience.join(fan, 3)
            fan.meddles.append(fill_the_others)
        stage.happen()
        await virtual_time.pass_s(0.01)
        assert sum(1 for fan in fans if fan.writes) == 2
        await virtual_time.pass_s(1)
        stage.happen()
        await virtual_time.pass_s(1)
        assert {judged(fan, 3)[0] for fan in fans} == {5}

    staged(story)


def test_a_kept_snapshot_is_followed_by_the_states_that_came_since() -> None:
    async def story(stage: Stage) -> None:
        await stage.audience.join(Fan(), None)
        stage.change()
        stage.change()
        await virtual_time.pass_s(0.5)
        fan = Fan()
        await stage.audience.join(fan, None)
        assert stage.asked == 1
        assert judged(fan, None) == (3, 2)

    staged(story)


def test_those_who_came_in_one_batch_are_all_named() -> None:
    async def story(stage: Stage) -> None:
        fan = Fan()
        await stage.audience.join(fan, 3)
        for number in range(5):
            told = b'{"type":"user_joined","ts":1,"userId":"%d"}' % number
            stage.room.receive(feed.state(3, 1, "user_joined", told))
        await virtual_time.pass_s(1)
        assert [frame["userId"] for frame in fan.frames] == ["0", "1", "2", "3", "4"]

    staged(story)


def test_whoever_needs_a_snapshot_that_is_not_to_be_had_is_sent_away() -> None:
    async def story(stage: Stage) -> None:
        fan = Fan()
        await stage.audience.join(fan, 999)
        stage.is_service_away = True
        await virtual_time.pass_s(2)
        assert fan.closed == protocol.OVERLOAD
        assert len(stage.audience) == 0

    staged(story)
