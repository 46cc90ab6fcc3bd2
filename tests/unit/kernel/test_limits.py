"""The sliding window's arithmetic, against an exact log of requests."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.kernel.limits import Counted, Exceeded, Limit, Limiter, Local, Per, standing


class Hands:
    """A clock that a test moves by hand."""

    def __init__(self, start_s: float) -> None:
        self.time_s = start_s

    def now_s(self) -> float:
        return self.time_s

    def monotonic_s(self) -> float:
        return self.time_s

    def now(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise NotImplementedError


def limit(count: int, window_s: int = 60) -> Limit:
    return Limit(rule="tested", count=count, window_s=window_s, per=Per.VALUE)


@given(
    st.integers(min_value=1, max_value=30),
    st.lists(st.floats(min_value=0, max_value=40, allow_nan=False), min_size=1, max_size=200),
)
def test_never_more_than_the_limit_in_one_window_and_at_most_twice_in_any(count: int, pauses: list[float]) -> None:
    clock, admitted = Hands(6000.0), list[float]()
    local = Local(1, clock)  # pyright: ignore[reportArgumentType]
    for pause in pauses:
        clock.time_s += pause
        if local.ask([Counted(limit(count), "who")])[0].is_admitted:
            admitted.append(clock.time_s)
    for window in {int(at // 60) for at in admitted}:
        assert sum(int(at // 60) == window for at in admitted) <= count
    for at in admitted:
        assert sum(at - 60 < other <= at for other in admitted) <= 2 * count


@given(
    st.integers(min_value=1, max_value=50),
    st.integers(min_value=0, max_value=50),
    st.integers(min_value=0, max_value=50),
    st.floats(min_value=0, max_value=59.99),
)
def test_after_the_wait_it_names_a_refused_request_is_admitted(
    count: int, previous: int, current: int, elapsed_s: float
) -> None:
    previous, current = min(previous, count), min(current, count)
    now_s = 6000.0 + elapsed_s
    judged = standing(limit(count), count, previous, current, now_s)
    if judged.is_admitted:
        assert judged.retry_after_s == 0
        assert judged.remaining >= 0
        return
    assert 1 <= judged.retry_after_s <= 121
    assert judged.reset_s >= now_s
    later_s = now_s + judged.retry_after_s
    windows = math.floor(later_s / 60) - 100
    moved = {0: (previous, current), 1: (current, 0)}.get(windows, (0, 0))
    assert standing(limit(count), count, *moved, later_s).is_admitted


@given(st.integers(min_value=1, max_value=100), st.integers(min_value=1, max_value=10))
def test_alone_a_pod_admits_its_share_rounded_up(count: int, replicas: int) -> None:
    local = Local(replicas, Hands(6000.0))  # pyright: ignore[reportArgumentType]
    admitted = sum(local.ask([Counted(limit(count), "who")])[0].is_admitted for _ in range(count + 5))
    assert admitted == math.ceil(count / replicas)


def test_a_request_refused_by_one_rule_is_charged_to_none() -> None:
    limiter = Limiter(None, replicas=1, clock=Hands(6000.0))  # pyright: ignore[reportArgumentType]
    narrow, wide = Counted(limit(1), "a"), Counted(limit(3), "b")

    async def scenario() -> int:
        await limiter.ask([narrow, wide])
        for _ in range(10):
            with pytest.raises(Exceeded):
                await limiter.ask([narrow, wide])
        shown = await limiter.ask([wide])
        assert shown is not None
        return shown.remaining

    assert asyncio.run(scenario()) == 1


def test_what_came_to_nothing_is_given_back_without_redis_too() -> None:
    clock, rule = Hands(6000.0), Counted(limit(2), "who")
    local = Local(1, clock)  # pyright: ignore[reportArgumentType]
    for _ in range(10):
        assert local.ask([rule])[0].is_admitted
        local.give_back([rule])
    local.give_back([rule])  # nothing is left to give back: nobody gets more than the limit
    assert [local.ask([rule])[0].is_admitted for _ in range(3)] == [True, True, False]
