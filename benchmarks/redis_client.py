"""What does one Redis command cost a service, through our cluster client and through redis-py's?

Between: kernel.cache, redis.asyncio.cluster (with hiredis), a running Redis Cluster and its own file in results/.
Shape: GETs of existing keys on all three primaries, one by one and CONCURRENT at once, in one process with uvloop.
Then the primary of the limits' slots is frozen (SIGSTOP: it neither answers nor closes): how long until a SET on one of
its slots succeeds again? Both clients write to the same cluster through the same failover; redis-py gets a socket
time-out and retries, so that it may notice.
Units: µs CPU of this process per command; seconds.
Decides: docs/decisions/0037.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import redis
import uvloop
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError

from audifi.kernel.cache import Cache
from audifi.kernel.settings import Secret
from audifi.local.held import Held, held
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.problems import Unavailable
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.result import ROOT, spread, write

CONCURRENT = 16
COMMANDS = 4000
KEYS = tuple(f"bench:{{{tag}}}:{number}" for tag in ("s2", "r0", "v2") for number in range(8))
FROZEN_KEY = "bench:{r0}:frozen"  # owned by the second primary (wire.channels: limits)
GAP_WITHIN_S = 30.0

Get = Callable[[str], Awaitable[Any]]
Put = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Told:
    """What a Cache reads of a service's settings."""

    redis_nodes: tuple[str, ...]
    redis_password: Secret


class Clients:
    """Both, on one cluster."""

    def __init__(self, nodes: tuple[str, ...], password: str) -> None:
        self._nodes, self._password = nodes, password

    async def ours(self) -> Cache:
        return await Cache.open(Told(self._nodes, Secret(self._password)))

    def theirs(self) -> "RedisCluster":
        return RedisCluster(
            startup_nodes=[ClusterNode(host, int(port)) for host, _, port in (n.rpartition(":") for n in self._nodes)],
            password=self._password,
            socket_timeout=1.0,
            socket_connect_timeout=0.5,
            retry=Retry(ConstantBackoff(0.05), 3),
            require_full_coverage=False,
        )


async def cost_us(get: Get, *, at_once: int) -> float:
    """CPU per command."""
    before = process_time()
    for start in range(0, COMMANDS, at_once):
        await asyncio.gather(*(get(KEYS[(start + step) % len(KEYS)]) for step in range(at_once)))
    return (process_time() - before) / COMMANDS * 1e6


async def costs(arguments: Arguments, cache: Cache, library: "RedisCluster") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, at_once in (("one_by_one", 1), ("concurrent", CONCURRENT)):
        turns = {
            "kernel": lambda at_once=at_once: cost_us(cache.get, at_once=at_once),
            "redis_py": lambda at_once=at_once: cost_us(library.get, at_once=at_once),
        }
        rounds = await interleaved(turns, rounds=arguments.rounds, said=say)
        found[name] = {client: spread(values) for client, values in rounds.items()}
        found[name]["ratio"] = spread(ratios(rounds["redis_py"], rounds["kernel"]), digits=2)
    return found


async def gap_s(put: Put) -> float:
    """Time until a write succeeds; each attempt may take as long as the client lets it, within GAP_WITHIN_S."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    async def written() -> None:
        try:
            async with asyncio.timeout(GAP_WITHIN_S):
                await put()
        except (Unavailable, RedisError, OSError, TimeoutError) as error:
            raise NotReady(repr(error)) from error

    await wait_for(written, within_s=GAP_WITHIN_S, saying="a write succeeds again")
    return loop.time() - began_s


async def frozen_gaps(running: Held, cache: Cache, library: "RedisCluster") -> dict[str, float]:
    """Freeze the owner of FROZEN_KEY and let both clients find its successor."""
    owner = library.get_node_from_key(FROZEN_KEY)
    assert owner is not None, "the slot has an owner"
    units = await running.units()
    pod = next(
        name for name in units if name.startswith("redis-cluster-") and running.port(name, "redis") == owner.port
    )
    os.kill(int(units[pod]["pid"]), signal.SIGSTOP)
    try:
        kernel, redis_py = await asyncio.gather(
            gap_s(lambda: cache.set(FROZEN_KEY, "1", ttl_s=60)),
            gap_s(lambda: library.set(FROZEN_KEY, "1", ex=60)),
        )
    finally:
        os.kill(int(units[pod]["pid"]), signal.SIGCONT)
    return {"kernel": round(kernel, 2), "redis_py": round(redis_py, 2)}


async def measured(arguments: Arguments, running: Held) -> dict[str, Any]:
    nodes = tuple(f"127.0.0.1:{running.port(f'redis-cluster-{number}', 'redis')}" for number in range(1, 7))
    clients = Clients(nodes, running.environment("auth-service-1")["REDIS_PASSWORD"])
    cache, library = await clients.ours(), clients.theirs()
    try:
        for key in KEYS:
            await cache.set(key, "x" * 200, ttl_s=600)
        await library.initialize()
        return {
            "get_cpu_us": await costs(arguments, cache, library),
            "frozen_primary_gap_s": await frozen_gaps(running, cache, library),
        }
    finally:
        await cache.close()
        await library.aclose()


def main() -> None:
    arguments = read(__doc__ or "", seconds=1, rounds=7)
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as folder, held(Path(folder), ("redis-cluster",)) as running:
        found = uvloop.run(measured(arguments, running))
    units = {"get_cpu_us": "µs CPU per GET", "frozen_primary_gap_s": "s", "ratio": "redis-py / kernel, CPU per GET"}
    print(write("redis_client", figures=found, units=units, seed=arguments.seed, versions={"redis": redis.__version__}))


if __name__ == "__main__":
    main()
