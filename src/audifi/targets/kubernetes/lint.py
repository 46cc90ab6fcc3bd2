"""List what is wrong with a rendered Kubernetes set that no schema can see, before it is written.

Between: cli.render (refuses to write while there is an error), checklist.py (prints what was looked at),
tests/agreement/kubernetes (plants a fault for every rule).
Shape: documents and the topology they came from → one verdict per rule; `notes` are the faults among them.
Invariant: pure; a rule that looked at nothing in a whole set is itself a fault, because it proves nothing.
Errors: yaml.YAMLError for a file that is no YAML.
Source: shared/kubernetes.md: X01-X11 and P02-P06 pass every public validator, and most pass a real API server.
"""

from collections.abc import Iterable, Iterator
from typing import Final, cast

import yaml

from audifi.targets.files import File
from audifi.targets.kubernetes.documents import Json
from audifi.targets.kubernetes.reading import Objects
from audifi.targets.kubernetes.rules import confining, entering, meeting, pods, staying
from audifi.targets.kubernetes.rules.rule import Rule, Verdict
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, error

RULES: Final[tuple[Rule, ...]] = (
    *meeting.RULES,
    *entering.RULES,
    *pods.RULES,
    *staying.RULES,
    *confining.RULES,
)


TREE: Final = ("base/", "migrations-pre/", "migrations-post/", "options/")


def documents(files: Iterable[File]) -> list[Json]:
    """The documents of rendered files, kustomize's own among them."""
    parsed = (each for file in files if file.path.endswith(".yaml") for each in yaml.safe_load_all(file.text))
    return [cast("Json", each) for each in parsed if isinstance(each, dict)]


def applied(files: Iterable[File]) -> list[Json]:
    """The objects of a cluster, each once: no files of kustomize itself, no hooks, no charts' values, no all.yaml."""
    tree = (file for file in files if file.path.startswith(TREE) and not file.path.endswith("kustomization.yaml"))
    return [each for each in documents(tree) if "kind" in each]


def verdicts(rendered: Iterable[Json], topology: Topology) -> tuple[Verdict, ...]:
    """What every rule saw."""
    objects = Objects(rendered)
    return tuple(Verdict(rule=rule, seen=tuple(rule.look(objects, topology))) for rule in RULES)


def notes(judged: Iterable[Verdict]) -> Iterator[Note]:
    """The faults, in the words of the audit."""
    for verdict in judged:
        rule = verdict.rule
        if not verdict.seen:
            yield error(rule.name, "kubernetes", "looked at nothing: nothing here is what this is about", rule.remedy)
        for place, wrong in verdict.wrong:
            yield error(rule.name, place, wrong, rule.remedy)
