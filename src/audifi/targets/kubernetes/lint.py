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
from audifi.targets.kubernetes.reading import Objects, dig, many
from audifi.targets.kubernetes.rules import (
    confining,
    entering,
    keeping,
    meeting,
    operated,
    pods,
    staying,
    watching,
    wording,
)
from audifi.targets.kubernetes.rules.rule import Rule, Verdict
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, error

RULES: Final[tuple[Rule, ...]] = (
    *meeting.RULES,
    *entering.RULES,
    *pods.RULES,
    *staying.RULES,
    *confining.RULES,
    *keeping.RULES,
    *operated.RULES,
    *watching.RULES,
    *wording.RULES,
)


TREE: Final = ("base/", "migrations-pre/", "migrations-post/")
OPTIONS: Final = "options/"
INDEX: Final = "kustomization.yaml"


def variants(files: Iterable[File]) -> dict[str, list[Json]]:
    """What may be applied, each object once: `base` alone, and with each option in place of what it replaces."""
    parsed = {file.path: _documents(file) for file in files if file.path.endswith(".yaml")}
    base = [each for path, found in parsed.items() if path.startswith(TREE) and not _is_index(path) for each in found]
    chosen = {"base": base}
    for path in sorted(path for path in parsed if path.startswith(OPTIONS) and _is_index(path)):
        folder = path.removesuffix(INDEX)
        added = [
            each for name, found in parsed.items() if name.startswith(folder) and not _is_index(name) for each in found
        ]
        removed = [patch["target"] for patch in many(parsed[path][0], "patches") if "$patch: delete" in patch["patch"]]
        kept = [each for each in base if not any(_is_target(each, target) for target in removed)]
        chosen[folder.removeprefix(OPTIONS).strip("/")] = [*kept, *added]
    return chosen


def verdicts(files: Iterable[File], topology: Topology) -> tuple[Verdict, ...]:
    """What every rule saw, in any variant."""
    sets = [Objects(documents) for documents in variants(files).values()]
    return tuple(
        Verdict(rule=rule, seen=tuple(dict.fromkeys(seen for each in sets for seen in rule.look(each, topology))))
        for rule in RULES
    )


def _documents(file: File) -> list[Json]:
    found = cast("list[object]", list(yaml.load_all(file.text, Loader=yaml.CSafeLoader)))  # a safe loader
    return [cast("Json", each) for each in found if isinstance(each, dict) and "kind" in each]


def _is_index(path: str) -> bool:
    return path.endswith(INDEX)


def _is_target(document: Json, target: Json) -> bool:
    """Whether a patch of kustomize means this object."""
    return document["kind"] == target["kind"] and target.get("name") in {None, dig(document, "metadata.name")}


def notes(judged: Iterable[Verdict]) -> Iterator[Note]:
    """The faults, in the words of the audit."""
    for verdict in judged:
        rule = verdict.rule
        if not verdict.seen:
            yield error(rule.name, "kubernetes", "looked at nothing: nothing here is what this is about", rule.remedy)
        for place, wrong in verdict.wrong:
            yield error(rule.name, place, wrong, rule.remedy)
