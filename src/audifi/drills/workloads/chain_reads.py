"""Read the chains as a pod of ours does: through the providers, at a steady rate, each read of something of its own.

Between: drills.catalogue.providers and `python -m audifi.clients.chain.asking`, which is the pool of the pods in a
process that answers lines: no public operation reads a chain while its caller waits.
Shape: one errand a chain, "read <chain>"; a read's value is the height it was answered at.
Units: attempts a second; heights in blocks.
Invariant: a read is answered or is an error to its caller; which provider it came from is not its business.
Errors: Mismatch with the end of the program's standard error when it ends by itself.
"""

import asyncio
import contextlib
import itertools
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Final

import msgspec

from audifi.drills.drill import Scene
from audifi.drills.history import Attempt, Ended
from audifi.drills.journey.narration import Mismatch
from audifi.drills.workloads.workload import Ask, Company, Errand
from audifi.local import resolution
from audifi.local.binaries import SEARCH_PATH
from audifi.wire.problems import Unavailable

PROGRAM: Final = "audifi.clients.chain.asking"
POD: Final = "worker-1"  # whose providers and keys it is told
PER_S: Final = 10.0  # of each chain
READY_WITHIN_S: Final = 60.0
LINE_BYTES_MAX: Final = 1024 * 1024


@dataclass
class Reader:
    """The program, and who waits for which answer."""

    process: Process
    errors: IO[str]
    waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict[int, "asyncio.Future[Any]"])
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def height(self, chain_id: int) -> str:
        """Read a balance of an address that nobody asked about before; return the height it was read at."""
        number = next(self.numbers)
        said = {"id": number, "chain": chain_id, "method": "eth_getBalance", "params": [f"0x{number:040x}", "latest"]}
        self.waiting[number] = answer = asyncio.get_running_loop().create_future()
        assert self.process.stdin is not None, "it was made with a pipe"
        self.process.stdin.write(msgspec.json.encode(said) + b"\n")
        found = await answer
        if "error" in found:
            raise Unavailable(found["error"])
        return str(found["head"])

    async def hear(self) -> None:
        """Give each answer to who waits for it, until the program ends."""
        assert self.process.stdout is not None, "it was made with a pipe"
        async for line in self.process.stdout:
            found = msgspec.json.decode(line)
            if "id" in found:
                self.waiting.pop(found["id"]).set_result(found)
        self.errors.seek(0)
        broken = Mismatch(f"{PROGRAM} ended by itself:\n{self.errors.read()[-2000:]}")
        for answer in self.waiting.values():
            answer.set_exception(broken)


@asynccontextmanager
async def chain_reads(scene: Scene) -> AsyncGenerator[Company]:
    """Read every chain."""
    chains = scene.stage.topology.chains
    async with _reader(scene) as reader:

        def errand(name: str, chain_id: int) -> Errand:
            def ask(number: int) -> Ask:
                del number
                return Ask(key=name, make=lambda: reader.height(chain_id))

            return Errand(kind=f"read {name}", per_s=PER_S, ask=ask)

        yield Company(errands=tuple(errand(each.name, each.chain_id) for each in chains))


@asynccontextmanager
async def _reader(scene: Scene) -> AsyncGenerator[Reader]:
    stage = scene.stage
    told = resolution.environment(stage.instance, stage.topology, POD)
    with tempfile.TemporaryFile("w+") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", PROGRAM),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            env={"PATH": SEARCH_PATH, "LANG": "C.UTF-8", **told},
            limit=LINE_BYTES_MAX,
        )
        assert process.stdout is not None, "it was made with a pipe"
        assert process.stdin is not None, "it was made with a pipe"
        reader = Reader(process, errors)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                if not await process.stdout.readline():
                    await reader.hear()  # says why
            hearing = asyncio.create_task(reader.hear())
            yield reader
            hearing.cancel()
        finally:
            process.stdin.close()
            if process.returncode is None:
                process.kill()
            with contextlib.suppress(asyncio.CancelledError):
                await process.wait()


def went_back(attempts: Iterable[Attempt]) -> list[str]:
    """Name reads that were answered at a lower height than one that had been answered before they were asked."""
    found: list[str] = []
    answered = [each for each in attempts if each.ended is Ended.OK and each.value]
    for key in dict.fromkeys(each.key for each in answered):
        of_key = [each for each in answered if each.key == key]
        ended = sorted(of_key, key=lambda each: each.ended_us)
        highest, place = 0, 0
        for each in sorted(of_key, key=lambda each: each.started_us):
            while place < len(ended) and ended[place].ended_us <= each.started_us:
                highest = max(highest, int(ended[place].value))
                place += 1
            if int(each.value) < highest:
                found.append(f"{key}: height {each.value} after {highest} had been read")
    return found
