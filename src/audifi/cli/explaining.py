"""Find the line of the topology that a rendered file's source is declared in.

Between: files.File.sources (names such as `component nft-service` or `link worker → pgbouncer`) and `audifi render
--explain`.
Shape: the first line that names the item, in the modules where its kind of item is made, then in all others. Many
items are written by loops, so the line is where a reader starts, not always where a number stands.
Invariant: reads the source of the topology only.
Errors: none; an item that no line names is located nowhere.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from audifi import topology
from audifi.topology import declaration, links
from audifi.topology.model.network import Link

_FOLDER: Final = Path(topology.__file__).parent
_ROOT: Final = Path(declaration.__file__).resolve().parents[3]
_CONSTRUCTORS: Final = {"record": "DnsRecord"}  # where a kind of item and its type differ in name


def line_of(source: str) -> str:
    """`src/audifi/topology/stores.py:18` of `component postgres`; empty if no line names it."""
    kind, _, name = source.partition(" ")
    if not name:
        return _made(kind)
    named = re.compile(".*".join(f'"{re.escape(word)}"' for word in name.split(" → ")))
    for path, start in _modules(kind):
        lines = _lines(path)
        for number, line in enumerate(lines[start:], start=start + 1):
            if named.search(line):
                return _place(path, number)
    return _made(_group(name) if kind == "link" else kind)


def _group(arrow: str) -> str:
    """The constant whose loop makes an arrow: ROUTES, CALLS, STORES, …"""
    for name, group in vars(links).items():
        if name.isupper() and name != "LINKS" and isinstance(group, tuple):
            made = [each for each in cast("tuple[object, ...]", group) if isinstance(each, Link)]
            if any(f"{link.source} → {link.target}" == arrow for link in made):
                return name.lower()
    return "links"


def _modules(kind: str) -> Iterator[tuple[Path, int]]:
    """Where to look, and from which line: first where items of that kind are made, then everywhere."""
    constructor = _CONSTRUCTORS.get(kind, kind[:1].upper() + kind[1:])
    made = re.compile(rf"\b{constructor}\(")
    for path in _paths():
        lines = _lines(path)
        yield from [(path, number) for number, line in enumerate(lines) if made.search(line)][:1]
    yield from ((path, 0) for path in _paths())


def _made(word: str) -> str:
    """Where an item is made that has no name of its own: `Tls(…)` of Tls, or CLUSTER of cluster."""
    constant = word.upper().replace("-", "_")
    made = re.compile(rf"\b{re.escape(word)}\(" if word[0].isupper() else rf"^{re.escape(constant)}S?\b.*=")
    for path, _ in _modules(""):
        for number, line in enumerate(_lines(path), start=1):
            if made.search(line):
                return _place(path, number)
    return ""


@functools.cache
def _paths() -> list[Path]:
    """The modules of the topology: the declaration first, then those beside it."""
    found = _FOLDER.rglob("*.py")
    return sorted(found, key=lambda path: (len(path.parts), path.name != "declaration.py", path.name))


@functools.cache
def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def _place(path: Path, number: int) -> str:
    return f"{path.resolve().relative_to(_ROOT)}:{number}"
