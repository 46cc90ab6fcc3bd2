"""Who sees what: guests a part, artists their own, administrators all; files only for whoever asked for them."""

import csv
import io
from datetime import timedelta

import pytest
from tests.component.analytics.driver import Person, World, midday, now
from tests.component.analytics.story import PRICE, Story, whole

from audifi.kernel.clock import iso
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.services.analytics import exporting

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def told(world: World, story: Story | None = None) -> tuple[Story, Person]:
    story = story or whole(Story())
    await world.tell(*story.events)
    await world.roll()
    return story, await Person(world, story.artist_id, ("USER", "ARTIST")).signed_in()


async def test_guests_see_a_part_of_a_master(world: World) -> None:
    story, artist = await told(world)
    path = f"/analytics/masters/{story.master_id}"
    public, own = (await Person(world).get(path)).data, (await artist.get(path)).data
    stranger = (await (await Person(world, new_id(), ("USER", "ARTIST")).signed_in()).get(path)).data
    assert set(public) == set(stranger)
    assert set(own) - set(public) == {
        "visitors", "shared", "bookmarks", "reactions", "purchases", "sharesReserved", "transfers", "claims",
        "primaryFeeWei", "secondaryFeeWei", "royaltiesWei", "revenueWei", "dividendsWei", "artistRevenueWei",
        "platformRevenueWei", "collaboratorsWei", "dividendsClaimedWei",
    }  # fmt: skip
    assert (public["sharesSold"], public["primaryWei"]) == (13, str(13 * PRICE))


async def test_a_draft_does_not_exist_for_others(world: World) -> None:
    story = Story().launched()
    del story.events[1]
    story, artist = await told(world, story)
    path = f"/analytics/masters/{story.master_id}"
    assert (await artist.get(path)).status == 200
    guest = await Person(world).get(path)
    assert (guest.status, guest.code) == (404, "MASTER_NOT_FOUND")


async def test_every_page_asks_who_it_is(world: World, admin: Person) -> None:
    story, artist = await told(world)
    fan = await Person(world, new_id()).signed_in()
    other = await Person(world, new_id(), ("USER", "ARTIST")).signed_in()
    careless = await Person(world, new_id(), ("USER", "ADMIN")).signed_in()
    master, session = f"/analytics/masters/{story.master_id}", f"/analytics/sessions/{story.session_id}"
    wanted = {
        # path: guest, fan, other artist, own artist, admin without and with second factor
        "/analytics/dashboard": (401, 403, 200, 200, 403, 200),
        f"/analytics/dashboard?artistId={story.artist_id}": (401, 403, 403, 200, 403, 200),
        f"/analytics/artist/time-series?artistId={story.artist_id}": (401, 403, 403, 200, 403, 200),
        f"/analytics/export?from=2026-01-01&to=2026-01-02&artistId={story.artist_id}": (401, 403, 403, 202, 403, 202),
        master: (200, 200, 200, 200, 200, 200),
        f"{master}/holders": (401, 404, 404, 200, 404, 200),
        f"{master}/sales": (401, 404, 404, 200, 404, 200),
        session: (401, 404, 404, 200, 404, 200),
        f"{session}/engagement": (401, 404, 404, 200, 404, 200),
        "/analytics/artists/top": (200, 200, 200, 200, 200, 200),
        "/analytics/activity": (200, 200, 200, 200, 200, 200),
    }
    people = (Person(world), fan, other, artist, careless, admin)
    found = {path: tuple([(await each.get(path)).status for each in people]) for path in wanted}
    assert found == wanted


async def test_a_session_s_course_is_shown_in_buckets(world: World) -> None:
    story, artist = await told(world)
    path = f"/analytics/sessions/{story.session_id}"
    totals, course = (await artist.get(path)).data, (await artist.get(f"{path}/engagement")).data
    assert (totals["votes"], totals["voters"], totals["decisionsOpened"], totals["status"]) == (5, 5, 1, "COMPLETE")
    assert (course["bucketSeconds"], course["buckets"][0]["votes"]) == (60, 5)
    assert sum(bucket["votes"] for bucket in course["buckets"]) == 5


