"""How many watch, over all pods; told when it changed, once a second; reactions in bursts."""

from typing import Any

import msgspec
import pytest
from tests.component.live.listening import listening
from tests.component.vstudio.live.world import Show, World

from audifi.local.waiting import NotReady, wait_for
from audifi.wire.live import feed

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _pulse(live: World, show: Show, pod: int, viewers: int, **more: Any) -> int:
    body = {"pod": f"ws-gateway-{pod}", "viewers": viewers, **more}
    return (await live.gateway("POST", f"{show.internal}/pulse", body)).data["viewers"]


def _told(messages: list[bytes]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(feed.parsed_state(each)[3]) for each in messages]


async def test_viewers_of_all_pods_are_one_number_and_a_silent_pods_are_gone(live: World) -> None:
    show = await live.show()
    assert [await _pulse(live, show, pod, 10 * pod) for pod in (1, 2, 3)] == [10, 30, 60]
    assert await _pulse(live, show, 2, 5) == 45

    async def is_gone() -> None:
        if (left := await _pulse(live, show, 1, 10)) != 10:
            raise NotReady(f"{left} viewers")

    await wait_for(is_gone, within_s=10, every_s=0.5, saying="the silent pods' viewers are forgotten")


async def test_presence_is_told_once_a_second_and_the_peak_remains(live: World) -> None:
    show, settings = await live.show(), live.parts.settings
    async with listening(settings.redis_nodes, settings.redis_password.reveal(), show.id) as ear:
        for viewers in range(1, 11):
            await _pulse(live, show, 1, viewers)
        first = _told(await ear.until_quiet(0.3))

        async def is_told() -> None:
            await _pulse(live, show, 1, 10)
            kept = await live.parts.cache.command("HGET", feed.states(show.id), "presence")
            if (count := _told([kept])[0]["viewerCount"]) != 10:
                raise NotReady(f"{count} viewers were told")

        await wait_for(is_told, within_s=5, saying="the last number is told")
    assert len(first) == 1
    await _pulse(live, show, 1, 2)
    assert await live.value("SELECT peak_viewers FROM vstudio.sessions WHERE id = $1", show.id) == 10


async def test_reactions_are_a_burst_and_names_only_of_few(live: World) -> None:
    show, settings, fan = await live.show(), live.parts.settings, live.someone()
    async with listening(settings.redis_nodes, settings.redis_password.reveal(), show.id) as ear:
        await _pulse(live, show, 1, 2, reactions={"🔥": 3, "spam": 9}, joined=[[fan.user_id, "Ada"]])
        few = _told(await ear.until_quiet(0.3))
        await _pulse(live, show, 1, 5000, joined=[[fan.user_id, "Ada"]])
        many = _told(await ear.until_quiet(0.3))
    assert [each["type"] for each in few] == ["presence", "reaction_burst", "user_joined"]
    assert few[1]["counts"] == {"🔥": 3}
    assert (few[2]["userId"], few[2]["displayName"]) == (fan.user_id, "Ada")
    assert "user_joined" not in [each["type"] for each in many]
    [row] = await live.rows("SELECT data FROM vstudio.engagement_events WHERE session_id = $1", show.id)
    assert msgspec.json.decode(row["data"]) == {"🔥": 3}


async def test_reactions_over_http_and_not_where_they_are_off(live: World) -> None:
    show, off, fan = await live.show(), await live.show(reactions_enabled=False), live.someone()
    assert (await fan.post(f"{show.path}/reactions", {"emoji": "🔥"})).status == 204
    assert (await fan.post(f"{show.path}/reactions", {"emoji": "x"})).code == "VALIDATION_ERROR"
    assert (await fan.post(f"{off.path}/reactions", {"emoji": "🔥"})).code == "FORBIDDEN"


async def test_a_snapshot_is_the_session_with_its_tally(live: World) -> None:
    show = await live.show()
    decision_id = await show.decision()
    await show.votes(*(live.someone().ballot(decision_id, choice) for choice in "aab"))
    await live.someone().post(f"{show.path}/chat", {"text": "hello"})
    await _pulse(live, show, 1, 7)
    told = (await live.gateway("GET", f"{show.internal}/snapshot")).data
    state = told["state"]
    assert (told["seq"], told["status"], state["viewerCount"]) == (1, "ACTIVE", 7)
    assert state["activeDecision"]["id"] == decision_id
    assert state["activeDecision"]["results"] == {"a": 2, "b": 1, "c": 0}
    assert state["activeDecision"]["totalVotes"] == state["activeDecision"]["version"] == 3
    assert [each["text"] for each in state["chat"]] == ["hello"]
