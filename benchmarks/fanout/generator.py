"""Hold the viewers: compile wsload.c, start it, tell it what to do, read what it says.

Between: the parts of vote_fanout and harness/wsload.c (which says what each word means).
Shape: one process for all viewers of one audience; the messages' numbers count up from 1.
Units: *_s seconds; cores are numbers of processors.
Errors: Unusable when there is no C compiler, the viewers do not all get in, or a message does not arrive.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fanout import counting
from benchmarks.harness.result import ROOT
from benchmarks.harness.wrk import Unusable

SOURCES = ROOT / "benchmarks" / "harness"
TOOLS = ROOT / ".audifi" / "bench-tools"
WORD_WITHIN_S = 30.0
QUIET_S = 10.0  # for what is still under way at the end of a round


def compiled(name: str) -> Path:
    """Build a program of benchmarks/harness if its source is newer."""
    source, program = SOURCES / f"{name}.c", TOOLS / name
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Unusable("the viewers are a C program and there is no compiler: apt-get install gcc libc6-dev")
    TOOLS.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-O2", "-Wall", "-o", str(program), str(source)], check=True)
    return program


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which viewers."""

    ports: Sequence[int]
    viewers: int
    dialect: str = "plain"
    paths: Path | None = None  # one a line; without it everybody asks for /
    stalled: int = 0
    at_once: int = 256
    nap_us: int = 200  # between looks at an idle socket; -1: sleep until it is not, for single viewers
    core: int | None = None  # None: wherever there is room
    within_s: float = 60.0
    log: Path


class Audience:
    """All viewers of one server."""

    def __init__(self, process: asyncio.subprocess.Process, wanted: Wanted) -> None:
        self._process, self._wanted = process, wanted
        self.joined: dict[str, Any] = {}
        self.published = 0

    @property
    def viewers(self) -> int:
        return self._wanted.viewers

    def number(self) -> int:
        """The next message's."""
        self.published += 1
        return self.published

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None, "started with a pipe"
        self._process.stdin.write(f"{word}\n".encode())

    async def word(self, key: str, *, within_s: float = WORD_WITHIN_S) -> dict[str, Any]:
        """The next line that says `key`."""
        assert self._process.stdout is not None, "started with a pipe"
        try:
            async with asyncio.timeout(within_s):
                while True:
                    line = await self._process.stdout.readline()
                    if not line:
                        raise Unusable(f"the viewers ended: {self._last_words()}")
                    found = json.loads(line)
                    if key in found:
                        return found
        except TimeoutError:
            raise Unusable(f"no {key!r} within {within_s:g} s: {self._last_words()}") from None

    async def seen(self) -> counting.Seen:
        """What they counted since `mark`."""
        self.tell("report")
        return counting.read(await self.word("delivered"))

    async def settled(self, *, messages: int, viewers: int | None = None) -> counting.Seen:
        """The same once everything that was published has arrived, or QUIET_S later."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + QUIET_S
        while True:
            seen = await self.seen()
            if seen.delivered >= messages * (viewers or self.viewers) or loop.time() > deadline:
                return seen
            await asyncio.sleep(0.1)

    def _last_words(self) -> str:
        return self._wanted.log.read_text("utf-8", "replace")[-1000:]


@asynccontextmanager
async def audience(wanted: Wanted) -> AsyncGenerator[Audience]:
    """Let everybody in; they leave with the block."""
    options = ["--ports", ",".join(map(str, wanted.ports)), "--viewers", str(wanted.viewers)]
    options += ["--dialect", wanted.dialect, "--stalled", str(wanted.stalled), "--at-once", str(wanted.at_once)]
    options += ["--nap-us", str(wanted.nap_us)]
    options += ["--paths", str(wanted.paths)] if wanted.paths else []
    with wanted.log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(compiled("wsload")), *options, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=output, limit=2**24,
        )  # fmt: skip
    try:
        if wanted.core is not None:
            os.sched_setaffinity(process.pid, {wanted.core})
        found = Audience(process, wanted)
        found.joined = await found.word("joined", within_s=wanted.within_s)
        yield found
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
