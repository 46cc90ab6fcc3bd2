"""Say what is measured, logged and traced, for how long, and whom an alert reaches.

Between: topology.telemetry and topology.alerts (fill it), targets.{prometheus,grafana,alerting} (render it),
topology.audit.
Units: *_s seconds, *_days, *_minutes.
Errors: none.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Telemetry:
    """One of the three signals: where it goes and what the design wants from it."""

    signal: str  # metrics | logs | traces
    store: str  # component
    view: str  # component
    purposes: tuple[str, ...]
    retention_days: int
    interval_s: int | None = None
    sample_percent: int | None = None
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRoute:
    """Alerts of a severity go to a receiver."""

    severity: str
    receiver: str  # component
    group_wait_s: int
    repeat_s: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EscalationStep:
    """Who is told after how long without an answer."""

    after_minutes: int
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Escalation:
    """What happens when nobody answers."""

    product: str
    steps: tuple[EscalationStep, ...]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Watching:
    """How often rules are judged, and by how much the waiting of alerts is shortened."""

    evaluate_s: int
    pace: int  # durations of alerts are divided by it: 1 in a cluster, more where drills wait for them
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """Where a component shows its metrics."""

    component: str
    port: str
    path: str = "/metrics"
    params: tuple[tuple[str, str], ...] = ()
    through: str = ""  # an exporter that is asked for it: the target becomes its `target` parameter
    scheme: str = ""  # of that parameter: redis, tcp
    module: str = ""  # of the exporter


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """When somebody is told, how loudly, and what they do then."""

    name: str  # PostgresWithoutPrimary; drills and runbooks refer to it
    severity: str  # critical | warning | info
    summary: str  # one sentence with Prometheus' own templates: {{ $labels.pod }}
    expression: str  # PromQL; true while it is wrong
    for_s: int  # how long it must be wrong, with the pace applied
    component: str  # what it is about
    runbook: str  # a file of docs/runbooks, without .md
    promise: str = ""  # the promise that is in danger
    is_symptom: bool = False  # says what clients feel: may accompany any fault
    source: str
