"""Stakes are the wallet's: we say what to send, the chain says what came of it, to the last unit."""

from typing import Any

import pytest
from tests.component.coin.driver import Person, Story, World, as_service
from tests.component.contracts.node import Reverted, now

from audifi.clients.chain.contracts.surface import CoinContract, PoolContract, StakingContract
from audifi.services.coin import loops
from audifi.services.coin.rules.supply import COIN, SUPPLY

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAY_S = 86_400


async def staked(world: World, story: Story, fan: Person, amount: int, lock_days: int) -> dict[str, Any]:
    """Stake as a person does: ask, send, wait for the chain; return what the list says."""
    answer = await fan.post(f"{story.path}/stake", {"amount": str(amount), "lockDays": lock_days})
    promised = answer.data
    world.send(fan.wallet, promised["transactions"])
    await world.mirror()
    (found,) = [each for each in (await fan.get(f"{story.path}/stakes")).data if each["id"] == promised["id"]]
    return found


async def staking_of(story: Story) -> StakingContract:
    coin = await story.coin()
    assert coin.staking_address is not None
    return StakingContract(coin.staking_address)


@pytest.mark.parametrize(("lock_days", "apy_bps"), [(0, 1000), (30, 1200), (90, 1600), (365, 2200)])
async def test_a_stake_is_what_the_contract_says(world: World, lock_days: int, apy_bps: int) -> None:
    story = await world.story()
    fan = await story.fan(1000 * COIN)
    found = await staked(world, story, fan, 1000 * COIN, lock_days)
    contract = await staking_of(story)
    assert (found["status"], found["apyBps"], found["stakeId"]) == ("ACTIVE", apy_bps, 1)
    assert now(contract.stake_of(world.node, 1)).apy_bps == apy_bps
    assert now(contract.apy_bps(world.node, fan.wallet, lock_days)) == apy_bps
    await story.agrees_with_the_chain()
    balance = (await fan.get(f"{story.path}/balance/{fan.wallet}")).data
    assert (balance["balance"], balance["staked"]) == ("0", str(1000 * COIN))
    (event,) = await world.events("coin.staked", (await story.coin()).id)
    assert (event["userId"], event["lockDays"], event["stakeId"]) == (fan.user_id, lock_days, found["id"])


async def test_what_accrued_is_what_the_contract_would_pay(world: World) -> None:
    story = await world.story()
    fan = await story.fan(1000 * COIN)
    await staked(world, story, fan, 1000 * COIN, 90)
    contract = await staking_of(story)
    world.pass_s(17 * DAY_S + 3)
    shown = (await fan.get(f"{story.path}/stakes")).data[0]
    there = now(contract.stake_of(world.node, 1))
    seconds = world.node.time_s() - there.started_at_s
    exact = 1000 * COIN * 1600 * seconds // (10_000 * 31_536_000)
    assert now(contract.rewards_wei(world.node, 1)) == exact
    a_second = 1000 * COIN * 1600 // (10_000 * 31_536_000) + 1
    assert 0 <= int(shown["accrued"]) - exact <= 5 * a_second  # asked some seconds after the block


async def test_a_locked_stake_stays_and_an_open_one_comes_back_with_its_reward(world: World) -> None:
    story = await world.story()
    fan = await story.fan(100 * COIN)
    found = await staked(world, story, fan, 100 * COIN, 30)
    path, body = f"{story.path}/unstake", {"stakeId": found["id"]}
    refused = await fan.post(path, body)
    assert (refused.status, refused.code) == (409, "STAKE_LOCKED")
    world.pass_s(30 * DAY_S + 1)
    answer = (await fan.post(path, body)).data
    assert answer["status"] == "UNSTAKING"
    assert (await fan.post(path, body)).data["transactions"] == answer["transactions"]
    world.send(fan.wallet, answer["transactions"])
    await world.mirror()
    (closed,) = (await fan.get(f"{story.path}/stakes")).data
    reward = int(closed["rewardPaid"])
    assert (closed["status"], closed["accrued"]) == ("CLOSED", "0")
    assert reward >= 100 * COIN * 1200 * 30 // (10_000 * 365)
    balance = (await fan.get(f"{story.path}/balance/{fan.wallet}")).data
    assert (balance["balance"], balance["staked"]) == (str(100 * COIN + reward), "0")
    assert (await fan.post(path, body)).code == "INVALID_STATE"
    assert (await story.coin()).rewards_paid == reward
    assert len(await world.events("coin.unstaked", (await story.coin()).id)) == 1
    await story.agrees_with_the_chain()
    with pytest.raises(Reverted):
        world.send(fan.wallet, answer["transactions"])


async def test_who_provides_liquidity_earns_more(world: World) -> None:
    story = await world.story()
    await story.trade()
    fan, coin, pool = await story.fan(2000 * COIN), await story.coin(), await story.pool()
    assert coin.address is not None
    world.node.send(fan.wallet, coin.address, CoinContract(coin.address).approve(pool.address, 1000 * COIN))
    data = PoolContract(pool.address).add_liquidity(1000 * COIN, 1, 2**40)
    world.node.send(fan.wallet, pool.address, data, 10**15)
    await world.mirror()
    promised = (await fan.post(f"{story.path}/stake", {"amount": str(COIN), "lockDays": 365})).data
    assert promised["apyBps"] == 2700
    world.send(fan.wallet, promised["transactions"])
    await world.mirror()
    (found,) = (await fan.get(f"{story.path}/stakes")).data
    assert (found["id"], found["apyBps"], found["lockDays"]) == (promised["id"], 2700, 365)
    await story.agrees_with_the_chain()


