"""Offers: what they may say, who sees them, what shares cost."""

from datetime import timedelta
from uuid import uuid4

import pytest
from tests.component.nft.offers.test_masters import registered
from tests.component.nft.offers.world import TERMS, World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_offer_divides_the_whole(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)  # a collaborator takes 1000
    answer = await artist.post(f"/masters/{master_id}/ipo", TERMS)
    assert answer.status == 201
    ipo = answer.data
    assert (ipo["publicSupply"], ipo["holdersBps"], ipo["artistBps"], ipo["platformBps"]) == (100, 4000, 5000, 0)
    assert (ipo["status"], ipo["priceWei"], ipo["sharesReserved"]) == ("DRAFT", TERMS["priceWei"], 0)
    assert (await artist.get(f"/masters/{master_id}/ipo")).data == ipo
    [deed] = [each for each in await world.told("audit.recorded", ipo["id"]) if each["action"] == "ipo.created"]
    assert deed["after"]["price_wei"] == TERMS["priceWei"]
    assert len(await world.told("ipo.configured", master_id)) == 1


async def test_a_master_has_one_offer(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    assert (await artist.post(f"/masters/{master_id}/ipo", TERMS)).status == 201
    assert (await artist.post(f"/masters/{master_id}/ipo", TERMS)).code == "CONFLICT"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("totalShares", 0),
        ("totalShares", 1_000_001),
        ("artistReserve", 1000),
        ("priceWei", "0"),
        ("priceWei", str(2**128)),
        ("priceWei", "0.5"),
        ("priceWei", 5),
        ("currency", "ETH"),
        ("chainId", 8453),
        ("chainId", 2),
        ("holdersBps", 999),
        ("holdersBps", 8001),
        ("earlyAccessHours", 73),
        ("endsAt", "2020-01-01T00:00:00Z"),
        ("startsAt", "2030-01-01T00:00:00"),
    ],
)
async def test_what_cannot_be_meant_is_refused(world: World, field: str, value: object) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    answer = await artist.post(f"/masters/{master_id}/ipo", {**TERMS, field: value})
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert field in answer.details


async def test_splits_cannot_exceed_the_whole(world: World) -> None:
    artist = await world.artist()
    cut = [{"name": "Sam", "role": "Producer", "splitBps": 6000}]
    master_id = await registered(artist, collaborators=cut)
    assert (await artist.post(f"/masters/{master_id}/ipo", {**TERMS, "holdersBps": 4001})).status == 400
    assert (await artist.post(f"/masters/{master_id}/ipo", TERMS)).data["artistBps"] == 0
    more = [{**cut[0], "splitBps": 6001}]
    assert (await artist.put(f"/masters/{master_id}", {"collaborators": more})).status == 400
    assert (await artist.put(f"/masters/{master_id}", {"collaborators": []})).status == 200
    assert (await artist.get(f"/masters/{master_id}/ipo")).data["artistBps"] == 6000


async def test_a_drafted_offer_changes_field_by_field(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    path = f"/masters/{master_id}/ipo"
    assert (await artist.put(path, {"priceWei": "7"})).code == "IPO_NOT_FOUND"
    await artist.post(path, TERMS)
    changed = (await artist.put(path, {"priceWei": "7", "endsAt": "2030-01-01T00:00:00Z"})).data
    assert (changed["priceWei"], changed["totalShares"], changed["version"]) == ("7", 1000, 2)
    assert changed["endsAt"] == "2030-01-01T00:00:00.000Z"
    assert (await artist.put(path, {"endsAt": None})).data["endsAt"] is None
    await world.execute("UPDATE nft.ipos SET status = 'LIVE' WHERE master_id = $1", master_id)
    assert (await artist.put(path, {"priceWei": "8"})).code == "INVALID_STATE"


async def test_a_draft_is_the_artists_alone_and_numbers_of_reservations_stay_so(world: World) -> None:
    artist, guest = await world.artist(), world.guest()
    master_id = await world.locked_master(artist)
    path = f"/masters/{master_id}/ipo"
    assert (await guest.get(path)).code == "IPO_NOT_FOUND"
    assert (await guest.get(f"/masters/{master_id}?include=ipo")).data["ipo"] is None
    await world.execute("UPDATE nft.ipos SET status = 'LIVE' WHERE master_id = $1", master_id)
    seen = (await guest.get(path)).data
    assert not {"sharesReserved", "artistWallet", "step", "launchError", "version"} & set(seen)
    assert (await guest.get(f"/masters/{master_id}?include=ipo")).data["ipo"] == seen
    [listed] = (await guest.get(f"/masters?artistId={artist.user_id}&include=ipo")).data
    assert listed["ipo"] == seen
    assert (await (await world.artist()).put(path, {"priceWei": "8"})).code == "FORBIDDEN"


async def test_the_preview_adds_up(world: World) -> None:
    artist = await world.artist()
    master_id = await world.locked_master(artist, priceWei="50000000000000000")
    path = f"/masters/{master_id}/ipo/mint-preview"
    assert (await artist.get(f"{path}?quantity=7")).data == {
        "priceWei": "50000000000000000", "totalWei": "350000000000000000", "platformFeeWei": "8750000000000000",
        "estimatedGas": 243200, "currency": "MATIC",
    }  # fmt: skip
    assert (await artist.get(path)).data["totalWei"] == "50000000000000000"
    assert (await artist.get(f"{path}?quantity=11")).status == 400
    assert (await world.guest().get(path)).status == 404
    assert (await artist.get(f"/masters/{uuid4()}/ipo/mint-preview")).code == "MASTER_NOT_FOUND"


async def test_a_sale_that_would_end_before_it_starts_is_refused(world: World) -> None:
    artist = await world.artist()
    master_id = await registered(artist)
    starts = world.clock.now() + timedelta(days=2)
    times = {"startsAt": starts.isoformat(), "endsAt": (starts - timedelta(hours=1)).isoformat()}
    assert "endsAt" in (await artist.post(f"/masters/{master_id}/ipo", {**TERMS, **times})).details
