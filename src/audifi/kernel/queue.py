"""Read events from the queue's streams as one consumer group per service, each at least once, its effect exactly once.

Between: kernel.outbox (appends), services' `consumers.py` (handle events) and the queue's Redis (AOF always).

    consumer = Consumer(queue, database, group="auth-service", handlers={"subscription.updated": on_subscription})
    loops=(consumer.run,)
    async def on_subscription(tx: Connection, event: Event) -> None: ...

How an event is handled. Handler and the row in processed_events are one transaction: an event that is delivered again
finds its row and is acknowledged without effect. When the handler raises, the entry stays pending and is tried again
after 1 s × 2 (at most 60 s), together TRIES_MAX times; then it goes to the dead letter stream with the reason and is
acknowledged. An event nobody has a handler for is acknowledged; one that cannot be read is a dead letter at once.
A consumer that died leaves pending entries: others claim what has been idle for IDLE_CLAIM_S.
Invariant: an entry is acknowledged only after the transaction of its effect, or after its dead letter was written.
Errors: Unavailable from `append`; the loop itself survives everything but cancellation.
Source: domain.md 2.0 "Events"; https://redis.io/docs/latest/develop/data-types/streams/ (consumer groups).
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, Self, cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError, ResponseError

from audifi.kernel import context
from audifi.kernel.connection import Connection, changed
from audifi.kernel.database import Database
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter, gauge
from audifi.kernel.settings import Secret
from audifi.kernel.traces import CONSUMER, span
from audifi.wire import metrics, streams
from audifi.wire.events import Event
from audifi.wire.problems import Problem, Unavailable

READ_S: Final = 2.0  # how long one read waits for new entries
BATCH: Final = 32
_COMMAND_S: Final = 5.0
_PAUSE_S: Final = 1.0
_WAIT_S: Final = 1.0  # a replica that is there answers in a millisecond
MEASURE_S: Final = 5.0  # less than Prometheus' interval (15 s)
_FAILURES: Final = (RedisError, OSError, TimeoutError)
_PROCESSED: Final = (
    "INSERT INTO processed_events (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1"
)

_PURGE: Final = """
DELETE FROM processed_events WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM processed_events WHERE processed_at < now() - make_interval(days => $1)
     ORDER BY processed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
HANDLED_DAYS: Final = 30  # kernel.purging says why

Handler = Callable[[Connection, Event], Awaitable[None]]
Entry = tuple[bytes, Mapping[bytes, bytes]]
_events = msgspec.json.Decoder(Event)


class QueueSettings(Protocol):
    """What `Queue.open` reads of the settings."""

    @property
    def queue_url(self) -> str: ...
    @property
    def queue_password(self) -> Secret: ...
    @property
    def queue_replicas_min(self) -> int: ...


