"""What watches: monitors whose times fit, and alerts that tell a person what to do.

Between: lint.py and the rendered set. That expressions parse and fire is promtool's to say (tests/unit/targets).
Units: durations as Prometheus writes them, in whole seconds, minutes or hours.
Errors: none.
Source: shared/kubernetes.md, acceptance checklist, Observability; Prometheus documentation, scrape_config
(scrape_timeout may not be greater than scrape_interval).
"""

import re
from collections.abc import Iterator
from typing import Final

from audifi.targets.kubernetes.documents import Json
from audifi.targets.kubernetes.reading import Objects, many, mapping, where
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology.model.whole import Topology

SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_DURATION: Final = re.compile(r"([0-9]+)([smh])")


def _seconds(duration: object) -> int:
    return sum(int(number) * SECONDS[unit] for number, unit in _DURATION.findall(str(duration or "")))


def monitors_timed(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """A scrape that may last longer than the interval is refused by Prometheus with all others."""
    for monitor in objects.of("ServiceMonitor", "PodMonitor"):
        for end in [*many(monitor, "spec.endpoints"), *many(monitor, "spec.podMetricsEndpoints")]:
            interval_s, timeout_s = _seconds(end.get("interval")), _seconds(end.get("scrapeTimeout"))
            fits = interval_s and timeout_s <= interval_s
            yield where(monitor), "" if fits else f"asks for {timeout_s} s every {interval_s} s"


def alerts_told(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """How bad, what to do, and how long it has been so."""
    for rules in objects.of("PrometheusRule"):
        for alert in _alerts(rules):
            wrong = [] if mapping(alert, "labels").get("severity") else ["no severity"]
            wrong += [] if mapping(alert, "annotations").get("runbook_url") else ["no runbook_url"]
            wrong += [] if "for" in alert else ["no `for`"]
            yield f"{where(rules)} [{alert['alert']}]", ", ".join(wrong)


def _alerts(rules: Json) -> list[Json]:
    return [each for group in many(rules, "spec.groups") for each in many(group, "rules") if "alert" in each]


RULES: Final = (
    Rule(
        name="monitor-timed",
        says="Every monitor's time-out is within its interval",
        remedy="take both from the topology's Telemetry",
        look=monitors_timed,
    ),
    Rule(
        name="alert-told",
        says="Every alert has a severity, a runbook and a time it must last",
        remedy="mend the Alert in topology/alerts/",
        look=alerts_told,
    ),
)
