"""What an artist says over the socket is done as over HTTP, and refused alike."""

from typing import Any

import pytest
from tests.component.vstudio.live.world import Person, Show, World

from audifi.wire.live.protocol import Code

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _do(live: World, show: Show, who: Person, type_: str, **fields: Any) -> dict[str, Any]:
    body = {"requestId": "r", "userId": who.user_id, "role": "artist", "type": type_, "fields": fields}
    return (await live.gateway("POST", f"{show.internal}/commands", body)).data


async def test_a_decision_is_led_through_its_life(live: World) -> None:
    show, fan = await live.show(), live.someone()
    asked = {"type": "BINARY", "question": "Which hook?", "options": [{"label": "A"}, {"label": "B"}]}
    created = await _do(live, show, show.artist, "decision_create", **asked)
    decision_id = created["decisionId"]
    assert (await _do(live, show, show.artist, "decision_open", decisionId=decision_id)).get("code") is None
    assert (await show.votes(fan.ballot(decision_id, "b")))[0].code is None
    assert (await _do(live, show, show.artist, "decision_close", decisionId=decision_id)).get("code") is None
    chosen = {"decisionId": decision_id, "winningOptionId": "a"}
    assert (await _do(live, show, show.artist, "decision_finalize", **chosen)).get("code") is None
    assert [each["type"] for each in await show.events()] == [
        "decision_created",
        "decision_opened",
        "decision_closed",
        "decision_finalized",
    ]
    last = (await show.events())[-1]
    assert (last["winner"], last["override"], last["results"]) == ("a", True, {"a": 0, "b": 1})


async def test_strangers_and_nonsense_are_outcomes(live: World) -> None:
    show, stranger = await live.show(), live.someone("ARTIST")
    decision_id = await show.decision()
    cases: list[tuple[Person, str, dict[str, Any], Code]] = [
        (stranger, "decision_close", {"decisionId": decision_id}, Code.NOT_ALLOWED),
        (stranger, "decision_create", {"type": "OPEN_TEXT", "question": "?"}, Code.NOT_ALLOWED),
        (show.artist, "decision_open", {"decisionId": decision_id}, Code.INVALID_MESSAGE),
        (show.artist, "decision_open", {"decisionId": "x"}, Code.INVALID_MESSAGE),
        (show.artist, "decision_create", {"type": "POLL", "question": "?"}, Code.INVALID_MESSAGE),
        (show.artist, "decision_forget", {}, Code.INVALID_MESSAGE),
    ]
    for who, type_, fields, code in cases:
        assert (await _do(live, show, who, type_, **fields))["code"] == code, (type_, fields)
    assert await show.events() == []
