"""Write rules.yml: what is recorded, and every alert with its severity, page and runbook.

Between: topology.alerts and Prometheus (`rule_files`).
Shape: a group each for what is recorded, for causes and for symptoms (they ask long ranges, less often); labels
`severity` and, where the series name none, `component`; annotations `summary`, `runbook` and `promise`.
Units: seconds.
Errors: none.
Source: https://prometheus.io/docs/prometheus/2.42/configuration/alerting_rules/
"""

from collections.abc import Iterable
from typing import Any, Final

import yaml

from audifi.topology.alerts import RECORDED, SYMPTOMS_EVERY
from audifi.topology.model.observe import AlertRule

RUNBOOKS: Final = "docs/runbooks"


def render(rules: Iterable[AlertRule], *, evaluate_s: int) -> str:
    """rules.yml."""
    recorded = [{"record": name, "expr": expression} for name, expression in RECORDED]
    told = list(rules)
    groups = [
        {"name": "recorded", "interval": f"{evaluate_s}s", "rules": recorded},
        {
            "name": "causes",
            "interval": f"{evaluate_s}s",
            "rules": [_rule(each) for each in told if not each.is_symptom],
        },
        {
            "name": "symptoms",
            "interval": f"{SYMPTOMS_EVERY * evaluate_s}s",
            "rules": [_rule(each) for each in told if each.is_symptom],
        },
    ]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, width=120)


def _rule(rule: AlertRule) -> dict[str, Any]:
    labels = {"severity": rule.severity, **({"component": rule.component} if rule.component else {})}
    annotations = {"summary": rule.summary, "runbook": f"{RUNBOOKS}/{rule.runbook}.md"}
    if rule.promise:
        annotations["promise"] = rule.promise
    return {
        "alert": rule.name,
        "expr": rule.expression,
        "for": f"{rule.for_s}s",
        "labels": labels,
        "annotations": annotations,
    }
