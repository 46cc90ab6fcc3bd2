"""Publish what was committed: each session's live events, in order, at least once.

Between: store.live_events (writes them in the transaction of their cause), parts.wake_live (says that one was
committed) and clients.live.publishing.

Runs in every pod. Rows are taken with SKIP LOCKED and marked in the transaction that took them, after Redis has them:
a pod that dies in between leaves them to another, and publishing again changes nothing. Two pods may overtake each
other by a message; readers order by seq.
Units: *_S seconds.
Errors: Redis or the database away: logged once; the rows wait.
Source: docs/decisions/0047; domain.md 3 "Recovery".
"""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from audifi.clients.live.publishing import Publisher
from audifi.kernel.telemetry import log
from audifi.services.vstudio.errors import Problem, Unavailable
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.store import live_events
from audifi.services.vstudio.store.live_events import LiveEvent

BATCH: Final = 500
POLL_S: Final = 1.0  # for what a pod that died has left
FAILURE_S: Final = 1.0


async def run(parts: Parts) -> None:
    """Publish until cancelled."""
    is_failing = False
    while True:
        parts.live_asked.clear()
        try:
            moved = await step(parts)
        except Problem as problem:
            if not is_failing:
                log.warning("live events wait to be published", error=problem)
            is_failing = True
            await asyncio.sleep(FAILURE_S)
            continue
        is_failing = False
        if moved < BATCH:
            await _woken(parts)


async def step(parts: Parts) -> int:
    """Publish one batch; return how many events were published."""
    publisher = Publisher(parts.cache)
    async with parts.database.transaction() as tx:
        taken = await live_events.take(tx, BATCH)
        if not taken:
            return 0
        by_session = [list(each) for _, each in groupby(taken, key=lambda event: event.session_id)]
        done = await asyncio.gather(*(_published(publisher, each) for each in by_session))
        published = [event for each in done for event in each]
        await live_events.mark(tx, published)
    if not published:
        raise Unavailable("Redis does not take live events")
    return len(published)


async def _published(publisher: Publisher, events: Sequence[LiveEvent]) -> Sequence[LiveEvent]:
    """Publish one session's events in one write; return all of them, or none."""
    try:
        await asyncio.gather(*(publisher.event(each.session_id, each.seq, each.body) for each in events))
    except Unavailable:
        return ()
    return events


async def _woken(parts: Parts) -> None:
    try:
        async with asyncio.timeout(POLL_S):
            await parts.live_asked.wait()
    except TimeoutError:
        return
