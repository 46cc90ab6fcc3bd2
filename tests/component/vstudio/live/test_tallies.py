"""What is shown of a vote is what PostgreSQL counted, a few times a second, also after Redis forgot everything."""

import asyncio

import pytest
from tests.component.live.listening import listening
from tests.component.vstudio.live.world import World

from audifi.wire.live import feed, protocol

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_many_votes_are_few_messages_and_the_last_is_all_of_them(live: World) -> None:
    show = await live.show()
    decision_id = await show.decision()
    settings, loop = live.parts.settings, asyncio.get_running_loop()
    async with listening(settings.redis_nodes, settings.redis_password.reveal(), show.id) as ear:
        began = loop.time()
        for number in range(20):
            batch = [live.someone().ballot(decision_id, "abc"[(number + place) % 3]) for place in range(10)]
            await show.votes(*batch)
        shown = await show.tally_shown(decision_id)
        most = 2 + (loop.time() - began) * 1000 / protocol.TALLY_EVERY_MS
        versions = [feed.parsed_state(each)[1] for each in await ear.until_quiet()]
    assert shown is not None
    assert shown["results"] == await show.counted(decision_id)
    assert shown["totalVotes"] == 200
    assert versions == sorted(set(versions))
    assert versions[-1] == 200
    assert len(versions) <= most


async def test_a_change_is_newer_though_there_are_no_more_votes(live: World) -> None:
    show = await live.show()
    decision_id, fan = await show.decision(allow_vote_change=True, voting_mode="WEIGHTED"), live.someone()
    await show.votes(fan.ballot(decision_id, "a"))
    assert (await show.tally_shown(decision_id) or {})["results"] == {"a": 1, "b": 0, "c": 0}
    await show.votes(fan.ballot(decision_id, "b"))
    shown = await show.tally_shown(decision_id)
    assert shown is not None
    assert (shown["results"], shown["weights"]) == ({"a": 0, "b": 1, "c": 0}, {"a": 0, "b": 1000, "c": 0})


async def test_what_redis_forgot_is_counted_again_from_postgresql(live: World) -> None:
    show = await live.show()
    decision_id = await show.decision()
    await show.votes(*(live.someone().ballot(decision_id, choice) for choice in "aab"))
    assert await show.tally_shown(decision_id) is not None
    for part in (feed.states(show.id), feed.tick(show.id, decision_id)):
        await live.parts.cache.delete(part)
    await show.votes(live.someone().ballot(decision_id, "c"))
    shown = await show.tally_shown(decision_id)
    assert shown is not None
    assert shown["results"] == {"a": 2, "b": 1, "c": 1} == await show.counted(decision_id)


async def test_stats_are_the_votes_now_and_what_they_were_at_the_close(live: World) -> None:
    show = await live.show()
    decision_id = await show.decision()
    path = f"{show.path}/decisions/{decision_id}"
    await show.votes(*(live.someone().ballot(decision_id, choice) for choice in "aab"))
    now = (await live.call("GET", f"{path}/stats")).data
    assert (now["status"], now["totalVotes"], now["results"]) == ("OPEN", 3, {"a": 2, "b": 1, "c": 0})
    assert now["winner"] is None
    await show.close(decision_id)
    closed = (await live.call("GET", f"{path}/stats")).data
    assert (closed["status"], closed["winner"], closed["results"]) == ("CLOSED", "a", now["results"])


async def test_votes_are_listed_for_their_artist_alone(live: World) -> None:
    show = await live.show()
    decision_id, fans = await show.decision(), [live.someone() for _ in range(3)]
    for fan in fans:
        await show.votes(fan.ballot(decision_id))
    path = f"{show.path}/decisions/{decision_id}/votes"
    first = (await show.artist.get(f"{path}?limit=2")).json
    assert [each["userId"] for each in first["data"]] == [fan.user_id for fan in fans[:2]]
    assert first["pagination"]["total"] == 3
    for stranger in (fans[0], live.someone("ARTIST")):
        assert (await stranger.get(path)).status == 403
