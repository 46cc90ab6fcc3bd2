"""Say what can be true or false about the platform, once, so that one word carries settings, alerts and proofs.

Between: topology.promises (the list), topology.audit (completeness), drills and `audifi prove` (the ledger).
Invariant: a proof has three outcomes, holds, broken and unproven; only the first is green. What nothing here can show
says what will show it (`awaits`) and stays unproven.
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


class Proof(StrEnum):
    """Who proves it; a drill is named as "drill postgres-primary-killed"."""

    PROBE = "probe"  # of the promise's own name, on the running platform
    DECLARATION = "declaration"  # the sentence is about what is declared, and about nothing that runs
    CLUSTER = "cluster"  # nothing here can
    PROVIDER = "provider"  # nothing here can
    LATER = "later"  # a later part of this repository


DRILL = "drill "


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """A sentence of the design that can be true or false."""

    name: str
    sentence: str  # quoted
    kind: PromiseKind
    component: str
    budget: Budget | None  # None is refused by the audit
    proof: str  # one of Proof, or DRILL and its name
    awaits: str = ""  # what will show it, or the rest of it, where nothing here can
    fault: str = ""  # what happens to the component: process-killed | node-lost | restore | …
    source: str

    @property
    def is_declared(self) -> bool:
        """Whether the declaration has a number of its own to compare with (tests/unit/topology/test_promises.py)."""
        return self.kind in {PromiseKind.COUNT, PromiseKind.CONFIGURATION, PromiseKind.RETENTION}
