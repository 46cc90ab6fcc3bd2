"""What does the kernel add to a bare Starlette handler, per request?

Between: peers/bare.py, peers/kernelled.py, wrk, and results/benchmarks/kernel_overhead.json.
Shape: GET and POST of a few bytes, no store; both servers are uvicorn with httptools and uvloop.
What the kernel does for the difference: request id, trace context, deadline, metrics, one access log line, the error
envelope, Cache-Control, validation with reasons per field.
Units: µs CPU per request; requests/s.
"""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from audifi.local.ports import LOOPBACK
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import environment as env
from benchmarks.harness import wrk
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.people import prepare
from benchmarks.harness.processes import cpu_us
from benchmarks.harness.result import ROOT, spread, write

CONNECTIONS = 32
BODY = b'{"name":"Ada"}'
HEAD = b" /greeting HTTP/1.1\r\nHost: bench\r\nUser-Agent: audifi-bench\r\n"
REQUESTS = {
    "get": b"GET" + HEAD + b"\r\n",
    "post": b"POST" + HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
}


@dataclass(frozen=True)
class Round:
    """What one round saw."""

    rate: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.rate:.0f}/s, {self.cpu:.1f} µs"


@asynccontextmanager
async def serving(arguments: list[str], port: int, told: Mapping[str, str], log: Path) -> AsyncGenerator[int]:
    """Run one of the servers and give its process number."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, cwd=ROOT, env={"PATH": os.defpath, **told}, stdout=output, stderr=output
        )

    async def answers() -> None:
        if process.returncode is not None:
            raise RuntimeError(f"{arguments[0]} ended with {process.returncode}; see {log}")
        try:
            async with aiohttp.ClientSession() as http, http.get(f"http://{LOOPBACK}:{port}/greeting") as reply:
                reply.raise_for_status()
        except aiohttp.ClientError as error:
            raise NotReady(str(error)) from error

    try:
        await wait_for(answers, within_s=15, saying=f"{arguments[0]} answers")
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def told(port: int, metrics_port: int) -> dict[str, str]:
    """The least a service must be told."""
    return {
        env.SERVICE: "kernelled", env.POD: "kernelled-1", env.ENVIRONMENT: "local", env.VERSION: "0", env.REPLICAS: "1",
        env.LOG_LEVEL: "info", env.HTTP_HOST: LOOPBACK, env.HTTP_PORT: str(port), env.METRICS_PORT: str(metrics_port),
        env.DRAIN_S: "0", env.DATABASE_WRITER_URL: "postgresql://nobody", env.DATABASE_READER_URL: "postgresql://nobody",
        env.DATABASE_PASSWORD: "unused", env.DATABASE_PREPARED_STATEMENTS: "false", env.REDIS_NODES: f"{LOOPBACK}:1",
        env.REDIS_PASSWORD: "unused", env.QUEUE_URL: f"redis://{LOOPBACK}:1", env.QUEUE_PASSWORD: "unused",
        env.INTERNAL_SIGNING_KEY: "unused", env.INTERNAL_CALLER_KEYS: "{}", env.TOKEN_ISSUER: "bench",
        env.TOKEN_AUDIENCE: "bench", env.TRUSTED_PROXY_NETWORKS: "127.0.0.0/8",
    }  # fmt: skip


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    probes = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    numbers = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return numbers


async def measured(arguments: Arguments, folder: Path) -> dict[str, Any]:
    bare_port, port, metrics_port = free_ports(3)
    found: dict[str, Any] = {}
    async with (
        serving(["benchmarks.peers.bare", str(bare_port)], bare_port, {}, folder / "bare.log") as bare,
        serving(["benchmarks.peers.kernelled"], port, told(port, metrics_port), folder / "kernelled.log") as kernelled,
    ):
        for verb, request in REQUESTS.items():
            file = prepare(folder / verb, [request])

            async def once(number: int, pid: int, file: Path = file) -> Round:
                before = cpu_us([pid])
                url = f"http://{LOOPBACK}:{number}"
                load = await wrk.run(url, requests=file, first=0, connections=CONNECTIONS, seconds=arguments.seconds)
                return Round(load.rate, (cpu_us([pid]) - before) / load.requests)

            turns = {"kernel": lambda: once(port, kernelled), "bare": lambda: once(bare_port, bare)}
            found[verb] = figures(await interleaved(turns, rounds=arguments.rounds, said=say))
    return found


def figures(rounds: Mapping[str, list[Round]]) -> dict[str, Any]:
    """Both servers, and what the kernel adds, round by round."""
    cpu = {name: [each.cpu for each in found] for name, found in rounds.items()}
    added = [own - bare for own, bare in zip(cpu["kernel"], cpu["bare"], strict=True)]
    return {
        **{
            name: {"cpu_us_per_request": spread(cpu[name]), "requests_per_s": spread([each.rate for each in found])}
            for name, found in rounds.items()
        },
        "added_us": spread(added),
        "ratio": spread(ratios(cpu["kernel"], cpu["bare"]), digits=2),
    }


def main() -> None:
    arguments = read(__doc__ or "", seconds=3, rounds=7)
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measured(arguments, Path(folder)))
    units = {"added_us": "µs CPU per request: kernel - bare", "ratio": "kernel / bare, CPU per request"}
    print(write("kernel_overhead", figures=found, units=units, seed=arguments.seed, versions={}))


if __name__ == "__main__":
    main()
