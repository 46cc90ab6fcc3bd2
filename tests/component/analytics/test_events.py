"""What clients tell: counted once, only of what exists, only what they may tell, and never for ever."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.component.analytics.driver import CALLER, Person, World, now
from tests.component.analytics.story import Story, whole

from audifi.kernel.clock import iso
from audifi.kernel.ids import new_id
from audifi.services.analytics import rolling

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def listed(world: World) -> Story:
    story = Story().launched()
    await world.tell(*story.events)
    return story


async def views_of(world: World, master_id: UUID) -> tuple[int, int]:
    row = (
        await world.rows(
            "SELECT coalesce(sum(views), 0) AS views, coalesce(sum(visitors), 0) AS visitors"
            "  FROM analytics.daily_master_stats WHERE master_id = $1",
            master_id,
        )
    )[0]
    return int(row["views"]), int(row["visitors"])


async def test_one_event_and_a_batch_are_taken(world: World) -> None:
    story, guest = await listed(world), Person(world)
    one = await guest.post("/events", {"type": "view", "masterId": str(story.master_id)})
    batch = [{"type": kind, "masterId": str(story.master_id)} for kind in ("view", "play", "share", "bookmark")]
    many = await guest.post("/events", {"events": batch})
    assert (one.status, one.data) == (202, {"accepted": 1, "duplicates": 0})
    assert (many.status, many.data) == (202, {"accepted": 4, "duplicates": 0})
    await world.roll()
    assert await views_of(world, story.master_id) == (2, 2)  # the guest came from two addresses


async def test_an_event_told_twice_counts_once(world: World) -> None:
    """Taught by phones that send again whatever was not answered in the tunnel."""
    story = await listed(world)
    user = await Person(world, new_id()).signed_in()
    event = {"type": "view", "masterId": str(story.master_id), "clientEventId": "e-1"}
    first = await user.post("/events", {"events": [event, event]})
    again = await user.post("/events", event)
    other = await (await Person(world, new_id()).signed_in()).post("/events", event)
    assert first.data == {"accepted": 1, "duplicates": 1}
    assert again.data == {"accepted": 0, "duplicates": 1}
    assert other.data == {"accepted": 1, "duplicates": 0}


async def test_what_nobody_told_us_of_is_not_kept(world: World) -> None:
    """A guest could fill the table with made-up masters."""
    answer = await Person(world).post("/events", {"events": [{"type": "view", "masterId": str(new_id())}]})
    assert (answer.status, answer.data["accepted"]) == (202, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "share.minted"}, {"type": "vote.cast"}, {"type": "purchase.completed"}, {}, {"events": []},
        {"type": "view", "events": [{"type": "view"}]}, {"events": [{"type": "view"}] * 101},
        {"type": "view", "properties": {"x": "y" * 4096}}, {"type": "view", "clientEventId": "x" * 65},
        {"type": "view", "unknown": 1}, {"type": "view", "masterId": "1"}, {"type": "view", "occurredAt": "yesterday"},
    ],
)  # fmt: skip
async def test_wrong_events_are_refused(world: World, body: dict[str, Any]) -> None:
    answer = await Person(world).post("/events", body)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


async def test_a_clock_is_believed_for_a_week(world: World) -> None:
    story, guest = await listed(world), Person(world)
    moments = [now() - timedelta(days=2), now() - timedelta(days=30), now() + timedelta(days=1)]
    batch = [{"type": "play", "masterId": str(story.master_id), "occurredAt": iso(each)} for each in moments]
    assert (await guest.post("/events", {"events": batch})).data["accepted"] == 3
    kept = await world.rows(
        "SELECT created_at FROM analytics.analytics_events WHERE master_id = $1 AND type = 'play' ORDER BY 1",
        story.master_id,
    )
    ages = [(now() - row["created_at"]).days for row in kept]
    assert ages == [7, 2, 0]


async def test_a_sender_may_tell_a_hundred_times_a_minute(world: World) -> None:
    user = await Person(world, new_id()).signed_in()
    answers = [await user.post("/events", {"type": "search"}) for _ in range(101)]
    assert {answer.status for answer in answers[:100]} == {202}
    assert (answers[100].status, answers[100].code) == (429, "RATE_LIMITED")


async def test_services_tell_anything_once(world: World) -> None:
    story = whole(Story())
    caller = Person(world, head={"x-internal-token": CALLER.mint("analytics-service")})
    events = [
        {"id": str(each.id), "type": each.type, "occurredAt": iso(each.occurred_at), "data": each.data}
        for each in story.events
    ]
    first = await caller.post("/internal/v1/events", {"events": events})
    again = await caller.post("/internal/v1/events", {"events": events})
    assert (first.status, first.data) == (202, {"accepted": len(events), "duplicates": 0})
    assert again.data == {"accepted": 0, "duplicates": len(events)}
    unknown = await caller.post("/internal/v1/events", {"events": [{**events[0], "type": "money.printed"}]})
    wrong = await caller.post("/internal/v1/events", {"events": [{**events[0], "data": {}}]})
    assert (unknown.status, wrong.status) == (400, 400)
    stranger = await Person(world).post("/internal/v1/events", {"events": events})
    assert stranger.status == 401


async def test_engagement_waits_and_money_does_not(world: World) -> None:
    story = Story()
    story.launched()
    await world.tell(*story.events)
    await world.roll()
    await Person(world).post("/events", {"type": "view", "masterId": str(story.master_id)})
    wait = await world.value(
        "SELECT max(due_at) - now() FROM analytics.dirty_days WHERE artist_id = $1", story.artist_id
    )
    assert timedelta(minutes=14) < wait <= timedelta(minutes=15)  # it is on sale
    assert await rolling.roll_due(world.database, world.clock) == 0
    assert await views_of(world, story.master_id) == (0, 0)
    await world.tell(*Story(story.artist_id, story.master_id).bought(1, 1, 7, now()).events)
    assert await rolling.roll_due(world.database, world.clock) > 0
    assert await views_of(world, story.master_id) == (1, 1)  # rolled along: it is the same day
    assert await world.value("SELECT count(*) FROM analytics.dirty_days WHERE artist_id = $1", story.artist_id) == 0
