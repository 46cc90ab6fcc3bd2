"""A coin comes to its chain once, whatever is repeated, lost or refused on the way."""

import asyncio

import pytest
from tests.component.coin.driver import CHAIN, OPERATOR, World
from tests.component.contracts.node import now

from audifi.clients.chain.contracts.surface import CoinContract, PoolContract, StakingContract
from audifi.services.coin import loops
from audifi.services.coin.rules import steps
from audifi.services.coin.rules.supply import COIN
from audifi.wire.problems import Unavailable

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_first_ipo_makes_the_coin(world: World) -> None:
    story = await world.story("Alex Rivera")
    coin, pool = await story.coin(), await story.pool()
    assert (coin.name, coin.symbol, coin.status, coin.step) == ("Alex Rivera", "ALEXR", "DEPLOYED", steps.DONE)
    assert coin.address is not None
    assert coin.staking_address is not None
    assert coin.custodian == OPERATOR
    for contract in (CoinContract(coin.address), PoolContract(pool.address), StakingContract(coin.staking_address)):
        assert now(contract.is_ours(world.node)), contract
    assert now(CoinContract(coin.address).liquidity_pool(world.node)) == pool.address
    shown = (await world.someone().get(story.path)).data
    parts = {each["bucket"]: int(each["released"]) // COIN for each in shown["allocations"]}
    assert parts == {"TREASURY": 300_000, "PARTICIPANTS": 0, "POOL": 0, "COMMUNITY": 250_000}
    assert shown["metrics"]["rewardsLeft"] == str(250_000 * COIN)
    assert shown["metrics"]["holders"] == 1
    assert shown["pool"] is None
    (deployed,) = await world.events("coin.deployed", coin.id)
    assert (deployed["artistId"], deployed["address"], deployed["symbol"]) == (coin.artist_id, coin.address, "ALEXR")


async def test_of_many_who_ask_at_once_one_makes_the_coin(world: World) -> None:
    story = await world.story(is_deployed=False)
    asked = [story.artist.post(f"{story.path}/deploy", {"symbol": f"AB{number}"}) for number in range(4)]
    answers = await asyncio.gather(*asked, *(world.deliver(story.launched()) for _ in range(4)))
    await world.work(story.artist.user_id)
    statuses = sorted(each.status for each in answers if each is not None)
    assert statuses in ([202, 409, 409, 409], [409, 409, 409, 409])
    wanted = [each.key for each in await world.wanted(story.artist.user_id)]
    assert wanted == [story.key(step) for step in steps.ORDER if step != steps.DONE]
    coin = await story.coin()
    assert coin.ipo_id == story.ipo_id
    assert len(await world.events("coin.deployed", coin.id)) == 1
    again = await story.artist.post(f"{story.path}/deploy", {})
    assert (again.status, again.code) == (409, "COIN_EXISTS")


async def test_a_pod_that_dies_at_any_step_is_taken_over_where_it_was(world: World) -> None:
    story = await world.story(is_deployed=False)
    await world.deliver(story.launched(), gets_lost=True)
    await world.deliver(story.launched())
    await loops.name_pending(world.parts)
    for step in steps.ORDER[:-1]:
        assert (await story.coin()).step == step
        wanted = (await world.wanted(story.artist.user_id))[-1]
        told = world.done(wanted)
        await world.deliver(told, gets_lost=True)
        assert (await story.coin()).step == step
        for state in ("CONFIRMED", "UNDONE", "CONFIRMED", "FINAL"):
            told.state = state
            await world.deliver(told)
    await world.deliver(story.launched())
    assert len(await world.wanted(story.artist.user_id)) == len(steps.ORDER) - 1
    assert (await story.coin()).status == "DEPLOYED"
    await world.mirror()


async def test_what_failed_is_asked_again_under_another_key(world: World) -> None:
    story = await world.story(is_deployed=False)
    await world.deliver(story.launched())
    await loops.name_pending(world.parts)
    await world.deliver(story.told("deploy", "REFUSED", error="too expensive"))
    coin = await story.coin()
    assert (coin.status, coin.error) == ("FAILED", "too expensive")
    answer = await story.artist.post(f"{story.path}/deploy", {})
    assert (answer.status, answer.data["status"]) == (202, "DEPLOYING")
    await world.deliver(story.told("deploy", "REFUSED", error="the first attempt again"))
    world.settled.add(story.key("deploy"))
    await world.work(story.artist.user_id)
    assert (await story.coin()).status == "DEPLOYED"
    assert [each.key for each in await world.wanted(story.artist.user_id)][:2] == [
        story.key("deploy"),
        story.key("deploy", attempt=2),
    ]


async def test_a_coin_waits_for_its_artists_name(world: World) -> None:
    story = await world.story("Zoë", is_deployed=False)
    await world.deliver(story.launched())
    world.neighbours.is_away = True
    with pytest.raises(Unavailable):
        await loops.name_pending(world.parts)
    world.neighbours.is_away = False
    assert (await story.coin()).status == "PENDING"
    await world.work(story.artist.user_id)
    assert ((await story.coin()).symbol, (await story.coin()).status) == ("ZOE", "DEPLOYED")


async def test_an_artist_names_the_coin(world: World) -> None:
    story = await world.story(is_deployed=False)
    body = {"name": "My Coin", "symbol": "MINE", "feeBps": 100}
    key = "the same key"
    first = await story.artist.post(f"{story.path}/deploy", body, key=key)
    again = await story.artist.post(f"{story.path}/deploy", body, key=key)
    assert first.status == again.status == 202
    assert first.body == again.body
    await world.work(story.artist.user_id)
    shown = (await world.someone().get(story.path)).data
    assert (shown["name"], shown["symbol"], shown["status"], shown["chainId"]) == ("My Coin", "MINE", "DEPLOYED", CHAIN)
    assert (await story.pool()).fee_bps == 100


async def test_who_may_not_deploy(world: World) -> None:
    story = await world.story(is_deployed=False)
    path, stranger = f"{story.path}/deploy", world.someone("ARTIST")
    assert (await stranger.post(path, {})).code == "FORBIDDEN"
    assert (await world.someone().post(path, {})).code == "FORBIDDEN"
    assert (await story.artist.post(path, {}, key=None)).code == "VALIDATION_ERROR"
    assert (await story.artist.post(path, {"symbol": "low"})).code == "VALIDATION_ERROR"
    poor = world.someone("ARTIST", linked=())
    assert (await poor.post(f"/coins/{poor.user_id}/deploy", {})).code == "VALIDATION_ERROR"
    assert (await world.someone().get(story.path)).code == "COIN_NOT_FOUND"


async def test_keys_of_others_change_nothing(world: World) -> None:
    story = await world.story()
    told = story.told("deploy", "FAILED", error="not ours")
    told.key = f"nft:{told.key}"
    await world.deliver(told)
    assert (await story.coin()).status == "DEPLOYED"


async def test_coins_are_listed_by_pages(world: World) -> None:
    ids = {(await world.story()).artist.user_id for _ in range(3)}
    async with asyncio.timeout(10):
        while True:  # a replica answers, a moment later
            first = (await world.someone().get("/coins?limit=2")).json
            second = (await world.someone().get("/coins?limit=2&page=2")).json
            shown = {each["artistId"] for each in (*first["data"], *second["data"])}
            if ids <= shown:
                break
    assert len(first["data"]) == 2
    assert first["pagination"]["total"] >= 3
