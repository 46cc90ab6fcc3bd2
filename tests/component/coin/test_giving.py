"""The buyers of the first IPO are given their part: once, to the last unit, whatever comes first."""

import asyncio

import pytest
from tests.component.coin.driver import Story, World
from tests.component.contracts.node import wallet

from audifi.services.coin import loops
from audifi.services.coin.rules.supply import BUCKETS, COIN, Bucket
from audifi.wire.events.chain import ChainSettled
from audifi.wire.events.nft import IpoCancelled
from audifi.wire.problems import Unavailable

pytestmark = pytest.mark.asyncio(loop_scope="session")

# domain.md 2.5: 3, 2, 2 shares.
VECTOR = (85714285714285714285714, 57142857142857142857143, 57142857142857142857143)


def buyers(count: int, tag: str) -> list[str]:
    return sorted(wallet(f"{tag} {number}") for number in range(count))


async def held(world: World, story: Story, who: str) -> int:
    return int((await world.someone().get(f"{story.path}/balance/{who}")).data["balance"])


async def grants(world: World, story: Story) -> list[tuple[str, str, int]]:
    rows = await world.rows(
        "SELECT wallet, status, attempt FROM coin.grants WHERE coin_id = $1 ORDER BY wallet", (await story.coin()).id
    )
    return [(row["wallet"], row["status"], row["attempt"]) for row in rows]


async def test_seven_shares_are_given_as_the_design_says(world: World) -> None:
    story = await world.story()
    wallets = buyers(3, story.master_id)
    await story.sold_to(dict(zip(wallets, (3, 2, 2), strict=True)))
    assert tuple([await held(world, story, who) for who in wallets]) == VECTOR
    assert {status for _, status, _ in await grants(world, story)} == {"GIVEN"}
    shown = (await world.someone().get(story.path)).data
    (part,) = [each for each in shown["allocations"] if each["bucket"] == "PARTICIPANTS"]
    assert part["released"] == part["amount"] == str(BUCKETS[Bucket.PARTICIPANTS])
    assert shown["metrics"]["holders"] == 4
    assert shown["metrics"]["circulating"] == str(750_000 * COIN)
    await story.agrees_with_the_chain()
    answer = (await world.someone().get(f"{story.path}/balance/{wallets[0].upper().replace('0X', '0x')}")).data
    assert answer["formatted"] == "85714.285714285714285714"


async def test_an_ipo_that_sells_out_before_the_coin_is_there_waits_for_it(world: World) -> None:
    story = await world.story(is_deployed=False)
    wallets = buyers(2, story.master_id)
    world.neighbours.bought[story.master_id] = dict.fromkeys(wallets, 1)
    await world.deliver(story.launched())
    await world.deliver(story.ended(2))
    await loops.share_due(world.parts)
    assert await loops.give_due(world.parts) == 0
    assert [status for _, status, _ in await grants(world, story)] == ["WAITING", "WAITING"]
    await world.work(story.artist.user_id)
    assert [await held(world, story, who) for who in wallets] == [100_000 * COIN] * 2


async def test_an_end_before_the_launch_is_handled_comes_again(world: World) -> None:
    story = await world.story(is_deployed=False)
    with pytest.raises(Unavailable):
        await world.deliver(story.ended())


async def test_closing_tells_of_it_as_well_and_everything_counts_once(world: World) -> None:
    story = await world.story()
    (who,) = buyers(1, story.master_id)
    world.neighbours.bought[story.master_id] = {who: 5}
    await world.deliver(story.ended(5, is_sold_out=False))
    await world.work(story.artist.user_id)
    await world.deliver(story.ended(5))
    world.neighbours.bought[story.master_id] = {who: 5, wallet("late"): 5}
    await world.work(story.artist.user_id)
    assert await held(world, story, who) == 200_000 * COIN
    assert len(await grants(world, story)) == 1


async def test_only_the_first_ipo_counts_and_one_that_sold_nothing_is_none(world: World) -> None:
    story = await world.story()
    unsold, cancelled = Story(world, story.artist, story.master_id, story.ipo_id), Story(world, story.artist)
    await world.deliver(unsold.ended(0, is_sold_out=False))
    await world.deliver(cancelled.launched())
    assert (await story.coin()).ipo_id == cancelled.ipo_id
    await world.deliver(
        IpoCancelled(master_id=cancelled.master_id, artist_id=story.artist.user_id, ipo_id=cancelled.ipo_id)
    )
    first, second = Story(world, story.artist), Story(world, story.artist)
    await world.deliver(first.launched())
    await world.deliver(second.launched())
    await second.sold_to({wallet("second"): 1})
    assert await grants(world, story) == []
    (who,) = buyers(1, first.master_id)
    await first.sold_to({who: 1})
    assert [each[0] for each in await grants(world, story)] == [who]


async def test_a_neighbour_that_is_away_or_knows_nobody_yet_is_asked_again(world: World) -> None:
    story = await world.story()
    await world.deliver(story.ended(2))
    with pytest.raises(Unavailable):
        await loops.share_due(world.parts)
    world.neighbours.is_away = True
    with pytest.raises(Unavailable):
        await loops.share_due(world.parts)
    world.neighbours.is_away = False
    await story.sold_to({wallet(story.master_id): 2})
    assert [status for _, status, _ in await grants(world, story)] == ["GIVEN"]


async def test_a_transfer_that_can_never_be_is_tried_again_later(world: World) -> None:
    story = await world.story()
    (who,) = buyers(1, story.master_id)
    world.neighbours.bought[story.master_id] = {who: 1}
    await world.deliver(story.ended(1))
    await loops.share_due(world.parts)
    await loops.give_due(world.parts)
    wanted = (await world.wanted(story.artist.user_id))[-1]
    assert wanted.key == f"coin:{story.artist.user_id}:give:{who}"
    world.settled.add(wanted.key)
    refused = ChainSettled(key=wanted.key, chain_id=1, state="REFUSED", error="the coin is halted")
    for _ in range(2):
        await world.deliver(refused)
    assert await grants(world, story) == [(who, "FAILED", 2)]
    assert await loops.give_due(world.parts) == 0, "not before its time"
    async with world.parts.database.transaction() as tx:
        await tx.execute("UPDATE coin.grants SET due_at = now() WHERE wallet = $1", who)
    await world.work(story.artist.user_id)
    assert await grants(world, story) == [(who, "GIVEN", 2)]
    assert await held(world, story, who) == 200_000 * COIN


async def test_two_pods_give_nobody_twice(world: World) -> None:
    story = await world.story()
    wallets = buyers(30, story.master_id)
    world.neighbours.bought[story.master_id] = dict.fromkeys(wallets, 2)
    await world.deliver(story.ended(60))
    await asyncio.gather(*(loops.share_due(world.parts) for _ in range(4)))
    await asyncio.gather(*(loops.give_due(world.parts) for _ in range(4)))
    keys = [each.key for each in await world.wanted(story.artist.user_id) if ":give:" in each.key]
    assert sorted(keys) == [f"coin:{story.artist.user_id}:give:{who}" for who in wallets]
    await world.work(story.artist.user_id)
    assert sum([await held(world, story, who) for who in wallets]) == BUCKETS[Bucket.PARTICIPANTS]
