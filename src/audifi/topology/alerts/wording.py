"""Write an alert in a few lines: what all alerts share.

Between: the other files of this folder.
Units: the caller says seconds of production; the pace of the environment divides them.
Invariant: a threshold is taken from a promise or a setting, never typed again; `amount` fails when there is none.
Errors: KeyError for a promise that does not exist or has no number.
"""

from typing import Final

from audifi.topology.model.observe import AlertRule
from audifi.topology.model.whole import Topology

CRITICAL: Final = "critical"
WARNING: Final = "warning"
INFO: Final = "info"
REACHABLE: Final = "pod:reachable"  # recorded: see topology.alerts.RECORDED
TABLE: Final = "domain.md 6.4"


def amount(topology: Topology, promise: str) -> float:
    """The number a promise is held to."""
    for each in topology.promises:
        if each.name == promise and each.budget is not None:
            return each.budget.amount
    raise KeyError(f"there is no promise {promise!r} with a number")


def paced_s(topology: Topology, seconds: float) -> int:
    """So many seconds of production, here."""
    return max(1, round(seconds / topology.watching.pace))


def window(topology: Topology, seconds: float) -> str:
    """A range for rate(): never shorter than four samples, or one late scrape would leave it empty."""
    (interval_s,) = [signal.interval_s for signal in topology.telemetry if signal.signal == "metrics"]
    return f"{max(paced_s(topology, seconds), 4 * (interval_s or 1))}s"


def fewer(what: str, than: float, component: str) -> str:
    """Fewer than so many, none included; not before the component was first asked, or every start would be an alert."""
    return f'(({what} or vector(0)) < {than:g}) and on () count(up{{component="{component}"}})'


def alert(
    topology: Topology,
    name: str,
    severity: str,
    summary: str,
    expression: str,
    *,
    after_s: float,
    runbook: str,
    component: str = "",
    promise: str = "",
    is_symptom: bool = False,
    source: str = TABLE,
) -> AlertRule:
    """One rule; without a component it is about the one that its series name."""
    return AlertRule(
        name=name,
        severity=severity,
        summary=summary,
        expression=" ".join(expression.split()),
        for_s=paced_s(topology, after_s),
        component=component,
        runbook=runbook,
        promise=promise,
        is_symptom=is_symptom,
        source=source,
    )
