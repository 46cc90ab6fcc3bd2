"""Hold verdicts against the targets and against each other, and show them side by side.

Between: rpc_failover's verdicts by scenario and candidate, and a person's terminal (stderr).
Shape: pure but for `show`.
Invariant: ours misses when one of its targets is missed, or when a peer was better: fewer calls failed or misled, or
as few and a tail that is shorter by more than NOISE_MS (a shared machine moves a p99 by that much on its own).
Source: the targets are architecture.md 7's and outbound.md 2.3's.
"""

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.failover.candidates import FAILING_OVER, OURS
from benchmarks.failover.judge import BACK_SHARE, SLOW_MS, Verdict
from benchmarks.failover.scenarios import SCENARIOS, Scenario

P99_MS_MAX = SLOW_MS
PRIMARY_SHARE_MAX = 0.025
UPSTREAM_PER_CALL_MAX = 1.15
NOISE_MS = 25.0
WIDTH = 140  # also where the terminal does not say: a table that wraps cannot be read

Verdicts = Mapping[str, Mapping[str, Verdict]]  # by scenario, by candidate


def missed(scenario: Scenario, verdict: Verdict) -> Iterator[str]:
    """What ours promised for this scenario and did not hold."""
    for name in ("errors", "stale", "backward", "foreign"):
        if count := getattr(verdict, name):
            yield f"{count} {name}"
    if verdict.fault_p99_ms is None or verdict.fault_p99_ms >= P99_MS_MAX:
        yield f"p99 {_ms(verdict.fault_p99_ms)} ms, under {P99_MS_MAX:.0f} promised"
    if scenario.limits_rate and verdict.primary_share > PRIMARY_SHARE_MAX:
        yield f"{verdict.primary_share:.1%} reached the limiting primary, {PRIMARY_SHARE_MAX:.1%} allowed"
    if verdict.upstream_per_new_call > UPSTREAM_PER_CALL_MAX:
        yield f"{verdict.upstream_per_new_call:.2f} requests per call, {UPSTREAM_PER_CALL_MAX} allowed"
    if verdict.back_share is None or verdict.back_share < BACK_SHARE:
        yield f"{verdict.back_share or 0:.0%} of the traffic is back, {BACK_SHARE:.0%} promised"


def beaten_by(ours: Verdict, peers: Mapping[str, Verdict]) -> Iterator[str]:
    """The peers that did better in this scenario."""
    for name, peer in peers.items():
        if peer.bad < ours.bad:
            yield f"{name} ({peer.bad} bad, ours {ours.bad})"
        elif peer.bad == ours.bad and _tail(peer) + NOISE_MS < _tail(ours):
            yield f"{name} (p99 {_ms(peer.fault_p99_ms)} ms, ours {_ms(ours.fault_p99_ms)})"


def faults(found: Verdicts) -> list[str]:
    """Everything ours must answer for, one line each."""
    lines: list[str] = []
    for scenario in SCENARIOS:
        row = found.get(scenario.name, {})
        if OURS.name not in row:
            continue
        ours = row[OURS.name]
        peers = {name: verdict for name, verdict in row.items() if name != OURS.name}
        lines += [f"{scenario.name}: {line}" for line in missed(scenario, ours)]
        lines += [f"{scenario.name}: beaten by {line}" for line in beaten_by(ours, peers)]
    return lines


def show(found: Verdicts) -> None:
    """Print a table per scenario and what ours misses."""
    console = Console(stderr=True, width=WIDTH)
    for scenario in SCENARIOS:
        if row := found.get(scenario.name):
            console.print(_table(scenario, row))
    for line in faults(found) or ["ours holds every target, and no peer was better"]:
        console.print(line, highlight=False)


def _table(scenario: Scenario, row: Mapping[str, Verdict]) -> Table:
    table = Table(title=f"{scenario.name}: {scenario.title}", title_justify="left")
    heads = (
        "errors",
        "stale",
        "backward",
        "foreign",
        "p50",
        "p99",
        "max ms",
        "slow",
        "on A",
        "asked",
        "back",
        "well s",
    )
    table.add_column("client")
    for head in heads:
        table.add_column(head, justify="right")
    for candidate in FAILING_OVER:
        if verdict := row.get(candidate.name):
            table.add_row(candidate.title, *_cells(verdict))
    return table


def _cells(verdict: Verdict) -> tuple[str, ...]:
    back = "–" if verdict.back_share is None else f"{verdict.back_share:.0%}"
    return (
        *(str(count) for count in (verdict.errors, verdict.stale, verdict.backward, verdict.foreign)),
        *(_ms(value) for value in (verdict.fault_p50_ms, verdict.fault_p99_ms, verdict.fault_max_ms)),
        str(verdict.slow),
        f"{verdict.primary_share:.1%}",
        f"{verdict.upstream_per_call:.2f}",
        back,
        f"{verdict.healthy_after_s:.1f}",
    )


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _tail(verdict: Verdict) -> float:
    return float("inf") if verdict.fault_p99_ms is None else verdict.fault_p99_ms
