"""Say what a probe is: one promise without a fault, measured on the running platform from outside.

Between: the other files of this folder (declare probes), drills.probes.runs (takes them) and drills.ledger (judges).
Shape: ≤ 150 probes, each ≤ 5 s unless it says that it is slow. A probe is taken as it is, which must hold, and under
sabotage, which must not: a probe that holds without its protection measures nothing.
Units: `measure` answers in the unit of the promise's budget; 1 where the unit is "so" and the sentence is true.
Invariant: the amount comes from what answers (a header, a handshake, a catalogue of the server), never from the
declaration: what is declared is compared with the promise by tests/unit/topology/test_promises.py already.
Errors: measure raises Mismatch, TimedOut, Problem, LocalError or OSError when it gets no amount; that is not a verdict.
Source: architecture.md section 1; docs/decisions (what counts as proven).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from audifi.drills.drill import Deed
from audifi.drills.journey.stage import Stage

Measure = Callable[[Stage], Awaitable[float]]


@dataclass(frozen=True, kw_only=True)
class Weakened:
    """The protection taken away: for real by a deed, or by taking the measure where it does not protect."""

    removes: str  # "asked past the edge, which adds the header"
    deed: Deed | None = None
    measure: Measure | None = None  # None: the same measure, while the deed lasts


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One promise, measured."""

    name: str  # of the promise
    measure: Measure
    sabotage: Weakened
    is_quick: bool = True  # False: takes longer than 5 s, and is left out of `prove --quick`
