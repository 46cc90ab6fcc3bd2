"""Read what drills and probes have left in results/, as evidence that the ledger can judge.

Between: results/drills/*.json (drills.report), results/probes/*.json (probes.runs) and drills.ledger (judges).
Shape: one Evidence per drill and per probe. A file of another kind (swarms) is no evidence of a promise.
Invariant: evidence is current when it was made by this run, or when its commit is clean and no source has changed
since: a result of another program proves nothing of this one.
Errors: LocalError names a file that is no JSON or lacks a field.
"""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from audifi.drills.drill import Way
from audifi.drills.evidence import RESULTS, ROOT
from audifi.drills.ledger import Evidence, Run
from audifi.local.errors import LocalError
from audifi.topology.model.promise import DRILL, Proof

SOURCES: Final = "src"
CHANGED: Final = "+changes"


@dataclass(frozen=True)
class Made:
    """What this run has made, so that it is current whatever the tree looks like."""

    drills: set[str] = field(default_factory=set[str])
    probes: set[str] = field(default_factory=set[str])


def evidence(made: Made, results: Path = RESULTS, is_same: Callable[[str], bool] | None = None) -> Sequence[Evidence]:
    """Everything there is."""
    same = is_same or is_unchanged_since
    return (*_of_drills(results, made, same), *_of_probes(results, made, same))


def _of_drills(results: Path, made: Made, is_same: Callable[[str], bool]) -> Iterator[Evidence]:
    for path in sorted((results / "drills").glob("*.json")):
        found = _read(path)
        if "drill" not in found or "proves" not in found:
            continue
        try:
            yield Evidence(
                proof=f"{DRILL}{found['drill']}",
                file=_named(path, results),
                commit=found["commit"],
                is_current=found["drill"] in made.drills or is_same(found["commit"]),
                proves=found["proves"],
                runs=tuple(_run(run) for run in found["runs"] if not run["error"]),
                reason=found["reason"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, error) from error


def _of_probes(results: Path, made: Made, is_same: Callable[[str], bool]) -> Iterator[Evidence]:
    for path in sorted((results / "probes").glob("*.json")):
        try:
            for name, found in _read(path)["probes"].items():
                yield Evidence(
                    proof=Proof.PROBE,
                    file=_named(path, results),
                    commit=found["commit"],
                    is_current=name in made.probes or is_same(found["commit"]),
                    proves={name: found["unit"]},
                    runs=tuple(_run(run) for run in found["runs"]),
                    reason=found["reason"],
                )
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, error) from error


def _run(found: Mapping[str, Any]) -> Run:
    return Run(
        way=Way(found["way"]),
        measured={name: float(amount) for name, amount in found["measured"].items()},
        wrong=(*found.get("wrong", ()), *found.get("alerts", ())),
        timeline=found.get("timeline"),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise _damaged(path, error) from error
    return found


def _damaged(path: Path, error: Exception) -> LocalError:
    return LocalError(f"{path} is no result: {type(error).__name__}: {error}; make it anew with ./audifi prove")


def _named(path: Path, results: Path) -> str:
    return f"results/{path.relative_to(results)}"


@cache
def is_unchanged_since(commit: str) -> bool:
    """Whether the sources here are those of a clean commit."""
    if not commit or commit.endswith(CHANGED):
        return False
    asked = ["git", "diff", "--quiet", commit, "--", SOURCES]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, check=False).returncode == 0  # noqa: S603  # fixed
