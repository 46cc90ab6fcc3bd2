"""Judge the topology: what cannot hold, and the remedy.

Between: a person or CI and topology.audit.
Shape: three lines per note, worst first, and a line that counts them; with --json one object.
Invariant: the exit code says what CI needs: only an error is 1.
Errors: cyclopts refuses an unknown environment before this is called.
Exit: 0 nothing stops a render, 1 at least one error, 2 wrong input.
Example: ./audifi check --environment production
"""

import json
import sys
from collections import Counter
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from audifi.topology.audit import audit, has_errors
from audifi.topology.declaration import platform
from audifi.topology.model.whole import Topology
from audifi.topology.note import Note, Severity
from audifi.topology.plain import plain

Environment = Literal["local", "staging", "production"]
EnvironmentOption = Annotated[
    Environment, Parameter(name=["--environment", "-e"], help="Which of its environments: local, staging, production.")
]
JsonOption = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON object instead of text.")]

STYLES: Final = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
    Severity.RESOLVED: "green",
}


def check(*, environment: EnvironmentOption = "local", as_json: JsonOption = False) -> int:
    """Judge the topology: what cannot hold, and the remedy. Exits 1 if there is an error."""
    return tell(platform(environment), as_json=as_json)


def tell(topology: Topology, *, as_json: bool) -> int:
    """Print the notes on a topology; 1 if one of them is an error."""
    return say(topology.environment, audit(topology), as_json=as_json)


def say(environment: str, notes: tuple[Note, ...], *, as_json: bool) -> int:
    """Print notes; 1 if one of them is an error."""
    if as_json:
        told = {"environment": environment, "ok": not has_errors(notes), "notes": plain(notes)}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    else:
        _show(environment, notes)
    return 1 if has_errors(notes) else 0


def _show(environment: str, notes: tuple[Note, ...]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for note in notes:
        style = STYLES[note.severity]
        console.print(f"[{style}]{note.severity:<8}[/]  {note.component}  [dim]{note.rule}[/]")
        console.print(Text(f"          {note.reason}\n          → {note.remedy}"))
    counts = Counter(note.severity for note in notes)
    summary = ", ".join(f"{counts[severity]} {severity}" for severity in Severity)
    verdict = "Errors stop a render." if has_errors(notes) else "Nothing stops a render."
    console.print(f"\n{environment}: {summary}. {verdict}")
