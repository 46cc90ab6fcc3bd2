"""Hold made-up figures against the goals of vote_fanout: each that is missed is named, what informs does not decide.

Between: benchmarks.fanout.goals and made-up figures.
"""

import pytest
from benchmarks.fanout.goals import GOALS, Goal, found, missed, unusable

AT_LEAST = Goal("per_core.1000.ratio.median", ">=", 0.85, "per core")
AT_MOST = Goal("votes.p99_ms", "<=", 250, "acknowledgement")
TOLD = Goal("latency.p99_ms", "<=", 100, "p99", is_gating=False)
MET = {"per_core": {"1000": {"ratio": {"median": 0.85}}}, "votes": {"p99_ms": 250}, "latency": {"p99_ms": 400.0}}


def test_figures_at_the_limit_meet_it() -> None:
    assert not list(missed(MET, (AT_LEAST, AT_MOST, TOLD), is_whole=True))


@pytest.mark.parametrize(
    ("goal", "value"),
    [(AT_LEAST, {"per_core": {"1000": {"ratio": {"median": 0.84}}}}), (AT_MOST, {"votes": {"p99_ms": 251}})],
)
def test_a_missed_goal_is_named_with_its_number(goal: Goal, value: dict[str, object]) -> None:
    (line,) = missed(value, (goal,), is_whole=False)

    assert line.startswith(f"{goal.says}: {found(value, goal.where):g}, should be {goal.compare} {goal.limit:g}")


def test_what_only_informs_is_told_apart() -> None:
    (line,) = missed(MET, (AT_LEAST, TOLD), is_whole=True, is_gating=False)

    assert line.startswith("p99: 400")


def test_what_was_not_measured_is_missed_only_in_a_whole_run() -> None:
    assert not list(missed({}, is_whole=False))
    assert len(list(missed({}, is_whole=True))) == sum(goal.is_gating for goal in GOALS)


def test_each_goal_has_a_place_of_its_own() -> None:
    assert len({goal.where for goal in GOALS}) == len(GOALS)


def test_a_part_that_could_not_be_measured_is_named_with_its_reason() -> None:
    figures = {"votes": {"p99_ms": 3}, "per_core": {"1000": {"unusable": "2 viewers lost"}}, "hop": {"unusable": "no"}}

    assert list(unusable(figures)) == ["per_core.1000: 2 viewers lost", "hop: no"]
