"""When failures are no longer accidents: thresholds as properties, and what a process alone remembers."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.auth import watch
from audifi.services.auth.errors import Unavailable
from audifi.services.auth.letters import LINK_S
from audifi.services.auth.rules import detection
from audifi.services.auth.rules.detection import FAILED_FOR_ACCOUNT, FAILED_SIGN_INS, LIMIT_HITS, Threshold
from audifi.services.auth.watch import Watch
from audifi.wire import channels

THRESHOLDS = (FAILED_SIGN_INS, LIMIT_HITS, FAILED_FOR_ACCOUNT)
NOW_MS = 1_763_865_600_000
ages_ms = st.lists(st.integers(min_value=0, max_value=2 * 3600 * 1000), max_size=20)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def now_s(self) -> float:
        return self.at.timestamp()

    def monotonic_s(self) -> float:
        return self.at.timestamp()


class NoRedis:
    """A Redis that is away."""

    async def script(self, *_arguments: Any) -> Any:
        raise Unavailable

    command = set = script


def alone() -> tuple[Watch, Clock]:
    clock = Clock()
    return Watch(cast("Any", NoRedis()), clock), clock


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda each: f"{each.of.value}-{each.rule}")
@given(ages_ms=ages_ms)
def test_a_threshold_is_reached_by_as_many_in_the_window_and_by_no_fewer(
    threshold: Threshold, ages_ms: list[int]
) -> None:
    times_ms = sorted((NOW_MS - age for age in ages_ms), reverse=True)
    within = sum(age < threshold.window_s * 1000 for age in ages_ms)
    assert detection.is_reached(threshold, times_ms, NOW_MS) == (within >= threshold.count)


def test_a_pause_outlives_its_causes_and_every_link_guessed_at() -> None:
    assert detection.BLOCK_S >= LINK_S
    assert all(each.pause_s >= each.window_s for each in THRESHOLDS)


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda each: f"{each.of.value}-{each.rule}")
def test_times_and_pause_of_one_identity_share_a_slot_of_the_limits_master(threshold: Threshold) -> None:
    keys = (channels.failures("ip", "2001:db8::", threshold.rule), channels.pause("ip", "2001:db8::"))
    first, last = channels.SLOT_RANGES[2]
    (slot,) = {channels.slot(key) for key in keys}
    assert first <= slot <= last


def test_without_redis_an_address_is_paused_at_the_whole_threshold_for_its_time() -> None:
    async def run() -> None:
        found, clock = alone()
        assert [await found.saw(FAILED_SIGN_INS, "a") for _ in range(7)] == [False] * 4 + [True] + [False] * 2
        assert await found.paused_s("a") == detection.BLOCK_S
        assert await found.paused_s("b") == 0
        clock.at += timedelta(seconds=detection.BLOCK_S)
        assert await found.paused_s("a") == 0
        assert not await found.saw(FAILED_SIGN_INS, "a"), "what led to the pause is history"

    asyncio.run(run())


def test_without_redis_slow_failures_never_pause() -> None:
    async def run() -> None:
        found, clock = alone()
        for _ in range(50):
            assert not await found.saw(FAILED_SIGN_INS, "a")
            clock.at += timedelta(seconds=FAILED_SIGN_INS.window_s / (FAILED_SIGN_INS.count - 1))
        assert await found.paused_s("a") == 0

    asyncio.run(run())


def test_without_redis_an_account_that_is_watched_pauses_no_address() -> None:
    async def run() -> None:
        found, _ = alone()
        assert [await found.saw(FAILED_FOR_ACCOUNT, "a") for _ in range(10)] == [False] * 9 + [True]
        assert await found.paused_s("a") == 0

    asyncio.run(run())


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        monkeypatch.setattr(watch, "LOCAL_MAX", 3)
        found, _ = alone()
        for _ in range(4):
            await found.saw(FAILED_SIGN_INS, "first")
        for other in "abc":
            await found.saw(FAILED_SIGN_INS, other)
        assert not await found.saw(FAILED_SIGN_INS, "first"), "the oldest was forgotten"

    asyncio.run(run())
