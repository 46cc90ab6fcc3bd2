"""What is counted is right to the wei, and stays so whatever the queue does: replay, disorder, lateness, doubt."""

import asyncio
import random
from datetime import timedelta

import msgspec
import pytest
from tests.component.analytics.driver import Person, World, midday, now, said, tx_hash, wallet
from tests.component.analytics.story import PRICE, Story, whole

from audifi.kernel.ids import new_id
from audifi.services.analytics import recount, rolling
from audifi.services.analytics.recording import Happened, record
from audifi.wire.events.auth import UserCreated
from audifi.wire.events.nft import ShareMinted, ShareSold

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def artist(world: World, story: Story) -> Person:
    return await Person(world, story.artist_id, ("USER", "ARTIST")).signed_in()


async def test_a_master_agrees_with_the_ledger_to_the_wei(world: World) -> None:
    story = whole(Story())
    await world.tell(*story.events)
    await world.roll()
    found = (await (await artist(world, story)).get(f"/analytics/masters/{story.master_id}")).data
    fees = 7 * PRICE * 250 // 10_000 + 2 * (3 * PRICE * 250 // 10_000)  # two purchases, one transaction without
    wanted = {
        "primaryWei": str(13 * PRICE), "primaryFeeWei": str(fees), "secondaryWei": "432", "royaltiesWei": "42",
        "secondaryFeeWei": "0", "revenueWei": "1000000007", "dividendsWei": "400000002",
        "dividendsClaimedWei": "400000002", "artistRevenueWei": "600000005", "purchases": 2, "sharesSold": 13,
        "resales": 2, "transfers": 2, "claims": 1, "holders": 3, "title": "Midnight Pulse", "totalShares": 100,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    holdings = (await (await artist(world, story)).get(f"/analytics/masters/{story.master_id}/holders")).data
    assert {row["wallet"]: row["shares"] for row in holdings} == {wallet(7): 5, wallet(8): 4, wallet(9): 4}


async def test_the_queue_may_be_replayed_in_any_order(world: World) -> None:
    """Taught by dashboards that doubled whenever somebody replayed a stream."""
    story = whole(Story())
    await world.tell(*story.events)
    await world.roll()
    once = await world.pictured(story.artist_id)
    # Every second delivery: with the row that recognises it, and without, as after 30 days.
    shuffled = random.Random(5).sample(story.events, len(story.events))  # noqa: S311  # a shuffle, no secret
    await world.tell(*shuffled)
    await world.forget_deliveries()
    await world.tell(*reversed(story.events))
    await world.roll()
    assert await world.pictured(story.artist_id) == once
    assert once["daily_artist_stats"]


async def test_events_in_any_order_give_the_same_days(world: World) -> None:
    first = whole(Story())
    second = Story(first.artist_id, first.master_id, first.session_id)
    await world.tell(*first.events)
    await world.roll()
    told = await world.pictured(first.artist_id)
    for table in ("analytics_events", "daily_master_stats", "daily_artist_stats", "session_stats", "artist_summaries",
                  "holdings", "masters", "sessions"):  # fmt: skip
        await world.execute(f"DELETE FROM analytics.{table} WHERE artist_id = $1", first.artist_id)  # noqa: S608
    await world.execute("DELETE FROM analytics.counted_facts")
    await world.forget_deliveries()
    second.events = random.Random(11).sample(first.events, len(first.events))  # noqa: S311  # a shuffle, no secret
    for event in second.events:
        await world.tell(event)
        await world.roll()
    assert await world.pictured(first.artist_id) == told


async def test_a_second_event_about_one_fact_counts_once(world: World) -> None:
    """After a reorg the chain is read again, and nft-service says again what it said, in new events."""
    story = whole(Story())
    await world.tell(*story.events)
    await world.roll()
    once = await world.pictured(story.artist_id)
    again = [event for event in story.events if event.type in ("share.minted", "share.sold", "dividend.claimed")]
    await world.tell(*(msgspec.structs.replace(each, id=new_id()) for each in again))
    await world.roll()
    assert await world.pictured(story.artist_id) == once


async def test_everything_counted_anew_is_equal_to_the_byte(world: World) -> None:
    story = whole(Story())
    await world.tell(*story.events)
    guest = Person(world)
    await guest.post("/events", {"events": [{"type": "view", "masterId": str(story.master_id)}] * 3})
    await world.roll()
    before = await world.pictured(story.artist_id)
    platform = await world.rows("SELECT t::text AS line FROM analytics.platform_daily t ORDER BY day")
    for table in before:
        await world.execute(f"DELETE FROM analytics.{table}")  # noqa: S608  # a constant
    await world.execute("DELETE FROM analytics.platform_daily")
    assert await recount.everything(world.database, world.clock) > 0
    await world.roll()
    assert await world.pictured(story.artist_id) == before
    assert await world.rows("SELECT t::text AS line FROM analytics.platform_daily t ORDER BY day") == platform


async def test_a_late_event_rolls_its_own_day_again(world: World) -> None:
    story = Story().launched()
    await world.tell(*story.events)
    await world.roll()
    late = Story(story.artist_id, story.master_id).bought(1, 2, 7, midday(400))
    await world.tell(*late.events)
    await world.roll()
    rows = await world.rows(
        "SELECT day, primary_wei FROM analytics.daily_master_stats WHERE master_id = $1 AND primary_wei > 0",
        story.master_id,
    )
    assert [(row["day"], int(row["primary_wei"])) for row in rows] == [(midday(400).date(), 2 * PRICE)]


async def test_the_dashboard_knows_a_sale_at_the_next_roll(world: World) -> None:
    """Money is due at once: no waiting for the hour, as engagement does."""
    story = Story().launched(now()).bought(1, 1, 7, now())
    await world.tell(*story.events)
    while await rolling.roll_due(world.database, world.clock):
        pass
    found = (await (await artist(world, story)).get("/analytics/dashboard?period=day")).data
    assert (found["grossWei"], found["sharesSold"], found["masters"]) == (str(PRICE), 1, 1)


async def test_the_platform_is_the_sum_of_its_artists(world: World, admin: Person) -> None:
    before = (await admin.get("/analytics/dashboard")).data
    stories = [whole(Story()), whole(Story())]
    user = said(UserCreated(user_id=str(new_id())), now())
    await world.tell(*stories[0].events, *stories[1].events, user, user)
    await world.roll()
    after = (await admin.get("/analytics/dashboard")).data
    assert int(after["primaryWei"]) - int(before["primaryWei"]) == 26 * PRICE
    assert after["sharesSold"] - before["sharesSold"] == 26
    assert after["usersCreated"] - before["usersCreated"] == 1
    one = (await admin.get(f"/analytics/dashboard?artistId={stories[0].artist_id}")).data
    assert (one["primaryWei"], one["holders"], one["votes"]) == (str(13 * PRICE), 3, 5)


async def test_two_pods_tell_at_once(world: World) -> None:
    """A roll that runs while events are written leaves their marks: nothing is missed."""
    story = Story().launched()
    await world.tell(*story.events)
    sales = [Story(story.artist_id, story.master_id).bought(number + 1, 1, number + 1, now()) for number in range(40)]

    async def tell(batch: list[Story]) -> None:
        for event in (event for sale in batch for event in sale.events):
            happened = Happened(event_id=event.id, at=event.occurred_at, kind=event.type, data=event.data)
            async with world.database.transaction() as tx:
                assert await record(tx, happened, now())

    async def roll() -> None:
        for _ in range(30):
            await rolling.roll_due(world.database, world.clock)

    await asyncio.gather(tell(sales[:20]), roll(), tell(sales[20:]), roll())
    while await rolling.roll_due(world.database, world.clock):
        pass
    found = (await (await artist(world, story)).get("/analytics/dashboard")).data
    assert (found["sharesSold"], found["primaryWei"], found["holders"]) == (40, str(40 * PRICE), 40)


async def test_wrong_events_are_buried_not_counted(world: World) -> None:
    story = Story().launched()
    bad = said(
        ShareSold(
            **story.whose, token_id=1, chain_id=1, seller_wallet=wallet(1), buyer_wallet=wallet(2), price_wei="1",
            royalty_wei="0", fee_wei="0", seller_wei="1", tx_hash=tx_hash(), log_index=1,
        ),
        now(),
    )  # fmt: skip
    del bad.data["priceWei"]
    with pytest.raises(AssertionError, match="events:share: 1 events were not handled"):
        await world.tell(*story.events, bad)
    entries = await world.queue.client.xpending_range("events:share", "analytics-service", min="-", max="+", count=10)
    await world.queue.client.xack("events:share", "analytics-service", *(entry["message_id"] for entry in entries))
    assert await world.value("SELECT count(*) FROM analytics.analytics_events WHERE event_id = $1", bad.id) == 0


async def test_reserve_shares_are_not_sold(world: World) -> None:
    story = Story().launched()
    story.say(
        ShareMinted(
            **story.whose, token_id=100, chain_id=1, wallet=wallet(1), tier=4, price_wei="0", tx_hash=tx_hash(),
            log_index=0, is_reserve=True,
        ),
        midday(1) + timedelta(minutes=1),
    )  # fmt: skip
    await world.tell(*story.events)
    await world.roll()
    found = (await (await artist(world, story)).get(f"/analytics/masters/{story.master_id}")).data
    assert (found["sharesSold"], found["sharesReserved"], found["holders"], found["primaryWei"]) == (0, 1, 1, "0")
