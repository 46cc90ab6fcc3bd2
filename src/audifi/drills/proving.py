"""Take every probe and run every drill that is asked for, keep what they found, and judge all promises by it.

Between: cli.prove (asks, shows), drills.engine and drills.probes (measure), drills.proofs and drills.ledger (judge).
Shape: a plan of items, probes before drills, the longest first among each; several platforms may share it, each takes
the next item when it has ended its last. Each item's result is on disk before its platform begins the next one.
Units: *_s seconds; what is left is estimated by what each item took the last time.
Invariant: a drill's control and sabotage runs belong to it; nothing is taken twice. Probes are taken on one platform,
one after the other: they share files of results.
Errors: LocalError when the platform does not become whole; what a single item meets is its evidence.
Source: issue 6 "The promise ledger".
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from random import Random
from typing import Any, Final

from audifi.drills import catalogue, evidence, page, probes, proofs, report, sheet
from audifi.drills.drill import Drill, Scene, Way
from audifi.drills.engine import Engine
from audifi.drills.journey.narration import Narrator
from audifi.drills.ledger import Row, ledger
from audifi.drills.probes import runs
from audifi.drills.probes.probe import Probe
from audifi.drills.proofs import Made
from audifi.local.waiting import side_by_side
from audifi.topology.model.whole import Topology

DOCUMENT: Final = evidence.ROOT / "docs" / "results.md"
PROBE_S: Final = 4.0  # until it has been taken once
RUN_S: Final = 25.0


@dataclass(frozen=True)
class Item:
    """Something to measure."""

    name: str
    promises: tuple[str, ...]
    estimate_s: float
    probe: Probe | None = None
    area: str = ""
    drill: Drill | None = None

    @property
    def is_quick(self) -> bool:
        return bool((self.probe and self.probe.is_quick) or (self.drill and self.drill.is_quick))


Follow = Callable[[Item], None]


@dataclass
class Plan:
    """What is measured in this run, in this order."""

    items: list[Item]
    fault_runs: int = 1
    made: Made = field(default_factory=Made)
    begun: set[str] = field(default_factory=set[str])
    ended: set[str] = field(default_factory=set[str])

    @property
    def promises(self) -> set[str]:
        return {name for item in self.items for name in item.promises}

    @property
    def left_s(self) -> float:
        """How long one platform alone would take for what has not ended."""
        return sum(item.estimate_s for item in self.items if item.name not in self.ended)

    def next(self, *, is_first: bool) -> Item | None:
        """Hand out the next item for a platform."""
        open_items = [item for item in self.items if item.name not in self.begun and (is_first or item.drill)]
        if not open_items:
            return None
        chosen = max(open_items, key=lambda item: (item.probe is not None, item.estimate_s))
        self.begun.add(chosen.name)
        return chosen


def plan(*, is_quick: bool, only: str, fault_runs: int) -> Plan:
    """Choose by quickness, and by the name of a drill or of a promise."""
    items = [*_probes(), *_drills(fault_runs)]
    if is_quick:
        items = [item for item in items if item.is_quick]
    if only:
        items = [item for item in items if any(fnmatch(name, only) for name in (item.name, *item.promises))]
    return Plan(items, fault_runs)


def _probes() -> Iterator[Item]:
    for area, declared in probes.areas().items():
        took = _took(evidence.RESULTS / "probes" / f"{area}.json")
        for probe in declared:
            before = took.get("probes", {}).get(probe.name, {}).get("tookS", PROBE_S)
            yield Item(probe.name, (probe.name,), float(before), probe=probe, area=area)


def _drills(fault_runs: int) -> Iterator[Item]:
    for drill in catalogue.drills().values():
        before = [run["tookS"] for run in _took(evidence.RESULTS / "drills" / f"{drill.name}.json").get("runs", [])]
        each_s = sum(before) / len(before) if before else RUN_S
        yield Item(drill.name, drill.proves, each_s * (fault_runs + 2), drill=drill)


def _took(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


async def measure(engines: Sequence[Engine], asked: Plan, begins: Follow, ends: Follow) -> None:
    """Measure everything, on all these platforms side by side; say what begins and what has ended."""
    await side_by_side(
        _worked(engine, asked, begins, ends, is_first=number == 0) for number, engine in enumerate(engines)
    )


async def _worked(engine: Engine, asked: Plan, begins: Follow, ends: Follow, *, is_first: bool) -> None:
    while item := asked.next(is_first=is_first):
        begins(item)
        await _measured(engine, asked, item)
        asked.ended.add(item.name)
        ends(item)


async def _measured(engine: Engine, asked: Plan, item: Item) -> None:
    """Measure one item and keep what it found."""
    if item.probe is not None:
        asked.made.probes.add(item.name)
        await engine.whole()
        runs.write(item.area, {item.name: await runs.taken(_scene(engine), item.probe)})
    if item.drill is not None:
        asked.made.drills.add(item.name)
        known = report.budgets(engine.stage.topology)
        report.write(item.drill, await _drilled(engine, item.drill, asked.fault_runs), known)


async def _drilled(engine: Engine, drill: Drill, fault_runs: int) -> list[report.Run]:
    if drill.needs_root and os.geteuid() != 0:
        return [report.Run(drill=drill, way=Way.FAULT, seed=1, took_s=0.0, error="it needs root")]
    ways = [Way.FAULT] * fault_runs + [Way.CONTROL, Way.SABOTAGE]
    return [await engine.run(drill, way, seed=seed) for seed, way in enumerate(ways, start=1)]


def _scene(engine: Engine) -> Scene:
    dice = Random(1)  # noqa: S311  # which replica goes is no secret
    return Scene(stage=engine.stage, way=Way.CONTROL, dice=dice, narrator=Narrator(engine.tell))


def judged(topology: Topology, made: Made) -> tuple[Row, ...]:
    """Every promise by all evidence there is."""
    return ledger(topology.promises, proofs.evidence(made))


def write(rows: Sequence[Row]) -> dict[str, Any]:
    """Write the ledger and both pages; return it as data."""
    path = evidence.RESULTS / "ledger.json"
    evidence.write(path, page.as_json(rows))
    facts: dict[str, Any] = json.loads(path.read_text())
    DOCUMENT.write_text(page.page(rows, facts))
    (evidence.RESULTS / "ledger.html").write_text(sheet.sheet(rows, facts))
    return facts
