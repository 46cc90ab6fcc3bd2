"""Judge doctored evidence: only what is whole, current and able to fail is green.

Between: drills.ledger and made-up evidence.
Invariant: every way in which evidence can be worth less than it looks turns the outcome.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from audifi.drills.drill import Way
from audifi.drills.ledger import Evidence, Outcome, Row, Run, counted, green, keeps, ledger
from audifi.topology.model.promise import Budget, Comparison, Promise, PromiseKind, Proof

KILLED = "drill postgres-primary-killed"


def promise(name: str = "postgres-process", *, proof: str = KILLED, amount: float = 5, awaits: str = "") -> Promise:
    return Promise(
        name=name,
        sentence="PRIMARY (Write)",
        kind=PromiseKind.RECOVERY_TIME,
        component="postgres",
        budget=Budget(comparison=Comparison.AT_MOST, amount=amount, unit="s"),
        proof=proof,
        awaits=awaits,
        source="architecture.md 7",
    )


def run(way: Way, amount: float, *wrong: str, of: str = "postgres-process") -> Run:
    return Run(way=way, measured={of: amount}, wrong=wrong, timeline={"outage_s": amount})


def evidence(*runs: Run, proof: str = KILLED, proves: Mapping[str, str] | None = None) -> Evidence:
    return Evidence(
        proof=proof,
        file="results/drills/postgres-primary-killed.json",
        commit="0123456789ab",
        is_current=True,
        proves=proves or {"postgres-process": "s"},
        runs=runs or (run(Way.FAULT, 2.0), run(Way.FAULT, 4.0), run(Way.CONTROL, 0.1), run(Way.SABOTAGE, 60.0)),
    )


def judged(*found: Evidence, of: Promise | None = None) -> Row:
    (row,) = ledger([of or promise()], found)
    return row


def test_whole_evidence_holds_with_its_spread_and_margin() -> None:
    row = judged(evidence())
    assert (row.outcome, row.reason, row.place) == (Outcome.HOLDS, "", "here")
    assert row.measured is not None
    assert (row.measured.least, row.measured.middle, row.measured.most, row.measured.runs) == (2.0, 3.0, 4.0, 2)
    assert row.margin_percent == pytest.approx(20.0)  # from the worst run, not the median
    assert [line["outage_s"] for line in row.timelines] == [2.0, 4.0]


@pytest.mark.parametrize(
    ("found", "outcome", "said"),
    [
        ([], Outcome.UNPROVEN, "not measured yet"),
        ([replace(evidence(), is_current=False)], Outcome.UNPROVEN, "measured at 0123456789ab"),
        ([replace(evidence(), proves={"postgres-process": "ms"})], Outcome.UNPROVEN, "measured in 'ms'"),
        ([evidence(run(Way.CONTROL, 0), run(Way.SABOTAGE, 60))], Outcome.UNPROVEN, "no run came to its end"),
        ([evidence(run(Way.FAULT, 2), run(Way.SABOTAGE, 60))], Outcome.UNPROVEN, "no control run"),
        ([evidence(run(Way.FAULT, 2), run(Way.CONTROL, 0))], Outcome.UNPROVEN, "no sabotage run"),
        (
            [evidence(run(Way.FAULT, 2), run(Way.CONTROL, 0), run(Way.SABOTAGE, 3))],
            Outcome.UNPROVEN,
            "the proof proves nothing",
        ),
        (
            [evidence(run(Way.FAULT, 2), run(Way.FAULT, 5.1), run(Way.CONTROL, 0), run(Way.SABOTAGE, 60))],
            Outcome.BROKEN,
            "measured 5.1 s, promised ≤ 5 s",
        ),
        (
            [evidence(run(Way.FAULT, 2), run(Way.CONTROL, 7), run(Way.SABOTAGE, 60))],
            Outcome.BROKEN,
            "without the fault 7 s",
        ),
        (
            [evidence(run(Way.FAULT, 2, "order 12 was charged twice"), run(Way.CONTROL, 0), run(Way.SABOTAGE, 60))],
            Outcome.BROKEN,
            "charged twice",
        ),
        ([evidence(run(Way.FAULT, math.nan), run(Way.CONTROL, 0), run(Way.SABOTAGE, 60))], Outcome.BROKEN, "nan"),
        ([evidence(run(Way.FAULT, math.inf))], Outcome.BROKEN, "inf"),
        ([replace(evidence(), proof="drill another")], Outcome.UNPROVEN, "not measured yet"),
    ],
)
def test_evidence_that_is_worth_less_than_it_looks_is_not_green(
    found: list[Evidence], outcome: Outcome, said: str
) -> None:
    row = judged(*found)
    assert row.outcome is outcome
    assert said in row.reason


def test_what_could_not_be_run_says_why() -> None:
    row = judged(replace(evidence(), runs=(), reason="it needs root"))
    assert (row.outcome, row.measured) == (Outcome.UNPROVEN, None)
    assert "it needs root" in row.reason


def test_every_piece_of_evidence_must_hold() -> None:
    other = replace(evidence(run(Way.FAULT, 6), run(Way.CONTROL, 0), run(Way.SABOTAGE, 60)), proof="drill other")
    assert judged(evidence(), other).outcome is Outcome.BROKEN
    assert judged(evidence(), replace(other, is_current=False)).outcome is Outcome.UNPROVEN


def test_a_sabotage_need_not_break_every_promise_of_its_drill() -> None:
    runs = tuple(
        Run(way=way, measured={"postgres-process": outage, "postgres-no-loss": 0})
        for way, outage in ((Way.FAULT, 2.0), (Way.CONTROL, 0.0), (Way.SABOTAGE, 60.0))
    )
    found = evidence(*runs, proves={"postgres-process": "s", "postgres-no-loss": "s"})
    rows = ledger([promise(), promise("postgres-no-loss", amount=0)], [found])
    assert [row.outcome for row in rows] == [Outcome.HOLDS, Outcome.HOLDS]


def test_a_probe_needs_no_control_and_a_sabotage() -> None:
    asked = promise(proof=Proof.PROBE)
    taken = (run(Way.CONTROL, 1), run(Way.SABOTAGE, 9))
    assert judged(evidence(*taken, proof="probe"), of=asked).outcome is Outcome.HOLDS
    assert judged(evidence(*taken[:1], proof="probe"), of=asked).outcome is Outcome.UNPROVEN


def test_what_nothing_here_shows_stays_unproven_with_what_it_awaits() -> None:
    row = judged(evidence(), of=promise(proof=Proof.PROVIDER, awaits="part F renders it"))
    assert (row.outcome, row.place) == (Outcome.UNPROVEN, "provider")
    assert "only a provider can show it: part F renders it" in row.reason


def test_only_a_ledger_in_which_everything_holds_is_green() -> None:
    rows = ledger([promise(), promise("mesh", proof=Proof.DECLARATION)], [evidence()])
    assert green(rows)
    rows = ledger([promise(), promise("dns", proof=Proof.LATER, awaits="part F")], [evidence()])
    assert not green(rows)
    assert counted(rows) == {Outcome.HOLDS: 1, Outcome.BROKEN: 0, Outcome.UNPROVEN: 1}


@pytest.mark.parametrize(
    ("comparison", "kept", "not_kept"),
    [(Comparison.EQUAL, 3, 3.1), (Comparison.AT_MOST, 3, 3.1), (Comparison.AT_LEAST, 3, 2.9)],
)
def test_the_comparison_decides(comparison: Comparison, kept: float, not_kept: float) -> None:
    budget = Budget(comparison=comparison, amount=3, unit="pods")
    assert (keeps(budget, kept), keeps(budget, not_kept), keeps(budget, math.nan)) == (True, False, False)
