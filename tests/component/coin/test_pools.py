"""A pool opens the trade once, and is quoted as its contract quotes it."""

import pytest
from tests.component.coin.driver import World
from tests.component.contracts.node import ETHER, now

from audifi.clients.chain.contracts.surface import CoinContract, PoolContract
from audifi.services.coin.rules.supply import COIN

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAR_S = 2**40
BODY = {"poolType": "UNISWAP_V2", "ethWei": str(ETHER), "feeBps": 30}


async def test_a_filled_pool_makes_the_coin_tradable(world: World) -> None:
    story = await world.story()
    path = f"{story.path}/pool"
    assert (await world.someone().get(path)).code == "POOL_NOT_FOUND"
    answer = await story.artist.post(path, BODY)
    assert (answer.status, answer.data["status"]) == (201, "APPROVING")
    await world.work(story.artist.user_id)
    coin, pool = await story.coin(), await story.pool()
    assert (coin.status, pool.status, pool.type) == ("TRADABLE", "ACTIVE", "UNISWAP_V2")
    assert (pool.coin_reserve, pool.native_reserve) == (250_000 * COIN, ETHER)
    shown = (await world.someone().get(path)).data
    assert shown["priceWei"] == str(ETHER // 250_000)
    detail = (await world.someone().get(story.path)).data
    assert detail["metrics"]["marketCapWei"] == str(4 * ETHER)
    assert {each["bucket"]: each["released"] for each in detail["allocations"]}["POOL"] == str(250_000 * COIN)
    (created,) = await world.events("coin.pool_created", coin.id)
    assert (created["address"], created["type"]) == (pool.address, "UNISWAP_V2")
    (deed,) = await world.events("audit.recorded", coin.id)
    assert (deed["action"], deed["actorId"]) == ("coin.pool_requested", story.artist.user_id)
    assert deed["after"] == {"ethWei": str(ETHER), "poolType": "UNISWAP_V2"}
    assert (await story.artist.post(path, BODY)).code == "CONFLICT"
    await story.agrees_with_the_chain()


@pytest.mark.parametrize(("direction", "amount"), [("BUY", ETHER // 7), ("SELL", 12345 * COIN + 1), ("BUY", 1)])
async def test_a_quote_is_the_contracts_own(world: World, direction: str, amount: int) -> None:
    story = await world.story()
    await story.trade()
    pool = await story.pool()
    quoted = (await world.someone().get(f"{story.path}/swap-quote?direction={direction}&amount={amount}")).data
    told = now(PoolContract(pool.address).amount_out_wei(world.node, amount, coin_in=direction == "SELL"))
    assert (quoted["in"], quoted["out"]) == (str(amount), str(told))
    assert int(quoted["minReceived"]) == told * 9950 // 10_000


async def test_trades_move_reserves_price_and_volume(world: World) -> None:
    story = await world.story()
    await story.trade(ETHER)
    fan, pool, coin = await story.fan(1000 * COIN), await story.pool(), await story.coin()
    contract = PoolContract(pool.address)
    world.node.send(fan.wallet, pool.address, contract.swap_native_for_coin(1, fan.wallet, FAR_S), ETHER // 10)
    assert coin.address is not None
    world.node.send(fan.wallet, coin.address, CoinContract(coin.address).approve(pool.address, 500 * COIN))
    world.node.send(fan.wallet, pool.address, contract.swap_coin_for_native(500 * COIN, 1, fan.wallet, FAR_S))
    before = (await world.someone().get(f"{story.path}/metrics")).data
    assert before["volume24hWei"] == "0"
    await world.mirror()
    await story.agrees_with_the_chain()
    after = (await world.someone().get(f"{story.path}/metrics")).data
    assert int(after["volume24hWei"]) > ETHER // 10
    assert int(after["priceWei"]) > int(before["priceWei"])


async def test_liquidity_comes_and_goes(world: World) -> None:
    story = await world.story()
    await story.trade()
    fan, pool, coin = await story.fan(10_000 * COIN), await story.pool(), await story.coin()
    contract = PoolContract(pool.address)
    assert coin.address is not None
    world.node.send(fan.wallet, coin.address, CoinContract(coin.address).approve(pool.address, 10_000 * COIN))
    world.node.send(fan.wallet, pool.address, contract.add_liquidity(10_000 * COIN, 1, FAR_S), ETHER // 100)
    await world.mirror()
    await story.agrees_with_the_chain()
    shares = now(contract.shares_of(world.node, fan.wallet))
    data = contract.remove_liquidity(shares, coin_min_wei=0, native_min_wei=0, to=fan.wallet, deadline_s=FAR_S)
    world.node.send(fan.wallet, pool.address, data)
    await world.mirror()
    await story.agrees_with_the_chain()


async def test_what_failed_may_be_asked_again(world: World) -> None:
    story = await world.story()
    await story.artist.post(f"{story.path}/pool", BODY)
    await world.deliver(story.told("approve-pool", "FAILED", error="reverted"))
    world.settled.add(story.key("approve-pool"))
    assert (await story.pool()).status == "FAILED"
    answer = await story.artist.post(f"{story.path}/pool", {**BODY, "poolType": "SUSHISWAP"})
    assert answer.status == 201
    await world.work(story.artist.user_id)
    assert ((await story.pool()).status, (await story.pool()).type) == ("ACTIVE", "SUSHISWAP")


async def test_a_step_that_is_told_twice_is_taken_once(world: World) -> None:
    story = await world.story()
    await story.artist.post(f"{story.path}/pool", BODY)
    for what in ("approve-pool", "add-liquidity"):
        told = world.done((await world.wanted(story.artist.user_id))[-1])
        world.settled.add(told.key)
        assert told.key == story.key(what)
        await world.deliver(told, gets_lost=True)
        for _ in range(3):
            await world.deliver(told)
    await world.mirror()
    assert len(await world.events("coin.pool_created", (await story.coin()).id)) == 1
    assert (await story.pool()).coin_reserve == 250_000 * COIN


async def test_who_may_not_fill_a_pool_and_with_what(world: World) -> None:
    early, story = await world.story(is_deployed=False), await world.story()
    path = f"{story.path}/pool"
    assert (await early.artist.post(f"{early.path}/pool", BODY)).code == "COIN_NOT_FOUND"
    await world.deliver(early.launched())
    assert (await early.artist.post(f"{early.path}/pool", BODY)).code == "INVALID_STATE"
    await world.work(early.artist.user_id)
    assert (await early.artist.post(path, BODY)).code == "FORBIDDEN"
    assert (await story.artist.post(path, BODY, key=None)).code == "VALIDATION_ERROR"
    for wrong in (
        {"feeBps": 100},
        {"ethWei": "0"},
        {"ethWei": str(world.parts.settings.pool_seed_wei_max + 1)},
        {"poolType": "OTHER"},
    ):
        assert (await story.artist.post(path, BODY | wrong)).code == "VALIDATION_ERROR", wrong
    assert (await world.someone().get(f"{story.path}/swap-quote?direction=BUY&amount=1")).code == "POOL_NOT_FOUND"
    assert (await world.someone().get(f"{story.path}/swap-quote?direction=BUY&amount=0")).code == "VALIDATION_ERROR"
