"""Transactions through the pool: two providers that lose, delay, refuse and contradict, and one hash in the end."""

import asyncio

import pytest
from tests.component.chain.conftest import CHAIN, Knobs, World

from audifi.clients.chain.pool.chains import Chains
from audifi.clients.chain.writing.ledger import State
from audifi.clients.chain.writing.transactions import Pace

pytestmark = pytest.mark.asyncio


async def paid_once(world: World, chains: Chains, key: str) -> None:
    row = await world.settle(key, world.keeper(chains))
    assert row.state is State.FINAL, row
    assert await world.received(key) == 1
    assert await world.endpoint.receipt(row.hash or "") is not None
    assert await world.mined_nonces() == 1


FAULTS: dict[str, dict[str, dict[str, object]]] = {
    "both lose the acknowledgement": {
        "alchemy": {"drop_after": True, "methods": ["eth_sendRawTransaction"]},
        "infura": {"drop_after": True, "methods": ["eth_sendRawTransaction"]},
    },
    "the primary is gone": {"alchemy": {"refuse_connections": True}},
    "the primary hangs": {"alchemy": {"hang": True}},
    "the primary is rate limited": {"alchemy": {"rate_limit": "http-retry-after"}},
    "the primary lags and the other loses answers": {
        "alchemy": {"lag_blocks": 5},
        "infura": {"drop": True, "share": 0.5, "seed": 7},
    },
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
async def test_a_transaction_is_paid_once_under(
    world: World, chains: Chains, knobs: Knobs, faults: dict[str, dict[str, object]]
) -> None:
    await world.mine(6)
    for provider, turned in faults.items():
        await knobs.turn(provider, **turned)
    await world.ask("sale")
    await world.until_idle(world.keeper(chains))
    await knobs.clear()
    await paid_once(world, chains, "sale")


async def test_both_away_for_a_while_only_delays(world: World, chains: Chains, knobs: Knobs) -> None:
    for provider in ("alchemy", "infura"):
        await knobs.turn(provider, refuse_connections=True)
    await world.ask("sale")
    await world.keeper(chains).step(CHAIN)
    row = await world.find("sale")
    assert (row.state, row.nonce) == (State.WANTED, None)
    await knobs.clear()
    await paid_once(world, chains, "sale")


async def test_two_running_pods_settle_everything(world: World, chains: Chains) -> None:
    """`run` itself, twice, with blocks that come by themselves."""
    await world.endpoint.development("evm_setAutomine", True)
    keys = [f"sale {number}" for number in range(6)]
    for key in keys:
        await world.ask(key)
    pods = [asyncio.create_task(world.keeper(chains, Pace(poll_s=0.1)).run()) for _ in range(2)]
    try:
        async with asyncio.timeout(60):
            while {(await world.find(key)).state for key in keys} != {State.FINAL}:
                await world.mine()
                world.clock.advance(1)
    finally:
        for pod in pods:
            pod.cancel()
        ended = await asyncio.gather(*pods, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
    assert [await world.received(key) for key in keys] == [1] * 6
    assert await world.mined_nonces() == 6
