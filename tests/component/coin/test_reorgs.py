"""Whatever a reorg takes back, the rows are the chain's: balances, stakes, rewards, reserves."""

import random

import pytest
from tests.component.coin.driver import Person, Story, World
from tests.component.contracts.node import ETHER, Reverted

from audifi.clients.chain.contracts.surface import CoinContract, PoolContract, StakingContract
from audifi.services.coin.rules.supply import COIN

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAR_S = 2**40


class Fork:
    """A point of the chain to come back to."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._snapshot = world.node.snapshot()
        self._block = int(world.node.rpc("eth_blockNumber"), 16)

    async def take_back(self) -> None:
        """Let the chain go on from here without what came after; the indexer notices."""
        self._world.node.revert(self._snapshot)
        self._world.node.rpc("evm_mine")
        await self._world.mirror(undo_from=self._block + 1)


async def test_a_stake_that_a_reorg_takes_back_is_promised_again(world: World) -> None:
    story = await world.story()
    fan = await story.fan(10 * COIN)
    promised = (await fan.post(f"{story.path}/stake", {"amount": str(10 * COIN)})).data
    fork = Fork(world)
    world.send(fan.wallet, promised["transactions"])
    await world.mirror()
    (found,) = (await fan.get(f"{story.path}/stakes")).data
    assert (found["id"], found["status"]) == (promised["id"], "ACTIVE")
    await fork.take_back()
    (found,) = (await fan.get(f"{story.path}/stakes")).data
    assert (found["id"], found["status"], found["stakeId"]) == (promised["id"], "PENDING", None)
    await story.agrees_with_the_chain()
    world.send(fan.wallet, promised["transactions"])
    await world.mirror()
    (found,) = (await fan.get(f"{story.path}/stakes")).data
    assert (found["id"], found["status"]) == (promised["id"], "ACTIVE")
    await story.agrees_with_the_chain()


async def test_gifts_a_reorg_takes_back_are_not_counted_as_given(world: World) -> None:
    story = await world.story()
    fork = Fork(world)
    await story.sold_to({story.artist.wallet: 1})
    await fork.take_back()
    shown = (await world.someone().get(story.path)).data
    assert {each["bucket"]: each["released"] for each in shown["allocations"]}["PARTICIPANTS"] == "0"
    await story.agrees_with_the_chain()


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_and_is_taken_back_the_rows_are_the_chains(world: World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # a repeatable story, not a secret
    story = await world.story()
    await story.trade()
    people = [await story.fan(1000 * COIN) for _ in range(3)]
    await approved(world, story, people)
    fork: Fork | None = None
    for _ in range(25):
        if fork is None and chance.random() < 0.3:
            fork = Fork(world)
        elif fork is not None and chance.random() < 0.2:
            await fork.take_back()
            fork = None
        else:
            await something(world, story, people, chance)
        if chance.random() < 0.6:
            await world.mirror()
            await story.agrees_with_the_chain()
    await world.mirror()
    await story.agrees_with_the_chain()


async def approved(world: World, story: Story, people: list[Person]) -> None:
    """Let both contracts take everybody's coins."""
    coin, pool = await story.coin(), await story.pool()
    assert coin.address is not None
    assert coin.staking_address is not None
    for person in people:
        for spender in (pool.address, coin.staking_address):
            data = CoinContract(coin.address).approve(spender, 10**30)
            world.node.send(person.wallet, coin.address, data)


async def something(world: World, story: Story, people: list[Person], chance: random.Random) -> None:
    """Do one thing; what a contract refuses did not happen."""
    coin, pool = await story.coin(), await story.pool()
    assert coin.address is not None
    assert coin.staking_address is not None
    who, other = chance.choice(people).wallet, chance.choice(people).wallet
    amount = chance.randrange(1, 300 * COIN)
    contract, market = CoinContract(coin.address), PoolContract(pool.address)
    staking = StakingContract(coin.staking_address)
    to, data, value = chance.choice(
        [
            (coin.address, contract.transfer(other, amount), 0),
            (coin.address, contract.transfer(pool.address, amount // 100), 0),
            (staking.address, staking.stake(amount, chance.choice([0, 30, 90, 365])), 0),
            (staking.address, staking.unstake(chance.randrange(1, 6)), 0),
            (staking.address, staking.claim_rewards(chance.randrange(1, 6)), 0),
            (staking.address, staking.fund(amount // 10), 0),
            (pool.address, market.swap_coin_for_native(amount, 0, other, FAR_S), 0),
            (pool.address, market.swap_native_for_coin(0, other, FAR_S), ETHER // 50),
            (pool.address, market.add_liquidity(10**30, 1, FAR_S), ETHER // 1000),
            (
                pool.address,
                market.remove_liquidity(10**15, coin_min_wei=0, native_min_wei=0, to=other, deadline_s=FAR_S),
                0,
            ),
        ]
    )
    try:
        world.node.send(who, to, data, value)
    except Reverted:
        return
