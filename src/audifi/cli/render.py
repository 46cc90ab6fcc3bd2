"""Write the production artifacts, or say what would be written, whether it is current and where it comes from.

Between: a person, CI or a release on one side, targets.catalogue on the other.
Shape: rendered/<environment>/<target>/<path>; with --json one object.
Invariant: what the audit refuses is not rendered, and what the linter refuses is not written; nothing but files of the
named targets is written.
Errors: LocalError (exit 2) for a target, an environment, a file or a digest that does not exist.
Exit: 0 written or current, 1 stale (--check) or refused, 2 wrong input.
Example: ./audifi render --environment production --target kubernetes --images release.json
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from audifi.cli import check, explaining, rendering
from audifi.cli.options import JsonOption
from audifi.local.errors import LocalError
from audifi.targets.catalogue import TARGETS
from audifi.targets.files import File
from audifi.targets.kubernetes.kustomize import one_file
from audifi.topology.audit import audit, has_errors
from audifi.topology.cluster import with_images, without_digest
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology

Rendered = Literal["production", "staging"]
EnvironmentOption = Annotated[
    Rendered | None,
    Parameter(name=["--environment", "-e"], help="production or staging (default: both).", show_default=False),
]
TargetOption = Annotated[
    list[str] | None,
    Parameter(name=["--target", "-t"], help=f"Only this one; may be repeated: {', '.join(TARGETS)}.", negative=()),
]
CheckOption = Annotated[bool, Parameter(name="--check", help="Write nothing; exit 1 if a file is stale.", negative=())]
ExplainOption = Annotated[
    Path | None, Parameter(name="--explain", help="Say which lines of the topology a rendered file comes from.")
]
ImagesOption = Annotated[
    Path | None, Parameter(name="--images", help='The release: JSON, {"nft-service": "sha256:…"} per component.')
]
StdoutOption = Annotated[
    bool, Parameter(name="--stdout", help="Print the cluster's documents as one file; write nothing.", negative=())
]
ChecklistOption = Annotated[
    bool, Parameter(name="--checklist", help="Print the reviewer's checklist with its evidence.", negative=())
]


def render(
    *,
    environment: EnvironmentOption = None,
    target: TargetOption = None,
    is_check: CheckOption = False,
    explain: ExplainOption = None,
    images: ImagesOption = None,
    is_stdout: StdoutOption = False,
    is_checklist: ChecklistOption = False,
    as_json: JsonOption = False,
) -> int:
    """Write the production artifacts."""
    targets = _known(target or sorted(TARGETS))
    environments = [environment] if environment else list(rendering.ENVIRONMENTS)
    if explain:
        return _explain(explain, as_json=as_json)
    topologies = [_released(platform(each), images) for each in environments]
    for topology in topologies:
        if has_errors(audit(topology)):
            return check.tell(topology, as_json=as_json)
    if is_stdout:
        return _print(topologies, is_release=images is not None)
    if is_checklist:
        sys.stdout.write(rendering.checklist(topologies))
        return 0
    files = rendering.wanted(topologies, targets)
    unpinned = _unpinned(topologies[0], (file.text for file in files.values()))
    if images and unpinned:
        raise LocalError(f"--images {images}: it has no digest of {', '.join(unpinned)}")
    for topology in topologies:
        if notes := rendering.faults(topology, files):
            return check.say(topology.environment, notes, as_json=as_json)
    changes = rendering.difference(rendering.FOLDER, files, rendering.parts(environments, targets))
    if not is_check:
        rendering.write(rendering.FOLDER, files, changes)
    _tell(len(files), changes, unpinned, is_check=is_check, as_json=as_json)
    return 1 if is_check and changes else 0


def _known(targets: Sequence[str]) -> list[str]:
    if unknown := [each for each in targets if each not in TARGETS]:
        raise LocalError(f"--target {unknown[0]}: there is no such target; there are {', '.join(TARGETS)}")
    return list(dict.fromkeys(targets))


def _released(topology: Topology, images: Path | None) -> Topology:
    if images is None:
        return topology
    try:
        return with_images(topology, msgspec.json.decode(images.read_bytes(), type=dict[str, str]))
    except OSError as error:
        raise LocalError(f"--images {images}: {error.strerror}; write the digests of the release there") from error
    except (KeyError, ValueError) as error:
        raise LocalError(f"--images {images}: {error.args[0]}") from error


def _unpinned(topology: Topology, texts: Iterable[str]) -> tuple[str, ...]:
    """The components in these texts whose image could be anything yet."""
    rendered = "".join(texts)
    references = {name: topology.component(name).image for name in without_digest(topology)}
    return tuple(name for name, image in references.items() if image and image.reference in rendered)


def _print(topologies: Sequence[Topology], *, is_release: bool) -> int:
    if len(topologies) > 1:
        raise LocalError("--stdout prints one cluster: say which with --environment")
    text = one_file(topologies[0])
    if unpinned := _unpinned(topologies[0], [text]):
        if is_release:
            raise LocalError(f"--images: it has no digest of {', '.join(unpinned)}")
        sys.stderr.write(f"audifi: {_not_yet(unpinned)}\n")
    sys.stdout.write(text)
    return 0


def _not_yet(unpinned: Sequence[str]) -> str:
    return (
        f"{len(unpinned)} components have images without a digest: this is for reading, not for applying. "
        f"A release has them: ./audifi render --images FILE"
    )


def _tell(
    count: int, changes: rendering.Difference, unpinned: tuple[str, ...], *, is_check: bool, as_json: bool
) -> None:
    if as_json:
        told = {"current": not changes, "files": count, "unpinned": unpinned} | {
            name: getattr(changes, name) for name in ("new", "changed", "gone")
        }
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return
    for word, paths in (("new", changes.new), ("changed", changes.changed), ("gone", changes.gone)):
        for path in paths:
            sys.stdout.write(f"{word:<8} rendered/{path}\n")
    said = ("stale; write them: ./audifi render" if changes else "current") if is_check else "written"
    sys.stdout.write(f"{count} files in rendered/: {said}.\n")
    if unpinned and not is_check:
        sys.stdout.write(_not_yet(unpinned) + "\n")


def _explain(path: Path, *, as_json: bool) -> int:
    name, file = _rendered(path)
    found = [(source, explaining.line_of(source)) for source in file.sources]
    if as_json:
        told = {"file": f"rendered/{name}", "sources": [{"item": item, "line": line} for item, line in found]}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return 0
    sys.stdout.write(f"rendered/{name} comes from:\n")
    width = max((len(item) for item, _ in found), default=0)
    for item, line in found:
        sys.stdout.write(f"  {item:<{width}}  {line}\n")
    return 0


def _rendered(path: Path) -> tuple[str, File]:
    """The file a person means: as the shell completes it, or relative to rendered/."""
    absolute = path.resolve()
    within = absolute if absolute.is_relative_to(rendering.FOLDER) else rendering.FOLDER / path
    environment, target, *_ = (*within.relative_to(rendering.FOLDER).parts, "", "")
    if environment in rendering.ENVIRONMENTS and target in TARGETS:
        files = rendering.wanted([platform(environment)], [target])
        name = str(within.relative_to(rendering.FOLDER))
        if name in files:
            return name, files[name]
    raise LocalError(f"--explain {path}: no such rendered file; see rendered/<environment>/<target>/")
