"""Judge every promise by what was measured: holds, broken or unproven, and why. Pure.

Between: drills.proofs (reads the evidence), drills.page and drills.drawing (show the rows), cli.prove (exit code).
Shape: one row per promise, in the order of the design. A promise may have several pieces of evidence (each service's
pods are killed by a drill of their own): all of them must hold.
Units: amounts in the unit of the promise's budget; the margin in percent of it.
Invariant: only what was measured on this code, in the promise's unit, with a control run that holds and a sabotage run
that breaks is green; anything missing is unproven, never assumed. What is broken is broken whatever else is missing.
Errors: none; what cannot be judged is unproven with its reason.
Source: architecture.md section 1 (three outcomes); docs/decisions (what counts as proven).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any, Final

from audifi.drills.drill import Way
from audifi.topology.model.promise import Budget, Comparison, Promise, Proof


class Outcome(StrEnum):
    """Only the first is green."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNPROVEN = "unproven"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a drill or a probe."""

    way: Way
    measured: Mapping[str, float]  # promise → amount
    wrong: tuple[str, ...] = ()  # what no promise counts and must not be
    timeline: Mapping[str, Any] | None = None  # of a drill


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one drill or probe found, with its control and its sabotage."""

    proof: str  # "probe", "drill postgres-primary-killed"
    file: str  # results/drills/postgres-primary-killed.json
    commit: str
    is_current: bool  # measured on the code that is here
    proves: Mapping[str, str]  # promise → unit of its amounts
    runs: tuple[Run, ...]
    reason: str = ""  # why there is no run: "needs root"

    @property
    def is_probe(self) -> bool:
        """A probe has no fault: its control is the measure itself."""
        return self.proof == Proof.PROBE

    @property
    def decisive(self) -> Way:
        """The runs whose amounts count."""
        return Way.CONTROL if self.is_probe else Way.FAULT

    def of(self, way: Way) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.way is way)

    def amounts(self, promise: str, way: Way) -> tuple[float, ...]:
        return tuple(run.measured[promise] for run in self.of(way) if promise in run.measured)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What several runs measured."""

    least: float
    middle: float
    most: float
    runs: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the ledger."""

    promise: Promise
    outcome: Outcome
    reason: str  # why it is not green; what else proves it when it is
    measured: Spread | None = None
    margin_percent: float | None = None
    files: tuple[str, ...] = ()
    timelines: tuple[Mapping[str, Any], ...] = ()

    @property
    def place(self) -> str:
        """Where it can be proven: "here", or what is needed for it."""
        return self.promise.proof if self.promise.proof in ELSEWHERE else "here"


ELSEWHERE: Final = frozenset({Proof.CLUSTER, Proof.PROVIDER, Proof.LATER})
COMPARED: Final = "tests/unit/topology/test_promises.py"


def ledger(promises: Sequence[Promise], evidence: Sequence[Evidence]) -> tuple[Row, ...]:
    """One row per promise."""
    budgets = {promise.name: promise.budget for promise in promises if promise.budget is not None}
    return tuple(_row(promise, budgets, evidence) for promise in promises)


def _row(promise: Promise, budgets: Mapping[str, Budget], evidence: Sequence[Evidence]) -> Row:
    """Judge one promise by all that was measured of it."""
    if promise.proof in ELSEWHERE:
        return Row(promise=promise, outcome=Outcome.UNPROVEN, reason=_elsewhere(promise))
    if promise.proof == Proof.DECLARATION:
        reason = f"it is about the declaration alone; compared by {COMPARED}"
        return Row(promise=promise, outcome=Outcome.HOLDS, reason=reason, files=(COMPARED,))
    return _measured(promise, budgets, [each for each in evidence if promise.name in each.proves])


def green(rows: Iterable[Row]) -> bool:
    """Whether everything holds."""
    return all(each.outcome is Outcome.HOLDS for each in rows)


def counted(rows: Iterable[Row]) -> dict[Outcome, int]:
    """How many of each outcome."""
    found = [each.outcome for each in rows]
    return {outcome: found.count(outcome) for outcome in Outcome}


def keeps(budget: Budget, amount: float) -> bool:
    """Whether an amount is within the budget; no number never is."""
    if math.isnan(amount):
        return False
    match budget.comparison:
        case Comparison.EQUAL:
            return amount == budget.amount
        case Comparison.AT_MOST:
            return amount <= budget.amount
        case Comparison.AT_LEAST:
            return amount >= budget.amount


def _elsewhere(promise: Promise) -> str:
    declared = f"declared as promised ({COMPARED} compares it); " if promise.is_declared else ""
    match promise.proof:
        case Proof.LATER:
            return f"{declared}{promise.awaits}"
        case place:
            return f"{declared}only a {place} can show it: {promise.awaits}"


def _measured(promise: Promise, budgets: Mapping[str, Budget], evidence: Sequence[Evidence]) -> Row:
    name, budget = promise.name, budgets[promise.name]
    usable = [each for each in evidence if each.is_current and each.proves[name] == budget.unit]
    amounts = [amount for each in usable for amount in each.amounts(name, each.decisive)]
    broken = [fault for each in usable for fault in _faults(name, budget, each)]
    missing = [lack for each in evidence for lack in _lacks(name, budgets, each)]
    if not any(each.proof == promise.proof for each in evidence):
        missing.append(f"not measured yet: ./audifi prove --only {name}")
    outcome = Outcome.BROKEN if broken else Outcome.UNPROVEN if missing else Outcome.HOLDS
    return Row(
        promise=promise,
        outcome=outcome,
        reason="; ".join(dict.fromkeys([*broken, *missing])) or promise.awaits,
        measured=_spread(amounts),
        margin_percent=_margin(budget, amounts),
        files=tuple(sorted({each.file for each in evidence})),
        timelines=_timelines(usable),
    )


def _faults(name: str, budget: Budget, evidence: Evidence) -> Iterator[str]:
    """What breaks the promise."""
    for run in evidence.runs:
        if run.way is Way.SABOTAGE:
            continue
        place = "measured" if run.way is evidence.decisive else "without the fault"
        if name in run.measured and not keeps(budget, run.measured[name]):
            yield f"{place} {run.measured[name]:g} {budget.unit}, promised {budget} ({evidence.proof})"
        yield from (f"{wrong} ({evidence.proof})" for wrong in run.wrong)


def _lacks(name: str, budgets: Mapping[str, Budget], evidence: Evidence) -> Iterator[str]:
    """What is missing before it proves anything."""
    proof, unit = evidence.proof, budgets[name].unit
    if not evidence.is_current:
        yield f"measured at {evidence.commit}, and the code has changed since ({proof})"
        return
    if evidence.proves[name] != unit:
        yield f"measured in {evidence.proves[name]!r}, promised in {unit!r} ({proof})"
        return
    if not evidence.amounts(name, evidence.decisive):
        yield f"{evidence.reason or 'no run came to its end'} ({proof})"
        return
    if not evidence.amounts(name, Way.CONTROL):
        yield f"no control run: nothing shows that it is the fault that is measured ({proof})"
    if not evidence.of(Way.SABOTAGE):
        yield f"no sabotage run: nothing shows that it can fail ({proof})"
    if not all(_breaks(run, budgets) for run in evidence.of(Way.SABOTAGE)):
        yield f"it holds although its protection was removed: the proof proves nothing ({proof})"


def _breaks(run: Run, budgets: Mapping[str, Budget]) -> bool:
    """A drill measures several promises; what it takes away need not break each of them."""
    kept = (keeps(budgets[name], amount) for name, amount in run.measured.items() if name in budgets)
    return bool(run.wrong) or not all(kept)


def _spread(amounts: Sequence[float]) -> Spread | None:
    if not amounts:
        return None
    return Spread(least=min(amounts), middle=median(amounts), most=max(amounts), runs=len(amounts))


def _margin(budget: Budget, amounts: Sequence[float]) -> float | None:
    """How far the worst run is from the line, in percent of it; an exact or empty budget has no margin."""
    if not amounts or not budget.amount:
        return None
    match budget.comparison:
        case Comparison.EQUAL:
            return None
        case Comparison.AT_MOST:
            return 100 * (budget.amount - max(amounts)) / budget.amount
        case Comparison.AT_LEAST:
            return 100 * (min(amounts) - budget.amount) / budget.amount


def _timelines(evidence: Iterable[Evidence]) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {**run.timeline, "proof": each.proof} for each in evidence for run in each.of(Way.FAULT) if run.timeline
    )
