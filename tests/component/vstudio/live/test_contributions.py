"""Producers offer, the artist decides once, and a recording becomes an option while nobody has voted."""

import pytest
from tests.component.vstudio.live.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
AUDIO = {"label": "Darker drop", "audioUrl": "https://example.com/drop.wav"}


async def test_an_accepted_recording_becomes_an_option_that_can_be_voted(live: World) -> None:
    show, producer, fan = await live.show(), live.someone("PRODUCER"), live.someone()
    decision_id = await show.decision()
    path = f"{show.path}/decisions/{decision_id}/contributions"
    offered = (await producer.post(path, AUDIO)).data
    accepted = (await show.artist.ask("PATCH", f"{path}/{offered['id']}", {"status": "ACCEPTED"})).data
    assert (accepted["status"], accepted["optionId"]) == ("ACCEPTED", "d")
    assert (await show.votes(fan.ballot(decision_id, "d")))[0].code is None
    assert [(each["type"], each["status"]) for each in await show.events()] == [
        ("contribution_update", "PENDING"),
        ("contribution_update", "ACCEPTED"),
    ]
    [told] = await live.published("contribution.accepted", show.id)
    assert (told["producerId"], told["contributionId"]) == (producer.user_id, offered["id"])
    again = await show.artist.ask("PATCH", f"{path}/{offered['id']}", {"status": "REJECTED"})
    assert (again.status, again.code) == (409, "INVALID_STATE")


async def test_once_somebody_voted_the_options_stay(live: World) -> None:
    show, producer = await live.show(), live.someone("PRODUCER")
    decision_id = await show.decision()
    path = f"{show.path}/decisions/{decision_id}/contributions"
    offered = (await producer.post(path, AUDIO)).data
    await show.votes(live.someone().ballot(decision_id, "a"))
    accepted = (await show.artist.ask("PATCH", f"{path}/{offered['id']}", {"status": "ACCEPTED"})).data
    assert (accepted["status"], accepted["optionId"]) == ("ACCEPTED", None)
    assert (await show.votes(live.someone().ballot(decision_id, "d")))[0].code is not None


async def test_only_producers_offer_only_the_artist_decides_and_each_sees_their_own(live: World) -> None:
    show, producer, other = await live.show(), live.someone("PRODUCER"), live.someone("PRODUCER")
    decision_id = await show.decision()
    path = f"{show.path}/decisions/{decision_id}/contributions"
    assert (await live.someone().post(path, AUDIO)).status == 403
    assert (await producer.post(path, {"label": "nothing"})).code == "VALIDATION_ERROR"
    offered = (await producer.post(path, {"label": "words", "text": "la la"})).data
    assert (await producer.ask("PATCH", f"{path}/{offered['id']}", {"status": "ACCEPTED"})).status == 403
    assert [len((await each.get(path)).data) for each in (producer, other, show.artist)] == [1, 0, 1]
    await show.close(decision_id)
    late = await producer.post(path, AUDIO)
    assert (late.status, late.code) == (409, "INVALID_STATE")
