"""Masters: who may describe, see and change them, in which state."""

import asyncio
from uuid import uuid4

import pytest
from tests.component.nft.offers.world import Person, World

from audifi.kernel.identity import Mfa

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = {
    "title": "Midnight Pulse", "type": "TRACK", "genre": "Deep House", "bpm": 124, "durationSeconds": 380,
    "isrc": "usrc17607839", "moodTags": ["Hypnotic"], "releaseDate": "2026-12-01",
    "collaborators": [{"name": "Sam", "role": "Producer", "splitBps": 1000, "wallet": "0x" + "Ab" * 20}],
}  # fmt: skip


async def registered(person: Person, **changes: object) -> str:
    answer = await person.post("/masters", {**BODY, **changes})
    assert answer.status == 201, answer.body
    return str(answer.data["id"])


async def test_a_master_is_answered_as_it_was_registered(world: World) -> None:
    artist = await world.artist()
    answer = await artist.post("/masters", BODY)
    assert answer.status == 201
    master = answer.data
    assert master["status"] == "DRAFT"
    assert master["isrc"] == "USRC17607839"
    assert master["releaseDate"] == "2026-12-01"
    assert master["collaborators"] == [
        {"name": "Sam", "role": "Producer", "splitBps": 1000, "wallet": "0x" + "ab" * 20}
    ]
    assert (await artist.get(f"/masters/{master['id']}")).data == master
    [event] = await world.told("master.registered", master["id"])
    assert (event["artistId"], event["type"]) == (artist.user_id, "TRACK")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "<b>loud</b>"),
        ("title", "   "),
        ("title", "x" * 201),
        ("genre", "Polka"),
        ("bpm", 1000),
        ("isrc", "US-RC1-76-07839"),
        ("moodTags", ["a", "b", "c", "d", "e", "f"]),
        ("collaborators", [{"name": "Sam", "role": "P", "splitBps": 9001}]),
        ("artistId", str(uuid4())),
    ],
)
async def test_what_cannot_be_meant_is_refused(world: World, field: str, value: object) -> None:
    answer = await (await world.artist()).post("/masters", {**BODY, field: value})
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert field in str(answer.details)


async def test_only_artists_register(world: World) -> None:
    assert (await (await world.person()).post("/masters", BODY)).status == 403
    assert (await world.guest().post("/masters", BODY)).status == 401


