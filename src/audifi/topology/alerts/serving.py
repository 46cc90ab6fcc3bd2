"""Alert when pods are gone and when clients feel it.

Between: topology.alerts.
Shape: causes name what is broken; symptoms name what clients feel, and may accompany any fault.
Errors: none.
Source: domain.md 6.4 (rules, SLOs); burn rates: https://sre.google/workbook/alerting-on-slos/ (table 5-8).
"""

from typing import Final

from audifi.topology.alerts.wording import CRITICAL, INFO, REACHABLE, WARNING, alert, window
from audifi.topology.model.compute import Kind
from audifi.topology.model.observe import AlertRule
from audifi.topology.model.whole import Topology
from audifi.wire import metrics

OURS: Final = frozenset({Kind.GATEWAY, Kind.SERVICE, Kind.WORKER})
ERRORS_MAX: Final = 0.05
LATENCY_MAX_S: Final = 2
CONNECTS_MAX: Final = 100
OBJECTIVE: Final = 0.999  # API availability over 30 days. Source: domain.md 6.4, SLOs
FAST_BURN: Final = 14.4  # a thirtieth of a month's budget in an hour is 2 %: page
SLOW_BURN: Final = 6.0
MINUTE: Final = 60
HOUR: Final = 3600


def rules(topology: Topology) -> tuple[AlertRule, ...]:
    return (*_pods(topology), *_clients(topology), *_live(topology))


def _pods(t: Topology) -> tuple[AlertRule, ...]:
    ours = "|".join(component.name for component in t.components if component.kind in OURS)
    return (
        alert(
            t,
            "TargetDown",
            CRITICAL,
            "{{ $labels.pod }} does not answer",
            f'{REACHABLE}{{component=~"{ours}"}} == 0',
            after_s=MINUTE,
            runbook="pods",
        ),
        alert(
            t,
            "ComponentDown",
            CRITICAL,
            "no pod of {{ $labels.component }} answers",
            f"sum by (component) ({REACHABLE}) == 0",
            after_s=MINUTE / 2,
            runbook="pods",
            source="domain.md 6.4: replica set none ready; a store without its replica: architecture.md 4",
        ),
        alert(
            t,
            "ProcessStarted",
            INFO,
            "{{ $labels.pod }} was started anew",
            f'changes(process_start_time_seconds{{component=~"{ours}"}}[{window(t, 5 * MINUTE)}]) > 0',
            after_s=1,
            runbook="pods",
            is_symptom=True,
        ),
    )


def _clients(t: Topology) -> tuple[AlertRule, ...]:
    fast, slow = (f"{burn * (1 - OBJECTIVE):g}" for burn in (FAST_BURN, SLOW_BURN))
    short, half, hour = (_failing(t, seconds) for seconds in (5 * MINUTE, HOUR / 2, HOUR))
    return (
        alert(
            t,
            "PublicUnreachable",
            CRITICAL,
            "https://{{ $labels.pod }} does not answer as it should",
            'probe_success{component="edge"} == 0',
            after_s=MINUTE,
            component="edge",
            runbook="unreachable",
            is_symptom=True,
            source="domain.md 6.6: API health every 30 s, two failures alert",
        ),
        alert(
            t,
            "ErrorRatioHigh",
            CRITICAL,
            "{{ $value | humanizePercentage }} of requests end in 5xx",
            f"{short} > {ERRORS_MAX}",
            after_s=2 * MINUTE,
            component="api-gateway",
            runbook="errors",
            is_symptom=True,
        ),
        alert(
            t,
            "ErrorBudgetBurnsFast",
            CRITICAL,
            "at {{ $value | humanizePercentage }} failing, the month's error budget is gone in two days",
            f"({hour} > {fast}) and ({short} > {fast})",
            after_s=2 * MINUTE,
            component="api-gateway",
            runbook="errors",
            is_symptom=True,
            source="domain.md 6.4: API availability 99.9 %/30 d, burn-rate alerts",
        ),
        alert(
            t,
            "ErrorBudgetBurnsSlowly",
            WARNING,
            "at {{ $value | humanizePercentage }} failing, the month's error budget is gone in five days",
            f"({_failing(t, 6 * HOUR)} > {slow}) and ({half} > {slow})",
            after_s=15 * MINUTE,
            component="api-gateway",
            runbook="errors",
            is_symptom=True,
            source="domain.md 6.4: API availability 99.9 %/30 d, burn-rate alerts",
        ),
        alert(
            t,
            "LatencyHigh",
            WARNING,
            "a twentieth of requests to {{ $labels.component }} takes over {{ $value | humanizeDuration }}",
            f"""histogram_quantile(0.95, sum by (component, le) (
                rate({metrics.HTTP_DURATION.name}_bucket[{window(t, 5 * MINUTE)}]))) > {LATENCY_MAX_S}""",
            after_s=5 * MINUTE,
            runbook="latency",
            is_symptom=True,
        ),
    )


def _failing(t: Topology, seconds: float) -> str:
    """The share of requests at the gateways that ended in 5xx."""
    prefix, over = 'component="api-gateway",envoy_http_conn_manager_prefix!="admin"', window(t, seconds)
    all_ = f"sum(rate(envoy_http_downstream_rq_xx{{{prefix}}}[{over}]))"
    failed = f'sum(rate(envoy_http_downstream_rq_xx{{{prefix},envoy_response_code_class="5"}}[{over}]))'
    return f"{failed} / {all_}"


def _live(t: Topology) -> tuple[AlertRule, ...]:
    return (
        alert(
            t,
            "ConnectRateHigh",
            WARNING,
            "{{ $value | humanize }} WebSocket connections are opened per second",
            f"sum(rate({metrics.WS_CONNECTIONS.name}[{window(t, 5 * MINUTE)}])) > {CONNECTS_MAX}",
            after_s=5 * MINUTE,
            component="ws-gateway",
            runbook="websocket",
            is_symptom=True,
        ),
    )
