"""Lines are events in one order, said once; who may take them back may."""

import pytest
from tests.component.vstudio.live.world import Person, Show, World

from audifi.services.vstudio import loops
from audifi.wire.live.calls import Chat, Chats
from audifi.wire.live.protocol import CHATS, Code

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _line(fan: Person, text: str, request_id: str) -> Chat:
    return Chat(request_id=request_id, user_id=fan.user_id, display_name="forged", role="viewer", text=text)


async def _say(live: World, show: Show, *lines: Chat) -> list[dict[str, object]]:
    return (await live.gateway("POST", f"{show.internal}/chat", Chats(lines=list(lines)))).data["outcomes"]


async def test_lines_of_many_become_events_under_the_names_of_who_said_them(live: World) -> None:
    show, ada, ben = await live.show(), live.someone(name="Ada"), live.someone(name="Ben")
    outcomes = await _say(live, show, _line(ada, " hello ", "1"), _line(ben, "", "1"), _line(ben, "hi", "2"))
    assert [each.get("code") for each in outcomes] == [None, Code.INVALID_MESSAGE, None]
    events = await show.events()
    assert [(each["seq"], each["displayName"], each["text"]) for each in events] == [
        (1, "Ada", "hello"),
        (2, "Ben", "hi"),
    ]
    assert next(iter(events[0])) == "type"


async def test_a_line_sent_again_is_the_same_line(live: World) -> None:
    show, fan = await live.show(), live.someone()
    first = await _say(live, show, _line(fan, "hello", "r"))
    again = await _say(live, show, _line(fan, "hello", "r"), _line(fan, "more", "s"))
    assert again[0]["id"] == first[0]["id"]
    assert [each["text"] for each in await show.events()] == ["hello", "more"]


async def test_nobody_chats_where_chat_is_off_or_the_session_is_over(live: World) -> None:
    quiet, over, fan = await live.show(chat_enabled=False), await live.show(status="COMPLETE"), live.someone()
    assert (await _say(live, quiet, _line(fan, "hello", "r")))[0]["code"] == Code.NOT_ALLOWED
    assert (await _say(live, over, _line(fan, "hello", "r")))[0]["code"] == Code.INVALID_MESSAGE
    assert (await fan.post(f"{quiet.path}/chat", {"text": "hello"})).code == "FORBIDDEN"


async def test_a_line_is_taken_back_by_its_author_the_artist_or_a_named_producer(live: World) -> None:
    producer = live.someone("PRODUCER")
    show, fan = await live.show(producer_ids=[producer.user_id]), live.someone()
    for judge in (fan, show.artist, producer):
        line_id = (await fan.post(f"{show.path}/chat", {"text": "rude"})).data["id"]
        assert (await live.someone().ask("DELETE", f"{show.path}/chat/{line_id}")).status == 403
        for _ in range(2):
            assert (await judge.ask("DELETE", f"{show.path}/chat/{line_id}")).status == 204
        assert [each["type"] for each in (await show.events())[-2:]] == ["chat_message", "chat_removed"]
        assert (await show.events())[-1]["id"] == line_id
    assert len(await show.events()) == 6
    snapshot = (await live.gateway("GET", f"{show.internal}/snapshot")).data
    assert snapshot["state"]["chat"] == []


async def test_who_talks_too_much_waits(live: World) -> None:
    show, fan = await live.show(), live.someone()
    statuses = [(await fan.post(f"{show.path}/chat", {"text": "again"})).status for _ in range(CHATS[0] + 1)]
    assert statuses == [*[201] * CHATS[0], 429]


async def test_what_was_said_is_kept_for_a_year(live: World) -> None:
    show, fan = await live.show(), live.someone()
    await _say(live, show, _line(fan, "last year", "1"))
    live.clock.advance(days=364)
    await _say(live, show, _line(fan, "now", "2"))
    live.clock.advance(days=2)
    await loops.forget_old(live.parts)
    query = "SELECT string_agg(text, ',') FROM vstudio.chat_messages WHERE session_id = $1"
    assert await live.value(query, show.id) == "now"
