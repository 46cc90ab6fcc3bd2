"""Promise what the design says about metrics, logs, traces and alerts.

Between: topology.promises. Units: each budget names its own.
Errors: none.
Source: design.md "Monitoring & Observability".
"""

from audifi.topology.model.promise import Proof
from audifi.topology.sentences.wording import behaves, configured

STACK = "design.md, Stack"
POLICY = "an escalation policy that nothing renders yet; PagerDuty carries it out"
FULL = "Grafana, Loki and Tempo run nowhere here yet; their values are rendered"

PROMISES = (
    configured("metrics", "Metrics: Prometheus + Grafana", "prometheus", source=STACK, proof=Proof.LATER, awaits=FULL),
    behaves(
        "metrics-infrastructure",
        "Infrastructure metrics",
        "prometheus",
        unit="stores without a target up",
        source=STACK,
        proof=Proof.PROBE,
    ),
    behaves(
        "metrics-application",
        "Application metrics",
        "prometheus",
        unit="pods of ours without a target up",
        source=STACK,
        proof=Proof.PROBE,
    ),
    behaves(
        "dashboards",
        "Custom dashboards",
        "grafana",
        unit="queries without data",
        source=STACK,
        proof=Proof.LATER,
        awaits=FULL,
    ),
    configured("logs", "Logging: Loki + Grafana", "loki", source=STACK, proof=Proof.LATER, awaits=FULL),
    behaves(
        "logs-central",
        "Centralized logs",
        "loki",
        unit="pods whose logs are not found",
        source=STACK,
        proof=Proof.LATER,
        awaits=FULL,
    ),
    behaves(
        "logs-aggregation",
        "Log aggregation",
        "loki",
        unit="requests whose lines cannot be joined by id",
        source=STACK,
        proof=Proof.LATER,
        awaits=FULL,
    ),
    behaves(
        "logs-alerts",
        "Alert rules",
        "loki",
        unit="planted lines that raised no alert",
        source=STACK,
        proof=Proof.LATER,
        awaits=FULL,
    ),
    configured("traces", "Tracing: Jaeger / Tempo", "tempo", source=STACK, proof=Proof.LATER, awaits=FULL),
    behaves(
        "traces-distributed",
        "Distributed tracing",
        "tempo",
        unit="hops missing from a request's trace",
        source=STACK,
        proof=Proof.LATER,
        awaits=FULL,
    ),
    behaves(
        "traces-flow",
        "Request flow visualization",
        "tempo",
        unit="services missing from the flow",
        source=STACK,
        proof=Proof.LATER,
        awaits=FULL,
    ),
    behaves(
        "traces-performance",
        "Performance analysis",
        "tempo",
        unit="spans without a duration",
        source=STACK,
        proof=Proof.LATER,
        awaits=FULL,
    ),
    configured("alerts", "Alerting: Grafana Alerting", "grafana", source=STACK, proof=Proof.LATER, awaits=FULL),
    configured("alerts-slack", "Slack notifications", "slack", source=STACK),
    configured("alerts-pagerduty", "PagerDuty integration", "pagerduty", source=STACK),
    behaves(
        "alerts-escalation",
        "Alert escalation",
        "pagerduty",
        unit="unanswered pages that reached one person",
        source=STACK,
        proof=Proof.LATER,
        awaits=POLICY,
    ),
)
