"""Reads through the pool while the first provider breaks, on real sockets: no caller notices, no head goes back.

Between: the pool as a service runs it, and both stand-ins in front of one chain.
Shape: an open loop of CALLS_PER_S calls for FAULT_S of each fault; every call asks something of its own, so that none
is answered by another's question. The figures (shares, percentiles, other clients) are benchmarks/rpc_failover.py's.
Units: *_s seconds.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from tests.component.chain.conftest import CHAIN, Knobs, Outside

from audifi.clients.chain.pool.chains import Chain, Chains

pytestmark = pytest.mark.asyncio

CALLS_PER_S = 40
FAULT_S = 3.0
FAULTS: dict[str, dict[str, object]] = {
    "gone": {"refuse_connections": True},
    "hanging": {"hang": True},
    "cutting connections": {"drop": True},
    "limiting by HTTP": {"rate_limit": "http"},
    "limiting in JSON": {"rate_limit": "json"},
    "out of its daily quota": {"quota": "http"},
    "failing": {"error_rate": 1.0},
    "slow": {"latency_ms": 800},
    "behind": {"lag_blocks": 20},
    "forked": {"fork_depth": 3},
    "talking nonsense": {"garbage": "html"},
}


@pytest_asyncio.fixture
async def chain(chains: Chains, outside: Outside) -> AsyncIterator[Chain]:
    """The chain, watched as in a running service, with a block every second whatever other tests made of it."""
    await mining(outside, every_s=1)
    watching = asyncio.create_task(chains.run())
    await chains[CHAIN].head()
    yield chains[CHAIN]
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    await mining(outside, every_s=0)


async def mining(outside: Outside, *, every_s: int) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "evm_setIntervalMining", "params": [every_s]}
    async with aiohttp.ClientSession() as session, session.post(outside.node, json=asked) as answer:
        assert "error" not in await answer.json()


async def height_seen(chain: Chain, number: int) -> int:
    """One call as a service makes it: a balance of an address of its own, and the height it was answered at."""
    head = await chain.head()
    assert int(await chain.call("eth_getBalance", [f"0x{number + 1:040x}", "latest"]), 16) == 0
    return head.number


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_caller_notices_that_the_first_provider_is(fault: str, chain: Chain, knobs: Knobs) -> None:
    loop = asyncio.get_running_loop()
    before = (await chain.head()).number
    await knobs.turn("alchemy", **FAULTS[fault])
    asked: list[asyncio.Task[int]] = []
    is_over = asyncio.Event()

    def call(number: int) -> None:
        asked.append(loop.create_task(height_seen(chain, number)))

    for number in range(int(FAULT_S * CALLS_PER_S)):
        loop.call_later(number / CALLS_PER_S, call, number)
    loop.call_later(FAULT_S, is_over.set)
    await asyncio.wait_for(is_over.wait(), FAULT_S + 10)
    heights = await asyncio.gather(*asked)  # an error of any call is the test's
    assert heights == sorted(heights), "a head went back"
    assert heights[0] >= before
    assert heights[-1] > before, "the chain went on, and nobody saw it"
    active = [row.provider for row in chain.status() if row.is_active]
    assert active == ["infura"]
