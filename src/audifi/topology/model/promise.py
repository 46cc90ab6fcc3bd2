"""Say what can be true or false about the platform, once, so that one word carries settings, alerts and proofs.

Between: topology.promises (the list), topology.audit (completeness), drills and `audifi prove` (the ledger).
Invariant: a proof has three outcomes, holds, broken and unproven; only the first is green.
Errors: none.
"""

from dataclasses import dataclass
from enum import StrEnum


class PromiseKind(StrEnum):
    """What sort of sentence it is."""

    COUNT = "count"
    CONFIGURATION = "configuration"
    BEHAVIOUR = "behaviour"
    RECOVERY_TIME = "recovery-time"
    RECOVERY_POINT = "recovery-point"
    RETENTION = "retention"


class Comparison(StrEnum):
    """How what is measured compares with the amount for the promise to hold."""

    EQUAL = "="
    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """The number with its unit that decides."""

    comparison: Comparison
    amount: float
    unit: str  # s | days | pods | nodes | records lost | failures | …

    def __str__(self) -> str:
        """For tables: "≤ 900 s"."""
        return f"{self.comparison} {self.amount:g} {self.unit}"


UNPROVEN = "unproven until part E"


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """A sentence of the design that can be true or false."""

    name: str
    sentence: str  # quoted
    kind: PromiseKind
    component: str
    budget: Budget | None  # None is refused by the audit
    proof: str  # a drill or test by name, or UNPROVEN
    fault: str = ""  # what happens to the component: process-killed | node-lost | restore | …
    source: str