async def test_a_stake_past_us_is_seen_and_may_be_taken_back_through_us(world: World) -> None:
    story = await world.story()
    fan, coin, contract = await story.fan(10 * COIN), await story.coin(), await staking_of(story)
    assert coin.address is not None
    world.node.send(fan.wallet, coin.address, CoinContract(coin.address).approve(contract.address, 10 * COIN))
    world.node.send(fan.wallet, contract.address, contract.stake(4 * COIN, 0))
    world.node.send(fan.wallet, contract.address, contract.claim_rewards(1))
    await world.mirror()
    (found,) = (await fan.get(f"{story.path}/stakes")).data
    assert (found["amount"], found["status"]) == (str(4 * COIN), "ACTIVE")
    (event,) = await world.events("coin.staked", coin.id)
    assert event["userId"] is None
    assert (await world.someone().get(f"{story.path}/stakes")).data == []
    world.pass_s(5)
    answer = (await fan.post(f"{story.path}/unstake", {"stakeId": found["id"]})).data
    world.send(fan.wallet, answer["transactions"])
    await world.mirror()
    await story.agrees_with_the_chain()


async def test_what_cannot_be_staked(world: World) -> None:
    early, story = await world.story(is_deployed=False), await world.story()
    fan, path = await story.fan(COIN), f"{story.path}/stake"
    assert (await fan.post(f"{early.path}/stake", {"amount": "1"})).code == "COIN_NOT_FOUND"
    await world.deliver(early.launched())
    assert (await fan.post(f"{early.path}/stake", {"amount": "1"})).code == "INVALID_STATE"
    for wrong in (
        {"amount": "0"}, {"amount": "-1"}, {"amount": "1.5"}, {"amount": str(SUPPLY + 1)}, {"amount": 5}, {},
        {"amount": "1", "lockDays": 31}, {"amount": "1", "wallet": story.artist.wallet}, {"amount": "1", "more": 1},
    ):  # fmt: skip
        assert (await fan.post(path, wrong)).code == "VALIDATION_ERROR", wrong
    assert (await fan.post(path, {"amount": "1"}, key=None)).code == "VALIDATION_ERROR"
    assert (await world.someone(linked=()).post(path, {"amount": "1"})).code == "VALIDATION_ERROR"
    await world.work(early.artist.user_id)


async def test_a_key_used_twice_promises_once(world: World) -> None:
    story = await world.story()
    fan, body = await story.fan(COIN), {"amount": str(COIN), "lockDays": 0}
    first = await fan.post(f"{story.path}/stake", body, key="once")
    assert (await fan.post(f"{story.path}/stake", body, key="once")).body == first.body
    other = await fan.post(f"{story.path}/stake", body | {"lockDays": 30}, key="once")
    assert other.code == "IDEMPOTENCY_KEY_REUSED"
    assert len((await fan.get(f"{story.path}/stakes")).data) == 1


async def test_nobody_learns_of_another_persons_stake(world: World) -> None:
    story = await world.story()
    fan, stranger = await story.fan(COIN), await story.fan(COIN)
    found = await staked(world, story, fan, COIN, 0)
    assert (await stranger.get(f"{story.path}/stakes")).data == []
    answer = await stranger.post(f"{story.path}/unstake", {"stakeId": found["id"]})
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_a_promise_that_nobody_kept_is_forgotten(world: World) -> None:
    story = await world.story()
    fan = await story.fan(COIN)
    promised = (await fan.post(f"{story.path}/stake", {"amount": str(COIN)})).data
    assert (await fan.post(f"{story.path}/unstake", {"stakeId": promised["id"]})).code == "INVALID_STATE"
    await loops.forget_unsent(world.parts)
    assert len((await fan.get(f"{story.path}/stakes")).data) == 1
    world.pass_s(DAY_S + 1)
    await loops.forget_unsent(world.parts)
    assert (await fan.get(f"{story.path}/stakes")).data == []


async def test_other_services_learn_what_somebody_has(world: World) -> None:
    story = await world.story()
    fan = await story.fan(500 * COIN)
    query = f"/internal/v1/balance?artistId={story.artist.user_id}"
    before = (await as_service(world, f"{query}&userId={fan.user_id}")).data
    assert before == {"balance": str(500 * COIN), "staked": "0", "bestMultiplierMilli": 1000}
    await staked(world, story, fan, 100 * COIN, 0)
    await staked(world, story, fan, 50 * COIN, 90)
    for who in (f"userId={fan.user_id}", f"wallet={fan.wallet}"):
        found = (await as_service(world, f"{query}&{who}")).data
        assert found == {"balance": str(350 * COIN), "staked": str(150 * COIN), "bestMultiplierMilli": 3000}
    (coin,) = (await as_service(world, f"/internal/v1/users/{fan.user_id}/coins")).data
    assert (coin["artistId"], coin["balance"], coin["staked"]) == (
        story.artist.user_id,
        str(350 * COIN),
        str(150 * COIN),
    )
    none = (await as_service(world, f"/internal/v1/balance?artistId={fan.user_id}&wallet={fan.wallet}")).data
    assert none == {"balance": "0", "staked": "0", "bestMultiplierMilli": 1000}
    assert (await as_service(world, query)).code == "VALIDATION_ERROR"
    assert (await fan.get(f"{query}&wallet={fan.wallet}")).code == "UNAUTHORIZED"
