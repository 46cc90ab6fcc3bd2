"""Keep the reasons beside the code: module docstrings, sources of numbers, no loose ends.

Between: the Python files of the repository and the shape of docstrings that style.md shows.
Source: style.md "Comments and docstrings"; linkerd's breaker/unified.rs is the model of a policy module.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.tidy import tree

# Modules that decide by numbers somebody chose: each number needs the page, the RFC or the measurement it is from.
POLICY = re.compile(
    r"^src/audifi/(?:kernel/(?:limits|idempotency|outbox|queue|identity|crypto|database|cache|resilience/\w+)"
    r"|gateways/ws/(?:backpressure|presence|recovery|fanout)|services/\w+/rules|clients/\w+/\w*(?:policy|breaker|pool)"
    r"|topology/(?:promises|links|declaration)|local/keeper)\.py$"
)
WORDS_MIN = 4
LOOSE_ENDS = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
BANNER = re.compile(r"^\s*#\s*(?:[-=#*~]{4,}|.*[-=#*~]{6,}\s*$)")


def undocumented(file: tree.File) -> Iterator[str]:
    text = ast.get_docstring(file.tree) or ""
    first = text.split("\n\n")[0]
    if len(first.split()) < WORDS_MIN or not first.rstrip().endswith((".", ":", "?")):
        yield f"{file.path}: begins with {first[:60]!r}"


def unsourced(file: tree.File) -> Iterator[str]:
    if POLICY.match(file.path) and "Source:" not in file.text:
        yield file.path


def loose_ends(file: tree.File) -> Iterator[str]:
    for number, line in enumerate(file.lines, start=1):
        if LOOSE_ENDS.search(line):
            yield f"{file.path}:{number}: {line.strip()[:80]}"


def commented_out(file: tree.File) -> Iterator[str]:
    """Comments that parse as statements with a call or an assignment, and banners."""
    for token in tokenize.generate_tokens(io.StringIO(file.text).readline):
        if token.type == tokenize.COMMENT and (BANNER.match(token.string) or _is_code(token.string.lstrip("# "))):
            yield f"{file.path}:{token.start[0]}: {token.string[:80]}"


def _is_code(text: str) -> bool:
    if not re.match(
        r"^(?:return |raise |import |from \w+ import |await |[a-z_.]+ = [\w(\[{'\"]|[a-z_.]+\(.*\)$)", text
    ):
        return False
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def test_every_module_says_what_it_is() -> None:
    """Taught by modules whose purpose was in the head of one person."""
    found = tree.faults(undocumented, tree.python_files())
    assert not found, tree.listing(found, "Open with a sentence, then Between / Shape / Units / Invariant / Source:")


def test_every_policy_names_its_sources() -> None:
    """Taught by a retry limit of 7 nobody dared to change, because nobody knew why it was 7."""
    found = tree.faults(unsourced, tree.python_files("src/"))
    assert not found, tree.listing(found, "Add `Source:` with a URL and version, an RFC section or a file in results/:")


def test_no_loose_ends() -> None:
    """Taught by a TODO that was three years old: work to do is an issue, with a number."""
    found = tree.faults(loose_ends, [f for f in tree.prose_files() if not f.path.startswith("tests/tidy/")])
    assert not found, tree.listing(found, "Do it, or open an issue and write TODO(#number):")


def test_no_code_sleeps_in_comments() -> None:
    """Taught by the block that came back to life in a merge: history is git's."""
    found = tree.faults(commented_out, tree.python_files("src/", "benchmarks/"))
    assert not found, tree.listing(found, "Delete it (git remembers), or write a sentence:")
