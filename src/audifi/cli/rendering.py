"""Compare what is rendered with what lies in `rendered/`, and make the one the other.

Between: targets.catalogue (pure text) and cli.render, tests/agreement/test_rendered.py.
Shape: rendered/<environment>/<target>/<path>.
Invariant: a folder of a target holds what the target renders and nothing else; other folders are not touched.
Errors: KeyError for a target that does not exist; OSError where files cannot be written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import audifi
from audifi.targets import catalogue
from audifi.targets.files import File
from audifi.targets.kubernetes import lint
from audifi.targets.kubernetes.checklist import page
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note

FOLDER: Final = Path(audifi.__file__).resolve().parents[2] / "rendered"
ENVIRONMENTS: Final = ("production", "staging")  # one machine is rendered when it starts


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What writing would do, as paths below the folder."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def wanted(topologies: Iterable[Topology], targets: Iterable[str]) -> dict[str, File]:
    """Every file of these targets in these environments, by its path below the folder."""
    named = tuple(targets)
    return {
        f"{topology.environment}/{target}/{file.path}": file
        for topology in topologies
        for target in named
        for file in catalogue.render(target, topology)
    }


def difference(folder: Path, files: Mapping[str, File], owned: Iterable[str]) -> Difference:
    """How the folder differs; `owned` are the parts of it that the files are all of, e.g. production/dns."""
    here = {
        str(path.relative_to(folder)): path.read_text()
        for part in owned
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }
    return Difference(
        new=tuple(sorted(set(files) - set(here))),
        changed=tuple(sorted(path for path, text in here.items() if path in files and files[path].text != text)),
        gone=tuple(sorted(set(here) - set(files))),
    )


def write(folder: Path, files: Mapping[str, File], changes: Difference) -> None:
    """Make the folder what it should be."""
    for path in (*changes.new, *changes.changed):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(files[path].text)
    for path in changes.gone:
        (folder / path).unlink()
        for parent in (folder / path).parents:
            if parent == folder or any(parent.iterdir()):
                break
            parent.rmdir()


def faults(topology: Topology, files: Mapping[str, File]) -> tuple[Note, ...]:
    """What is wrong with a cluster's documents that no schema sees."""
    folder = f"{topology.environment}/kubernetes/"
    rendered = [
        replace(file, path=path.removeprefix(folder)) for path, file in files.items() if path.startswith(folder)
    ]
    return tuple(lint.notes(lint.verdicts(rendered, topology))) if rendered else ()


def checklist(topologies: Iterable[Topology]) -> str:
    """The reviewer's page, with what the linter looked at in each environment."""
    judged = {each.environment: lint.verdicts(catalogue.render("kubernetes", each), each) for each in topologies}
    return page(judged)


def parts(environments: Iterable[str], targets: Iterable[str]) -> tuple[str, ...]:
    """The parts of the folder that belong to these targets."""
    named = tuple(targets)
    return tuple(f"{environment}/{target}" for environment in environments for target in named)
