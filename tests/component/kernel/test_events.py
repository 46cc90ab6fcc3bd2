"""Events from a transaction to a handler: none lost, none handled twice, the hopeless ones kept as dead letters."""

import asyncio

import pytest

from audifi.kernel import context, outbox
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer, Handler, Queue
from audifi.wire import streams
from audifi.wire.events import REGISTRY, Event, EventData, event

pytestmark = pytest.mark.asyncio


class Happened(EventData):
    """Something a test made happen."""

    number: int


def registered() -> type[Happened]:
    """Register the data under a domain of this test's own: a stream nobody else reads."""
    name = f"test-{new_id().hex}.happened"

    class Own(Happened):
        """The same, under another name."""

    return event(name)(Own)


async def publish(database: Database, kind: type[Happened], count: int) -> None:
    for number in range(count):
        async with database.transaction() as tx:
            await outbox.add(tx, kind(number=number), aggregate_id=str(number))


def consumer(queue: Queue, database: Database, kind: type[Happened], handler: Handler) -> Consumer:
    context.PROCESS.pod = f"consumer-{new_id().hex}"
    return Consumer(queue, database, group="tested", handlers={kind.event_type: handler})


async def drained(reader: Consumer, relay: Relay) -> None:
    await reader.create_groups()
    await relay.step()
    while await reader.step(wait_s=0.01):
        pass


async def test_every_committed_event_is_handled_once(database: Database, queue: Queue) -> None:
    kind, seen = registered(), list[int]()

    async def handler(tx: Connection, received: Event) -> None:
        await tx.fetchval("SELECT 1")
        seen.append(received.data["number"])

    await publish(database, kind, 20)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  # it must pass through the transaction
        async with database.transaction() as tx:
            await outbox.add(tx, kind(number=99), aggregate_id="rolled back")
            raise ZeroDivisionError
    reader = consumer(queue, database, kind, handler)
    await drained(reader, Relay(database, queue))
    assert seen == list(range(20))
    row = await database.row("SELECT count(*) AS waiting FROM outbox", primary=True)
    assert row is not None
    assert row["waiting"] == 0


async def test_two_relays_and_a_second_delivery_do_no_harm(database: Database, queue: Queue) -> None:
    kind, seen = registered(), list[int]()

    async def handler(tx: Connection, received: Event) -> None:
        await tx.fetchval("SELECT 1")
        seen.append(received.data["number"])

    await publish(database, kind, 30)
    rows = await database.rows("SELECT stream, payload FROM outbox", primary=True)
    await queue.append([(row["stream"], bytes(row["payload"])) for row in rows])  # as after a crash before the commit
    await asyncio.gather(*(Relay(database, queue).step() for _ in range(4)))
    await drained(consumer(queue, database, kind, handler), Relay(database, queue))
    assert sorted(seen) == list(range(30))


async def test_a_failing_event_is_tried_again_and_then_kept_aside(
    database: Database, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, tries = registered(), list[int]()
    monkeypatch.setattr(streams, "RETRY_FIRST_S", 0.001)
    monkeypatch.setattr(streams, "RETRY_MAX_S", 0.002)

    async def handler(tx: Connection, received: Event) -> None:
        await tx.execute("INSERT INTO things (id, name) VALUES ($1, 'effect')", received.data["number"] + len(tries))
        tries.append(received.data["number"])
        raise ZeroDivisionError

    await publish(database, kind, 1)
    reader = consumer(queue, database, kind, handler)
    stream = streams.of_event(kind.event_type)
    await drained(reader, Relay(database, queue))
    letters = streams.dead_letters(stream, "tested")
    async with asyncio.timeout(10):
        while not await queue.client.xlen(letters):
            await reader.step(wait_s=0.01)
    assert len(tries) == streams.TRIES_MAX
    [(_, letter)] = await queue.client.xrange(letters)
    assert letter[b"reason"].startswith(b"ZeroDivisionError")
    assert (await queue.client.xpending(stream, "tested"))["pending"] == 0
    row = await database.row("SELECT count(*) AS effects FROM things", primary=True)
    assert row is not None
    assert row["effects"] == 0


async def test_what_a_dead_consumer_left_is_claimed(
    database: Database, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, seen = registered(), list[int]()
    monkeypatch.setattr(streams, "IDLE_CLAIM_S", 0.0)

    async def handler(tx: Connection, received: Event) -> None:
        await tx.fetchval("SELECT 1")
        seen.append(received.data["number"])

    await publish(database, kind, 5)
    stream = streams.of_event(kind.event_type)
    reader = consumer(queue, database, kind, handler)
    await reader.create_groups()
    await Relay(database, queue).step()
    await queue.client.xreadgroup("tested", "died-before-it-could-handle", {stream: ">"}, count=5)
    await reader.step(wait_s=0.01)
    assert sorted(seen) == list(range(5))


async def test_an_event_nobody_can_read_is_a_dead_letter_at_once(database: Database, queue: Queue) -> None:
    kind = registered()

    async def handler(tx: Connection, received: Event) -> None:
        raise AssertionError((tx, received))

    stream = streams.of_event(kind.event_type)
    reader = consumer(queue, database, kind, handler)
    await queue.append([(stream, b"not json")])
    await drained(reader, Relay(database, queue))
    assert await queue.client.xlen(streams.dead_letters(stream, "tested")) == 1
    assert (kind.event_type, 1) in REGISTRY
