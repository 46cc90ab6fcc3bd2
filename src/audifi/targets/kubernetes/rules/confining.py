"""Who may speak to whom: the policies of the set, evaluated, are the links of the topology and nothing else.

Between: reach.py (evaluates) and lint.py.
Invariant: an arrow that is declared and cut is as wrong as one that is open and undeclared.
Errors: none.
Source: shared/kubernetes.md, acceptance checklist, Network and Namespace; architecture.md 3 ("a link nobody declared
does not exist").
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Final

from audifi.targets.kubernetes import reach
from audifi.targets.kubernetes.reading import Objects, dig, many, mapping, where
from audifi.targets.kubernetes.rules.rule import Rule, Seen
from audifi.topology import operators
from audifi.topology.model.whole import Topology

LEVEL: Final = "pod-security.kubernetes.io/"
TRACKED: Final = ("ResourceQuota", "LimitRange")


def links_open(objects: Objects, topology: Topology) -> Iterator[Seen]:
    """Every arrow of the topology passes; none other does."""
    allowed, declared = reach.allowed(objects, topology), reach.declared(topology)
    for arrow in sorted(declared):
        yield str(arrow), "" if arrow in allowed else "is declared, and the policies cut it"
    for arrow in sorted(allowed - declared):
        if not _is_declared_by_address(arrow, declared):
            yield str(arrow), "is open, and nothing declares it"


def _is_declared_by_address(arrow: reach.Arrow, declared: frozenset[reach.Arrow]) -> bool:
    """The CDN's addresses are addresses of the internet; pods that are no components have private addresses."""
    wide = {reach.EDGE: reach.INTERNET, **{each.name: reach.PRIVATE for each in operators.OUTSIDERS}}
    ends = [(each, wide.get(each, each)) for each in (arrow.source, arrow.target)]
    return any(replace(arrow, source=source, target=target) in declared for source, target in product(*ends))


def namespaces_closed(objects: Objects, _topology: Topology) -> Iterator[Seen]:
    """Restricted, at a pinned version; closed both ways; with a quota and limits."""
    for space in objects.of("Namespace"):
        name, labels = dig(space, "metadata.name"), mapping(space, "metadata.labels")
        loose = [mode for mode in ("enforce", "audit", "warn") if _loose(labels, mode)]
        wrong = [f"{mode} is {labels.get(LEVEL + mode)}" for mode in loose]
        closed = [
            policy
            for policy in objects.of("NetworkPolicy")
            if dig(policy, "metadata.namespace") == name and dig(policy, "spec.podSelector") == {}
            if {*policy["spec"].get("policyTypes", [])} == {"Ingress", "Egress"}
            if not many(policy, "spec.ingress") and not many(policy, "spec.egress")
        ]
        wrong += [] if closed else ["no policy denies everything by default"]
        there = {each["kind"] for each in objects.of(*TRACKED) if dig(each, "metadata.namespace") == name}
        wrong += [f"no {kind}" for kind in TRACKED if kind not in there]
        yield where(space), "; ".join(wrong)


def _loose(labels: dict[str, object], mode: str) -> bool:
    version = str(labels.get(f"{LEVEL}{mode}-version", "latest"))
    return labels.get(LEVEL + mode) != "restricted" or version == "latest"


RULES: Final = (
    Rule(
        name="policies-are-links",
        says="The NetworkPolicies, evaluated, let through the topology's links and operators' accesses, nothing else",
        remedy="declare the link, or mend policies.py",
        look=links_open,
    ),
    Rule(
        name="namespace-closed",
        says="Every namespace enforces `restricted` at a pinned version, denies by default, has quota and limits",
        remedy="take the namespace from namespaces.py",
        look=namespaces_closed,
    ),
)
