"""What does our RPC pool add to the bare HTTP client, per call, and what do other clients cost?

Between: clients.chain.pool.chains, aiohttp, the clients of benchmarks/peers/rpc, and a local chain.
Shape: eth_call with a new salt each, CONCURRENT at once and one by one, straight to the chain (no stand-in: only the
caller's CPU is asked for). The pool and the bare client take turns in one process with uvloop; both pack and parse with
msgspec over aiohttp. The other clients, and once more ours, each in a process of its own, as their users run them.
What the pool does for the difference: which endpoint, budget, hedge timer, deadline, verdict, `latest` pinned to a
height, coalescing, metrics; its own polls of the head are in both turns.
Units: µs CPU of the calling process per call.
Exit: 1 when the pool adds more than ADDED_US_MAX with CONCURRENT at once.
Source of ADDED_US_MAX: architecture.md 7 (≤ 80 µs CPU per call when healthy).
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import process_time
from typing import Any

import aiohttp
import msgspec
import uvloop

from audifi.clients.chain.pool.chains import Chain, Chains
from audifi.kernel.settings import Secret
from audifi.local.held import Held, held
from audifi.local.ports import LOOPBACK
from benchmarks.failover.candidates import FAILING_OVER, install, running
from benchmarks.failover.judge import CHAIN_ID, PRIMARY, SECOND
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.result import ROOT, spread, write
from benchmarks.peers.rpc.open_loop import PATTERN, question

CONCURRENT = 50
CALLS_PER_S = 1500  # about what this machine does; a round is --seconds of them
COST_WITHIN_S = 120.0
ADDED_US_MAX = 80.0
UNITS = {
    "added_us": "µs CPU per call: pool - bare aiohttp",
    "cpu_us_per_call": "µs CPU of the caller",
    "failed_*": "share of the calls; a quorum of two fails where a block comes between",
    "ratio": "pool / bare, CPU per call",
}

Ask = Callable[[str, list[Any]], Awaitable[Any]]


class Salts:
    """Calls that nobody asked before."""

    def __init__(self, seed: int) -> None:
        self._seed, self._number = seed, 0

    def next(self) -> tuple[str, list[Any]]:
        self._number += len(PATTERN)
        _, method, params = question(self._seed, self._number)
        return method, params


async def cost_us(ask: Ask, salts: Salts, *, count: int, at_once: int) -> float:
    """CPU per call."""
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await ask(*salts.next())

    before = process_time()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return (process_time() - before) / count * 1e6


@asynccontextmanager
async def bare(url: str) -> AsyncGenerator[Ask]:
    """What a careful author writes without a pool: one session, one POST, the result."""
    connector = aiohttp.TCPConnector(limit=CONCURRENT, keepalive_timeout=60)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:
        number = 0

        async def ask(method: str, params: list[Any]) -> Any:
            nonlocal number
            number += 1
            body = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            async with http.post(url, data=body) as reply:
                answer = msgspec.json.decode(await reply.read())
            return answer["result"]

        yield ask


@asynccontextmanager
async def pooled(told: Mapping[str, Any]) -> AsyncGenerator[Chain]:
    chains = await Chains.open(told["providers"], Secret(told["keys"]))
    polls = asyncio.create_task(chains.run())
    try:
        yield chains[CHAIN_ID]
    finally:
        polls.cancel()
        await asyncio.gather(polls, return_exceptions=True)
        await chains.close()


def told(platform: Held) -> dict[str, Any]:
    """Both providers are the chain itself."""
    url = f"http://{LOOPBACK}:{platform.port('ethereum-1', 'rpc')}/"
    providers = [f"{CHAIN_ID}:{name}={url}?provider={name}" for name in (PRIMARY, SECOND)]
    return {"a": url, "b": url, "providers": providers, "keys": f"{PRIMARY}=unused,{SECOND}=unused"}


async def paired(arguments: Arguments, told: Mapping[str, Any]) -> dict[str, Any]:
    """The pool and the bare client, turn by turn."""
    found: dict[str, Any] = {}
    salts = Salts(arguments.seed)
    async with bare(told["a"]) as ask, pooled(told) as chain:
        for name, at_once, share in (("concurrent", CONCURRENT, 1.0), ("one_by_one", 1, 0.3)):
            count = int(arguments.seconds * CALLS_PER_S * share)
            turns = {
                "pool": lambda at_once=at_once, count=count: cost_us(chain.call, salts, count=count, at_once=at_once),
                "bare": lambda at_once=at_once, count=count: cost_us(ask, salts, count=count, at_once=at_once),
            }
            found[name] = figures(await interleaved(turns, rounds=arguments.rounds, said=say))
    return found


def figures(rounds: Mapping[str, list[float]]) -> dict[str, Any]:
    """Both, and what the pool adds, round by round."""
    added = [own - other for own, other in zip(rounds["pool"], rounds["bare"], strict=True)]
    return {
        "cpu_us_per_call": {name: spread(values) for name, values in rounds.items()},
        "added_us": spread(added),
        "ratio": spread(ratios(rounds["pool"], rounds["bare"]), digits=2),
    }


async def apart(arguments: Arguments, told: Mapping[str, Any], folder: Path) -> dict[str, dict[str, float]]:
    """Every candidate in a process of its own, once."""
    found: dict[str, dict[str, float]] = {}
    for candidate in FAILING_OVER:
        found[candidate.name] = {}
        for name, at_once in (("concurrent", CONCURRENT), ("one_by_one", 1)):
            count = int(arguments.seconds * CALLS_PER_S / 3)
            asked = {**told, "mode": "cost", "count": count, "at_once": at_once, "seed": arguments.seed}
            async with running(candidate, asked, log=folder / f"{candidate.name}.log") as process:
                process.go()
                (line,) = await process.answers(within_s=COST_WITHIN_S)
            found[candidate.name][name] = round(line["cpu_us"], 1)
            if line["failed"]:
                found[candidate.name][f"failed_{name}"] = line["failed"] / count
        say(f"{candidate.title}: {found[candidate.name]} µs CPU per call")
    return found


async def measured(arguments: Arguments, platform: Held, folder: Path) -> dict[str, Any]:
    where = told(platform)
    return {**await paired(arguments, where), "own_process_cpu_us_per_call": await apart(arguments, where, folder)}


def main() -> int:
    arguments = read(__doc__ or "", seconds=2, rounds=7)
    versions = install()
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as name:
        folder = Path(name)
        with held(folder / "platform", ("ethereum",)) as platform:
            found = uvloop.run(measured(arguments, platform, folder))
    print(write("rpc_overhead", figures=found, units=UNITS, seed=arguments.seed, versions=versions))
    added = found["concurrent"]["added_us"]["median"]
    say(f"the pool adds {added} µs CPU per call, {ADDED_US_MAX:g} allowed")
    return 1 if added > ADDED_US_MAX else 0


if __name__ == "__main__":
    sys.exit(main())
