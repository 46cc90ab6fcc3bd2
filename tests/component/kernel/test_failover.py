"""A primary of either store is killed: requests are slow or refused as Unavailable, what was promised is kept.

Between: fixture `stores`, which is whole again when a test ends, and the kernel's own clients.
Units: *_s seconds. Source: architecture.md 7 (≤ 5 s for a killed process of either store).
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from audifi.kernel.cache import Cache
from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.local.held import Held
from audifi.local.probes import http_json
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import channels
from audifi.wire.problems import Unavailable

pytestmark = pytest.mark.asyncio
BUDGET_S = 5.0


@dataclass
class Steps:
    """One client that repeats a step, and what became of it."""

    step: Callable[[int], Awaitable[object]]
    done: list[int] = field(default_factory=list[int])
    refused: int = 0
    slowest_s: float = 0.0
    longest_gap_s: float = 0.0
    is_over: bool = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        number, last_s = 0, loop.time()
        while not self.is_over:
            number += 1
            await wait_for(lambda n=number: self._try(n), within_s=30, saying=f"step {number}", every_s=0.02)
            self.done.append(number)
            self.longest_gap_s = max(self.longest_gap_s, loop.time() - last_s)
            last_s = loop.time()

    async def _try(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            await self.step(number)
        except Unavailable as problem:  # a client tries again
            self.refused += 1
            raise NotReady(str(problem)) from problem
        finally:
            self.slowest_s = max(self.slowest_s, loop.time() - started_s)

    async def has_grown(self, since: int = 0, by: int = 50) -> None:
        if len(self.done) < since + by:
            raise NotReady(f"{len(self.done) - since} steps, {self.refused} refused")


async def all_ready(stores: Held) -> None:
    units = await stores.units()
    bad = {name: unit["detail"] for name, unit in units.items() if unit["state"] not in {"ready", "done"}}
    if bad:
        raise NotReady(f"{bad}")


async def through(stores: Held, kill: Callable[[], Awaitable[None]], *clients: Steps) -> None:
    """Let clients run, kill, wait until all go on, and until everything is whole again."""
    await wait_for(lambda: all_ready(stores), within_s=60, saying="all stores are ready")
    running = [asyncio.create_task(client.run()) for client in clients]
    try:
        for client in clients:
            await wait_for(client.has_grown, within_s=20, saying="the client runs")
        await kill()
        since = [len(client.done) for client in clients]
        for client, before in zip(clients, since, strict=True):
            await wait_for(lambda c=client, b=before: c.has_grown(b), within_s=30, saying="the client goes on")
    finally:
        for client in clients:
            client.is_over = True
        await asyncio.wait_for(asyncio.gather(*running), 20)
        await wait_for(lambda: all_ready(stores), within_s=90, saying="all stores are ready again")


async def postmaster(stores: Held) -> int:
    """The number of the primary's postmaster."""
    for pod in stores.topology.component("postgres").pods:
        if (await http_json(stores.port(pod, "rest"), "/patroni")).get("role") == "primary":
            pid_file = stores.instance.data(pod) / "pgdata" / "postmaster.pid"
            return int((await asyncio.to_thread(pid_file.read_text)).splitlines()[0])
    raise NotReady("no primary")


async def test_transactions_bridge_a_failover_of_postgresql_and_none_is_lost(stores: Held, database: Database) -> None:
    async def write(number: int) -> None:
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO things (id, name) VALUES ($1, 'kept') ON CONFLICT DO NOTHING", number)

    async def read(_: int) -> None:
        async with database.read() as connection:
            await connection.fetchval("SELECT count(*) FROM things")

    async def kill() -> None:
        os.kill(await postmaster(stores), signal.SIGKILL)

    writer, reader = Steps(write), Steps(read)
    await through(stores, kill, writer, reader)
    kept = {row["id"] for row in await database.rows("SELECT id FROM things", primary=True)}
    assert set(writer.done) <= kept, "an acknowledged write is gone"
    assert writer.refused <= 3, "a failover is a slow request, not an error"
    assert max(writer.longest_gap_s, reader.longest_gap_s) <= BUDGET_S


async def owner(stores: Held, cache: Cache, key: str) -> str:
    """The pod that is master of a key: its port is the one that names itself in CLUSTER SLOTS."""
    slot = channels.slot(key)
    ranges = await cache.command("CLUSTER", "SLOTS")
    port = next(int(master[1]) for first, last, master, *_ in ranges if first <= slot <= last)
    pods = stores.topology.component("redis-cluster").pods
    return next(pod for pod in pods if stores.port(pod, "redis") == port)


async def test_one_master_of_the_cluster_is_killed_and_the_others_do_not_notice(stores: Held, cache: Cache) -> None:
    session, limit = channels.session(str(new_id())), channels.rate_limit("value", str(new_id()), "tested")
    await cache.ping()

    def counting(key: str) -> Steps:
        async def count(number: int) -> None:
            await cache.set(key, str(number), ttl_s=600)
            value = await cache.get(key)
            assert value is None or int(value) <= number  # asynchronous replication may lose the last writes

        return Steps(count)

    async def kill() -> None:
        pod = await owner(stores, cache, session)
        os.kill(int((await stores.units())[pod]["pid"]), signal.SIGKILL)

    hit, spared = counting(session), counting(limit)
    await through(stores, kill, hit, spared)
    assert hit.longest_gap_s <= BUDGET_S
    assert hit.slowest_s <= 2.5, "a request must know soon that Redis is away"
    assert spared.refused == 0
    assert spared.longest_gap_s <= 1.0
