"""Share what the verbs for chains and pins need: whom to run as, and how to print rows.

Between: cli.chain, cli.pins and local.console.
Invariant: without a running platform only AUDIFI_RPC_PROVIDERS makes sense; everything else says how to start one.
Errors: NotRunning through cli.options.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from audifi.cli.options import running
from audifi.local.console import run
from audifi.local.resolution import environment
from audifi.topology.declaration import platform

WORKER_POD: Final = "worker-1"  # whose environment an operator's program is given
WORKER_CONSOLE: Final = "audifi.services.worker.console"
LEVELS: Final = {"ok": "green", "warning": "yellow", "error": "red"}


def as_worker(instance: Path) -> dict[str, str]:
    """What the worker of the running platform is told."""
    found, _ = running(instance)
    return environment(found, platform("local"), WORKER_POD)


def asked(module: str, arguments: Sequence[str], told: Mapping[str, str]) -> Any:
    """Run a program and show its progress."""
    return run(module, arguments, told, on_progress=_tell)


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def shown(data: Any, *, as_json: bool, text: Callable[[Any], None]) -> None:
    """Print a result for a program or for a person."""
    if as_json:
        sys.stdout.write(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    else:
        text(data)


def rows(titles: Sequence[str], lines: Sequence[Sequence[Any]]) -> None:
    """Print a table; a level (ok, warning, error) is coloured."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    for line in lines:
        table.add_row(*(_cell(value) for value in line))
    # A pipe has no width of its own: lines are kept whole there.
    console = Console(highlight=False)
    Console(highlight=False, width=None if console.is_terminal else 200).print(table)


def _cell(value: Any) -> str:
    text = escape("" if value is None else str(value))
    return f"[{LEVELS[text]}]{text}[/]" if text in LEVELS else text
