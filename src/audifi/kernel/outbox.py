"""Hand events to the queue exactly when the state change that caused them is committed, and at least once.

Between: stores and routes (call `add` in their transaction) and the queue's streams (the relay appends).

The relay runs in every pod. It takes up to BATCH rows with FOR UPDATE SKIP LOCKED, appends them to their streams in
one round trip, deletes them and commits: two pods never take the same row, and a crash before the commit leads to a
second delivery, which consumers recognise by the event's id. It sleeps POLL_S when there was nothing; a commit in
this pod wakes it at once (`notify`).
Order: events of one pod's transactions leave in the order of their position, mostly; consumers must not rely on more
than the order of one aggregate's events being mostly kept.
Invariant: a row is deleted only in the transaction after its append was acknowledged, by the queue and by as many of
its replicas as QUEUE_WAIT_REPLICAS says (promise `queue-no-loss`).
Errors: the relay keeps running: the queue or the database being away is logged once and tried again.
Source: domain.md 2.0 "Events"; https://microservices.io/patterns/data/transactional-outbox.html.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from audifi.kernel.connection import Connection, Row
from audifi.kernel.context import PROCESS, current
from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter, gauge
from audifi.kernel.queue import Queue
from audifi.wire import metrics, streams
from audifi.wire.events import EventData, envelope
from audifi.wire.problems import Problem

BATCH: Final = 200
POLL_S: Final = 0.5
_PAUSE_MAX_S: Final = 5.0

_ADD: Final = """
INSERT INTO outbox (event_id, stream, payload) SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])
"""
_TAKE: Final = """
SELECT position, stream, payload, extract(epoch FROM now() - created_at)::float8 AS age_s
  FROM outbox ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_DELETE: Final = "DELETE FROM outbox WHERE position = ANY($1::bigint[])"

_committed = asyncio.Event()


@dataclass(frozen=True)
class Said:
    """An event, whom it is about, and who caused it."""

    data: EventData
    aggregate_id: str
    actor_id: str | None = None


async def add(tx: Connection, data: EventData, *, aggregate_id: str, actor_id: str | None = None) -> None:
    """Write an event in the caller's transaction; the relay sends it after the commit.

    The envelope's request id, traceparent and producer come from the running request (kernel.context).
    """
    await add_all(tx, [Said(data, aggregate_id, actor_id)])


async def add_all(tx: Connection, said: Sequence[Said]) -> None:
    """Write many events in one statement."""
    context = current()
    events = [
        envelope(
            each.data,
            event_id=new_id(),
            producer=PROCESS.service,
            aggregate_id=each.aggregate_id,
            actor_id=each.actor_id,
            request_id=context.request_id,
            traceparent=context.traceparent if context.trace_id else "",
        )
        for each in said
    ]
    await tx.execute(
        _ADD,
        [event.id for event in events],
        [streams.of_event(event.type) for event in events],
        [msgspec.json.encode(event) for event in events],
    )
    notify()


def notify() -> None:
    """Make this pod's relay look soon: it finds the row once its transaction is committed."""
    _committed.set()


class Relay:
    """Move events from the outbox to the queue."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue
        self._lag = gauge(metrics.OUTBOX_LAG)
        self._is_failing = False

    async def run(self) -> None:
        """Relay until cancelled."""
        pause_s = POLL_S
        while True:
            try:
                moved = await self.step()
            except Problem as problem:
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)
                self._note(problem)
                await asyncio.sleep(pause_s)
                continue
            pause_s = POLL_S
            self._note(None)
            if moved < BATCH:
                await _woken(POLL_S)

    async def step(self) -> int:
        """Move one batch; return how many events it had."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(_TAKE, BATCH)
            self._lag.set(max((row["age_s"] for row in rows), default=0.0))
            if rows:
                await self._queue.append([(row["stream"], bytes(row["payload"])) for row in rows])
                await tx.execute(_DELETE, [row["position"] for row in rows])
        _count(rows)
        return len(rows)

    def _note(self, problem: Problem | None) -> None:
        if problem is not None and not self._is_failing:
            log.warning("events wait in the outbox", error=problem)
        elif problem is None and self._is_failing:
            log.info("events leave the outbox again")
        self._is_failing = problem is not None


def _count(rows: list[Row]) -> None:
    for row in rows:
        counter(metrics.OUTBOX_RELAYED).labels(row["stream"]).inc()


async def _woken(within_s: float) -> None:
    # The row is committed a moment after `notify`: a wake-up that comes too early costs one empty look, and the poll
    # finds it anyway.
    try:
        async with asyncio.timeout(within_s):
            await _committed.wait()
    except TimeoutError:
        return
    _committed.clear()
    await asyncio.sleep(0.01)
