"""A run is right when it is what its way demands: within the budgets, or outside of them under sabotage.

Between: drills.report, a drill made up here and the topology's budgets.
"""

from collections.abc import Mapping

import pytest

from audifi.drills import report
from audifi.drills.drill import Drill, Findings, Sabotage, Scene, Way
from audifi.drills.report import Run
from audifi.topology.declaration import platform

BUDGETS = report.budgets(platform("local"))


async def never_played(scene: Scene) -> Findings:
    raise AssertionError(scene)


DRILL = Drill(
    name="postgres-lost",
    summary="",
    proves=("postgres-process", "postgres-no-loss"),
    play=never_played,
    sabotage=Sabotage(removes="nobody takes over"),
)
KEPT = {"postgres-process": 3.0, "postgres-no-loss": 0.0}
BROKEN = {"postgres-process": 7.0, "postgres-no-loss": 0.0}


def run(way: Way, measured: Mapping[str, float] | None, *, wrong: tuple[str, ...] = (), error: str = "") -> Run:
    findings = None if measured is None else Findings(measured=measured, wrong=wrong)
    return Run(drill=DRILL, way=way, seed=1, took_s=1.0, findings=findings, error=error)


@pytest.mark.parametrize("way", [Way.FAULT, Way.CONTROL])
def test_with_the_fault_and_without_it_every_budget_must_hold(way: Way) -> None:
    assert run(way, KEPT).faults(BUDGETS) == []
    assert run(way, BROKEN).faults(BUDGETS) == ["postgres-process: 7 s, promised ≤ 5 s"]


def test_under_sabotage_a_budget_must_break() -> None:
    """Taught by drills that stay green whatever happens: they prove nothing."""
    assert run(Way.SABOTAGE, BROKEN).faults(BUDGETS) == []
    (fault,) = run(Way.SABOTAGE, KEPT).faults(BUDGETS)
    assert "nobody takes over" in fault


def test_what_no_promise_counts_and_must_not_be_is_a_fault() -> None:
    assert run(Way.FAULT, KEPT, wrong=("order 12 was charged twice",)).faults(BUDGETS) == ["order 12 was charged twice"]


def test_a_promise_that_was_not_measured_is_a_fault() -> None:
    """A drill that forgets half of what it is for must not count for it."""
    assert run(Way.FAULT, {"postgres-process": 1.0}).faults(BUDGETS) == ["postgres-no-loss was not measured"]


@pytest.mark.parametrize("way", list(Way))
def test_a_run_that_did_not_end_is_no_verdict(way: Way) -> None:
    assert run(way, None, error="it never became steady").faults(BUDGETS) == ["it never became steady"]


def test_runs_with_the_fault_alone_make_min_median_and_max() -> None:
    runs = [run(Way.FAULT, {"postgres-process": amount}) for amount in (3.0, 1.0, 2.0)]
    assert report.spread([*runs, run(Way.SABOTAGE, BROKEN)], "postgres-process") == (1.0, 2.0, 3.0)
    assert report.spread([run(Way.CONTROL, KEPT)], "postgres-process") is None
