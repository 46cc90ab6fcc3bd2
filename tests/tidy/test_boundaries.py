"""Keep failures visible and data apart: broad excepts, SQL that crosses a border, SQL that PgBouncer breaks.

Between: the code of the data and control planes, and the Postgres that every statement reaches through PgBouncer
in transaction mode.
Source: style.md "Errors", "SQL"; PgBouncer's feature table for transaction pooling (pgbouncer.org/features.html).
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tests.tidy import tree

BROAD = {"Exception", "BaseException"}
# Transaction pooling hands the server to another client at COMMIT, with whatever state the session had.
SESSION_STATE = re.compile(
    r"^\s*(?:LISTEN|UNLISTEN|NOTIFY)\s+\w|(?:\A|;)\s*SET\s+(?!LOCAL\b|TRANSACTION\b|CONSTRAINTS\b)(?:SESSION\s+)?\w+\s*(?:=|TO\b)"
    r"|\bpg_(?:try_)?advisory_lock(?:_shared)?\s*\(|^\s*PREPARE\s+\w+\s*(?:\(|AS\b)|\bWITH\s+HOLD\b"
    r"|\bCREATE\s+TEMP(?:ORARY)?\s+TABLE\b(?![^;]*ON\s+COMMIT\s+DROP)",
    re.IGNORECASE | re.MULTILINE,
)
QUALIFIED = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE(?:\s+IF\s+NOT\s+EXISTS)?|REFERENCES|ON|SCHEMA)\s+([a-z_]+)\.[a-z_]+",
    re.IGNORECASE,
)


def broad_excepts(file: tree.File) -> Iterator[str]:
    """Handlers of everything that do not end by raising again."""
    handlers = (node for node in ast.walk(file.tree) if isinstance(node, ast.ExceptHandler))
    for node in handlers:
        if (node.type is None or _names(node.type) & BROAD) and not isinstance(node.body[-1], ast.Raise):
            yield f"{file.path}:{node.lineno}"


def _names(node: ast.expr) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def sql_of(file: tree.File) -> Iterator[tuple[int, str]]:
    if file.path.endswith(".sql"):
        yield 1, re.sub(r"--.*", "", file.text)
    elif file.path.endswith(".py"):
        yield from tree.constants(file)


def session_state(file: tree.File) -> Iterator[str]:
    for line, text in sql_of(file):
        if match := SESSION_STATE.search(text):
            yield f"{file.path}:{line}: {match.group().strip()}"


def foreign_schemas(file: tree.File) -> Iterator[str]:
    """Qualified names of a schema that belongs to another service."""
    own = file.path.split("/")[3]
    others = _services() - {own}
    for line, text in sql_of(file):
        for match in QUALIFIED.finditer(text):
            if match.group(1).lower() in others:
                yield f"{file.path}:{line}: {match.group()}"


def _services() -> set[str]:
    below = [path.split("/")[3] for path in tree.paths() if path.startswith("src/audifi/services/")]
    return {name for name in below if "." not in name} | {"auth", "nft", "vstudio", "payment", "coin", "analytics"}


def _service_files() -> list[tree.File]:
    return [file for file in tree.files() if re.match(r"src/audifi/services/\w+/", file.path)]


def test_except_exception_stays_at_three_boundaries() -> None:
    """Taught by the `except Exception: pass` that hid a full disk for a week."""
    kinds = tree.exceptions()["broad_except"]
    assert set(kinds) == {"request", "consumer", "supervisor"}, "three kinds of boundary, no fourth"
    allowed = Counter({path: count for places in kinds.values() for path, count in places.items()})
    found = tree.faults(broad_excepts, tree.python_files("src/"))
    counted = Counter(fault.split(":")[0] for fault in found)
    surplus = [fault for fault in found if counted[fault.split(":")[0]] > allowed[fault.split(":")[0]]]
    assert not surplus, tree.listing(surplus, "Catch what you expect; a bug must reach its boundary (exceptions.toml):")
    assert counted == allowed, f"exceptions.toml counts more than there are: lower it: {allowed - counted}"


def test_no_sql_depends_on_a_session() -> None:
    """Taught by an advisory lock that another request inherited through the pool."""
    found = tree.faults(
        session_state, [f for f in tree.files() if f.path.startswith(("src/audifi/services/", "src/audifi/kernel/"))]
    )
    assert not found, tree.listing(found, "Use SET LOCAL, pg_advisory_xact_lock, Redis or a table:")


def test_no_service_touches_the_tables_of_another() -> None:
    """Taught by the JOIN that made two services one: the border is also Postgres's (one role per schema)."""
    found = tree.faults(foreign_schemas, _service_files())
    assert not found, tree.listing(found, "Ask the other service, or keep a copy fed by its events:")
