"""Limits in Redis: counted together by several pods, one script call per identity, headers' numbers right."""

import asyncio

import pytest

from audifi.kernel.cache import Cache
from audifi.kernel.clock import SystemClock
from audifi.kernel.ids import new_id
from audifi.kernel.limits import Counted, Exceeded, Limit, Limiter, Per
from audifi.wire import channels

pytestmark = pytest.mark.asyncio

HOURLY = Limit(rule="test-hourly", count=10, window_s=86_400, per=Per.VALUE)
WIDE = Limit(rule="test-wide", count=1000, window_s=86_400, per=Per.IP)


async def test_two_pods_share_one_count(cache: Cache) -> None:
    pods = [Limiter(cache, replicas=2, clock=SystemClock()) for _ in range(2)]
    who = str(new_id())
    await cache.ping()  # the cluster's map is known before the burst

    async def ask(number: int) -> bool:
        try:
            await pods[number % 2].ask([Counted(HOURLY, who)])
        except Exceeded:
            return False
        return True

    admitted = await asyncio.gather(*(ask(number) for number in range(60)))
    assert sum(admitted) == HOURLY.count


async def test_the_strictest_rule_is_shown_and_a_refused_request_is_charged_to_none(cache: Cache) -> None:
    limiter = Limiter(cache, replicas=1, clock=SystemClock())
    who = str(new_id())
    rules = [Counted(WIDE, who), Counted(HOURLY, who)]
    for left in reversed(range(HOURLY.count)):
        standing = await limiter.ask(rules)
        assert standing is not None
        assert (standing.limit.rule, standing.remaining) == (HOURLY.rule, left)
    for _ in range(5):
        with pytest.raises(Exceeded) as refused:
            await limiter.ask(rules)
        assert 0 < (refused.value.retry_after_s or 0) <= 2 * HOURLY.window_s
    standing = await limiter.ask([Counted(WIDE, who)])
    assert standing is not None
    assert standing.remaining == WIDE.count - HOURLY.count - 1


async def test_counters_end_by_themselves(cache: Cache) -> None:
    short = Limit(rule="test-short", count=5, window_s=7, per=Per.VALUE)
    who = str(new_id())
    await Limiter(cache, replicas=1, clock=SystemClock()).ask([Counted(short, who)])
    left = await cache.command("TTL", channels.rate_limit("value", who, "test-short"))
    assert 0 < int(left) <= 14


async def test_what_came_to_nothing_is_given_back(cache: Cache) -> None:
    limiter = Limiter(cache, replicas=1, clock=SystemClock())
    rules = [Counted(HOURLY, str(new_id()))]
    for _ in range(3 * HOURLY.count):
        standing = await limiter.ask(rules)
        assert standing is not None
        assert standing.remaining == HOURLY.count - 1
        await limiter.give_back(rules)