async def test_a_plan_includes_so_many_masters_even_at_the_same_time(world: World) -> None:
    artist = await world.artist()
    world.neighbours.plans[artist.user_id] = {"masters": 2, "iposPerMonth": 1}
    answers = await asyncio.gather(*(artist.post("/masters", BODY) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [201, 201, 403, 403, 403]
    refused = next(answer for answer in answers if answer.status == 403)
    assert (refused.code, refused.details["limit"]) == ("PLAN_LIMIT_REACHED", 2)
    assert (await artist.post("/masters", BODY)).code == "RATE_LIMITED"


async def test_nothing_is_registered_while_the_plan_is_unknown(world: World) -> None:
    artist = await world.artist()
    world.neighbours.is_away = True
    try:
        assert (await artist.post("/masters", BODY)).status == 503
    finally:
        world.neighbours.is_away = False
    assert (await artist.get("/masters?mine=true")).data == []


async def test_a_key_registers_once(world: World) -> None:
    artist = await world.artist()
    answers = [await artist.post("/masters", BODY, key="once") for _ in range(3)]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert (await artist.get("/masters?mine=true")).json["pagination"]["total"] == 1


async def test_a_draft_does_not_exist_for_others(world: World) -> None:
    artist, other = await world.artist(), await world.artist()
    master_id = await registered(artist)
    for person in (other, world.guest()):
        assert (await person.get(f"/masters/{master_id}")).code == "MASTER_NOT_FOUND"
    assert (await other.put(f"/masters/{master_id}", {"bpm": 1})).code == "MASTER_NOT_FOUND"
    assert (await other.get(f"/masters?artistId={artist.user_id}")).data == []
    assert len((await artist.get("/masters?mine=true")).data) == 1


async def test_a_visible_master_hides_wallets_and_refuses_others(world: World) -> None:
    artist, other = await world.artist(), await world.artist()
    master_id = await registered(artist)
    await world.execute("UPDATE nft.masters SET status = 'LOCKED' WHERE id = $1", master_id)
    seen = (await other.get(f"/masters/{master_id}")).data
    assert "wallet" not in seen["collaborators"][0]
    assert (await other.put(f"/masters/{master_id}", {"bpm": 1})).code == "FORBIDDEN"
    assert (await artist.put(f"/masters/{master_id}", {"bpm": 1})).code == "INVALID_STATE"


async def test_a_taken_down_master_is_unavailable_to_others(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    await world.execute("UPDATE nft.masters SET status = 'LISTED', taken_down_at = now() WHERE id = $1", master_id)
    assert (await world.guest().get(f"/masters/{master_id}")).status == 451
    assert (await artist.get(f"/masters/{master_id}")).status == 200
    assert (await world.guest().get(f"/masters?artistId={artist.user_id}")).data == []


async def test_lists_filter_and_search_and_page(world: World) -> None:
    artist = await world.artist()
    titles = ("Neon Dreams", "Neon Nights", "Quiet Hours")
    ids = [await registered(artist, title=title, genre="Synthwave" if "Neon" in title else "Jazz") for title in titles]
    await world.execute("UPDATE nft.masters SET status = 'LISTED' WHERE id = ANY($1::uuid[])", ids)

    async def found(query: str) -> list[str]:
        listed = (await world.guest().get(f"/masters?artistId={artist.user_id}&{query}")).data
        return [master["title"] for master in listed]

    assert await found("sort=createdAt") == list(titles)
    assert await found("") == list(reversed(titles))
    assert await found("genre=Jazz") == ["Quiet Hours"]
    assert await found("q=neon%20ni") == ["Neon Nights"]
    assert await found("q=%26%7C%21%3A*") == []
    assert await found("status=SOLD") == []
    assert await found("limit=1&page=2") == ["Neon Nights"]
    assert (await world.guest().get("/masters?mine=true")).status == 401


async def test_named_fields_change_and_others_stay(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    answer = await artist.put(f"/masters/{master_id}", {"title": "Later", "isrc": None, "collaborators": []})
    assert (answer.data["title"], answer.data["isrc"], answer.data["bpm"]) == ("Later", None, 124)
    assert answer.data["collaborators"] == []
    assert (await artist.send("PATCH", f"/masters/{master_id}", {"bpm": 125})).data["bpm"] == 125
    assert (await artist.put(f"/masters/{master_id}", {"title": None})).status == 400
    first = (await world.told("master.updated", master_id))[0]
    assert set(first["fields"]) == {"title", "isrc", "collaborators"}


async def test_rights_are_confirmed_once_and_audited(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    path, body = f"/masters/{master_id}/confirm-rights", {"accepted": True, "policyVersions": {"TERMS": "1.0"}}
    assert (await artist.post(path, {**body, "accepted": False})).status == 400
    first = (await artist.post(path, body)).data["rightsConfirmedAt"]
    assert first is not None
    assert (await artist.post(path, body)).data["rightsConfirmedAt"] == first
    [deed] = await world.told("audit.recorded", master_id)
    assert (deed["action"], deed["after"]) == ("master.rights_confirmed", {"TERMS": "1.0"})


async def test_locking_needs_content_and_ends_changes(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    assert (await artist.post(f"/masters/{master_id}/lock")).code == "INVALID_STATE"
    await world.execute("UPDATE nft.masters SET audio_cid = 'a' WHERE id = $1", master_id)
    assert (await artist.post(f"/masters/{master_id}/lock")).data["status"] == "LOCKED"
    assert (await artist.post(f"/masters/{master_id}/lock")).code == "INVALID_STATE"
    assert len(await world.told("master.locked", master_id)) == 1


async def test_what_was_not_offered_can_be_archived(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    assert (await artist.post(f"/masters/{master_id}/archive")).data["status"] == "ARCHIVED"
    assert (await artist.post(f"/masters/{master_id}/archive")).code == "INVALID_STATE"
    assert (await world.guest().get(f"/masters/{master_id}")).status == 404
    offered = await world.locked_master(artist)
    await world.execute("UPDATE nft.ipos SET status = 'LAUNCHING' WHERE master_id = $1", offered)
    assert (await artist.post(f"/masters/{offered}/archive")).code == "INVALID_STATE"


async def test_a_session_opens_locks_and_leaves_a_master(world: World) -> None:
    artist, studio = await world.artist(mfa=Mfa.NONE), world.studio()
    master_id, session, other = await registered(artist), str(uuid4()), str(uuid4())
    path = f"/internal/v1/masters/{master_id}"
    assert (await studio.post(f"{path}/session-opened", {"sessionId": session, "artistId": other})).status == 403
    for _ in range(2):
        assert (await studio.post(f"{path}/session-opened", {"sessionId": session})).data["status"] == "IN_VSTUDIO"
    assert (await studio.post(f"{path}/session-opened", {"sessionId": other})).code == "INVALID_STATE"
    assert (await studio.post(f"{path}/lock", {"sessionId": other, "decisions": []})).code == "INVALID_STATE"
    for _ in range(2):
        assert (await studio.post(f"{path}/unlock", {"sessionId": session})).data["status"] == "DRAFT"
    await studio.post(f"{path}/session-opened", {"sessionId": other})
    decided = {"sessionId": other, "decisions": [{"question": "Hook?", "winner": "A"}]}
    for _ in range(2):
        assert (await studio.post(f"{path}/lock", decided)).data["status"] == "LOCKED"
    assert (await studio.post(f"{path}/unlock", {"sessionId": other})).code == "INVALID_STATE"
    [event] = await world.told("master.locked", master_id)
    assert event["sessionId"] == other
    [row] = await world.rows("SELECT metadata FROM nft.masters WHERE id = $1", master_id)
    assert '"winner": "A"' in row["metadata"]


async def test_internal_routes_take_internal_tokens_only(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    assert (await artist.get(f"/internal/v1/masters/{master_id}")).status == 401
    assert (await world.studio().get(f"/internal/v1/masters/{master_id}")).data["ipo"] is None
    assert (await world.studio().get(f"/internal/v1/masters/{uuid4()}")).code == "MASTER_NOT_FOUND"
