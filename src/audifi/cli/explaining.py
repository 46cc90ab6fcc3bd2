"""Find the line of the topology that a rendered file's source is declared in.

Between: files.File.sources (names such as `component nft-service` or `link worker → pgbouncer`) and `audifi render
--explain`.
Shape: the first line that names the item, in the modules where its kind of item is declared, then in all others. Many
items are written by loops, so the line is where a reader starts, not always where a number stands.
Invariant: reads the source of the topology only.
Errors: none; an item that no line names is located nowhere.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from audifi import topology
from audifi.topology import declaration

_FOLDER: Final = Path(topology.__file__).parent
_ROOT: Final = Path(declaration.__file__).resolve().parents[3]
_DECLARED_IN: Final = {
    "component": ("declaration", "stores", "telemetry", "thirdparties"),
    "domain": ("surface",),
    "link": ("links",),
    "namespace": ("cluster",),
    "record": ("zone", "surface"),
    "secret": ("secrets",),
}


def line_of(source: str) -> str:
    """`src/audifi/topology/stores.py:18` of `component postgres`; empty if no line names it."""
    kind, _, name = source.partition(" ")
    words = [word for word in re.split(r"\s*→\s*", name) if word]
    for path in _modules(kind):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines, start=1):
            if words and all(f'"{word}"' in line for word in words):
                return f"{path.resolve().relative_to(_ROOT)}:{number}"
    if len(words) > 1:
        return line_of(f"{kind} {words[-1]}")
    return _assigned(source)


def _modules(kind: str) -> Iterator[Path]:
    first = [_FOLDER / f"{name}.py" for name in _DECLARED_IN.get(kind, ())]
    yield from first
    yield from sorted(path for path in _FOLDER.rglob("*.py") if path not in first)


def _assigned(source: str) -> str:
    """Where a constant of that name begins: `MESH`, or `cluster` for CLUSTER."""
    constant = re.compile(rf"^{re.escape(source.split(maxsplit=1)[0].upper().replace('-', '_'))}\b.*=")
    for path in _modules(""):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if constant.match(line):
                return f"{path.resolve().relative_to(_ROOT)}:{number}"
    return ""
