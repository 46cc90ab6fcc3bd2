"""Who sees and who votes follows what they hold, asked of whom it may concern and no one else."""

from typing import Any

import pytest
from tests.component.vstudio.sessions.driver import COIN, HOOK, Person, World, sent

from audifi.kernel.ids import new_id
from audifi.services.vstudio.sagas.standing import standing_of
from audifi.services.vstudio.store import sessions
from audifi.wire.events.payment import SubscriptionUpdated

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _eligibility(person: Person, session: Any) -> Any:
    return (await person.get(f"/vstudio/sessions/{session['id']}/eligibility")).data


async def test_an_open_session_asks_nobody(world: World) -> None:
    session = await world.artist().goes_live()
    fan = world.someone()
    world.neighbours.asked.clear()
    found = await _eligibility(fan, session)
    assert found["view"]["hasAccess"] is found["vote"]["hasAccess"] is True
    assert found["vote"]["weight"] == 1000
    assert world.neighbours.asked == []


async def test_holders_vote_and_others_learn_what_to_buy(world: World) -> None:
    artist, holder, other = world.artist(), world.someone(), world.someone()
    world.neighbours.shares[holder.user_id, artist.user_id] = 1
    art = {**HOOK, "question": "Artwork?", "gating": {"type": "PUBLIC"}}
    session = await artist.goes_live(voteGating={"type": "NFT_GATED"}, decisions=[HOOK, art])
    assert (await _eligibility(holder, session))["vote"]["hasAccess"] is True
    found = await _eligibility(other, session)
    assert found["view"]["hasAccess"] is True
    assert found["vote"]["hasAccess"] is False
    assert (found["vote"]["missingRequirements"], found["vote"]["ctaType"]) == (["NFT"], "BUY_NFT")
    ((special),) = found["decisions"]
    assert special["hasAccess"] is True


async def test_a_view_gate_hides_the_stream_and_the_decisions(world: World) -> None:
    artist, other = world.artist(), world.someone()
    session = await artist.goes_live(
        viewGating={"type": "SUBSCRIPTION"}, streamUrl="https://video.example/live", decisions=[HOOK]
    )
    path = f"/vstudio/sessions/{session['id']}"
    for answer in (await other.get(path), await sent(world, "GET", path, None, {})):
        assert answer.data["hasAccess"] is False
        assert (answer.data["streamUrl"], answer.data["decisions"]) == (None, [])
    refused = await other.get(f"{path}/decisions")
    assert refused.code == "NOT_ELIGIBLE"
    assert refused.json["error"]["details"]["ctaType"] == "SUBSCRIBE"
    assert (await artist.get(path)).data["streamUrl"] == "https://video.example/live"
    fan = world.someone()
    world.neighbours.plans[fan.user_id] = "PRO"
    shown = (await fan.get(path)).data
    assert (shown["hasAccess"], len(shown["decisions"])) == (True, 1)
    listed = (await other.get(f"/vstudio/sessions?artistId={artist.user_id}")).json["data"]
    assert [each["streamUrl"] for each in listed] == [None]


async def test_combined_needs_all(world: World) -> None:
    artist, fan = world.artist(), world.someone()
    earlier = str(new_id())
    needs = {"nftMasterId": earlier, "nftMinAmount": 2, "coinMinAmount": str(50 * COIN), "subscriptionTier": "PRO"}
    session = await artist.goes_live(voteGating={"type": "COMBINED", "requirements": needs})
    assert (await _eligibility(fan, session))["vote"]["missingRequirements"] == ["NFT", "ARTIST_COIN", "SUBSCRIPTION"]
    holder = world.someone()
    world.neighbours.shares[holder.user_id, earlier] = 2
    world.neighbours.coins[holder.user_id] = {
        "balance": str(20 * COIN), "staked": str(30 * COIN), "bestMultiplierMilli": 1500,
    }  # fmt: skip
    world.neighbours.plans[holder.user_id] = "ENTERPRISE"
    assert (await _eligibility(holder, session))["vote"]["hasAccess"] is True
    empty = {"masterId": world.master(artist), "title": "X", "voteGating": {"type": "COMBINED"}}
    assert (await artist.post("/vstudio/sessions", empty)).code == "VALIDATION_ERROR"


async def test_a_weighted_decision_weighs_the_best_of_what_is_held(world: World) -> None:
    artist = world.artist()
    session = await artist.goes_live(decisions=[{**HOOK, "votingMode": "WEIGHTED"}])
    plain, holder, producer, staker, subscriber = (world.someone() for _ in range(5))
    world.neighbours.shares[holder.user_id, artist.user_id] = 7
    world.neighbours.producers.add(producer.user_id)
    world.neighbours.plans |= {holder.user_id: "PRO", subscriber.user_id: "PRO"}
    world.neighbours.coins[staker.user_id] = {
        "balance": str(150 * COIN), "staked": str(COIN), "bestMultiplierMilli": 2000,
    }  # fmt: skip
    weights = [
        (await _eligibility(each, session))["decisions"][0]["weight"]
        for each in (plain, holder, producer, staker, subscriber)
    ]
    assert weights == [1000, 3000, 5000, 2500, 2000]


async def test_what_somebody_holds_is_asked_once_in_half_a_minute(world: World) -> None:
    artist, fan = world.artist(), world.someone()
    shown = await artist.goes_live(voteGating={"type": "SUBSCRIPTION"})
    async with world.parts.database.read_primary() as connection:
        session = await sessions.one(connection, shown["id"])
    assert session is not None
    world.neighbours.asked.clear()
    for _ in range(3):
        assert (await standing_of(world.parts, session, fan.user_id)).plan == "FREE"
    assert len(world.neighbours.asked) == 1
    # More is asked when more is needed, and what was known with it.
    found = await standing_of(world.parts, session, fan.user_id, is_weighted=True)
    assert (found.plan, found.is_producer) == ("FREE", False)
    await standing_of(world.parts, session, fan.user_id)
    assert len(world.neighbours.asked) == 5


async def test_who_subscribes_while_live_is_asked_anew(world: World) -> None:
    artist, fan = world.artist(), world.someone()
    session = await artist.goes_live(voteGating={"type": "SUBSCRIPTION"})
    assert (await _eligibility(fan, session))["vote"]["hasAccess"] is False
    await world.execute(
        "INSERT INTO vstudio.participants (session_id, user_id, role) VALUES ($1, $2, 'viewer')",
        session["id"],
        fan.user_id,
    )
    world.neighbours.plans[fan.user_id] = "PRO"
    await world.hears(SubscriptionUpdated(user_id=fan.user_id, plan="PRO", status="ACTIVE"))
    assert (await _eligibility(fan, session))["vote"]["hasAccess"] is True


async def test_a_service_that_is_away_is_no_answer(world: World) -> None:
    artist, fan = world.artist(), world.someone()
    session = await artist.goes_live(voteGating={"type": "NFT"})
    world.neighbours.is_away = True
    answer = await fan.get(f"/vstudio/sessions/{session['id']}/eligibility")
    assert answer.status == 503
