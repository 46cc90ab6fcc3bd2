"""Say what the runs of a drill came to: each against the budgets, and all of them as the file that the ledger reads.

Between: drills.engine (makes runs), cli.drill and cli.prove (tell and record), drills.ledger (reads the file).
Shape: results/drills/<drill>.json: what it proves in which unit, every run with its way, seed, amounts and timeline,
and min, median and max of the runs with the fault.
Units: amounts in the unit of each promise's budget; *_s seconds.
Invariant: a run is right when it came to its end and is what its way demands: within all budgets and nothing wrong with
the fault and without it; outside of at least one budget under sabotage.
Errors: KeyError for a promise that is not declared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from audifi.drills import evidence
from audifi.drills.drill import Drill, Findings, Way
from audifi.drills.ledger import keeps
from audifi.topology.model.promise import Budget
from audifi.topology.model.whole import Topology


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one drill."""

    drill: Drill
    way: Way
    seed: int
    took_s: float
    findings: Findings | None = None  # None: it did not come to its end
    error: str = ""  # why not
    silence: tuple[str, ...] = ()  # alerts that should have come, or should not have

    def broken(self, budgets: Mapping[str, Budget]) -> list[str]:
        """Say which budgets it did not keep."""
        if self.findings is None:
            return []
        return [
            f"{name}: {amount:g} {budgets[name].unit}, promised {budgets[name]}"
            for name, amount in self.findings.measured.items()
            if not keeps(budgets[name], amount)
        ]

    def faults(self, budgets: Mapping[str, Budget]) -> list[str]:
        """Say what is not as its way demands; nothing when it is right."""
        if self.findings is None:
            return [self.error]
        broken = self.broken(budgets)
        if self.way is Way.SABOTAGE:
            holds = f"every promise held although {self.drill.sabotage.removes}: the drill proves nothing"
            return [] if broken or self.findings.wrong else [holds]
        missing = [f"{name} was not measured" for name in self.drill.proves if name not in self.findings.measured]
        return [*broken, *self.findings.wrong, *missing, *self.silence]

    def as_json(self) -> dict[str, Any]:
        found = self.findings
        return {
            "way": self.way.value,
            "seed": self.seed,
            "tookS": round(self.took_s, 2),
            "error": self.error,
            "alerts": list(self.silence),
            "measured": dict(found.measured) if found else {},
            "wrong": list(found.wrong) if found else [],
            "figures": dict(found.figures) if found else {},
            "timeline": asdict(found.timeline) if found else None,
        }


def budgets(topology: Topology) -> dict[str, Budget]:
    """The budget of each promise that has one."""
    return {promise.name: promise.budget for promise in topology.promises if promise.budget is not None}


def spread(runs: Sequence[Run], promise: str) -> tuple[float, float, float] | None:
    """Least, middle and most of the runs with the fault."""
    amounts = [
        run.findings.measured[promise]
        for run in runs
        if run.way is Way.FAULT and run.findings is not None and promise in run.findings.measured
    ]
    return (min(amounts), median(amounts), max(amounts)) if amounts else None


def as_json(drill: Drill, runs: Sequence[Run], known: Mapping[str, Budget]) -> dict[str, Any]:
    """All of it, as the ledger reads it."""
    spreads = {name: spread(runs, name) for name in drill.proves}
    return {
        "drill": drill.name,
        "summary": drill.summary,
        "proves": {name: known[name].unit for name in drill.proves},
        "sabotage": drill.sabotage.removes,
        "reason": next((run.error for run in runs if run.error), ""),
        "spread": {
            name: dict(zip(("min", "median", "max"), found, strict=True)) for name, found in spreads.items() if found
        },
        "runs": [run.as_json() for run in runs],
    }


def write(drill: Drill, runs: Sequence[Run], known: Mapping[str, Budget]) -> None:
    """Keep it beside the other results."""
    evidence.write(evidence.RESULTS / "drills" / f"{drill.name}.json", as_json(drill, runs, known))
