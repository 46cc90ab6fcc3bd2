"""Keep tests honest: no sleeping, no mocks of our own code, no unexplained skip.

Between: everything below tests/ and benchmarks/.
Source: style.md "Tests"; Omicron's flake-patterns (what is slept for is never long enough on a busy machine).
"""

import ast
import re
from collections.abc import Iterator

from tests.tidy import tree

MOCKS = re.compile(r"\b(?:unittest\.mock|mocker|MagicMock|AsyncMock)\b|\bfrom unittest import mock\b")
SLEEPS = {"time.sleep", "asyncio.sleep", "sleep"}
TIERS = {
    "tidy",
    "unit",
    "agreement",
    "component",
    "system",
    "browser",
    "support",
    "vectors",
}  # the last two hold no tests


def sleeps(file: tree.File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SLEEPS and not _gives_way(node):
            yield f"{file.path}:{node.lineno}: {ast.unparse(node)}"


def _gives_way(call: ast.Call) -> bool:
    """sleep(0) lets other tasks run: it waits for no time."""
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def mocks(file: tree.File) -> Iterator[str]:
    for number, line in enumerate(file.lines, start=1):
        if match := MOCKS.search(line):
            yield f"{file.path}:{number}: {match.group()}"


def unexplained_skips(file: tree.File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and (kind := re.search(r"\b(skip|skipif|xfail)$", ast.unparse(node.func))):
            named = any(keyword.arg == "reason" for keyword in node.keywords)
            if not named and not (kind.group() == "skip" and node.args):
                yield f"{file.path}:{node.lineno}: {ast.unparse(node)}"


def _tests() -> list[tree.File]:
    return [file for file in tree.python_files("tests/") if not file.path.startswith("tests/tidy/")]


def test_no_test_sleeps() -> None:
    """Taught by every flaky test: wait_for(condition, within_s=…, saying=…) says what it saw last."""
    found = tree.unexcused(sleeps, _tests())
    assert not found, tree.listing(found, "Wait for a state, not for a time:")


def test_no_test_mocks_our_code() -> None:
    """Taught by a green suite over a method that had been renamed: use the real part, or a stand-in on a socket."""
    found = tree.faults(mocks, _tests())
    assert not found, tree.listing(found, "Run the real thing, or a process with knobs:")


def test_every_skip_has_a_reason() -> None:
    """Taught by a test that had been skipped since the day it was written."""
    found = tree.faults(unexplained_skips, _tests())
    assert not found, tree.listing(found, "Give `reason=` and name the missing binary:")


def test_every_test_belongs_to_a_tier() -> None:
    """Taught by tests that no command ran: `./audifi test` knows its tiers, and nothing else."""
    below = {path.split("/")[1] for path in tree.paths() if path.startswith("tests/") and path.count("/") > 1}
    assert below <= TIERS, f"unknown tiers {sorted(below - TIERS)}: move the tests below one of {sorted(TIERS)}"
