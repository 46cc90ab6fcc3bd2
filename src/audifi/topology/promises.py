"""List every sentence of the design that can be true or false, with the number that decides.

Between: topology.declaration (includes it), topology.audit (each has a number and a proof), drills and
`audifi prove` (measure it), targets (alert thresholds).
Shape: ≤ 150 promises, in the order of the design; names are unique and stable: drills and runbooks refer to them.
Invariant: written once: an alert's threshold and a drill's pass line are this number.
Errors: none.
Source: design.md; numbers it leaves open: architecture.md 4, 7, domain.md 7.
"""

from collections.abc import Iterable
from dataclasses import replace

from audifi.topology.model.promise import Budget, Comparison, Promise
from audifi.topology.sentences import front, inside, keeping, watching

PROMISES: tuple[Promise, ...] = (*front.PROMISES, *inside.PROMISES, *watching.PROMISES, *keeping.PROMISES)

# On one machine Patroni's lease decides, not Kubernetes' node monitoring: 20 s and the promotion.
LOCAL_NODE_LOST_S = 30


def on_one_machine(promises: Iterable[Promise]) -> tuple[Promise, ...]:
    """The same promises with the numbers that Patroni's lease allows. Source: architecture.md 7 (whole node ≤ 30 s)."""
    budget = Budget(comparison=Comparison.AT_MOST, amount=LOCAL_NODE_LOST_S, unit="s")
    return tuple(
        replace(promise, budget=budget, source="architecture.md 7: whole node lost ≤ 30 s")
        if promise.name == "postgres-node"
        else promise
        for promise in promises
    )
