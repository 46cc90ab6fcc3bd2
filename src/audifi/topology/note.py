"""Carry one finding about a topology to whoever decides.

Between: topology.rules (yield notes), topology.audit (collects and sorts them), cli.check (prints them).
Invariant: a note says what is wrong, where, and what to do; `resolved` says what was done about a fault of the design.
Errors: none.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from audifi.topology.model.whole import Topology


class Severity(StrEnum):
    """How bad it is, worst first. Only an error stops a render and makes `audifi check` exit 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A finding."""

    severity: Severity
    component: str
    reason: str
    remedy: str
    rule: str


Rule = Callable[[Topology], Iterator[Note]]


def error(rule: str, component: str, reason: str, remedy: str) -> Note:
    """A finding that must be mended before anything is rendered."""
    return Note(severity=Severity.ERROR, component=component, reason=reason, remedy=remedy, rule=rule)


def warning(rule: str, component: str, reason: str, remedy: str) -> Note:
    """A finding that should be mended."""
    return Note(severity=Severity.WARNING, component=component, reason=reason, remedy=remedy, rule=rule)
