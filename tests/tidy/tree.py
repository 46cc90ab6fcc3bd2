"""Read the repository once, as the rules see it: files that are, or are about to be, committed.

Between: every rule in tests/tidy (asks for files) and git (says which files count).
Shape: `files()` is every text file git tracks or would add; a few hundred, cached for the session.
Invariant: paths are relative to the root and use forward slashes; a file is parsed at most once.
Errors: a Python file that does not parse is reported by ruff, and by every rule that meets it.
"""

import ast
import functools
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LISTED_MAX = 20
# Neither ours to style nor read by people: locks, measured data, and what the renderer writes.
NOT_PROSE = (
    "requirements.lock",
    "requirements-policy.lock",
    "web/package-lock.json",
    "benchmarks/peers/sockets/package-lock.json",
    "results/",
    "benchmarks/results/",
    "contracts/compiled/",
)


@dataclass(frozen=True)
class File:
    """One file of the repository, or one that a test made up."""

    path: str
    text: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @functools.cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/")


type_of_rule = Callable[[File], Iterable[str]]


@functools.cache
def paths() -> tuple[str, ...]:
    """Every path git tracks or would add, and that still exists; sorted."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(sorted({path for path in listed.split("\0") if path and (ROOT / path).is_file()}))


@functools.cache
def files() -> tuple[File, ...]:
    """Every text file, with its text."""
    return tuple(File(path, text) for path in paths() if (text := _text(path)) is not None)


def _text(path: str) -> str | None:
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def python_files(*prefixes: str) -> list[File]:
    """Python files below any of the prefixes (all of them without one)."""
    return [file for file in files() if file.path.endswith(".py") and file.path.startswith(prefixes or ("",))]


def prose_files() -> list[File]:
    """What people write and read: everything but locks and data."""
    return [file for file in files() if not file.path.startswith(NOT_PROSE)]


def constants(file: File) -> Iterator[tuple[int, str]]:
    """(line, text) of every string in the code that is not a docstring; f-strings by their fixed parts."""
    documentation = {id(node) for node in _docstring_nodes(file.tree)}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def _docstring_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


@functools.cache
def exceptions() -> dict[str, Any]:
    """tests/tidy/exceptions.toml: what may break a rule, and why."""
    return tomllib.loads((ROOT / "tests/tidy/exceptions.toml").read_text(encoding="utf-8"))


def excused(rule: str) -> set[str]:
    """Paths, or path:name of a function, that may break this rule."""
    return {entry["where"] for entry in exceptions().get("exception", []) if entry["rule"] == rule}


def faults(rule: type_of_rule, among: Iterable[File]) -> list[str]:
    """Apply a rule to files; the result is what an assertion shows."""
    return [fault for file in among for fault in rule(file)]


def unexcused(rule: type_of_rule, among: Iterable[File]) -> list[str]:
    """The faults that exceptions.toml does not list."""
    allowed = excused(rule.__name__)
    return [fault for fault in faults(rule, among) if not any(fault.startswith(f"{place}:") for place in allowed)]


def listing(found: Sequence[str], remedy: str) -> str:
    """The message of a broken rule: what to do, then where (the first twenty places)."""
    rest = [f"… and {len(found) - LISTED_MAX} more"] if len(found) > LISTED_MAX else []
    return "\n  ".join([remedy, *found[:LISTED_MAX], *rest])
