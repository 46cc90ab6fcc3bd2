"""Say what is measured, logged and traced, for how long, and whom an alert reaches.

Between: topology.telemetry (fills it), targets.{prometheus,grafana,alerting} (render it), topology.audit.
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
