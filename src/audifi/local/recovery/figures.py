"""Say how the backups are in Prometheus' words. Pure.

Between: recovery.keeping (facts), recovery.__main__ (`GET /metrics`), topology.alerts (what is late pages).
Shape: per kind, under the label `component`: last success, age and period, failures, damaged; one restore proven.
Units: seconds. The age is by the schedule's clock, which tests move; Prometheus' own `time()` does not follow it.
Invariant: a kind that has no backup yet has no age and no last success: `absent()` is not `0`.
Source: Prometheus text format 0.0.4; domain.md 6.2 (the first two names).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from audifi.wire.metrics import BACKUP_LAST_SUCCESS, BACKUP_RESTORE_VERIFIED

AGE: Final = "backup_age_s"
PERIOD: Final = "backup_period_s"
FAILURES: Final = "backup_failures_total"
DAMAGED: Final = "backup_damaged"

# name, type, help, fact
_FAMILIES: Final = (
    (BACKUP_LAST_SUCCESS.name, "gauge", BACKUP_LAST_SUCCESS.help, "last_success_s"),
    (AGE, "gauge", "How old the newest backup is.", "age_s"),
    (PERIOD, "gauge", "How often the schedule wants one.", "period_s"),
    (FAILURES, "counter", "Backups that could not be made.", "failures"),
    (DAMAGED, "gauge", "Backups that the last verification could not read.", "damaged"),
)


def exposition(facts: Sequence[Mapping[str, Any]]) -> str:
    """Everything known, as text."""
    lines: list[str] = []
    for name, kind, text, fact in _FAMILIES:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        values = ((each["kind"], each[fact]) for each in facts)
        lines += [f'{name}{{component="{component}"}} {value:.3f}' for component, value in values if value is not None]
    proven_s = max((each["restore_proven_at_s"] for each in facts), default=0.0)
    name = BACKUP_RESTORE_VERIFIED.name
    lines += [f"# HELP {name} {BACKUP_RESTORE_VERIFIED.help}", f"# TYPE {name} gauge"]
    if proven_s:
        lines.append(f"{name} {proven_s:.3f}")
    return "\n".join(lines) + "\n"
