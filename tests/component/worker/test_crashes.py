"""Break the worker off at every await between what a service wants and what it is told: done once, told once."""

import itertools
from uuid import uuid4

import pytest
from tests.component.chain.crashing import BrokenOff
from tests.component.worker.world import CHAIN, World, said

from audifi.clients.chain.writing.ledger import SETTLED
from audifi.wire.events.chain import ChainWanted, DeployMarket

pytestmark = pytest.mark.asyncio


async def one_life(world: World, key: str) -> None:
    """Take in the event, if it was not, and work until the transaction is settled."""
    await world.deliver(said(ChainWanted(key=key, chain_id=CHAIN, command=DeployMarket())))
    for _ in range(40):
        await world.work()
        if (await world.find(key)).state in SETTLED:
            return
        await world.endpoint.development("anvil_mine", "0x1")
        world.clock.advance(20)


async def test_a_pod_may_die_at_every_await(world: World) -> None:
    lives = 0
    for at in itertools.count(1, 3):  # every third: each life is a transaction on a real chain
        lives += 1
        key = f"nft:{uuid4()}:market"
        life = BrokenOff(one_life(world, key), at)
        await life.run()
        await one_life(world, key)
        told = await world.told(key)
        # the event came twice: what was told by then is told once more
        states = [state for state, _ in itertools.groupby(each.state for each in told)]
        assert states in (["CONFIRMED", "FINAL"], ["FINAL"]), (at, states)  # who looks late sees the end only
        contracts = {each.contract for each in told}
        assert len(contracts) == 1, (at, contracts)
        if not life.reached:
            break
    signer = world.parts.roles.signer
    nonces = int(await world.endpoint.call("eth_getTransactionCount", [signer, "latest"]), 16)
    assert nonces == lives, "one transaction for every key"