class Queue:
    """The queue's Redis."""

    def __init__(self, client: Any, wait_replicas: int = 0) -> None:
        self.client = client
        self._wait_replicas = wait_replicas
        self._lacked_replicas = False

    @classmethod
    async def open(cls, settings: QueueSettings) -> Self:
        """Make the client; it connects when first used."""
        connect: Any = getattr(Redis, "from_url")  # noqa: B009  # untyped: the attribute's type is partly unknown
        client = connect(
            settings.queue_url,
            password=settings.queue_password.reveal(),
            socket_connect_timeout=2,
            socket_timeout=_COMMAND_S + READ_S,
            socket_keepalive=True,
            socket_keepalive_options={socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 2, socket.TCP_KEEPCNT: 2},
            retry=Retry(ConstantBackoff(0.1), 1),
        )
        return cls(client, settings.queue_replicas_min)

    async def close(self) -> None:
        await self.client.aclose()

    async def ping(self) -> None:
        try:
            await self.client.ping()
        except _FAILURES as error:
            raise _unavailable(error) from error

    async def append(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Append (stream, payload) pairs, in order, in one round trip; return when enough replicas have them."""
        pipeline = self.client.pipeline(transaction=False)
        for stream, payload in entries:
            pipeline.xadd(stream, {streams.PAYLOAD_FIELD: payload}, maxlen=streams.LENGTH_MAX, approximate=True)
        try:
            if self._lacked_replicas:
                self._require(await self._wait(self.client))  # else every try would append everything once more
            answers = await self._wait(pipeline).execute() if self._wait_replicas else await pipeline.execute()
        except _FAILURES as error:
            raise _unavailable(error) from error
        if self._wait_replicas:
            self._require(answers[-1])

    def _wait(self, sender: Any) -> Any:
        # WAIT speaks of its own connection's writes: it is in the pipeline, behind them.
        return sender.execute_command("WAIT", self._wait_replicas, int(_WAIT_S * 1000))

    def _require(self, replicas: Any) -> None:
        self._lacked_replicas = int(replicas) < self._wait_replicas
        if self._lacked_replicas:
            message = f"{replicas} of {self._wait_replicas} replicas of the queue have the events"
            raise Unavailable(message, retry_after_s=2, may_have_taken_effect=True)


class Consumer:
    """Handle the events of some types for one consumer group."""

    def __init__(
        self, queue: Queue, database: Database, *, group: str, handlers: Mapping[str, Handler], at_once: int = 1
    ) -> None:
        """Handle `at_once` new events at the same time: more than one where their order does not matter at all."""
        self._redis = queue.client
        self._at_once = at_once
        self._database = database
        self._group = group
        self._handlers = handlers
        self._streams = sorted({streams.of_event(event_type) for event_type in handlers})
        self._retry_at: dict[tuple[str, bytes], float] = {}
        self._measured_at = float("-inf")
        self._is_away = False

    async def run(self) -> None:
        """Consume until cancelled."""
        while True:
            try:
                await self.create_groups()
                while True:
                    await self._measure_now_and_then()
                    await self.step()
            except (*_FAILURES, Problem) as error:
                if not self._is_away:
                    log.warning("the queue or the database is away: events wait", error=error)
                self._is_away = True
                await asyncio.sleep(_PAUSE_S)

    async def step(self, wait_s: float = READ_S) -> int:
        """Handle what is due: own retries and abandoned entries first, then new ones. Return how many were read."""
        handled = 0
        for stream in self._streams:
            handled += await self._again(stream)
        wait_s = min(wait_s, self._until_retry_s())
        wanted = dict.fromkeys(self._streams, ">")
        name = context.PROCESS.pod
        answer = await self._redis.xreadgroup(self._group, name, wanted, count=BATCH, block=max(1, int(wait_s * 1000)))
        self._is_away = False
        for stream, entries in _by_stream(answer):
            for some in (entries[start : start + self._at_once] for start in range(0, len(entries), self._at_once)):
                await asyncio.gather(*(self._handle(stream, entry, tries=1) for entry in some))
            handled += len(entries)
        return handled

    async def _measure_now_and_then(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._measured_at + MEASURE_S:
            self._measured_at = now
            await self.measure()

    async def measure(self) -> None:
        """Set the gauges of depth, age and dead letters of every stream."""
        for stream in self._streams:
            letters = await self._redis.xlen(streams.dead_letters(stream, self._group))
            gauge(metrics.QUEUE_DEAD_LETTERS_KEPT).labels(stream).set(letters)
            for row in await self._redis.xinfo_groups(stream):
                if row["name"] in (self._group, self._group.encode()):
                    depth = int(row["pending"]) + int(row.get("lag") or 0)
                    gauge(metrics.QUEUE_DEPTH).labels(stream).set(depth)
                    age_s = await self._oldest_age_s(stream, row["last-delivered-id"])
                    gauge(metrics.QUEUE_OLDEST_AGE).labels(stream).set(age_s)

    async def _oldest_age_s(self, stream: str, last_delivered: bytes) -> float:
        """How long the oldest entry waits that is delivered and not acknowledged, else the oldest not delivered."""
        pending = await self._redis.xpending(stream, self._group)
        oldest = pending["min"] if pending["pending"] else None
        if oldest is None:
            unread = await self._redis.xrange(stream, min=b"(" + last_delivered, count=1)
            oldest = unread[0][0] if unread else None
        if oldest is None:
            return 0.0
        return max(0.0, time.time() - int(oldest.partition(b"-")[0]) / 1000)  # an id begins with its milliseconds

    async def create_groups(self) -> None:
        """Make the group on each stream, from its beginning, where it does not exist."""
        for stream in self._streams:
            try:
                await self._redis.xgroup_create(stream, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _again(self, stream: str) -> int:
        """Try again what failed here, and claim what a dead consumer left."""
        now = asyncio.get_running_loop().time()
        due = [identity for (where, identity), at in self._retry_at.items() if where == stream and at <= now]
        idle_ms = int(streams.IDLE_CLAIM_S * 1000)
        pending = await self._redis.xpending_range(stream, self._group, min="-", max="+", count=BATCH, idle=idle_ms)
        waiting = {identity for where, identity in self._retry_at if where == stream}
        abandoned = [row["message_id"] for row in pending if row["message_id"] not in waiting]
        tries = {row["message_id"]: int(row["times_delivered"]) for row in pending}
        for identity in due:
            tries[identity] = await self._tries(stream, identity)
            del self._retry_at[stream, identity]
        count = 0
        name = context.PROCESS.pod
        for identity in (*due, *abandoned):
            idle = 0 if identity in due else idle_ms
            for entry in await self._redis.xclaim(stream, self._group, name, idle, [identity]):
                await self._handle(stream, entry, tries=tries[identity] + 1)
                count += 1
        return count

    async def _tries(self, stream: str, identity: bytes) -> int:
        rows = await self._redis.xpending_range(stream, self._group, min=identity, max=identity, count=1)
        return int(rows[0]["times_delivered"]) if rows else 0

    def _until_retry_s(self) -> float:
        if not self._retry_at:
            return READ_S
        return max(0.001, min(self._retry_at.values()) - asyncio.get_running_loop().time())

    async def _handle(self, stream: str, entry: Entry, *, tries: int) -> None:
        identity, values = entry
        try:
            event = _events.decode(values[streams.PAYLOAD_FIELD.encode()])
        except (KeyError, msgspec.MsgspecError) as error:
            await self._bury(stream, entry, error)
            return
        try:
            result = await self._perform(event)
        except Exception as error:  # noqa: BLE001  # the consumer loop: one event's failure must not stop the others
            await self._failed(stream, entry, tries, error)
            return
        await self._redis.xack(stream, self._group, identity)
        counter(metrics.QUEUE_HANDLED).labels(stream, result).inc()

    async def _perform(self, event: Event) -> str:
        handler = self._handlers.get(event.type)
        if handler is None:
            return "ignored"
        trace_id, parent_id, is_sampled = context.from_traceparent(event.traceparent or None)
        own = context.Context(event.request_id, trace_id, parent_id or context.new_span_id(), is_sampled)
        token = context.enter(own)
        try:
            with span(f"consume {event.type}", CONSUMER):
                async with self._database.transaction() as tx:
                    if await tx.fetchval(_PROCESSED, self._group, event.id) is None:
                        return "duplicate"
                    await handler(tx, event)
        finally:
            context.leave(token)
        return "handled"

    async def _failed(self, stream: str, entry: Entry, tries: int, error: Exception) -> None:
        counter(metrics.QUEUE_HANDLED).labels(stream, "failed").inc()
        if tries >= streams.TRIES_MAX:
            await self._bury(stream, entry, error)
            return
        pause_s = streams.retry_after_s(tries)
        log.warning("an event failed and is tried again", stream=stream, tries=tries, pause_s=pause_s, error=error)
        self._retry_at[stream, entry[0]] = asyncio.get_running_loop().time() + pause_s

    async def _bury(self, stream: str, entry: Entry, error: Exception) -> None:
        identity, values = entry
        log.error("an event is given up", stream=stream, entry=identity.decode(), error=error)
        letter = {**values, b"reason": f"{type(error).__name__}: {error}"[:1000].encode(), b"entry": identity}
        await self._redis.xadd(streams.dead_letters(stream, self._group), letter)
        await self._redis.xack(stream, self._group, identity)
        counter(metrics.QUEUE_DEAD_LETTERS).labels(stream).inc()


async def purge(database: Database, *, rows_max: int = 1000) -> int:
    """Forget handled events older than HANDLED_DAYS, the oldest `rows_max` at most; return how many."""
    async with database.transaction() as tx:
        return changed(await tx.execute(_PURGE, HANDLED_DAYS, rows_max))


def _by_stream(answer: Any) -> list[tuple[str, list[Entry]]]:
    # RESP2 answers a list of pairs, RESP3 a map (with one more level of lists): both are read.
    if isinstance(answer, dict):
        rows = cast("dict[bytes, Any]", answer)
        return [(name.decode(), part[0] if part and isinstance(part[0], list) else part) for name, part in rows.items()]
    return [(name.decode(), entries) for name, entries in answer or ()]


def _unavailable(error: BaseException) -> Unavailable:
    counter(metrics.REDIS_ERRORS).labels("queue", type(error).__name__).inc()
    return Unavailable("the queue does not answer", retry_after_s=2, may_have_taken_effect=True)
