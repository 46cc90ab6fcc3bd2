"""Measure the stores: who is primary, who follows, what is pooled, what lies on which master.

Between: drills.probes (collects) and the servers themselves, asked as their operator: superuser, PgBouncer's console,
each Redis node.
Shape: backups and losses are drills; regions are not here.
Units: what the promise counts; 1 where the sentence is true.
Invariant: nothing but questions, and keys of our own under a name of our own that are removed again.
Errors: psycopg.Error, NotReady from a Redis that does not answer.
Source: PostgreSQL "pg_stat_replication", "pg_stat_activity"; PgBouncer "SHOW SERVERS"; Redis "CLUSTER SHARDS".
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from audifi.drills.drill import Scene
from audifi.drills.faults import postgres, processes
from audifi.drills.journey.stage import Stage
from audifi.drills.probes.live import a_live_session
from audifi.drills.probes.probe import Measure, Probe, Weakened
from audifi.local import resolution
from audifi.local.components import redis_server
from audifi.local.components.pgbouncer import ADMINISTRATOR
from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady
from audifi.topology.secrets import WITH_DATABASE, database_role
from audifi.wire import channels

CLUSTER: Final = "redis-cluster"
QUEUE: Final = "redis-queue"
FAMILIES: Final = {"redis-sessions": "session:*", "redis-limits": "ratelimit:*", "redis-live": "vstudio:*"}
FOREIGN: Final = {"redis-sessions": "session:{r0}:probe", "redis-limits": "ratelimit:{v2}:probe"}
FOREIGN_LIVE: Final = "vstudio:{s2}:probe"
STALE_S: Final = 7.0  # longer than the promise's five seconds
SCANNED: Final = 1000
LOOKS: Final = 3

Connection = psycopg.AsyncConnection[dict[str, Any]]


@asynccontextmanager
async def member(stage: Stage, pod: str) -> AsyncGenerator[Connection]:
    """One member of PostgreSQL, as its operator."""
    async with await Connection.connect(
        host=LOOPBACK,
        port=stage.port(pod, "postgres"),
        dbname=stage.topology.stores.postgres.database,
        user="postgres",
        password=resolution.secret(stage.instance, stage.topology, "postgres-superuser"),
        autocommit=True,
        connect_timeout=5,
        row_factory=dict_row,
    ) as connection:
        yield connection


async def _rows(stage: Stage, pod: str, query: str) -> list[dict[str, Any]]:
    async with member(stage, pod) as connection:
        return await (await connection.execute(sql.SQL(query))).fetchall()  # pyright: ignore[reportArgumentType]  # ours


async def primaries(stage: Stage) -> float:
    """Members that take writes."""
    return await _primaries(stage, stage.topology.component("postgres").pods)


async def primaries_among_replicas(stage: Stage) -> float:
    leads = await postgres.leader(stage)
    return await _primaries(stage, [pod for pod in stage.topology.component("postgres").pods if pod != leads])


async def _primaries(stage: Stage, pods: Any) -> float:
    found = [await _rows(stage, pod, "SELECT pg_is_in_recovery() AS follows") for pod in pods]
    return sum(not rows[0]["follows"] for rows in found)


async def streaming_replicas(stage: Stage) -> float:
    """Replicas that the primary itself sees streaming."""
    query = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"
    return len(await _rows(stage, await postgres.leader(stage), query))


async def seconds_behind(stage: Stage) -> float:
    """Write on the primary: how long until the slowest replica shows it."""
    leads = await postgres.leader(stage)
    (told,) = await _rows(stage, leads, "SELECT pg_logical_emit_message(false, 'probe', 'x')::text AS lsn")
    began_s = time.monotonic()
    for pod in stage.topology.component("postgres").pods:
        while pod != leads and await _is_behind(stage, pod, told["lsn"]):
            if time.monotonic() - began_s > STALE_S:
                return time.monotonic() - began_s
            await asyncio.sleep(0.02)
    return time.monotonic() - began_s


async def _is_behind(stage: Stage, pod: str, position: str) -> bool:
    try:
        (row,) = await _rows(stage, pod, f"SELECT pg_last_wal_replay_lsn() < '{position}'::pg_lsn AS behind")
    except psycopg.OperationalError:  # a replica that is away shows nothing
        return True
    return bool(row["behind"])


async def is_pooled(stage: Stage) -> float:
    """Whether services have no more connections to the members than PgBouncer has opened for them."""
    roles = ", ".join(f"'{database_role(each)}%'" for each in WITH_DATABASE)
    query = f"SELECT 1 FROM pg_stat_activity WHERE usename LIKE ANY (ARRAY[{roles}])"  # noqa: S608  # ours
    for _ in range(LOOKS):  # a connection that is being closed counts on one side only
        theirs = sum([len(await _rows(stage, pod, query)) for pod in stage.topology.component("postgres").pods])
        pooled = sum([len(await _console(stage, pod, "SHOW SERVERS")) for pod in _poolers(stage)])
        if 0 < theirs <= pooled:
            return 1
    return 0


async def is_pooled_beside_a_stranger(stage: Stage) -> float:
    """The same while a service's role is connected past PgBouncer."""
    login = resolution.logins(stage.instance, stage.topology, WITH_DATABASE[0])[0]
    async with await psycopg.AsyncConnection.connect(
        host=LOOPBACK,
        port=stage.port(await postgres.leader(stage), "postgres"),
        dbname=stage.topology.stores.postgres.database,
        user=login.user,
        password=login.password,
    ):
        return await is_pooled(stage)


