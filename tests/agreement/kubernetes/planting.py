"""Plant one fault in a copy of the real set, and ask one rule about it.

Between: the real rendered production set, or the first option that has the kind, and the tests that plant faults.
Invariant: the rule finds nothing before; what it finds afterwards is the plant.
Errors: AssertionError if no set has anything to plant in.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from audifi.targets.kubernetes import lint
from audifi.targets.kubernetes.reading import Objects, dig
from audifi.topology.declaration import platform

type_of_document = dict[str, Any]
Change = Callable[[type_of_document], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing made wrong in the first object of that kind (and name), and the words that must name it."""

    rule: str
    kind: str
    change: Change
    words: str
    name: str = "*"  # as a shell matches names

    def __str__(self) -> str:
        """Name the case of a test."""
        return f"{self.rule}: {self.words}"


def found(documents: list[type_of_document], rule: str) -> list[str]:
    """What a rule says is wrong with a set."""
    look = next(each.look for each in lint.RULES if each.name == rule)
    return [f"{place}: {wrong}" for place, wrong in look(Objects(documents), platform("production")) if wrong]


def planted(variants: dict[str, list[type_of_document]], fault: Fault) -> list[str]:
    """What the rule says of the set with the fault in it, and did not say before."""
    for documents in variants.values():
        for position, each in enumerate(documents):
            if each["kind"] == fault.kind and fnmatch(dig(each, "metadata.name"), fault.name):
                changed = copy.deepcopy(each)
                fault.change(changed)
                before = found(documents, fault.rule)
                after = found([*documents[:position], changed, *documents[position + 1 :]], fault.rule)
                return [each for each in after if each not in before]
    raise AssertionError(f"no set has a {fault.kind} {fault.name}: nothing to plant in")


def pod(document: type_of_document) -> type_of_document:
    """The pod's spec in a workload."""
    return document["spec"]["template"]["spec"]


def container(document: type_of_document) -> type_of_document:
    """The first container in a workload."""
    return pod(document)["containers"][0]
