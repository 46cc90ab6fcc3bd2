"""Keep one word per concept, and file names that say what is inside.

Between: the files of the repository and docs/glossary.md, whose third column lists the spellings we do not use.
Source: style.md "Naming".
"""

import ast
import functools
import re
from collections.abc import Iterator

from tests.tidy import tree

BANNED_STEMS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "core",
    "manager",
    "handler",
    "handlers",
}
ABBREVIATIONS = re.compile(r"^(?:cfg|mgr|svc|srv|conn|ctx|req|resp|tmp|cb)$")
UNITS = (
    "_ms",
    "_s",
    "_m",
    "_bytes",
    "_kib",
    "_mib",
    "_gib",
    "_port",
    "_percent",
    "_bps",
    "_count",
    "_per_s",
    "_min",
    "_max",
)
UNITLESS = {"replicas"}  # a count by its own name
COLUMNS = 3


def banned_stem(path: str) -> bool:
    return any(part.split(".")[0] in BANNED_STEMS for part in path.split("/"))


def abbreviations(file: tree.File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.arg | ast.Name):
            name = node.arg if isinstance(node, ast.arg) else node.id
            if ABBREVIATIONS.match(name) and (isinstance(node, ast.arg) or isinstance(node.ctx, ast.Store)):
                yield f"{file.path}:{node.lineno}: {name}"


def settings_without_unit(file: tree.File) -> Iterator[str]:
    """Number fields of the classes called …Settings."""
    classes = (
        node for node in ast.walk(file.tree) if isinstance(node, ast.ClassDef) and node.name.endswith("Settings")
    )
    for node in (field for found in classes for field in found.body if isinstance(field, ast.AnnAssign)):
        name = ast.unparse(node.target)
        if _is_number(node.annotation) and not name.endswith(UNITS) and name not in UNITLESS:
            yield f"{file.path}:{node.lineno}: {name}"


def _is_number(annotation: ast.expr) -> bool:
    return bool(re.match(r"(?:Annotated\[)?(?:int|float)\b", ast.unparse(annotation)))


@functools.cache
def glossary() -> dict[str, str]:
    """The spellings we do not use, each with the word we use, from the table in docs/glossary.md."""
    rows: dict[str, str] = {}
    for line in (tree.ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| **") and len(cells) == COLUMNS:
            rows |= {word.lower(): cells[0].strip("*") for word in re.findall(r"`([^`]+)`", cells[2])}
    return rows


@functools.cache
def refused() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, glossary()))})\b", re.IGNORECASE)


def misnamed(file: tree.File) -> Iterator[str]:
    """Lines that use a refused spelling; a `source` quotes the design in its own words."""
    for number, line in enumerate(file.lines, start=1):
        if (match := refused().search(line)) and "source" not in line.lower():
            yield f"{file.path}:{number}: write {glossary()[match.group().lower()]}, not {match.group()!r}"


def test_no_file_is_named_after_nothing() -> None:
    """Taught by every `utils.py`: a name without a noun is where things go to be forgotten."""
    found = [path for path in tree.paths() if path.startswith(("src/", "tests/", "benchmarks/")) and banned_stem(path)]
    assert not found, tree.listing(found, "Name the file for the noun it holds:")


def test_names_are_spelled_out() -> None:
    """Taught by `conn` that was a WebSocket here and a database there."""
    found = tree.faults(abbreviations, tree.python_files("src/"))
    assert not found, tree.listing(found, "Spell the word out:")


def test_every_number_in_settings_has_a_unit() -> None:
    """Taught by a `timeout = 30` that one side read as seconds and the other as milliseconds."""
    found = tree.faults(settings_without_unit, [f for f in tree.python_files("src/") if f.name == "settings.py"])
    assert not found, tree.listing(found, f"End the name with its unit, one of {', '.join(UNITS)}:")


def test_the_glossary_has_words() -> None:
    """Taught by a table whose format changed: the rule below found nothing, in nothing."""
    assert len(glossary()) > len(BANNED_STEMS), "docs/glossary.md: keep `| **word** | meaning | not: `spelling` |`"


def test_one_word_per_concept() -> None:
    """Taught by `mock`, `fake`, `stub` and `simulator` for one and the same process."""
    about_words = (
        "docs/glossary.md",
        "docs/topology.md",
        "tests/tidy/",
    )  # defines them; quotes the design; plants them
    found = tree.faults(misnamed, [file for file in tree.prose_files() if not file.path.startswith(about_words)])
    assert not found, tree.listing(found, "Use the word of docs/glossary.md:")
