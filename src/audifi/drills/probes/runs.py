"""Take a probe as it is and under its sabotage, and keep what it found.

Between: cli.prove (asks), drills.probes (what to take) and drills.proofs (reads the file).
Shape: results/probes/<area>.json: one entry per probe with commit, date, unit and runs; a probe that is taken again
replaces its entry and no other.
Units: amounts in the unit of the promise's budget; *_s seconds.
Invariant: what a sabotage took away is there again before `taken` returns, also when the measure failed.
Errors: a measure that gets no amount is told in its entry; LocalError when the platform does not become whole again.
"""

import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg

from audifi.drills import evidence
from audifi.drills.drill import Scene, Way
from audifi.drills.journey import losses
from audifi.drills.journey.narration import JourneyFailed, Mismatch
from audifi.drills.probes.probe import Probe
from audifi.local.errors import LocalError
from audifi.local.waiting import NotReady, TimedOut
from audifi.sdk.live import Ended
from audifi.wire.problems import Problem

FAILURES: Final = (
    Problem,
    TimedOut,
    NotReady,
    Mismatch,
    Ended,
    JourneyFailed,
    LocalError,
    OSError,
    TimeoutError,
    aiohttp.ClientError,
    psycopg.Error,
)


async def taken(scene: Scene, probe: Probe) -> dict[str, Any]:
    """Take it both ways; the entry of its file."""
    began_s = time.monotonic()
    runs: list[dict[str, Any]] = []
    reason = ""
    for way in (Way.CONTROL, Way.SABOTAGE):
        try:
            amount = await _amount(scene, probe, way)
        except FAILURES as error:
            reason = f"{way}: {type(error).__name__}: {error}"
            break
        runs.append({"way": way.value, "measured": {probe.name: float(amount)}})
    return {
        "commit": evidence.commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "unit": _unit(scene, probe.name),
        "sabotage": probe.sabotage.removes,
        "reason": reason,
        "runs": runs,
        "tookS": round(time.monotonic() - began_s, 2),
    }


async def _amount(scene: Scene, probe: Probe, way: Way) -> float:
    if way is Way.CONTROL:
        return await probe.measure(scene.stage)
    measure = probe.sabotage.measure or probe.measure
    try:
        async with AsyncExitStack() as weakened:
            if probe.sabotage.deed is not None:
                await weakened.enter_async_context(probe.sabotage.deed(scene))
            return await measure(scene.stage)
    finally:
        if probe.sabotage.deed is not None:
            await losses.whole_again(scene.stage)


def write(area: str, entries: Mapping[str, dict[str, Any]]) -> None:
    """Keep them beside those that were not taken now."""
    path = file_of(area)
    try:
        before: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        before = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"machine": evidence.machine(), "probes": {**before.get("probes", {}), **entries}}
    path.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")


def file_of(area: str) -> Path:
    """Where an area's probes are kept."""
    return evidence.RESULTS / "probes" / f"{area}.json"


def _unit(scene: Scene, name: str) -> str:
    (budget,) = [each.budget for each in scene.stage.topology.promises if each.name == name]
    return budget.unit if budget is not None else ""
