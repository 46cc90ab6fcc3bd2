"""The heart: everybody is asked once a round, the silent go after two misses, and nobody else does."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.gateways.ws.draining import GRACE_S, WINDOW_S_MIN, window_s
from audifi.gateways.ws.heartbeat import PING, Heart, Wheel
from audifi.wire.live import protocol


@dataclass(eq=False)
class Someone:
    """Answers as long as it lives."""

    heart: Heart
    is_alive: bool = True
    heard_at: int = 0
    misses: int = 0
    pinged_at: list[int] = field(default_factory=list[int])
    lost_at: int | None = None

    def write(self, frame: bytes | bytearray) -> None:
        assert frame == PING
        self.pinged_at.append(self.heart.second)
        if self.is_alive:
            self.heard_at = self.heart.second

    def lost(self) -> None:
        self.lost_at = self.lost_at or self.heart.second


async def _beats(heart: Heart, count: int) -> None:
    for _ in range(count):
        await heart.beat()


@pytest.mark.parametrize("dies_after", range(0, 60, 7))
def test_the_silent_are_lost_within_seventy_seconds_and_nobody_else(dies_after: int) -> None:
    async def story() -> None:
        heart = Heart()
        someone, other = Someone(heart), Someone(heart)
        for each in (someone, other):
            heart.enrol(each)
        await _beats(heart, dies_after)
        someone.is_alive, died_at = False, heart.second
        await _beats(heart, 75)
        assert someone.lost_at is not None
        assert someone.lost_at - died_at + protocol.PING_S >= protocol.PING_S + protocol.PONG_S
        assert someone.lost_at - died_at <= 2 * protocol.PING_S + protocol.PONG_S
        assert other.lost_at is None

    asyncio.run(story())


def test_anything_that_is_heard_counts() -> None:
    async def story() -> None:
        heart = Heart()
        someone = Someone(heart, is_alive=False)
        heart.enrol(someone)
        for _ in range(200):
            await heart.beat()
            if heart.second % 9 == 0:  # a message, never a pong
                someone.heard_at = heart.second
        assert someone.lost_at is None
        gaps = {later - earlier for earlier, later in zip(someone.pinged_at, someone.pinged_at[1:], strict=False)}
        assert gaps == {protocol.PING_S}

    asyncio.run(story())


@given(st.integers(1, 40), st.integers(1, 200))
def test_everybody_has_one_turn_a_round_and_turns_are_spread(slots: int, members: int) -> None:
    wheel: Wheel[int] = Wheel(slots)
    for member in range(members):
        wheel.enrol(member)
    turns = [wheel.advance() for _ in range(slots)]
    assert sorted(member for turn in turns for member in turn) == list(range(members))
    assert max(map(len, turns)) - min(map(len, turns)) <= 1


def test_who_left_has_no_turn() -> None:
    wheel: Wheel[str] = Wheel(3)
    slot = wheel.enrol("a")
    wheel.dismiss("a", slot)
    wheel.dismiss("a", slot)
    assert not any(wheel.advance() for _ in range(3))


def test_a_drain_gives_the_others_time() -> None:
    assert window_s(0) == 0
    assert window_s(1) == WINDOW_S_MIN
    assert window_s(10_000) == pytest.approx(10_000 / (0.5 * 3700))
    assert window_s(10**9) == GRACE_S
