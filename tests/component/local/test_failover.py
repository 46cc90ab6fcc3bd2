"""Losing a primary: writes flow again within five seconds and no acknowledged write is gone.

Between: tests and the stores; the writer uses what a service would: PgBouncer, or the cluster client.
Units: *_s seconds at the client.
Source: budgets of architecture.md section 7 (≤ 5 s for a killed process of either store).
"""

import asyncio
import os
import signal
from dataclasses import dataclass, field

import psycopg
import pytest
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from audifi.local.held import Held
from audifi.local.probes import http_json
from audifi.local.waiting import NotReady, wait_for

BUDGET_S = 5.0


@dataclass
class History:
    """What a writer was promised, and the longest time it waited between two promises."""

    acknowledged: list[int] = field(default_factory=list[int])
    longest_gap_s: float = 0.0
    attempts: int = 0
    is_over: bool = False  # writers look at it: client libraries have been seen to swallow a cancellation
    _last_s: float = 0.0

    def acknowledge(self, number: int) -> None:
        now = asyncio.get_running_loop().time()
        if self.acknowledged:
            self.longest_gap_s = max(self.longest_gap_s, now - self._last_s)
        self._last_s = now
        self.acknowledged.append(number)

    async def has_grown_by(self, count: int, since: int) -> None:
        if len(self.acknowledged) < since + count:
            raise NotReady(f"{len(self.acknowledged) - since} writes since the kill, {self.attempts} attempts in all")


async def _connection(stores: Held) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    return await psycopg.AsyncConnection.connect(
        host="127.0.0.1",
        port=stores.port("pgbouncer-1", "pgbouncer"),
        dbname="audifi",
        user=stores.login("auth-service").user,
        password=stores.secret("database-auth"),
        connect_timeout=3,
        autocommit=True,
        prepare_threshold=None,
    )


async def _write_rows(stores: Held, history: History) -> None:
    while not history.is_over:
        try:
            async with await _connection(stores) as connection:
                while not history.is_over:
                    history.attempts += 1
                    await connection.execute("INSERT INTO auth.kept VALUES (%s)", (history.attempts,))
                    history.acknowledge(history.attempts)
        except psycopg.Error:
            await asyncio.sleep(0.02)  # as a client's retry would


async def _primary(stores: Held) -> tuple[str, int]:
    """The pod that is primary, and the number of its postmaster."""
    for pod in stores.topology.component("postgres").pods:
        member = await http_json(stores.port(pod, "rest"), "/patroni")
        if member.get("role") == "primary":
            pid_file = stores.instance.data(pod) / "pgdata" / "postmaster.pid"
            return pod, int((await asyncio.to_thread(pid_file.read_text)).splitlines()[0])
    raise NotReady("no primary")


async def _all_ready(stores: Held) -> None:
    units = await stores.units()
    bad = {name: unit["detail"] for name, unit in units.items() if unit["state"] not in {"ready", "done"}}
    if bad:
        raise NotReady(f"{bad}")


@pytest.mark.asyncio
async def test_no_acknowledged_write_is_lost_when_the_primary_is_killed(stores: Held) -> None:
    await wait_for(lambda: _all_ready(stores), within_s=30, saying="all stores are ready")
    async with await _connection(stores) as connection:
        await connection.execute("CREATE TABLE auth.kept (number bigint PRIMARY KEY)")
    history = History()
    writer = asyncio.create_task(_write_rows(stores, history))
    try:
        await wait_for(lambda: history.has_grown_by(200, 0), within_s=20, saying="the writer runs")
        killed, postmaster = await _primary(stores)
        os.kill(postmaster, signal.SIGKILL)
        since = len(history.acknowledged)
        await wait_for(lambda: history.has_grown_by(200, since), within_s=30, saying="writes flow again")
    finally:
        history.is_over = True
        await asyncio.wait_for(writer, 20)
    async with await _connection(stores) as connection:
        rows = await (await connection.execute("SELECT number FROM auth.kept")).fetchall()
        await connection.execute("DROP TABLE auth.kept")
    lost = set(history.acknowledged) - {int(str(number)) for (number,) in rows}
    assert not lost, f"{len(lost)} of {len(history.acknowledged)} acknowledged writes are gone"
    assert history.longest_gap_s <= BUDGET_S
    assert (await _primary(stores))[0] != killed
    await wait_for(lambda: _all_ready(stores), within_s=60, saying="the former primary has come back as a replica")


async def _write_keys(stores: Held, nodes: str, history: History) -> None:
    host, _, number = nodes.partition(",")[0].partition(":")
    while not history.is_over:
        client = RedisCluster(
            host=host, port=int(number), password=stores.secret("redis-cluster-password"), socket_timeout=1
        )
        try:
            while not history.is_over:
                history.attempts += 1
                await client.set("{s2}:kept", history.attempts)  # s2 lies on master 1 (topology.stores)
                history.acknowledge(history.attempts)
        except (RedisError, OSError):
            await asyncio.sleep(0.02)
        finally:
            await client.aclose()  # also when it never came up: `async with` would leave its sockets open then


@pytest.mark.asyncio
async def test_writes_flow_again_when_a_redis_master_is_killed(stores: Held) -> None:
    await wait_for(lambda: _all_ready(stores), within_s=30, saying="all stores are ready")
    others = ",".join(stores.environment("auth-service-1")["REDIS_NODES"].split(",")[1:])
    history = History()
    writer = asyncio.create_task(_write_keys(stores, others, history))
    try:
        await wait_for(lambda: history.has_grown_by(200, 0), within_s=20, saying="the writer runs")
        victim = (await stores.units())["redis-cluster-1"]["pid"]
        os.kill(victim, signal.SIGKILL)
        since = len(history.acknowledged)
        await wait_for(lambda: history.has_grown_by(200, since), within_s=30, saying="writes flow again")
    finally:
        history.is_over = True
        await asyncio.wait_for(writer, 20)
    assert history.longest_gap_s <= BUDGET_S
    await wait_for(lambda: _all_ready(stores), within_s=30, saying="the former master is back")
