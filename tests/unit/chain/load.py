"""Put a steady load on a simulated chain and record what its callers saw.

Between: the tests of faults and a real Chain over simulated providers.
Shape: an open loop: a call every 1 / `per_s` seconds, whether the ones before were answered or not; each caller reads a
balance, the newest block or the head in turn. A balance in this world is the number of the block it was read at.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.unit.chain.world import Simulated, Truth, pause

from audifi.clients.chain.pool.chain import Chain
from audifi.wire.problems import Problem

STALE_BLOCKS = 2  # behind the truth at the time of asking


@dataclass
class Seen:
    """What callers saw in one stretch of time."""

    calls: int = 0
    errors: list[str] = field(default_factory=list[str])
    times_s: list[float] = field(default_factory=list[float])
    stale: list[str] = field(default_factory=list[str])
    backward: list[str] = field(default_factory=list[str])
    upstream: int = 0
    on_first: int = 0
    reads_on_first: int = 0
    reads: int = 0

    def p99_ms(self) -> float:
        ranked = sorted(self.times_s)
        return 1000 * ranked[int(len(ranked) * 0.99) - 1] if ranked else 0.0


class Load:
    """The callers."""

    def __init__(self, chain: Chain, truth: Truth, providers: list[Simulated], per_s: float = 100.0) -> None:
        self._chain, self._truth, self._providers, self._per_s = chain, truth, providers, per_s
        self._highest = 0
        self._number = 0

    async def during(self, seconds: float) -> Seen:
        """Ask for so long; return when the last call was answered."""
        seen = Seen()
        before = [len(provider.log) for provider in self._providers]
        tasks: list[asyncio.Task[None]] = []
        for _ in range(int(seconds * self._per_s)):
            self._number += 1
            tasks.append(asyncio.create_task(self._one(self._number, seen)))
            await pause(1 / self._per_s)
        await asyncio.gather(*tasks)
        logs = [provider.log[start:] for provider, start in zip(self._providers, before, strict=True)]
        seen.upstream = sum(map(len, logs))
        seen.on_first = len(logs[0])
        reads = [sum(method == "eth_getBalance" for _, method in log) for log in logs]
        seen.reads_on_first, seen.reads = reads[0], sum(reads)
        return seen

    async def _one(self, number: int, seen: Seen) -> None:
        loop = asyncio.get_running_loop()
        started_s, truth, floor = loop.time(), self._truth.tip(), self._highest
        seen.calls += 1
        try:
            height = await self._ask(number)
        except Problem as problem:
            seen.errors.append(f"{loop.time():.2f} {type(problem).__name__}: {problem}")
            return
        seen.times_s.append(loop.time() - started_s)
        if height > 1 << 63 or height < truth - STALE_BLOCKS:
            seen.stale.append(f"{loop.time():.2f} call {number}: {height}, the tip was {truth}")
        if height < floor:
            seen.backward.append(f"{loop.time():.2f} call {number}: {height} after {floor}")
        self._highest = max(self._highest, height if height < 1 << 63 else 0)

    async def _ask(self, number: int) -> int:
        if number % 10 == 0:
            return (await self._chain.head()).number
        if number % 10 == 5:
            block: Any = await self._chain.call("eth_getBlockByNumber", ["latest", False])
            return int(block["number"], 16) + (1 << 64 if block["hash"].startswith("0xff") else 0)
        return int(await self._chain.call("eth_getBalance", [f"0x{number:040x}", "latest"]), 16)