def _poolers(stage: Stage) -> tuple[str, ...]:
    return stage.topology.component(stage.topology.stores.pooler.component).pods


async def _console(stage: Stage, pod: str, command: str) -> list[tuple[Any, ...]]:
    """Ask PgBouncer's console, which speaks the simple protocol only."""
    async with await psycopg.AsyncConnection.connect(
        host=LOOPBACK,
        port=stage.port(pod, "pgbouncer"),
        dbname="pgbouncer",
        user=ADMINISTRATOR,
        password=resolution.secret(stage.instance, stage.topology, "pgbouncer-admin"),
        autocommit=True,
        cursor_factory=psycopg.AsyncClientCursor,
    ) as connection:
        return await (await connection.execute(command.encode())).fetchall()


async def ask(stage: Stage, pod: str, *question: str | int) -> Any:
    """Ask one Redis node."""
    password = resolution.secret(stage.instance, stage.topology, f"{pod.rpartition('-')[0]}-password")
    return await redis_server.ask(stage.port(pod, "redis"), password, *question)


async def _nodes(stage: Stage) -> list[list[str]]:
    """CLUSTER NODES by fields: id, address, flags, master, ping, pong, epoch, link, slots…"""
    for pod in stage.topology.component(CLUSTER).pods:
        try:
            return [line.split() for line in str(await ask(stage, pod, "CLUSTER", "NODES")).splitlines()]
        except NotReady:  # this one is away: another knows as much
            continue
    return []


async def cluster_nodes(stage: Stage) -> float:
    """Nodes that belong to it and answer."""
    await asyncio.sleep(0)
    found = 0
    for pod in stage.topology.component(CLUSTER).pods:
        try:
            found += "cluster_state:ok" in str(await ask(stage, pod, "CLUSTER", "INFO"))
        except NotReady:
            continue
    return found


async def pairs(stage: Stage) -> float:
    """Masters with slots and a replica that is linked to them."""
    linked: set[str] = set()
    for pod in stage.topology.component(CLUSTER).pods:
        try:
            role = await ask(stage, pod, "ROLE")
        except NotReady:
            continue
        if role[0] == "master" and any(role[2]):
            linked.add(pod)
    return len(linked)


async def _masters(stage: Stage) -> dict[int, str]:
    """The pod that serves each range of slots, by the number the design gives it."""
    numbers = {stage.port(pod, "redis"): pod for pod in stage.topology.component(CLUSTER).pods}
    found: dict[int, str] = {}
    for fields in await _nodes(stage):
        if "master" not in fields[2] or not fields[8:]:
            continue
        first = min(int(part.partition("-")[0]) for part in fields[8:] if not part.startswith("["))
        place = next(number for number, (low, high) in channels.SLOT_RANGES.items() if low <= first <= high)
        found[place] = numbers[int(fields[1].partition("@")[0].rpartition(":")[2])]
    return found


