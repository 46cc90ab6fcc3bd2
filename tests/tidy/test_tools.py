"""Run the tools that keep our word, so that one command is the whole gate.

Between: ruff, basedpyright, import-linter, deptry, ShellCheck and the repository they read.
Invariant: each is configured in one place (pyproject.toml, .importlinter) and has one gate: this file.
Errors: the tool's own words are the message of the failure.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tidy import tree

TOOLS = Path(sys.executable).parent


def run(*command: str) -> str:
    """What the command printed, if it failed."""
    done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing() -> None:
    """Taught by review comments about style: a tool says them at once and to everybody."""
    assert not (complaint := run(str(TOOLS / "ruff"), "check", "--output-format=concise", "--quiet")), complaint


def test_everything_is_formatted() -> None:
    """Taught by diffs of white space around the one line that mattered. Run `.audifi/venv/bin/ruff format`."""
    assert not (complaint := run(str(TOOLS / "ruff"), "format", "--check", "--quiet")), complaint


def test_every_type_holds() -> None:
    """Taught by `None` in production where the type said `str`."""
    assert not (complaint := run(str(TOOLS / "basedpyright"), "--warnings")), complaint


def test_the_arrows_of_the_architecture_hold() -> None:
    """Taught by an import of a service by the deployer, and the image of 900 MB that followed."""
    assert not (complaint := run(str(TOOLS / "lint-imports"), "--no-cache")), complaint


def test_every_dependency_is_declared_and_used() -> None:
    """Taught by a package that was there only because another one needed it, until it did not."""
    assert not (complaint := run(str(TOOLS / "deptry"), "src")), complaint


def test_the_launcher_is_plain_sh() -> None:
    """Taught by a bashism on a machine whose sh is dash: this file runs before anything is installed."""
    assert not (complaint := run("sh", "-n", "audifi")), complaint
    assert not (complaint := run("bash", "-n", ".ci/run")), complaint


@pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="shellcheck is not installed (packages-test.apt lists it)"
)
def test_shellcheck_finds_nothing() -> None:
    """Taught by an unquoted path with a space in it."""
    assert not (complaint := run("shellcheck", "audifi", ".ci/run")), complaint
