"""Record every attempt of a workload as the client saw it, so that it can be judged afterwards.

Between: drills.workloads (writes while it runs) and drills.checks (judges, pure).
Shape: ≤ 100,000 attempts a run, in the order of their start. An attempt that was never answered, or was answered in a
way that leaves open whether it took effect, is UNKNOWN: it may be found later and may be missing.
Units: *_us microseconds since the epoch (one clock: the client's).
Invariant: open loop: `due_us` is when the plan wanted it, and delays are counted from there, so that a platform that
stands still cannot slow the asking and look fast (coordinated omission).
Errors: none.
Source: the shape of Jepsen's histories (invoke, ok, fail, info); issue 6.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Ended(StrEnum):
    """What the client knows."""

    OK = "ok"  # acknowledged
    FAILED = "failed"  # refused or unavailable, and certainly without effect
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One thing that a client tried."""

    kind: str  # "write" | "read" | "buy" | …
    key: str  # what it was about: reads and writes of one key are compared
    due_us: int
    started_us: int
    ended_us: int
    ended: Ended
    value: str = ""  # written, or read; "" when a read found nothing
    reason: str = ""  # of a failure: "503 SERVICE_UNAVAILABLE", "connection reset"
    tries: int = 1  # of the client's own: retries of one attempt


@dataclass
class History:
    """What one run's clients saw."""

    attempts: list[Attempt] = field(default_factory=list[Attempt])
    found: dict[str, list[str]] = field(
        default_factory=dict[str, list[str]]
    )  # key → values there at the end, all of them

    def of(self, kind: str) -> Iterable[Attempt]:
        """The attempts of one kind, in the order of their start."""
        return (attempt for attempt in self.attempts if attempt.kind == kind)
