"""Write alertmanager.yml: a route and a receiver for each severity.

Between: topology.alert_routes and Alertmanager.
Shape: grouped by alert and component, so that a burning rack is one page; a page that is over says so by itself.
Units: seconds.
Invariant: no credential in it: the webhook's address and the routing key are files.
Errors: KeyError for a receiver that nobody wrote here.
Source: https://prometheus.io/docs/alerting/0.25/configuration/; domain.md 6.1 (channels).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from audifi.topology.model.observe import AlertRoute
from audifi.topology.model.whole import Topology

CHANNELS: Final = {"warning": "#audifi-alerts", "info": "#audifi-monitoring"}
GROUP_INTERVAL_S: Final = 30  # before a group that changed is told again
RESOLVE_AFTER_S: Final = 300  # an alert Prometheus no longer mentions is over
EVENTS_URL: Final = "https://events.pagerduty.com/v2/enqueue"
NAMED: Final = "{{ .CommonLabels.severity }}: {{ .CommonLabels.alertname }} ({{ .CommonLabels.component }})"
TITLE: Final = '{{ if eq .Status "resolved" }}resolved {{ end }}' + NAMED
LINES: Final = "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}\n{{ .Annotations.runbook }}\n{{ end }}"
# PagerDuty shows one line; what the first says of the group.
SUMMARY: Final = "{{ .CommonLabels.alertname }}: {{ (index .Alerts 0).Annotations.summary }}"


@dataclass(frozen=True, kw_only=True)
class Receivers:
    """Where receivers are, and the files that hold what lets us in."""

    slack_webhook_file: str
    pagerduty_key_file: str
    pagerduty_url: str = EVENTS_URL


def render(topology: Topology, receivers: Receivers) -> str:
    """alertmanager.yml."""
    first = topology.alert_routes[0]
    written = {
        "global": {"resolve_timeout": f"{_paced_s(topology, RESOLVE_AFTER_S)}s"},
        "route": {
            "receiver": first.severity,
            "group_by": ["alertname", "component"],
            "group_interval": f"{_paced_s(topology, GROUP_INTERVAL_S)}s",
            "routes": [_route(route) for route in topology.alert_routes],
        },
        "receivers": [_receiver(topology, route, receivers) for route in topology.alert_routes],
    }
    return yaml.safe_dump(written, sort_keys=False, width=120)


def _paced_s(topology: Topology, seconds: int) -> int:
    return max(1, seconds // topology.watching.pace)


def _route(route: AlertRoute) -> dict[str, Any]:
    return {
        "matchers": [f'severity="{route.severity}"'],
        "receiver": route.severity,
        "group_wait": f"{route.group_wait_s}s",
        "repeat_interval": f"{route.repeat_s}s",
    }


def _receiver(topology: Topology, route: AlertRoute, receivers: Receivers) -> dict[str, Any]:
    written: Mapping[str, Callable[[], dict[str, Any]]] = {
        "slack": lambda: {"slack_configs": [_slack(route, receivers)]},
        "pagerduty": lambda: {"pagerduty_configs": [_pagerduty(topology, route, receivers)]},
    }
    return {"name": route.severity, **written[route.receiver]()}


def _slack(route: AlertRoute, receivers: Receivers) -> dict[str, Any]:
    return {
        "api_url_file": receivers.slack_webhook_file,
        "channel": CHANNELS[route.severity],
        "send_resolved": True,
        "title": TITLE,
        "text": LINES,
    }


def _pagerduty(topology: Topology, route: AlertRoute, receivers: Receivers) -> dict[str, Any]:
    return {
        "routing_key_file": receivers.pagerduty_key_file,
        "url": receivers.pagerduty_url,
        "send_resolved": True,
        "severity": route.severity,
        "description": SUMMARY,
        "component": "{{ .CommonLabels.component }}",
        "class": "{{ .CommonLabels.alertname }}",
        "group": topology.environment,
        "details": {"runbook": "{{ (index .Alerts 0).Annotations.runbook }}", "firing": LINES},
    }
