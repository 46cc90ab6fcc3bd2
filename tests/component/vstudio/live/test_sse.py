"""The event stream: a snapshot, then everything in order once; resumed by Last-Event-ID; ended with the session."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.component.vstudio.live.world import Person, Show, World, scope_of

from audifi.local.waiting import NotReady, wait_for
from audifi.services.vstudio import relay
from audifi.services.vstudio.store import live_events
from audifi.wire.live import feed

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def loops(live: World) -> AsyncGenerator[None]:
    """Follow and publish, as a pod does."""
    running = [asyncio.create_task(live.parts.feed.run()), asyncio.create_task(relay.run(live.parts))]
    yield
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)


class Stream:
    """One reader's connection."""

    def __init__(self) -> None:
        self.status = 0
        self.text = b""
        self.has_left = asyncio.Event()
        self._is_asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"")

    @property
    def frames(self) -> list[tuple[int | None, dict[str, Any]]]:
        """What came: (id, data)."""
        found: list[tuple[int | None, dict[str, Any]]] = []
        for block in self.text.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "data" in fields:
                found.append((int(fields["id"]) if "id" in fields else None, msgspec.json.decode(fields["data"])))
        return found

    async def until(self, type_: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many frames of a type, and return them."""

        async def came() -> list[dict[str, Any]]:
            found = [data for _, data in self.frames if data["type"] == type_]
            if len(found) < count:
                raise NotReady(f"{len(found)} of {count} {type_}: {self.status} {self.text[-300:]!r}")
            return found

        return await wait_for(came, within_s=15, saying=type_)


@asynccontextmanager
async def following(live: World, show: Show, who: Person, last: int | None = None) -> AsyncGenerator[Stream]:
    """Follow, and leave at the end."""
    head = {"authorization": f"Bearer {await who.token()}"} | ({} if last is None else {"last-event-id": str(last)})
    stream = Stream()
    scope = scope_of("GET", f"/vstudio/sse/{show.id}", b"", head)
    task = asyncio.create_task(live.application(scope, stream.receive, stream.send))
    try:
        yield stream
    finally:
        stream.has_left.set()
        async with asyncio.timeout(5):  # who left is not written to for ever
            await task


async def _happen(live: World, show: Show, *texts: str, type_: str = "chat_message") -> None:
    async with live.parts.database.transaction() as tx:
        await live_events.add_all(tx, show.id, [{"type": type_, "ts": 1, "text": text} for text in texts])
    live.parts.wake_live()


async def test_a_reader_begins_with_a_snapshot_and_hears_everything_after_it_once_in_order(live: World) -> None:
    show, fan = await live.show(), live.someone()
    decision_id = await show.decision()
    await _happen(live, show, "before")
    async with following(live, show, fan) as stream:
        [state] = await stream.until("session_state")
        assert (state["status"], state["seq"], state["you"]["role"]) == ("ACTIVE", 1, "viewer")
        for number in range(20):
            await _happen(live, show, f"{number}a", f"{number}b")
        await show.votes(fan.ballot(decision_id))
        [tally] = await stream.until("vote_update")
        assert (tally["totalVotes"], tally["version"]) == (1, 1)
        lines = await stream.until("chat_message", 40)
    assert [each["seq"] for each in lines] == list(range(2, 42))
    assert [each for each, data in stream.frames if data["type"] == "chat_message"] == list(range(2, 42))
    assert [each for each, data in stream.frames if data["type"] == "vote_update"] == [None]


async def test_who_comes_back_hears_what_was_missed_and_no_snapshot(live: World) -> None:
    show, fan = await live.show(), live.someone()
    async with following(live, show, fan) as stream:
        await stream.until("session_state")
        await _happen(live, show, "a", "b", "c")
        await stream.until("chat_message", 3)
    await _happen(live, show, "d", "e")
    async with following(live, show, fan, last=2) as again:
        lines = await again.until("chat_message", 3)
    assert [each["text"] for each in lines] == ["c", "d", "e"]
    assert "session_state" not in [data["type"] for _, data in again.frames]
    async with following(live, show, fan, last=999) as ahead:
        assert (await ahead.until("session_state"))[0]["seq"] == 5


async def test_what_redis_forgets_no_reader_misses(live: World) -> None:
    show, fan = await live.show(), live.someone()
    async with following(live, show, fan) as stream:
        await stream.until("session_state")
        await _happen(live, show, "a")
        await stream.until("chat_message")
        # Said to Redis by nobody: as if its primary had died with it.
        async with live.parts.database.transaction() as tx:
            await live_events.add(tx, show.id, {"type": "chat_message", "ts": 1, "text": "lost"})
            statement = "UPDATE vstudio.live_events SET published_at = now() WHERE session_id = $1"
            await tx.execute(statement, show.id)
        await live.parts.cache.delete(feed.log(show.id))
        await _happen(live, show, "c")
        lines = await stream.until("chat_message", 3)
    assert [(each["seq"], each["text"]) for each in lines] == [(1, "a"), (2, "lost"), (3, "c")]


async def test_the_stream_ends_with_the_session_and_is_refused_to_who_may_not_watch(live: World) -> None:
    show, fan = await live.show(), live.someone()
    async with following(live, show, fan) as stream:
        await stream.until("session_state")
        await _happen(live, show, "bye", type_="session_ended")
        await stream.until("session_ended")
    gated = await live.show(view_gating='{"type": "NFT", "requirements": {}}')
    assert (await fan.get(f"/vstudio/sse/{gated.id}")).code == "NOT_ELIGIBLE"
    assert (await live.call("GET", f"/vstudio/sse/{show.id}")).status == 401
