"""What does the caller see when the first of two RPC providers breaks: with our pool, viem, ethers, web3.py?

Between: benchmarks/failover (scenarios, network, judge, table), benchmarks/peers/rpc and results/benchmarks.
Shape: open loop, RATE calls/s; of ten, six eth_call, three eth_getBalance, one eth_getBlockByNumber, all of `latest`.
Warm for half a round, broken for a round (--seconds), then well for WELL_ROUNDS; each candidate in a process of its
own. The stand-ins show one chain with a block every 2 s; the primary takes 10 ms, the second 20 ms. Afterwards each
candidate sends a transfer whose acknowledgement is lost.
Why these calls: identical reads in flight may be answered together, and some clients cache; the salt in each eth_call
and the address of each eth_getBalance are new, so that each is a request of its own. The eth_call runs a few bytes of
code that return the block's number and its parent's hash, so that stale, backward and forked answers show.
Why the clock starts when a call is due and not when it is sent: a client that stalls its caller would hide it.
Units: ms; shares 0 to 1; seconds after healing. With --rounds above 1 the worst round of a candidate counts.
Parts: python -m benchmarks.rpc_failover --scenarios lag,hang --candidates ours,viem_default (shown, no result written);
--keep FOLDER keeps each run's history and what the process logged.
Exit: 1 when ours misses a target or a peer was better (failover/table.py says which), 0 otherwise.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop

from audifi.local.held import Held, held
from benchmarks.failover import table
from benchmarks.failover.broadcasts import lost_acknowledgements
from benchmarks.failover.candidates import FAILING_OVER, OURS, Candidate, install, running
from benchmarks.failover.judge import BACK_WITHIN_S, Call, History, Verdict, judged
from benchmarks.failover.network import COMPONENTS, Network, network
from benchmarks.failover.scenarios import LOST_ACKNOWLEDGEMENT, SCENARIOS, Scenario
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.result import ROOT, write

RATE = 100
WARM_ROUNDS = 0.5
WELL_ROUNDS = 1.25  # BACK_WITHIN_S for rounds of 8 s
DRAIN_S = 12.0  # viem gives up after 10 s
UNITS = {
    "*_ms": "ms from when the call was due",
    "primary_share": "requests to the primary during the fault / calls",
    "upstream_per_call": "requests to both / calls, whole run",
    "upstream_per_new_call": "the same without the calls that ask for the newest block",
    "back_share": f"share of requests to the primary at the end of {BACK_WITHIN_S:g} s after healing",
    "back_s": "s after healing",
    "healthy_after_s": "s after healing",
    "stale, backward, foreign": "answers; see benchmarks/failover/judge.py",
}


@dataclass(frozen=True)
class Parts:
    """What of the whole is asked."""

    scenarios: Sequence[Scenario]
    candidates: Sequence[Candidate]
    kept: Path | None  # where each run's history goes, for a closer look
    is_written: bool  # also a part of the whole: its result says which scenarios and clients it has

    @property
    def is_whole(self) -> bool:
        return len(self.scenarios) == len(SCENARIOS) + 1 and len(self.candidates) == len(FAILING_OVER)


def parts() -> Parts:
    """Take our own options out of the command line; the rest is every question's."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--scenarios", default="")
    parser.add_argument("--candidates", default="")
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--write", action="store_true")
    mine, others = parser.parse_known_args()
    sys.argv[1:] = others
    scenarios = {each.name: each for each in (*SCENARIOS, LOST_ACKNOWLEDGEMENT)}
    candidates = {each.name: each for each in FAILING_OVER}
    try:
        return Parts(
            [scenarios[name] for name in mine.scenarios.split(",") if name] or list(scenarios.values()),
            [candidates[name] for name in mine.candidates.split(",") if name] or list(candidates.values()),
            mine.keep,
            mine.write,
        )
    except KeyError as error:
        parser.error(f"{error} is none of {', '.join((*scenarios, *candidates))}")


