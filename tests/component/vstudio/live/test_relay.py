"""What was committed is published: in order, once as far as readers can tell, whoever dies in between."""

import asyncio
from contextlib import suppress

import msgspec
import pytest
from tests.component.vstudio.live.world import Show, World

from audifi.clients.live.publishing import Publisher
from audifi.local.waiting import NotReady, wait_for
from audifi.services.vstudio import loops, relay
from audifi.services.vstudio.store import live_events
from audifi.wire.live import feed

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _happen(live: World, show: Show, *texts: str) -> None:
    async with live.parts.database.transaction() as tx:
        bodies = [{"type": "chat_message", "ts": 1, "text": text} for text in texts]
        await live_events.add_all(tx, show.id, bodies)
    live.parts.wake_live()


async def _log(live: World, show: Show) -> list[tuple[int, str]]:
    kept = await live.parts.cache.command("ZRANGE", feed.log(show.id), 0, -1)
    return [(seq, msgspec.json.decode(body)["text"]) for seq, body in map(feed.parsed_event, kept)]


async def _unpublished(live: World, show: Show) -> int:
    query = "SELECT count(*) FROM vstudio.live_events WHERE session_id = $1 AND published_at IS NULL"
    return await live.value(query, show.id)


async def _relayed(live: World) -> None:
    while await relay.step(live.parts):
        pass


async def test_committed_events_are_published_in_their_order(live: World) -> None:
    shows = [await live.show(), await live.show()]
    for number in range(3):
        for show in shows:
            await _happen(live, show, f"{number}a", f"{number}b")
    await _relayed(live)
    for show in shows:
        assert await _log(live, show) == list(enumerate(["0a", "0b", "1a", "1b", "2a", "2b"], start=1))
        assert await _unpublished(live, show) == 0


async def test_numbers_have_no_gap_when_writers_race_and_some_roll_back(live: World) -> None:
    show = await live.show()

    async def write(number: int) -> None:
        async with live.parts.database.transaction() as tx:
            await live_events.add(tx, show.id, {"type": "chat_message", "text": str(number)})
            if number % 3 == 0:
                raise _Undone

    await asyncio.gather(*(write(number) for number in range(12)), return_exceptions=True)
    assert [each["seq"] for each in await show.events()] == list(range(1, 9))


class _Undone(Exception):
    """This is not to be."""


async def test_a_relay_that_dies_between_publishing_and_marking_loses_and_doubles_nothing(live: World) -> None:
    show = await live.show()
    await _happen(live, show, "a", "b")
    with suppress(_Undone):
        await _publish_and_die(live)
    assert await _unpublished(live, show) == 2
    await _happen(live, show, "c")
    await _relayed(live)
    assert await _log(live, show) == [(1, "a"), (2, "b"), (3, "c")]


async def _publish_and_die(live: World) -> None:
    publisher = Publisher(live.parts.cache)
    async with live.parts.database.transaction() as tx:
        for each in await live_events.take(tx, 500):
            await publisher.event(each.session_id, each.seq, each.body)
        raise _Undone


async def test_three_relays_at_once_publish_everything(live: World) -> None:
    show = await live.show()
    relays = [asyncio.create_task(relay.run(live.parts)) for _ in range(3)]
    for number in range(40):
        await _happen(live, show, f"{number}")
    await wait_for(lambda: _is_done(live, show), within_s=10, saying="everything is published")
    for each in relays:
        each.cancel()
    await asyncio.gather(*relays, return_exceptions=True)
    assert await _log(live, show) == [(seq, f"{seq - 1}") for seq in range(1, 41)]


async def test_what_redis_forgot_is_told_by_the_service(live: World) -> None:
    show = await live.show()
    await _happen(live, show, *(str(number) for number in range(5)))
    await _relayed(live)
    await live.parts.cache.delete(feed.log(show.id))
    answer = (await live.gateway("GET", f"{show.internal}/events?after=2")).data
    assert [seq for seq, _ in answer["events"]] == [3, 4, 5]
    assert (answer["complete"], answer["newest"]) == (True, 5)
    await live.change("DELETE FROM vstudio.live_events WHERE session_id = $1 AND seq < 5", show.id)
    older = (await live.gateway("GET", f"{show.internal}/events?after=2")).data
    assert ([seq for seq, _ in older["events"]], older.get("complete", False)) == ([5], False)
    none = (await live.gateway("GET", f"{show.internal}/events?after=5")).data
    assert (none.get("events", []), none["complete"]) == ([], True)


async def _is_done(live: World, show: Show) -> None:
    if left := await _unpublished(live, show):
        raise NotReady(f"{left} events wait")


async def test_old_events_go_but_the_newest_thousand_and_what_is_not_published_stay(live: World) -> None:
    show = await live.show()
    await _happen(live, show, *("old" for _ in range(1005)))
    await live.change("UPDATE vstudio.live_events SET published_at = now() WHERE session_id = $1 AND seq <> 3", show.id)
    live.clock.advance(hours=1)
    await loops.forget_old(live.parts)
    left = [each["seq"] for each in await show.events()]
    assert left == [3, *range(6, 1006)]
    await _relayed(live)
