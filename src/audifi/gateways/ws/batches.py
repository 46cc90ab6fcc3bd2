"""Hand votes and chat lines to vstudio-service, many at a time.

Between: commands (one by one) and the service's internal routes (wire.live.calls).
How a batch comes about: the first of a session leaves at once; what arrives while a call is under way leaves together
when it is back. So a lone vote waits for nothing, and a thousand a second make a few dozen calls.
Why a call is tried again: a pod of the service that dies takes its calls with it, and votes and lines are told apart by
user and requestId, so that asking again is asking once.
Shape: one lane per session and kind, gone when it is empty; at most WAITING_MAX wait in a lane.
Units: *_s seconds.
Errors: never raises; whoever waits is told a Problem. A lane that is full refuses with Unavailable at once.
Source: domain.md 3 "Vote path"; wire.live.calls.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from audifi.kernel.logs import log
from audifi.kernel.peers import Peers
from audifi.wire.live.calls import Chat, Chats, Outcome, Outcomes, Vote, Votes
from audifi.wire.problems import Problem, Unavailable

SERVICE: Final = "vstudio-service"
AT_ONCE: Final = 200  # of at most 4 KiB each: always below the 1 MiB that the service takes (calls.BATCH_MAX is 500)
WAITING_MAX: Final = 2000
PAUSES_S: Final = (0.1, 0.5, 2.0)  # before the second, third and fourth try; a dead pod rests for 2 s (kernel.peers)

Spawn = Callable[[Coroutine[Any, Any, None]], None]
Told = Callable[[Outcome | Problem], None]


class Batches:
    """What waits to be asked of vstudio-service."""

    def __init__(self, peers: Peers, spawn: Spawn) -> None:
        self._peers = peers
        self._spawn = spawn
        self._lanes: dict[str, list[tuple[Vote | Chat, Told]]] = {}

    def vote(self, session_id: str, vote: Vote, told: Told) -> None:
        self._add(f"/internal/v1/sessions/{session_id}/votes", vote, told)

    def chat(self, session_id: str, line: Chat, told: Told) -> None:
        self._add(f"/internal/v1/sessions/{session_id}/chat", line, told)

    def _add(self, path: str, item: Vote | Chat, told: Told) -> None:
        lane = self._lanes.get(path)
        if lane is None:
            self._lanes[path] = [(item, told)]
            self._spawn(self._empty(path))
        elif len(lane) >= WAITING_MAX:
            told(Unavailable("Too many at once; try again.", retry_after_s=1))
        else:
            lane.append((item, told))

    async def _empty(self, path: str) -> None:
        lane = self._lanes[path]
        try:
            while lane:
                batch, lane[:] = lane[:AT_ONCE], lane[AT_ONCE:]
                answers = await self._asked(path, [item for item, _ in batch])
                for (_, told), answer in zip(batch, answers, strict=True):
                    told(answer)
        finally:
            del self._lanes[path]

    async def _asked(self, path: str, items: list[Vote | Chat]) -> list[Outcome | Problem]:
        body = _body(items)
        for pause_s in (*PAUSES_S, None):
            try:
                outcomes = (await self._peers.post(SERVICE, path, body, Outcomes)).outcomes
            except Unavailable as problem:
                if pause_s is None:
                    return [problem] * len(items)
                await asyncio.sleep(pause_s)
            except Problem as problem:
                return [problem] * len(items)
            else:
                if len(outcomes) == len(items):
                    return list(outcomes)
                log.error("vstudio-service answered another number of outcomes than was asked for", path=path)
                return [Unavailable()] * len(items)
        raise AssertionError("the last try returned")


def _body(items: list[Vote | Chat]) -> Votes | Chats:
    votes = [item for item in items if isinstance(item, Vote)]
    return Votes(votes=votes) if votes else Chats(lines=[item for item in items if isinstance(item, Chat)])
