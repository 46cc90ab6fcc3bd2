"""What time does to what is kept: months are there before they begin, engagement goes, totals stay."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.component.analytics.driver import Person, World, midday, said
from tests.component.analytics.story import PRICE, Story
from tests.support.clock import MovableClock

from audifi.kernel.ids import new_id
from audifi.services.analytics import housekeeping, recount, rolling
from audifi.services.analytics.rules import retention
from audifi.services.analytics.store import months
from audifi.wire.events.auth import UserDeleted

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def names(world: World) -> set[str]:
    async with world.database.read_primary() as connection:
        return {name.removeprefix("analytics_events_") for name in await months.names(connection)}


async def seen(world: World, story: Story, days_ago: int, count: int) -> None:
    """Views of a past day, with addresses, as if they had come then."""
    for _ in range(count):
        await world.execute(
            "INSERT INTO analytics.analytics_events (event_id, created_at, type, is_lasting, artist_id, master_id,"
            "       visitor, ip, user_id) VALUES ($1, $2, 'view', false, $3, $4, $5, '192.0.2.7', $6)",
            new_id(), midday(days_ago), story.artist_id, story.master_id, new_id().bytes, new_id(),
        )  # fmt: skip
    await world.execute(
        "INSERT INTO analytics.dirty_days (artist_id, day, due_at) VALUES ($1, $2, now())",
        story.artist_id, midday(days_ago).date(),
    )  # fmt: skip


async def day_of(world: World, story: Story, days_ago: int) -> tuple[int, int]:
    row = (
        await world.rows(
            "SELECT views, primary_wei FROM analytics.daily_master_stats WHERE master_id = $1 AND day = $2",
            story.master_id, midday(days_ago).date(),
        )
    )[0]  # fmt: skip
    return int(row["views"]), int(row["primary_wei"])


async def test_months_are_made_ahead_across_the_year_s_end(world: World) -> None:
    clock = MovableClock()
    clock.ahead = datetime(2031, 11, 20, tzinfo=UTC) - datetime.now(UTC)
    await housekeeping.prepare_months(world.database, clock)
    assert {"2031_08", "2031_11", "2031_12", "2032_01"} <= await names(world)
    assert "2032_02" not in await names(world)
    assert await housekeeping.prepare_months(world.database, clock) == 0
    clock.advance(days=42)  # New Year
    assert await housekeeping.prepare_months(world.database, clock) == 2
    assert {"2032_02", "2032_03"} <= await names(world)


async def test_the_last_moment_of_a_year_is_in_its_december(world: World) -> None:
    story = Story()
    last, first = datetime(2029, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    story.launched(datetime(2029, 12, 1, tzinfo=UTC)).bought(1, 1, 7, last).bought(2, 2, 7, first)
    await world.tell(*story.events)  # months nobody made ahead: the event makes its own
    assert await names(world) >= {"2029_12", "2030_01"}
    await world.roll()
    rows = await world.rows(
        "SELECT day::text AS day, shares_sold FROM analytics.daily_master_stats WHERE master_id = $1"
        " AND shares_sold > 0 ORDER BY day",
        story.master_id,
    )
    assert [(row["day"], row["shares_sold"]) for row in rows] == [("2029-12-31", 1), ("2030-01-01", 2)]
    counts = await world.value(
        "SELECT count(*) FROM analytics.analytics_events_2029_12 WHERE artist_id = $1", story.artist_id
    )
    assert counts == 4  # registered, launched, minted, bought


async def test_engagement_goes_after_90_days_and_its_figures_stay(world: World) -> None:
    story = Story().launched(midday(100)).bought(1, 1, 7, midday(95))
    await world.tell(*story.events)
    clock = MovableClock()
    clock.ahead = -timedelta(days=30)  # the day was rolled when it was 65 days old
    await seen(world, story, 95, 3)
    await seen(world, story, 50, 2)
    while await rolling.roll_due(world.database, clock):
        pass
    await world.execute("UPDATE analytics.dirty_days SET due_at = '-infinity'")
    while await rolling.roll_due(world.database, clock):
        pass
    assert await day_of(world, story, 95) == (3, PRICE)
    await housekeeping.tidy(world.database, world.clock)
    kept = await world.rows(
        "SELECT type, count(*) AS n FROM analytics.analytics_events WHERE artist_id = $1 GROUP BY 1 ORDER BY 1",
        story.artist_id,
    )
    assert {row["type"]: row["n"] for row in kept} == {
        "ipo.launched": 1, "master.registered": 1, "purchase.completed": 1, "share.minted": 1, "view": 2,
    }  # fmt: skip
    before = await world.pictured(story.artist_id)
    await world.tell(*Story(story.artist_id, story.master_id).bought(2, 1, 7, midday(95)).events)  # late money
    await world.roll()
    assert await day_of(world, story, 95) == (3, 2 * PRICE)
    assert await world.pictured(story.artist_id) != before
    before = await world.pictured(story.artist_id)
    await recount.everything(world.database, world.clock)
    await world.roll()
    assert await world.pictured(story.artist_id) == before


async def test_late_engagement_of_a_frozen_day_is_not_counted(world: World) -> None:
    story = Story().launched()
    story.live(midday(retention.ENGAGEMENT_DAYS + 5), votes=2)
    await world.tell(*story.events)
    kinds = await world.rows("SELECT type FROM analytics.analytics_events WHERE artist_id = $1", story.artist_id)
    assert {row["type"] for row in kinds} == {"master.registered", "ipo.launched"}


async def test_addresses_are_hashed_after_30_days(world: World) -> None:
    story = Story().launched()
    await world.tell(*story.events)
    await seen(world, story, 31, 1)
    await seen(world, story, 29, 1)
    await housekeeping.tidy(world.database, world.clock)
    rows = await world.rows(
        "SELECT host(ip) AS ip, ip_hash IS NOT NULL AS hashed FROM analytics.analytics_events"
        " WHERE artist_id = $1 AND type = 'view' ORDER BY created_at",
        story.artist_id,
    )
    assert [(row["ip"], row["hashed"]) for row in rows] == [(None, True), ("192.0.2.7", False)]


async def test_a_closed_account_leaves_counts_and_no_name(world: World) -> None:
    story = Story().launched()
    await world.tell(*story.events)
    user_id = new_id()
    user = await Person(world, user_id).signed_in()
    view = {"type": "view", "masterId": str(story.master_id)}
    await user.post("/events", {"events": [view, view]})
    await world.roll()
    before = await world.pictured(story.artist_id)
    await world.tell(said(UserDeleted(user_id=str(user_id)), midday(0)))
    left = await world.value(
        "SELECT count(*) FROM analytics.analytics_events WHERE user_id = $1 AND NOT is_lasting", user_id
    )
    assert left == 0
    await recount.everything(world.database, world.clock)
    await world.roll()
    assert await world.pictured(story.artist_id) == before


async def test_periods_end_today_for_everybody_at_midnight(world: World) -> None:
    story = Story().launched().bought(1, 1, 7, midday(1))
    await world.tell(*story.events)
    await world.roll()
    clock = MovableClock()
    clock.advance(days=6)
    while await rolling.summarise_outdated(world.database, clock):
        pass
    rows = await world.rows(
        "SELECT period FROM analytics.artist_summaries WHERE artist_id = $1 AND shares_sold > 0", story.artist_id
    )
    assert {row["period"] for row in rows} == {"month", "year", "all_time"}  # the week has gone by
    await _restore(world, story.artist_id)


async def _restore(world: World, artist_id: UUID) -> None:
    # The other tests' summaries end in six days now: today they are outdated in the other direction.
    del artist_id
    await world.execute("UPDATE analytics.artist_summaries SET through = '2000-01-01'")
    while await rolling.summarise_outdated(world.database, world.clock):
        pass
