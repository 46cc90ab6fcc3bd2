"""The follower on a real node through the pool: a contract's logs, a reorg that takes some of them back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.component.chain.conftest import CHAIN, Outside, World
from tests.component.chain.endpoint import FACTS

from audifi.clients.chain.following.follower import Applied, Filter, Follower, Undone
from audifi.clients.chain.pool.chains import Chains
from audifi.clients.chain.writing.ledger import State

pytestmark = pytest.mark.asyncio

# Code that logs what it is called with, without topics: CALLDATASIZE PUSH1 0 PUSH1 0 CALLDATACOPY
# CALLDATASIZE PUSH1 0 LOG0 STOP; before it, what a constructor needs to return these eleven bytes.
ECHO = bytes.fromhex("600b600c600039600b6000f3" + "3660006000373660" + "00a000")


@pytest_asyncio.fixture
async def chains(outside: Outside) -> AsyncIterator[Chains]:
    opened = await Chains.open(outside.providers, outside.keys, facts={CHAIN: FACTS})
    yield opened
    await opened.close()


async def tip(world: World) -> int:
    return (await world.endpoint.head()).number


async def deployed(world: World) -> tuple[str, int]:
    await world.ask("echo", to=None, data=ECHO, value_wei=0)
    row = await world.settle("echo")
    assert row.state is State.FINAL, row
    told = await world.endpoint.receipt(row.hash or "")
    assert told is not None
    return str(told["contractAddress"]).lower(), int(told["blockNumber"], 16)


async def say(world: World, contract: str, word: str) -> None:
    await world.ask(word, to=contract, data=word.encode(), value_wei=0)
    await world.until_idle(world.keeper())
    await world.mine()


async def followed(follower: Follower, last: int) -> list[Applied | Undone]:
    """What a follower tells up to this block."""
    seen: list[Applied | Undone] = []
    async with asyncio.timeout(30), contextlib.aclosing(follower.batches()) as batches:
        async for batch in batches:
            seen.append(batch)
            if isinstance(batch, Applied) and batch.checkpoint.number >= last:
                return seen
    raise AssertionError(f"not at {last}: {seen}")


def words(batches: list[Applied | Undone]) -> list[str]:
    return [each.data.decode() for batch in batches if isinstance(batch, Applied) for each in batch.logs]


async def test_logs_are_told_once_and_taken_back_by_a_reorg(world: World, chains: Chains) -> None:
    contract, block = await deployed(world)
    for word in ("one", "two"):
        await say(world, contract, word)
    wanted = Filter(addresses=(contract,))
    follower = Follower(chains[CHAIN], wanted, start_block=block, confirmations=1)
    before = await followed(follower, await tip(world))
    assert words(before) == ["one", "two"]
    await world.endpoint.development("anvil_reorg", 1, [])  # the block of "two"
    await say(world, contract, "three")
    for word in ("two", "three"):
        assert (await world.settle(word)).state is State.FINAL
    resumed = Follower(chains[CHAIN], wanted, start_block=block, checkpoint=before[-1].checkpoint, confirmations=1)
    truth = await world.endpoint.call("eth_getLogs", [wanted.asked(fromBlock=hex(block), toBlock="latest")])
    for each in (follower, resumed):
        after = await followed(each, await tip(world))
        first = after[0]
        assert isinstance(first, Undone), "first what is undone"
        kept = [batch for batch in before if isinstance(batch, Applied)]
        held = [log for batch in kept for log in batch.logs if log.block_number < first.from_block]
        held += [log for batch in after if isinstance(batch, Applied) for log in batch.logs]
        assert [log.block_hash for log in held] == [log["blockHash"] for log in truth]
        assert words(after)[-2:] == ["two", "three"], "taken back, and told again where it is now"
