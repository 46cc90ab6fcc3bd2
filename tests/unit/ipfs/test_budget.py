"""A provider's request limit is kept, by waiting."""

import asyncio

import pytest

from audifi.clients.ipfs.budget import SHARE, Budget

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_requests_beyond_the_burst_wait_their_turn() -> None:
    loop = asyncio.get_running_loop()
    budget = Budget(60)
    started = loop.time()
    for _ in range(68):
        await budget.take()
    assert loop.time() - started == pytest.approx((68 - 60 * SHARE / 6) / SHARE, rel=0.01)


async def test_pods_share_one_limit() -> None:
    loop = asyncio.get_running_loop()
    budgets = [Budget(600, pods=2) for _ in range(2)]
    started = loop.time()
    for _ in range(300):
        await asyncio.gather(*(budget.take() for budget in budgets))
    assert 600 / (loop.time() - started) * 60 <= 600 * SHARE * 1.2


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    budget = Budget(6)
    await budget.take()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(budget.take(), 1)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await budget.take()
    assert loop.time() - started < 60 / (6 * SHARE)
