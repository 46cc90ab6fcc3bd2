"""Keep the pages true: paths exist, links lead somewhere, commands parse, decisions name what enforces them.

Between: README, CONTRIBUTING, docs/ and the code they describe; the verbs of the command line; the promises.
Shape: a path in backticks is relative to the root, to src/audifi or to the folder of its page.
Invariant: what does not exist yet says in its own paragraph or line that it arrives with a later part.
Source: style.md "Docs, decisions, releases"; Polar's template of decisions.
"""

import importlib
import json
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.tidy import tree

from audifi.cli import main
from audifi.topology.audit import audit
from audifi.topology.declaration import platform

DECISION_LINES_MAX = 60
HEADINGS = ("Status", "Context", "Decision", "Consequences", "Alternatives", "Enforced by")
LATER = re.compile(r"\b(?:part [B-F]|parts [B-F])\b")
FOLDERS = [
    "src",
    "tests",
    "docs",
    "benchmarks",
    "results",
    "rendered",
    "contracts",
    "web",
    "wire",
    "topology",
    "targets",
    "local",
    "drills",
    "sdk",
    "kernel",
    "clients",
    "gateways",
    "services",
    "cli",
    ".ci",
]
PATH = re.compile(rf"`((?:{'|'.join(re.escape(folder) for folder in FOLDERS)})/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"\./audifi ((?:[\w./:@=-]+ ?)+)")


def pages() -> list[tree.File]:
    return [
        file for file in tree.files() if file.path.endswith(".md") and not file.path.startswith(("results/", "web/"))
    ]


def paragraphs(file: tree.File) -> Iterator[tuple[int, str]]:
    """(line, text): a row of a table is one paragraph, an item of a list too."""
    number = 1
    for block in re.split(r"(\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.)\s))", file.text):
        if block.strip():
            yield number, block
        number += block.count("\n")


def missing_paths(file: tree.File) -> Iterator[str]:
    folder = Path(file.path).parent
    for number, text in paragraphs(file):
        named = PATH.findall(text) if not LATER.search(text) else []
        for path in named:
            if not any((tree.ROOT / place / path).exists() for place in ("", "src/audifi", folder)):
                yield f"{file.path}:{number}: {path}"


def broken_links(file: tree.File) -> Iterator[str]:
    for target in LINK.findall(file.text):
        if not (tree.ROOT / Path(file.path).parent / target).exists():
            yield f"{file.path}: {target}"


def commands(file: tree.File) -> Iterator[list[str]]:
    """Every `./audifi …` inside a block of code."""
    for block in re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", file.text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            yield from (shlex.split(found) for found in COMMAND.findall(line.split("  #")[0]))


def unknown_commands(file: tree.File) -> Iterator[str]:
    launcher = {"setup", "lock", "packages"}
    for tokens in commands(file):
        if tokens[0] not in launcher and not _parses(tokens):
            yield f"{file.path}: ./audifi {' '.join(tokens)}"


def _parses(tokens: list[str]) -> bool:
    try:
        main.application().parse_args(tokens, exit_on_error=False, print_error=False)
    except main.CycloptsError:
        return False
    return True


def decision_faults(file: tree.File) -> Iterator[str]:
    if len(file.lines) > DECISION_LINES_MAX:
        yield f"{file.path}: {len(file.lines)} lines, {DECISION_LINES_MAX} allowed"
    sections = dict(re.findall(r"^## (.+)\n\n(.+)", file.text, re.MULTILINE))
    for heading in HEADINGS:
        if not sections.get(heading, "").strip():
            yield f"{file.path}: ## {heading} is missing or empty"


def wrong_figures(file: tree.File) -> Iterator[str]:
    """Rows of tables whose evidence is `results/….json#path.to.figure` and whose number is another one."""
    for row in re.findall(r"^\|.*results/.*\.json#.*\|$", file.text, re.MULTILINE):
        measured, evidence = (cell.strip() for cell in row.strip("|").split("|")[-2:])
        path, _, keys = evidence.strip("`").partition("#")
        value: Any = json.loads((tree.ROOT / path).read_text(encoding="utf-8"))
        for key in keys.split("."):
            value = value[int(key) if isinstance(value, list) else key]
        number = re.match(r"[\d.,]+", measured)
        digits = len(number.group().partition(".")[2]) if number else 0
        if number is None or float(number.group().replace(",", "")) != round(float(value), digits):
            yield f"{file.path}: {measured} is not {value} of {evidence}"


def verbs() -> list[str]:
    return [name for name, target, _ in main.VERBS if find_spec(target.partition(":")[0]) is not None]


def test_every_path_in_a_page_exists() -> None:
    """Taught by a walk through files that had been renamed: the newcomer's first hour was a search."""
    found = tree.faults(missing_paths, pages())
    assert not found, tree.listing(found, "Correct the path, or say in the same paragraph which part brings it:")


def test_every_link_leads_somewhere() -> None:
    """Taught by a runbook link that was dead at night."""
    found = tree.faults(broken_links, pages())
    assert not found, tree.listing(found, "Correct the link:")


def test_every_command_in_a_page_parses() -> None:
    """Taught by a tour whose second line was refused."""
    found = tree.faults(unknown_commands, pages())
    assert not found, tree.listing(found, "Write the command as ./audifi --help has it:")


def test_every_figure_in_a_table_is_the_measured_one() -> None:
    """Taught by a README that praised the numbers of an old version, on another machine."""
    found = tree.faults(wrong_figures, pages())
    assert not found, tree.listing(found, "Quote the result as it stands in its file:")


def test_every_decision_fits_a_screen_and_names_what_enforces_it() -> None:
    """Taught by decisions that were true on the day they were written."""
    found = tree.faults(decision_faults, [f for f in pages() if re.match(r"docs/decisions/\d{4}-", f.path)])
    assert not found, tree.listing(found, "Follow the template (docs/decisions/README.md):")


def test_every_decision_is_in_the_index() -> None:
    """Taught by a decision nobody found."""
    index = (tree.ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    found = [f.name for f in pages() if re.match(r"docs/decisions/\d{4}-", f.path) and f.name not in index]
    assert not found, tree.listing(found, "Add it to docs/decisions/README.md:")


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_shows_an_example_and_its_exits(verb: str) -> None:
    """Taught by a script that took exit 1 for "not running" and it meant "wrong option"."""
    module, _, name = next(target for found, target, _ in main.VERBS if found == verb).partition(":")
    loaded = importlib.import_module(module)
    text = f"{loaded.__doc__}\n{getattr(loaded, name).__doc__}"
    assert f"./audifi {verb}" in text, f"{module}: add `Example: ./audifi {verb} …` to its docstring"
    assert re.search(r"\bexit", text, re.IGNORECASE), f"{module}: add `Exit: 0 …, 1 …, 2 …` to its docstring"


def test_every_promise_names_its_proof() -> None:
    """Taught by recovery times that stood in a design for years and were never measured."""
    notes = audit(platform("production"))
    found = [note.reason for note in notes if note.rule == "promise-proof"]
    assert not found, tree.listing(found, "Name a probe, a drill, or what the promise awaits (topology.model.promise):")
