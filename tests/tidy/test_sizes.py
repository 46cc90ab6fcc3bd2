"""Keep files, functions, parameter lists and nesting small enough to read at once.

Between: the Python files of the repository and tests/tidy/exceptions.toml (the counted exceptions).
Units: lines as an editor counts them; parameters without self and cls; nesting in blocks that decide or repeat.
Source: style.md "Size"; every model repository we read has one god file, named after its central noun.
"""

import ast
from collections.abc import Iterator

from tests.tidy import tree
from tests.tidy.test_tests import sleeps

FILE_LINES_MAX = 600
TEST_FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
POSITIONAL_MAX = 5
NESTING_MAX = 4
type_of_function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)  # `with` scopes a resource, it decides nothing


def functions(file: tree.File) -> Iterator[type_of_function]:
    return (node for node in ast.walk(file.tree) if isinstance(node, type_of_function))


def file_lines(file: tree.File) -> Iterator[str]:
    limit = TEST_FILE_LINES_MAX if file.is_test else FILE_LINES_MAX
    if len(file.lines) > limit:
        yield f"{file.path}: {len(file.lines)} lines, {limit} allowed"


def function_lines(file: tree.File) -> Iterator[str]:
    for node in functions(file):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX:
            yield f"{file.path}:{node.name}: line {node.lineno}: {length} lines, {FUNCTION_LINES_MAX} allowed"


def positional_parameters(file: tree.File) -> Iterator[str]:
    for node in functions(file):
        given = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        count = len([name for name in given if name not in {"self", "cls"}])
        if count > POSITIONAL_MAX and not node.name.startswith("test_"):
            yield f"{file.path}:{node.name}: line {node.lineno}: {count} positional parameters"


def nesting(file: tree.File) -> Iterator[str]:
    for node in functions(file):
        depth = max((_depth(child) for child in node.body), default=0)
        if depth > NESTING_MAX:
            yield f"{file.path}:{node.name}: line {node.lineno}: blocks nested {depth} deep"


def _depth(node: ast.AST) -> int:
    """Blocks inside each other; an `elif` (an If alone in `orelse`) is as deep as its `if`."""
    if isinstance(node, type_of_function | ast.ClassDef | ast.Lambda):
        return 0  # counted on its own
    is_if = isinstance(node, ast.If)
    elif_ = node.orelse[0] if is_if and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If) else None
    inner = (_depth(child) - (child is elif_) for child in ast.iter_child_nodes(node))
    return max(inner, default=0) + isinstance(node, BLOCKS)


def test_no_file_is_too_long_to_read() -> None:
    """Taught by `ha.py`, `manager.py`, `service.py`: the central noun swallows its neighbours."""
    found = tree.unexcused(file_lines, tree.python_files())
    assert not found, tree.listing(found, "Which second noun has moved in? Move it to a file of its own:")


def test_no_function_is_too_long_to_see_at_once() -> None:
    """Taught by a 587-line endpoint: what does not fit a screen is not reviewed."""
    found = tree.unexcused(function_lines, tree.python_files())
    assert not found, tree.listing(found, "Keep control flow in the parent and move straight lines to functions:")


def test_no_call_site_has_to_count_positions() -> None:
    """Taught by a swapped (source, target): beyond five positions nobody sees which is which."""
    found = tree.unexcused(positional_parameters, tree.python_files())
    assert not found, tree.listing(found, "Make the later ones keyword-only, or give them a dataclass:")


def test_no_block_is_nested_out_of_sight() -> None:
    """Taught by a `return` that left the wrong loop, five blocks deep."""
    found = tree.unexcused(nesting, tree.python_files())
    assert not found, tree.listing(found, "Push ifs up and fors down; return early:")


def test_exceptions_are_counted_and_only_fall() -> None:
    """Taught by lists of exemptions that outlive their reasons: one that no longer applies must go."""
    entries = tree.exceptions().get("exception", [])
    ceiling = tree.exceptions()["ceiling"]
    assert len(entries) == ceiling, f"{len(entries)} exceptions, ceiling {ceiling}: remove one, or lower the ceiling"
    rules = {rule.__name__: rule for rule in (file_lines, function_lines, positional_parameters, nesting, sleeps)}
    for entry in entries:
        assert entry.get("reason"), f"{entry['where']}: say why in one sentence"
        broken = tree.faults(rules[entry["rule"]], tree.python_files())
        assert any(fault.startswith(f"{entry['where']}:") for fault in broken), (
            f"{entry['where']} keeps the rule: remove it"
        )
