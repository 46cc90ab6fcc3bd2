"""What runs beside requests: events count as sent when a replica has them, gauges are set, old rows go."""

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from prometheus_client import REGISTRY

from audifi.kernel import idempotency, outbox, purging
from audifi.kernel import queue as queues
from audifi.kernel.database import POOL_SIZE, Database
from audifi.kernel.ids import new_id
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer, Queue
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import metrics, streams
from audifi.wire.events import EventData, event
from audifi.wire.problems import Unavailable

pytestmark = pytest.mark.asyncio
REPLICA = "redis-queue-2"


def registered() -> type[EventData]:
    """An event on a stream nobody else reads."""

    @event(f"test-{new_id().hex}.happened")
    class Own(EventData):
        """Something a test made happen."""

    return Own


async def one(database: Database, sql: str) -> int:
    row = await database.row(sql, primary=True)
    assert row is not None
    return int(row["n"])


async def waiting(database: Database) -> int:
    return await one(database, "SELECT count(*) AS n FROM outbox")


@contextmanager
def stopped(pid: int) -> Generator[None]:
    """Hold a process still for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_an_event_is_sent_when_a_replica_has_it_and_not_before(
    stores: Held, database: Database, queue: Queue
) -> None:
    kind, relay = registered(), Relay(database, queue)
    stream = streams.of_event(kind.event_type)
    pid = int((await stores.units())[REPLICA]["pid"])
    async with database.transaction() as tx:
        await outbox.add(tx, kind(), aggregate_id="1")
    with stopped(pid):
        for _ in range(3):
            with pytest.raises(Unavailable, match="0 of 1 replicas"):
                await relay.step()
        assert await waiting(database) == 1
        assert await queue.client.xlen(stream) == 1, "tries without a replica append nothing more"

    async def is_sent() -> None:
        try:
            await relay.step()
        except Unavailable as problem:
            raise NotReady(str(problem)) from problem

    await wait_for(is_sent, within_s=30, saying="the replica has caught up and the event left")
    assert await waiting(database) == 0


def gauged(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(name, labels)
    assert value is not None, f"{name} was never set"
    return value


async def test_depth_and_age_of_a_stream_are_measured(database: Database, queue: Queue) -> None:
    kind = registered()
    stream = streams.of_event(kind.event_type)

    async def nothing(*_: object) -> None: ...

    reader = Consumer(queue, database, group="tested", handlers={kind.event_type: nothing})
    await reader.create_groups()
    await queue.client.xadd(stream, {streams.PAYLOAD_FIELD: b"x"}, id="1000-0")  # one second after the epoch
    for depth in (1, 1):  # first not read by anybody, then read and not acknowledged
        await reader.measure()
        assert gauged(metrics.QUEUE_DEPTH.name, stream=stream) == depth
        assert gauged(metrics.QUEUE_OLDEST_AGE.name, stream=stream) > 10**9
        await queue.client.xreadgroup("tested", "another", {stream: ">"}, count=1)
    await queue.client.xack(stream, "tested", "1000-0")
    await reader.measure()
    assert gauged(metrics.QUEUE_DEPTH.name, stream=stream) == 0
    assert gauged(metrics.QUEUE_OLDEST_AGE.name, stream=stream) == 0


async def test_tasks_that_wait_for_a_connection_are_counted(database: Database) -> None:
    free = asyncio.Event()

    async def hold() -> None:
        async with database.transaction() as tx:
            await tx.fetchval("SELECT 1")
            await free.wait()

    async def counted() -> None:
        if (seen := gauged(metrics.DB_WAITING.name, pool="writer")) != 3:
            raise NotReady(f"{seen} wait")

    tasks = [asyncio.create_task(hold()) for _ in range(POOL_SIZE + 3)]
    try:
        await wait_for(counted, within_s=10, saying="three more than the pool has wait")
    finally:
        free.set()
        await asyncio.gather(*tasks)
    assert gauged(metrics.DB_WAITING.name, pool="writer") == 0


async def test_old_rows_are_deleted_in_batches_and_young_ones_stay(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "ROWS_MAX", 10)
    monkeypatch.setattr(purging, "REST_S", 0)
    async with database.transaction() as tx:
        await tx.execute(
            """INSERT INTO idempotency_keys (scope, request_hash, created_at)
               SELECT int4send(n), '', now() - make_interval(hours => n) FROM generate_series(1, $1::int) n""",
            idempotency.KEPT_H + 25,
        )
        await tx.execute(
            """INSERT INTO processed_events (consumer, event_id, processed_at)
               SELECT 'tested', gen_random_uuid(), now() - make_interval(days => n)
                 FROM generate_series(1, $1::int) n""",
            queues.HANDLED_DAYS + 25,
        )
    assert await idempotency.purge(database, rows_max=3) == 3
    gone = await asyncio.gather(*(purging.purge(database) for _ in range(3)))
    gone.append(await purging.purge(database))
    assert sum(gone) == 23 + 26
    assert await one(database, "SELECT count(*) AS n FROM idempotency_keys") == idempotency.KEPT_H - 1
    assert await one(database, "SELECT count(*) AS n FROM processed_events") == queues.HANDLED_DAYS - 1
