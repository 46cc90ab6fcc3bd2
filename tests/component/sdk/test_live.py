"""A program sees a session once and in order, and its vote counts once, over whatever connections it takes.

Between: sdk.live and the stage (real sockets, a scripted server).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from tests.component.sdk.stage import SESSION, Stage, staged

from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Audifi, Ended, Live
from audifi.wire.problems import AlreadyVoted

pytestmark = pytest.mark.asyncio


class Impatient(Random):
    """No wait at all: the drawn number is always 0."""

    def random(self) -> float:
        return 0.0


@asynccontextmanager
async def watching(stage: Stage, **options: Any) -> AsyncGenerator[Live]:
    async with Audifi(stage.url) as audifi, Live(audifi.transport, SESSION, random=Impatient(), **options) as live:
        yield live


async def following(events: AsyncIterator[dict[str, Any]], count: int) -> list[int]:
    """The numbers of the next events."""
    async with asyncio.timeout(10):
        return [(await anext(events))["seq"] for _ in range(count)]


async def told(stage: Stage, count: int) -> None:
    for _ in range(count):
        await stage.tell("chat_message", text="hi")


async def until(what: str, is_so: Any) -> None:
    async def look() -> None:
        if not is_so():
            raise NotReady(what)

    await wait_for(look, within_s=10, saying=what)


async def test_a_program_sees_the_snapshot_and_then_every_event() -> None:
    async with staged() as stage, watching(stage) as live:
        events = aiter(live)
        first = await anext(events)
        assert (first["type"], live.state) == ("session_state", "live")
        await told(stage, 3)
        assert await following(events, 3) == [1, 2, 3]


@pytest.mark.parametrize("code", [1006, 1012, 1013, 4000, 4008])
async def test_what_happens_while_it_is_away_is_seen_after_it_is_back(code: int) -> None:
    async with staged() as stage, watching(stage) as live:
        events = aiter(live)
        await anext(events)
        await told(stage, 2)
        assert await following(events, 2) == [1, 2]
        await stage.close(code if code != 1006 else 1011)
        await told(stage, 2)
        assert await following(events, 2) == [3, 4]
        joins = [each.get("lastSeq") for each in stage.said if each["type"] == "join"]
        assert (joins, stage.given) == ([None, 2], 2), "a new ticket, and only what was missed"


async def test_a_vote_whose_answer_was_lost_is_sent_once_more_with_its_request_id() -> None:
    async with staged() as stage, watching(stage) as live:
        stage.is_answering = False
        voting = asyncio.create_task(live.vote("d1", choice="a"))
        await until("the vote arrived", lambda: stage.votes)
        stage.is_answering = True
        await stage.close(1012)
        ack = await asyncio.wait_for(voting, 10)
        assert (ack.duplicate, list(stage.votes.values())) == (True, [2])


async def test_a_refused_vote_is_the_refusal_of_the_api() -> None:
    async with staged() as stage, watching(stage) as live:
        with pytest.raises(AlreadyVoted, match="You have voted"):
            await live.vote("d1", choice="refused")


async def test_states_are_the_newest() -> None:
    async with staged() as stage, watching(stage) as live:
        await anext(aiter(live))
        await until("in", lambda: stage.sockets)
        for version in (2, 1, 3):
            await stage.send({"type": "vote_update", "decisionId": "d1", "seq": 0, "version": version})
        updates = live.updates()
        async with asyncio.timeout(10):
            while (await anext(updates))["version"] != 3:
                pass
        assert live.states["vote_update:d1"]["version"] == 3


async def test_where_no_socket_passes_a_stream_shows_the_same_and_votes_go_over_http() -> None:
    async with staged() as stage:
        stage.lets_sockets = False
        await told(stage, 2)
        async with watching(stage) as live:
            events = aiter(live)
            async with asyncio.timeout(10):
                assert (await anext(events))["seq"] == 2
            ack = await live.vote("d1", choice="a")
            await until("on the stream", lambda: stage.streams)
            await told(stage, 2)
            assert await following(events, 2) == [3, 4]
            assert (ack.weight, list(stage.votes.values()), stage.resumed) == (1000, [1], [""])


async def test_a_final_code_ends_the_iteration_with_its_reason() -> None:
    async with staged() as stage, watching(stage) as live:
        events = aiter(live)
        await anext(events)
        await stage.close(4006)
        with pytest.raises(Ended, match="session_revoked"):
            await asyncio.wait_for(anext(events), 10)
        assert (live.state, live.reason) == ("closed", "session_revoked")


async def test_a_session_that_is_over_ends_the_iteration_quietly() -> None:
    async with staged() as stage, watching(stage) as live:
        events = aiter(live)
        await anext(events)
        await stage.tell("session_ended", reason="done")
        await stage.close(4002)
        async with asyncio.timeout(10):
            assert [each["type"] async for each in events] == ["session_ended"]


async def test_a_program_that_does_not_read_is_given_a_snapshot() -> None:
    async with staged() as stage, watching(stage) as live:
        await until("live", lambda: live.state == "live")
        await told(stage, 1001)
        await until("asked again", lambda: len([each for each in stage.said if each["type"] == "join"]) == 2)
        await until("given", lambda: live.snapshot is not None and live.snapshot["seq"] == 1001)
        events = aiter(live)
        assert (await anext(events))["type"] == "session_state"
        await told(stage, 1)
        assert await following(events, 1) == [1002]


async def test_the_token_can_be_said_in_the_first_message() -> None:
    async with staged() as stage, Audifi(stage.url) as audifi:
        audifi.transport.access_token = "a.b.c"
        url = f"{stage.url.replace('http', 'ws')}/vstudio/{SESSION}"
        async with audifi.live(SESSION, bare_url=url) as live:
            await anext(aiter(live))
        assert (stage.said[0], stage.given) == ({"type": "auth", "token": "a.b.c"}, 0)
