"""Print the topology as a tree, a picture, JSON, or the page that docs/ holds.

Between: a person, docs/topology.md and other programs on one side, topology.picture and topology.plain on the other.
Shape: text on standard output; with --json (or --format json) one object.
Invariant: reads the declaration only; runs nothing.
Errors: cyclopts refuses an unknown environment or format before this is called.
Exit: 0 printed, 2 wrong input.
Example: ./audifi topology --format mermaid --environment production
"""

import json
import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from audifi.cli.check import EnvironmentOption, JsonOption
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology
from audifi.topology.page import page
from audifi.topology.picture import mermaid, tree
from audifi.topology.plain import plain

Format = Literal["tree", "mermaid", "json", "page"]
FormatOption = Annotated[
    Format, Parameter(name=["--format", "-f"], help="tree, mermaid, json, or page (docs/topology.md).")
]


def topology(
    *, form: FormatOption = "tree", environment: EnvironmentOption = "local", as_json: JsonOption = False
) -> int:
    """Print the topology as a tree, JSON or a picture."""
    sys.stdout.write(_text(platform(environment), "json" if as_json else form))
    return 0


def _text(whole: Topology, form: Format) -> str:
    match form:
        case "tree":
            return tree(whole)
        case "mermaid":
            return mermaid(whole)
        case "json":
            return json.dumps(plain(whole), indent=2, ensure_ascii=False) + "\n"
        case "page":
            return page(whole)
