"""How long does the whole platform take to come up, and how much memory does it hold?

Between: audifi.local.launch (starts an instance and tells what happens) and results/benchmarks/up.json.
Shape: rounds of a start from nothing ("cold": databases are initialised) each followed by a start with the data
kept ("warm": what a second `./audifi up` does); memory after a warm start once everything is ready.
Units: seconds since the start; MiB of proportional set size (shared pages divided among those who share them) and,
for service pods, resident set size, which a container's limit counts.
Budget: ≤ 90 s, ≤ 6 GiB, a service pod ≤ 128 MiB resident at idle (architecture.md section 7).
Errors: LocalError when it does not start.
"""

import asyncio
from contextlib import aclosing
from statistics import median
from time import monotonic
from typing import Any

from audifi.local import launch
from audifi.local.state import Instance
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.processes import rss_bytes
from benchmarks.harness.result import ROOT, spread, write

BUDGET = {"ready_s": 90, "memory_mib": 6 * 1024, "service_pod_rss_mib": 128}
MIB = 2**20


async def started(instance: Instance) -> tuple[float, dict[str, float]]:
    """Start it and return when everything was ready, and when each pod and job was."""
    began_s = monotonic()
    ready: dict[str, float] = {}
    total_s = 0.0
    async with aclosing(launch.start(instance)) as events:
        async for event in events:
            if event["event"] == "unit" and event["state"] in ("ready", "done"):
                ready.setdefault(event["name"], round(monotonic() - began_s, 2))
            if event["event"] == "ready":
                total_s = monotonic() - began_s
    return total_s, ready


async def memory(instance: Instance) -> dict[str, dict[str, float]]:
    """What each component holds, all its pods together."""
    seen = await launch.status(instance)
    found: dict[str, dict[str, float]] = {}
    for unit in seen["units"]:
        if unit["is_job"]:
            continue
        entry = found.setdefault(unit["component"], {"pods": 0, "pss_mib": 0.0})
        entry["pods"] += 1
        entry["pss_mib"] = round(entry["pss_mib"] + unit["memory_bytes"] / MIB, 1)
        if unit["component"].endswith("-service") and unit["pid"]:
            rss = rss_bytes(unit["pid"]) / MIB
            entry["pod_rss_mib_max"] = round(max(rss, entry.get("pod_rss_mib_max", 0.0)), 1)
    found["(all)"] = {"pods": sum(each["pods"] for each in found.values()), "pss_mib": seen["memory_bytes"] / MIB}
    return found


async def measured(arguments: Arguments) -> dict[str, Any]:
    instance = Instance.at(ROOT / ".audifi" / "bench-up")
    totals: dict[str, list[float]] = {"cold": [], "warm": []}
    units: dict[str, dict[str, list[float]]] = {"cold": {}, "warm": {}}
    held: dict[str, dict[str, float]] = {}
    try:
        for turn in range(arguments.rounds):
            await launch.stop(instance, with_data=True)
            for kind in ("cold", "warm"):
                total_s, ready = await started(instance)
                totals[kind].append(total_s)
                for name, at_s in ready.items():
                    units[kind].setdefault(name, []).append(at_s)
                say(f"round {turn + 1}/{arguments.rounds} {kind}: everything ready after {total_s:.1f} s")
                held = await memory(instance)
                await launch.stop(instance)
    finally:
        await launch.stop(instance, with_data=True)
    return {
        "ready_s": {kind: spread(values, digits=2) for kind, values in totals.items()},
        "ready_s_by_unit": {
            kind: {name: round(median(values), 2) for name, values in sorted(found.items())}
            for kind, found in units.items()
        },
        "memory_mib_by_component": held,
        "budget": BUDGET,
    }


def main() -> None:
    arguments = read(__doc__ or "", seconds=1, rounds=3)
    figures = asyncio.run(measured(arguments))
    units = {"ready_s": "seconds since the start", "pss_mib": "MiB, proportional", "pod_rss_mib_max": "MiB, resident"}
    path = write("up", figures=figures, units=units, seed=arguments.seed, versions={})
    print(path)


if __name__ == "__main__":
    main()
