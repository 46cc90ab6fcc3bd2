"""Start the crowd's processes, hear their reports, give them orders, and gather what they saw.

Between: play (asks) and crowd (one process each).
Shape: `async with crowds(…) as found:` runs them; `found.report` is all processes' last second together.
Invariant: leaving the block ends every process: they read our pipe, and end with it.
Units: *_us microseconds since the epoch; *_per_s; *_s seconds.
Errors: Mismatch with the last lines of a process that ended by itself.
"""

import asyncio
import itertools
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from audifi.drills.journey.narration import Mismatch
from audifi.drills.swarm import history
from audifi.drills.swarm.crowd import Order, Plan, Report, Tally
from audifi.drills.swarm.history import History

PER_PROCESS_MAX: Final = 2500  # viewers one loop reads for at five tallies a second with most of a core to spare
LINE_BYTES_MAX: Final = 16 * 1024 * 1024
ENDS_WITHIN_S: Final = 60.0


@dataclass
class Together:
    """All processes' last second."""

    live: int = 0
    opens: int = 0
    frames: int = 0
    newest: tuple[int, int] = (-1, -1)
    level: int = 0  # viewers that have the newest
    stalled: int = 0
    tallies: list[Tally] = field(default_factory=list[Tally])
    trouble: Counter[str] = field(default_factory=Counter[str])


@dataclass
class Crowds:
    """The running processes."""

    processes: list[Process]
    plans: list[Plan]
    reports: list[Report | None]
    readers: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    @property
    def viewers(self) -> int:
        return sum(plan.viewers for plan in self.plans)

    def together(self) -> Together:
        """Add the last reports up."""
        whole = Together()
        known = [report for report in self.reports if report is not None]
        whole.newest = max((report.newest for report in known), default=(-1, -1))
        for report in known:
            whole.live += report.live
            whole.opens += report.opens
            whole.frames += report.frames
            whole.level += report.level if report.newest == whole.newest else 0
            whole.stalled += report.stalled
            whole.tallies += report.tallies
            whole.trouble.update(report.trouble)
        return whole

    async def order(self, order: Order) -> None:
        """Tell every process."""
        for process in self.processes:
            assert process.stdin is not None, "it was made with a pipe"
            process.stdin.write(msgspec.json.encode(order) + b"\n")
            await process.stdin.drain()

    def check(self) -> None:
        """Raise Mismatch if a process ended by itself."""
        for reader in self.readers:
            if reader.done() and not reader.cancelled() and (error := reader.exception()) is not None:
                raise error

    async def ended(self) -> History:
        """Stop everybody, and return what they saw."""
        await self.order(Order(do="end"))
        async with asyncio.timeout(ENDS_WITHIN_S):
            await asyncio.gather(*self.readers)
        whole = History(self.plans[0].session_id)
        for plan in self.plans:
            whole.add(await asyncio.to_thread(history.read, Path(plan.history)))
        return whole

    async def read(self, place: int) -> None:
        """Hear one process until it ends."""
        process = self.processes[place]
        assert process.stdout is not None, "it was made with a pipe"
        assert process.stderr is not None, "it was made with a pipe"
        async for line in process.stdout:
            if line.startswith(b'{"ended"'):
                return
            self.reports[place] = msgspec.json.decode(line, type=Report)
        said = (await process.stderr.read()).decode("utf-8", "replace")
        raise Mismatch(f"a process of the crowd ended by itself:\n{said[-2000:]}")


def divided(viewers: int) -> list[range]:
    """Who belongs to which process: equal shares, and more than one from PER_PROCESS_MAX on."""
    count = max(1, -(-viewers // PER_PROCESS_MAX))
    edges = [viewers * each // count for each in range(count + 1)]
    return [range(first, last) for first, last in itertools.pairwise(edges)]


@asynccontextmanager
async def crowds(plans: list[Plan]) -> AsyncGenerator[Crowds]:
    """Run one process for each plan."""
    found = Crowds([], plans, [None] * len(plans))
    try:
        for place, plan in enumerate(plans):
            found.processes.append(await _started(plan))
            found.readers.append(asyncio.create_task(found.read(place)))
        yield found
    finally:
        for reader in found.readers:
            reader.cancel()
        await asyncio.gather(*found.readers, return_exceptions=True)
        for process in found.processes:
            await _end(process)


async def _started(plan: Plan) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "audifi.drills.swarm.crowd", stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=LINE_BYTES_MAX
    )
    assert process.stdin is not None, "it was made with a pipe"
    process.stdin.write(msgspec.json.encode(plan) + b"\n")
    return process


async def _end(process: Process) -> None:
    assert process.stdin is not None, "it was made with a pipe"
    process.stdin.close()
    if process.returncode is None:
        process.kill()
    await process.communicate()
