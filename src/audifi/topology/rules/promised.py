"""Judge the promises themselves: each has a number, a proof, a component and a name of its own.

Between: topology.audit (runs RULES).
Errors: none; findings are notes.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from audifi.topology.model.promise import UNPROVEN
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Rule, Severity, error


def promises_can_fail(topology: Topology) -> Iterator[Note]:
    """A sentence without a number cannot be false, and one without a proof is not yet true (architecture.md 1)."""
    known = {component.name for component in topology.components}
    for promise in topology.promises:
        if promise.budget is None:
            yield error(
                "promise-budget",
                promise.component,
                f"{promise.name} has no number to hold it to",
                "give it a budget with its unit",
            )
        if not promise.proof:
            yield error(
                "promise-proof",
                promise.component,
                f"{promise.name} names no proof",
                f"name a drill or test, or {UNPROVEN!r}",
            )
        if promise.component not in known:
            reason = f"{promise.name} is about {promise.component}, which does not exist"
            yield error("promise-component", promise.component, reason, "name a declared component")
    for name, count in Counter(promise.name for promise in topology.promises).items():
        if count > 1:
            yield error("promise-duplicate", name, f"{count} promises have this name", "rename all but one")


def proofs_to_come(topology: Topology) -> Iterator[Note]:
    """Say openly how much is not proven yet."""
    unproven = [promise.name for promise in topology.promises if promise.proof == UNPROVEN]
    if unproven:
        yield Note(
            severity=Severity.INFO,
            component="platform",
            reason=f"{len(unproven)} of {len(topology.promises)} promises are {UNPROVEN}",
            remedy="write their drills; until then `audifi prove` does not count them as holding",
            rule="promise-unproven",
        )


RULES: Final[tuple[Rule, ...]] = (promises_can_fail, proofs_to_come)
