"""Start the clients that are compared: each in a process of its own, each told the same, each printing the same lines.

Between: rpc_failover, rpc_overhead and benchmarks/peers/rpc.
Shape: a candidate is a program, an environment and a name it knows itself by; `answers` gives its lines once it ended.
Invariant: what is installed is exactly what package-lock.json and requirements.lock say; a process ends with its block.
Errors: RuntimeError with the process's last words when it does not get ready or ends badly.
Source: `uv` is the one ./audifi installed; the peers' versions are those of outbound.md's measurements.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.arguments import say
from benchmarks.harness.result import ROOT

PEERS: Final = ROOT / "benchmarks" / "peers" / "rpc"
WEB3: Final = ROOT / ".audifi" / "bench-web3"
UV: Final = ROOT / ".audifi" / "uv" / "bin" / "uv"
READY_WITHIN_S: Final = 30.0  # web3.py alone takes 5 s to import on a busy machine
LAST_WORDS: Final = 2000


@dataclass(frozen=True)
class Candidate:
    """One client with one setting."""

    name: str
    title: str
    program: tuple[str, ...]


def _node(name: str, title: str) -> Candidate:
    return Candidate(name, title, ("node", str(PEERS / f"{name.partition('_')[0]}.js")))


def _web3(name: str, title: str) -> Candidate:
    return Candidate(name, title, (str(WEB3 / "bin" / "python"), "-m", "benchmarks.peers.rpc.web3_py"))


OURS: Final = Candidate("ours", "ours", (sys.executable, "-m", "benchmarks.peers.rpc.ours"))
FAILING_OVER: Final = (
    OURS,
    _node("viem_default", "viem fallback"),
    _node("viem_rank", "viem fallback, rank 1 s"),
    _node("ethers_q1", "ethers FallbackProvider, quorum 1"),
    _node("ethers_q2", "ethers FallbackProvider, quorum 2"),
    _web3("web3_naive", "web3.py, A then B"),
    _web3("web3_single", "web3.py, A only"),
)


def install() -> dict[str, str]:
    """Install what is missing, and return the versions that were measured."""
    if not (PEERS / "node_modules").exists():
        say("installing the JavaScript peers (benchmarks/peers/rpc/package-lock.json)")
        subprocess.run(["npm", "ci", "--ignore-scripts", "--loglevel=error"], cwd=PEERS, check=True)
    lock = PEERS / "requirements.lock"
    python = WEB3 / "bin" / "python"
    if not python.exists():
        say("installing the Python peer (benchmarks/peers/rpc/requirements.lock)")
        subprocess.run([str(UV), "venv", "-q", "--no-project", "--python", "/usr/bin/python3", str(WEB3)], check=True)
    subprocess.run([str(UV), "pip", "sync", "-q", "--python", str(python), "--require-hashes", str(lock)], check=True)
    locked = json.loads((PEERS / "package-lock.json").read_text())["packages"]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    web3 = re.search(r"^web3==(\S+)", lock.read_text(), re.MULTILINE)
    assert web3 is not None, "requirements.lock names web3"
    return {
        "node": node,
        "web3": web3.group(1),
        **{name: locked[f"node_modules/{name}"]["version"] for name in ("viem", "ethers")},
    }


class Running:
    """One that is connected and waits for the word."""

    def __init__(self, candidate: Candidate, process: asyncio.subprocess.Process, log: Path) -> None:
        self._candidate, self._process, self._log = candidate, process, log

    async def ready(self, asked: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None, "started with a pipe"
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        line = await self._line()
        if not line.get("ready"):
            raise RuntimeError(f"{self._candidate.name} began with {line}: {self._last_words()}")

    def go(self) -> None:
        assert self._process.stdin is not None, "started with a pipe"
        self._process.stdin.write(b"go\n")

    async def answers(self, *, within_s: float) -> list[dict[str, Any]]:
        """Every line it prints until it ends."""
        assert self._process.stdout is not None, "started with a pipe"
        text = await asyncio.wait_for(self._process.stdout.read(), within_s)
        lines = [json.loads(line) for line in text.splitlines()]
        if not lines:
            raise RuntimeError(f"{self._candidate.name} ended without an answer: {self._last_words()}")
        return lines

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None, "started with a pipe"
        line = b""
        with suppress(TimeoutError):
            line = await asyncio.wait_for(self._process.stdout.readline(), READY_WITHIN_S)
        if not line:
            raise RuntimeError(f"{self._candidate.name} did not get ready: {self._last_words()}")
        return json.loads(line)

    def _last_words(self) -> str:
        return self._log.read_text("utf-8", "replace")[-LAST_WORDS:]


@asynccontextmanager
async def running(candidate: Candidate, told: Mapping[str, Any], *, log: Path) -> AsyncGenerator[Running]:
    """Start one; it is ready when the block begins and gone when it ends."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *candidate.program, cwd=ROOT, env={"PATH": os.defpath, "NODE_ENV": "production"},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=output,
        )  # fmt: skip
    try:
        found = Running(candidate, process, log)
        await found.ready({**told, "candidate": candidate.name})
        yield found
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
