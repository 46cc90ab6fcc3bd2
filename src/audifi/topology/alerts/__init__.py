"""List every alert: when somebody is told, how loudly, and which page says what to do.

Between: targets.prometheus (renders them), targets.alerting (routes by severity), drills.alerts (listens for them),
cli.alerts (prints them), docs/runbooks (a page for each).
Shape: ≤ 60 rules in five files by what they are about; `rules(topology)` computes them, so that thresholds follow the
environment's promises and settings.
Units: seconds, with the pace of the environment applied.
Invariant: pure; names are unique and stable, drills and runbooks refer to them.
Errors: KeyError for a name that no rule has.
Source: domain.md 6.4; what promises need beyond it says so.
"""

from typing import Final

from audifi.topology.alerts import databases, keeping, outside, serving
from audifi.topology.alerts.wording import REACHABLE
from audifi.topology.model.observe import AlertRoute, AlertRule
from audifi.topology.model.whole import Topology

# An exporter that answers is not yet a server that answers: what it says of the server goes first.
RECORDED: Final = ((REACHABLE, "probe_success or redis_up or up"),)

SYMPTOMS_EVERY: Final = 5  # evaluations: what clients feel is asked over minutes
DELIVERY_S: Final = 3.0  # Alertmanager's and the receiver's own time, and one late scrape, on a busy machine


def rules(topology: Topology) -> tuple[AlertRule, ...]:
    """Every rule of this environment, in the order of the runbooks' index."""
    return (
        *serving.rules(topology),
        *databases.rules(topology),
        *outside.rules(topology),
        *keeping.rules(topology),
    )


def rule(topology: Topology, name: str) -> AlertRule:
    """The rule of that name."""
    known = {each.name: each for each in rules(topology)}
    if name not in known:
        raise KeyError(f"there is no alert {name!r}; there are {', '.join(known)}")
    return known[name]


def route(topology: Topology, severity: str) -> AlertRoute:
    """Whom a severity reaches, and how soon."""
    (found,) = [each for each in topology.alert_routes if each.severity == severity]
    return found


def reaches_within_s(topology: Topology, name: str) -> float:
    """How long after its cause an alert must be at its receiver: seen, judged, waited for, grouped, sent."""
    found = rule(topology, name)
    (interval_s,) = [signal.interval_s for signal in topology.telemetry if signal.signal == "metrics"]
    judged_s = topology.watching.evaluate_s * (SYMPTOMS_EVERY if found.is_symptom else 1)
    looks_s = 2 * (interval_s or 0) + 2 * judged_s
    return looks_s + found.for_s + route(topology, found.severity).group_wait_s + DELIVERY_S