async def test_days_and_sales_are_listed(world: World) -> None:
    story, artist = await told(world)
    days = (await artist.get("/analytics/artist/time-series?period=month")).data
    assert sum(int(day["primaryWei"]) for day in days) == 13 * PRICE
    assert [day["day"] for day in days] == sorted(day["day"] for day in days)
    page = await artist.get(f"/analytics/masters/{story.master_id}/sales?limit=3")
    assert len(page.data) == 3
    sales = (await artist.get(f"/analytics/masters/{story.master_id}/sales")).data
    kinds = {(sale["kind"], sale["quantity"], sale["amountWei"]) for sale in sales}
    assert kinds == {
        ("PRIMARY", 7, str(7 * PRICE)), ("PRIMARY", 3, str(3 * PRICE)), ("SECONDARY", 1, "333"), ("SECONDARY", 1, "99"),
    }  # fmt: skip


async def test_the_top_is_ordered_and_names_nobody(world: World) -> None:
    story, _ = await told(world, Story().launched().bought(1, 50, 7, midday(1)))
    top = (await Person(world).get("/analytics/artists/top?period=week&by=volume&limit=5")).data
    assert [int(row["volumeWei"]) for row in top] == sorted((int(row["volumeWei"]) for row in top), reverse=True)
    assert top[0] == {
        "rank": 1, "artistId": str(story.artist_id), "views": 0, "sharesSold": 50, "volumeWei": str(50 * PRICE),
    }  # fmt: skip
    activity = (await Person(world).get(f"/analytics/activity?limit=100&before={iso(now())}")).data
    own = [each for each in activity if each["masterId"] == str(story.master_id)]
    assert {each["type"] for each in own} == {"ipo.launched", "purchase.completed"}
    assert all("userId" not in each and "wallet" not in each for each in activity)


async def exported(world: World, person: Person, path: str) -> str:
    asked = await person.get(path)
    assert (asked.status, asked.data["status"]) == (202, "PENDING"), asked.body
    where = f"/analytics/exports/{asked.data['exportId']}"
    early = await person.get(f"{where}/file")
    assert (early.status, early.code) == (409, "INVALID_STATE")
    while await exporting.write_next(world.database, world.clock):
        pass
    assert (await person.get(where)).data["status"] == "READY"
    return where


async def test_an_export_is_written_meanwhile_and_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "ROWS", 2)  # several chunks
    story = whole(Story(title="=cmd()"))
    story, artist = await told(world, story)
    first, last = midday(30).date(), midday(0).date()
    where = await exported(world, artist, f"/analytics/export?from={first}&to={last}&format=csv")
    file = await artist.get(f"{where}/file")
    assert (file.status, file.header("content-type")) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(file.body.decode())))
    days = await world.value("SELECT count(*) FROM analytics.daily_master_stats WHERE artist_id = $1", story.artist_id)
    assert len(rows) == days > 2
    assert sum(int(row["primary_wei"]) for row in rows) == 13 * PRICE
    assert {row["title"] for row in rows} == {"'=cmd()"}
    state = (await artist.get(where)).data
    assert (state["rows"], state["bytes"]) == (days, len(file.body))


async def test_a_file_is_for_who_asked_and_for_a_day(world: World, admin: Person) -> None:
    story, artist = await told(world, Story().launched())
    where = await exported(world, artist, f"/analytics/export?from={midday(3).date()}&to={midday(0).date()}")
    stranger = await Person(world, new_id(), ("USER", "ARTIST"), Mfa.PASSED).signed_in()
    assert [(await stranger.get(path)).status for path in (where, f"{where}/file")] == [404, 404]
    assert (await admin.get(f"{where}/file")).status == 200
    audits = await world.rows(
        "SELECT convert_from(payload, 'UTF8') AS text FROM outbox WHERE stream = 'events:audit'"
        " ORDER BY position DESC LIMIT 1"
    )
    assert str(story.artist_id) in audits[0]["text"]
    assert "analytics.exported" in audits[0]["text"]
    await world.execute("UPDATE analytics.exports SET expires_at = now() WHERE user_id = $1", story.artist_id)
    assert (await artist.get(where)).status == 404


async def test_days_the_wrong_way_round_are_refused(world: World, admin: Person) -> None:
    assert (await admin.get("/analytics/export?from=2026-02-01&to=2026-01-01")).status == 400
    assert (await admin.get("/analytics/export?from=2020-02-01&to=2026-01-01")).status == 400
    assert (await admin.get("/analytics/export?from=2026-01-01&to=2026-01-02&format=pdf")).status == 400
    assert (await admin.get("/analytics/dashboard?period=decade")).status == 400
    assert midday(0) - midday(1) == timedelta(days=1)
