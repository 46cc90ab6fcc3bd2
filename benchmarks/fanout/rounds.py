"""Make one round: messages one after the other, each when everybody has read the last, or at a steady rate.

Between: the parts of vote_fanout and an audience with its server.
Shape: `one_by_one` has at most one message under way, so nobody gains by joining two, and gives everybody the same
pause between, so nobody gains by warm caches; `steadily` publishes when a message is due, whatever became of the last.
Units: µs CPU (user + system) of the server's processes per message and viewer; delivered messages per second; ms.
Invariant: a round in which anything was missing, doubled or late by QUIET_S does not count (counting.sound).
Errors: Unusable.
"""

import asyncio
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fanout import counting
from benchmarks.fanout.generator import Audience
from benchmarks.fanout.servers import Server
from benchmarks.harness.processes import cpu_ns
from benchmarks.harness.wrk import Unusable

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round showed."""

    cpu_us: float  # per delivered message
    redis_cpu_us: float  # the same, of what lies between the pods
    delivered_per_s: float
    seen: counting.Seen

    def __str__(self) -> str:
        found = counting.delivery(self.seen)
        return (
            f"{self.cpu_us:.2f} µs, {self.delivered_per_s:.0f}/s, p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms, "
            f"slowest {found['slowest_max_ms']} ms, viewers' own {self.seen.cpu_s / self.seen.seconds:.2f} cores"
        )


async def one_by_one(server: Server, audience: Audience, *, seconds: float, every_s: float) -> Round:
    """A message every `every_s`, or later: when everybody has read the one before."""
    loop = asyncio.get_running_loop()
    audience.tell("echo")
    begun = _Begun(server, audience)
    end_s = loop.time() + seconds
    while (next_s := loop.time() + every_s) < end_s + every_s:
        number = audience.number()
        await server.publishing.publish(number)
        await _read_by_all(audience, number)
        await asyncio.sleep(max(next_s - loop.time(), 0))
    audience.tell("quiet")
    return await begun.ended(viewers=audience.viewers)


async def _read_by_all(audience: Audience, number: int) -> None:
    try:
        while (await audience.word("done"))["done"] != number:
            pass
    except Unusable:
        seen = await audience.seen()
        raise Unusable(f"message {number} did not reach all: {seen.lost} viewers lost {dict(seen.codes)}") from None


async def steadily(
    server: Server, audience: Audience, *, rate: float, seconds: float, viewers: int | None = None
) -> Round:
    """`rate` messages a second; `viewers` of the audience are expected to read them all."""
    loop = asyncio.get_running_loop()
    begun = _Begun(server, audience)
    began_s = loop.time()
    for step in range(int(rate * seconds)):
        await asyncio.sleep(max(began_s + step / rate - loop.time(), 0))
        await server.publishing.publish(audience.number())
    return await begun.ended(viewers=viewers or audience.viewers)


class _Begun:
    """A round that is under way."""

    def __init__(self, server: Server, audience: Audience) -> None:
        audience.tell("mark")
        self._server, self._audience = server, audience
        self._first = audience.published
        self._cpu_ns, self._redis_cpu_ns = cpu_ns(server.pids), cpu_ns(server.redis)

    async def ended(self, *, viewers: int) -> Round:
        published = self._audience.published - self._first
        seen = await self._audience.settled(messages=published, viewers=viewers)
        counting.sound(seen, published=published, viewers=viewers)
        return Round(
            cpu_us=(cpu_ns(self._server.pids) - self._cpu_ns) / 1000 / seen.delivered,
            redis_cpu_us=(cpu_ns(self._server.redis) - self._redis_cpu_ns) / 1000 / seen.delivered,
            delivered_per_s=seen.delivered / seen.seconds,
            seen=seen,
        )


@contextmanager
def pinned(pids: Sequence[int], core: int) -> Generator[None]:
    """Keep processes with all their threads on one core for a while."""
    before = os.sched_getaffinity(0)
    _pin(pids, {core})
    try:
        yield
    finally:
        _pin(pids, before)


def _pin(pids: Sequence[int], cores: set[int]) -> None:
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)


def kernel_bytes() -> int:
    """What the operating system holds for sockets and everything else of its own, of all processes."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    slab = next(int(line[1]) * 1024 for line in lines if line[0] == "Slab:")
    return slab + socket_bytes()


def socket_bytes() -> int:
    """What waits in sockets' buffers."""
    tcp = next(line for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return int(tcp.split()[-1]) * PAGE_BYTES
