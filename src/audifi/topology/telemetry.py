"""Declare what watches the platform: metrics, logs, traces, dashboards, and whom an alert reaches.

Between: topology.declaration (includes it), targets.{prometheus,grafana,alerting} (render it).
Units: days, seconds, minutes.
Errors: none.
Source: design.md "Monitoring & Observability"; domain.md 6.1, 6.6, 7 (severities); architecture.md 6.9.
"""

from audifi.topology.model.compute import Component, Kind, Port, Resources, Zone
from audifi.topology.model.observe import AlertRoute, Escalation, EscalationStep, Telemetry, Watching
from audifi.topology.shapes import accepts, availability, image

STACK = "design.md, Stack"


def _component(  # keyword-only: what differs between them
    name: str,
    purpose: str,
    ports: tuple[Port, ...],
    *,
    replicas: int = 1,
    because: str = "",
    arrives_in: str = "part G",
) -> Component:
    return Component(
        name=name,
        kind=Kind.OBSERVABILITY,
        purpose=purpose,
        zone=Zone.PRIVATE,
        replicas=replicas,
        single_because=because,
        ports=ports,
        resources=Resources(
            cpu_request_m=100,
            memory_request_mib=512,
            memory_limit_mib=1024,
            storage_gib=50,
            source="decided here: components.md 4a measured 76 MB for Prometheus at rest",
        ),
        probes=accepts(ports[0].name, source="kubernetes.md 5"),
        availability=availability(),
        image=image(name),
        stateless=False,
        arrives_in=arrives_in,
        source=STACK,
    )


_LOSS = "its loss costs sight, not service; an absent() alert of the other side reports it"

COMPONENTS = (
    _component(
        "prometheus",
        "metrics of infrastructure and applications; alert rules",
        (Port(name="http", number=9090),),
        replicas=2,
        arrives_in="",
    ),
    _component(
        "alertmanager",
        "groups alerts and sends them on",
        (Port(name="http", number=9093),),
        replicas=2,
        arrives_in="",
    ),
    _component("grafana", "dashboards, log search, alert rules", (Port(name="http", number=3000),), because=_LOSS),
    _component("loki", "logs of everything, searchable", (Port(name="http", number=3100),), because=_LOSS),
    _component(
        "tempo",
        "distributed traces",
        (Port(name="http", number=3200), Port(name="otlp", number=4318)),
        because=_LOSS,
    ),
    _component(
        "blackbox-exporter",
        "asks from outside: public health, certificates, what has no metrics of its own",
        (Port(name="http", number=9115),),
        because=_LOSS,
        arrives_in="",
    ),
    _component(
        "collector", "takes every node's logs to Loki", (Port(name="http", number=12345),), because="one per node"
    ),
)

SIGNALS = (
    Telemetry(
        signal="metrics",
        store="prometheus",
        view="grafana",
        purposes=("Infrastructure metrics", "Application metrics", "Custom dashboards"),
        retention_days=15,
        interval_s=15,
        source=f"{STACK}: Prometheus + Grafana; domain.md 6.1 (15 s), 6.6 (15 d)",
    ),
    Telemetry(
        signal="logs",
        store="loki",
        view="grafana",
        purposes=("Centralized logs", "Log aggregation", "Alert rules"),
        retention_days=90,
        source=f"{STACK}: Loki + Grafana; domain.md 6.6 (ERROR 90 d, WARN 30 d, INFO 14 d)",
    ),
    Telemetry(
        signal="traces",
        store="tempo",
        view="grafana",
        purposes=("Distributed tracing", "Request flow visualization", "Performance analysis"),
        retention_days=7,
        sample_percent=10,
        source=f"{STACK}: Jaeger / Tempo; domain.md 6.6 (7 d); sampling decided here, errors always",
    ),
)

WATCHING = Watching(evaluate_s=15, pace=1, source="domain.md 6.1 (scrape and evaluate 15 s)")

# What one machine runs where the cluster has exporters beside each pod, and the kubelet.
LOCAL_COMPONENTS = (
    Component(
        name="redis-exporter",
        kind=Kind.OBSERVABILITY,
        purpose="asks every Redis for its figures (one beside each pod in the cluster)",
        zone=Zone.PRIVATE,
        replicas=1,
        single_because="it asks whoever it is told to; one machine needs one",
        ports=(Port(name="http", number=9121),),
        runs_locally=True,
        source="domain.md 5.3 (exporters: 9121)",
    ),
    Component(
        name="node-exporter",
        kind=Kind.OBSERVABILITY,
        purpose="says how full disks are (the kubelet's figures in the cluster)",
        zone=Zone.PRIVATE,
        replicas=1,
        single_because="one machine has one",
        ports=(Port(name="http", number=9100),),
        runs_locally=True,
        source="domain.md 5.3 (exporters: 9100)",
    ),
)

# Durations of production: minutes. A drill waits for seconds.
LOCAL_WATCHING = Watching(evaluate_s=2, pace=10, source="decided here: a drill lasts three minutes at most")
LOCAL_SCRAPE_S = 3  # every 2 s all that watches took 8.7 % of a core of a busy machine; every 3 s half of it

ALERT_ROUTES = (
    AlertRoute(severity="critical", receiver="pagerduty", group_wait_s=10, repeat_s=900, source="domain.md 6.1, 6.4"),
    AlertRoute(severity="warning", receiver="slack", group_wait_s=30, repeat_s=14_400, source="domain.md 6.1, 6.4"),
    AlertRoute(severity="info", receiver="slack", group_wait_s=300, repeat_s=86_400, source="domain.md 6.1, 6.4"),
)

ESCALATION = Escalation(
    product="PagerDuty escalation policy",
    steps=(
        EscalationStep(after_minutes=0, target="on-call, primary"),
        EscalationStep(after_minutes=15, target="on-call, secondary"),
        EscalationStep(after_minutes=30, target="engineering lead"),
    ),
    source=f"{STACK}: Alert escalation; domain.md 7 (P0: 15 min); architecture.md 6.9",
)
