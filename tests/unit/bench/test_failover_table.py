"""Hold verdicts against targets: each missed target is named, and a better peer is not overlooked.

Between: benchmarks.failover.table and made-up verdicts.
"""

from dataclasses import replace
from typing import Any

import pytest
from benchmarks.failover.judge import Verdict
from benchmarks.failover.scenarios import SCENARIOS
from benchmarks.failover.table import beaten_by, faults, missed

HELD = Verdict(
    calls=2200,
    errors=0,
    stale=0,
    backward=0,
    foreign=0,
    fault_calls=800,
    fault_p50_ms=24,
    fault_p99_ms=60,
    fault_max_ms=120,
    control_p99_ms=30,
    slow=0,
    primary_share=0.02,
    upstream_per_call=0.95,
    upstream_per_new_call=1.05,
    back_share=0.95,
    back_s=2,
    healthy_after_s=0,
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def test_a_verdict_that_holds_everything_misses_nothing() -> None:
    assert not list(missed(BY_NAME["429"], HELD))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"errors": 1}, "1 errors"),
        ({"stale": 2}, "2 stale"),
        ({"backward": 3}, "3 backward"),
        ({"foreign": 4}, "4 foreign"),
        ({"fault_p99_ms": 250.0}, "p99 250 ms"),
        ({"fault_p99_ms": None}, "p99 –"),
        ({"primary_share": 0.026}, "2.6% reached"),
        ({"upstream_per_new_call": 1.16}, "1.16 requests"),
        ({"back_share": 0.69}, "69% of the traffic"),
        ({"back_share": None}, "0% of the traffic"),
    ],
)
def test_each_missed_target_is_named(change: dict[str, Any], named: str) -> None:
    (line,) = missed(BY_NAME["429"], replace(HELD, **change))

    assert named in line


def test_only_a_limiting_primary_must_be_left_alone() -> None:
    assert not list(missed(BY_NAME["lag"], replace(HELD, primary_share=0.5)))


def test_a_peer_with_fewer_bad_calls_beats_us() -> None:
    assert list(beaten_by(replace(HELD, errors=1), {"viem_default": replace(HELD, fault_p99_ms=9000)}))


def test_a_peer_with_bad_calls_never_beats_us_by_its_tail() -> None:
    assert not list(beaten_by(HELD, {"ethers_q1": replace(HELD, errors=800, fault_p99_ms=1)}))


@pytest.mark.parametrize(("tail_ms", "is_better"), [(20, True), (40, False), (None, False)])
def test_a_shorter_tail_counts_only_beyond_the_noise(tail_ms: float | None, is_better: bool) -> None:
    assert bool(list(beaten_by(HELD, {"viem_default": replace(HELD, fault_p99_ms=tail_ms)}))) == is_better


def test_faults_name_their_scenario() -> None:
    found = {"lag": {"ours": replace(HELD, stale=1), "viem_default": HELD}}

    assert faults(found) == ["lag: 1 stale", "lag: beaten by viem_default (0 bad, ours 1)"]


def test_a_table_without_ours_blames_nobody() -> None:
    assert faults({"lag": {"viem_default": replace(HELD, errors=9)}}) == []
