"""Judge the promises themselves: each has a number, a proof, a component and a name of its own.

Between: topology.audit (runs RULES).
Errors: none; findings are notes.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from audifi.topology.model.promise import DRILL, Promise, Proof
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
        if not _is_proof(promise):
            yield error(
                "promise-proof",
                promise.component,
                f"{promise.name} names no proof: {promise.proof!r}, awaits {promise.awaits!r}",
                f"name one of {', '.join(Proof)} or {DRILL!r} and a name; what nothing here shows says what it awaits",
            )
        if promise.component not in known:
            reason = f"{promise.name} is about {promise.component}, which does not exist"
            yield error("promise-component", promise.component, reason, "name a declared component")
    for name, count in Counter(promise.name for promise in topology.promises).items():
        if count > 1:
            yield error("promise-duplicate", name, f"{count} promises have this name", "rename all but one")


def _is_proof(promise: Promise) -> bool:
    if promise.proof in {Proof.PROBE, Proof.DECLARATION}:
        return True
    return bool(promise.awaits if promise.proof in set(Proof) else promise.proof.removeprefix(DRILL) != promise.proof)


def proofs_to_come(topology: Topology) -> Iterator[Note]:
    """Say openly how much is not proven yet."""
    elsewhere = [promise.name for promise in topology.promises if promise.awaits and promise.proof in set(Proof)]
    if elsewhere:
        yield Note(
            severity=Severity.INFO,
            component="platform",
            reason=f"{len(elsewhere)} of {len(topology.promises)} promises wait for what is not here, or not all here",
            remedy="./audifi prove says what each of them awaits, and does not count it as holding",
            rule="promise-unproven",
        )


RULES: Final[tuple[Rule, ...]] = (promises_can_fail, proofs_to_come)