async def once(
    net: Network, scenario: Scenario, candidate: Candidate, arguments: Arguments, *, folder: Path
) -> Verdict:
    """One run of one candidate through one scenario."""
    length_s = arguments.seconds * (WARM_ROUNDS + 1 + WELL_ROUNDS)
    told = {**net.told, "mode": "calls", "rate": RATE, "seconds": length_s, "seed": arguments.seed, "drain_s": DRAIN_S}
    async with running(candidate, told, log=folder / f"{candidate.name}.log") as process, net.watched():
        process.go()
        answers = asyncio.create_task(process.answers(within_s=length_s + DRAIN_S + 10))
        await asyncio.sleep(arguments.seconds * WARM_ROUNDS)
        async with net.broken(scenario) as broken:
            await asyncio.sleep(arguments.seconds)
        healed = monotonic()
        lines = await answers
    calls = [Call(**line) for line in lines]
    end = max(call.at for call in calls)
    history = History(calls=calls, heads=net.heads, samples=net.samples, broken=broken, healed=healed, end=end)
    (folder / f"{scenario.name}-{candidate.name}.json").write_text(json.dumps(asdict(history)))
    return judged(history)


async def steadily(
    net: Network, scenario: Scenario, candidate: Candidate, arguments: Arguments, *, folder: Path
) -> Verdict:
    """The same, once more if its process did not start or end as it should: a whole run takes long."""
    try:
        return await once(net, scenario, candidate, arguments, folder=folder)
    except (RuntimeError, TimeoutError) as error:
        say(f"{scenario.name} {candidate.name}: once more, because {error!r}")
        return await once(net, scenario, candidate, arguments, folder=folder)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    return max(verdicts, key=lambda verdict: (verdict.bad, verdict.fault_p99_ms or float("inf")))


async def verdicts(net: Network, asked: Parts, arguments: Arguments, folder: Path) -> dict[str, dict[str, Verdict]]:
    """Every scenario by every candidate; whose turn is first changes with each scenario."""
    found: dict[str, dict[str, Verdict]] = {}
    broken = [scenario for scenario in asked.scenarios if scenario is not LOST_ACKNOWLEDGEMENT]
    for turn, scenario in enumerate(broken):
        candidates = asked.candidates if turn % 2 == 0 else asked.candidates[::-1]
        found[scenario.name] = {}
        for candidate in candidates:
            rounds = [
                await steadily(net, scenario, candidate, arguments, folder=folder) for _ in range(arguments.rounds)
            ]
            found[scenario.name][candidate.name] = worst(rounds)
            say(f"{scenario.name} {candidate.name}: {summary(worst(rounds))}")
    return found


def summary(verdict: Verdict) -> str:
    p99 = "–" if verdict.fault_p99_ms is None else f"{verdict.fault_p99_ms:.0f} ms"
    return f"{verdict.calls} calls, {verdict.errors} errors, {verdict.bad - verdict.errors} misled, p99 {p99}"


async def measured(asked: Parts, arguments: Arguments, platform: Held, folder: Path) -> dict[str, Any]:
    async with network(platform) as net:
        found = await verdicts(net, asked, arguments, folder)
        table.show(found)
        told: dict[str, dict[str, Any]] = {}
        if LOST_ACKNOWLEDGEMENT in asked.scenarios:
            told = await lost_acknowledgements(net, asked.candidates, seed=arguments.seed, folder=folder)
            for name, said in told.items():
                say(f"lost acknowledgement, {name}: {said}")
    missed = [*table.faults(found), *_wrong(told)]
    return {
        "scenarios": {name: {each: rounded(verdict) for each, verdict in row.items()} for name, row in found.items()},
        "lost_acknowledgement": told,
        "missed": missed,
    }


def _wrong(told: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    ours = told.get(OURS.name)
    if ours is not None and not (ours["is_right"] and ours["is_mined"]):
        yield f"lost acknowledgement: the caller was told {ours['told']}"


def rounded(verdict: Verdict) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(verdict).items()}


def main() -> int:
    asked = parts()
    arguments = read(__doc__ or "", seconds=8, rounds=1)
    versions = install()
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as name:
        folder = asked.kept or Path(name)
        folder.mkdir(exist_ok=True)
        with held(Path(name) / "platform", COMPONENTS) as platform:
            found = uvloop.run(measured(asked, arguments, platform, folder))
    for line in found["missed"]:
        say(f"missed: {line}")
    if asked.is_whole or asked.is_written:
        print(write("rpc_failover", figures=found, units=UNITS, seed=arguments.seed, versions=versions))
    return 1 if found["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