def master_of(promise: str, *, stranger: str = "") -> Measure:
    """The one master that holds every key of a family; 0 when they lie on several, or there are none."""

    async def measure(stage: Stage) -> float:
        async with a_live_session(stage):  # so that there are keys of each family
            masters = await _masters(stage)
            place = _place(stranger) if stranger else 0
            if stranger:
                await ask(stage, masters[place], "SET", stranger, "x", "EX", 60)
            try:
                held = {each for each, pod in masters.items() if await _has(stage, pod, FAMILIES[promise])}
            finally:
                if stranger:
                    await ask(stage, masters[place], "DEL", stranger)
        return held.pop() if len(held) == 1 else 0

    return measure


def _place(key: str) -> int:
    slot = channels.slot(key)
    return next(number for number, (low, high) in channels.SLOT_RANGES.items() if low <= slot <= high)


async def _has(stage: Stage, pod: str, pattern: str) -> bool:
    cursor = "0"
    while True:
        cursor, keys = await ask(stage, pod, "SCAN", cursor, "MATCH", pattern, "COUNT", SCANNED)
        if keys:
            return True
        if str(cursor) in {"0", "b'0'"}:
            return False


async def queue_is_its_own(stage: Stage) -> float:
    """Whether the queue is no node of the cluster, keeps an append-only file, and holds streams."""
    return await _is_a_queue(stage, f"{QUEUE}-1")


async def cluster_as_queue(stage: Stage) -> float:
    return await _is_a_queue(stage, f"{CLUSTER}-1")


async def _is_a_queue(stage: Stage, pod: str) -> bool:
    cluster = await ask(stage, pod, "INFO", "cluster")  # redis-py reads both answers into dictionaries
    kept = await ask(stage, pod, "CONFIG", "GET", "appendfsync")
    _, streams = await ask(stage, pod, "SCAN", 0, "TYPE", "stream", "COUNT", SCANNED)
    return cluster["cluster_enabled"] == 0 and kept["appendfsync"] == "always" and bool(streams)


async def _redis_replica(scene: Scene) -> tuple[str, ...]:
    masters = set((await _masters(scene.stage)).values())
    return (scene.dice.choice([pod for pod in scene.stage.topology.component(CLUSTER).pods if pod not in masters]),)


def _families() -> Iterator[Probe]:
    strangers = {**FOREIGN, "redis-live": FOREIGN_LIVE}
    for name, stranger in strangers.items():
        yield Probe(
            name=name,
            measure=master_of(name),
            sabotage=Weakened(
                removes=f"a key is written without its tag: {stranger}", measure=master_of(name, stranger=stranger)
            ),
        )


PROBES: Final = (
    Probe(
        name="postgres-primary",
        measure=primaries,
        sabotage=Weakened(removes="only the replicas are asked", measure=primaries_among_replicas),
    ),
    Probe(
        name="postgres-replicas",
        measure=streaming_replicas,
        sabotage=Weakened(removes="a replica is lost", deed=processes.lost(postgres.replica)),
        is_quick=False,
    ),
    Probe(
        name="postgres-streaming",
        measure=seconds_behind,
        # Pausing its replay would be undone by Patroni within a second.
        sabotage=Weakened(removes="a replica is lost", deed=processes.lost(postgres.replica)),
        is_quick=False,
    ),
    Probe(
        name="postgres-pooling",
        measure=is_pooled,
        sabotage=Weakened(removes="a service connects past PgBouncer", measure=is_pooled_beside_a_stranger),
    ),
    Probe(
        name="redis-nodes",
        measure=cluster_nodes,
        sabotage=Weakened(removes="a replica is lost", deed=processes.lost(_redis_replica)),
        is_quick=False,
    ),
    Probe(
        name="redis-masters",
        measure=pairs,
        sabotage=Weakened(removes="a replica is lost", deed=processes.lost(_redis_replica)),
        is_quick=False,
    ),
    *_families(),
    Probe(
        name="queue",
        measure=queue_is_its_own,
        sabotage=Weakened(removes="the cluster is asked in the queue's place", measure=cluster_as_queue),
    ),
)
