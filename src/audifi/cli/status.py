"""Show what runs and how it is.

Between: a person and the supervisor's own view (local.launch.status).
Shape: one row per pod; `--json` prints what the supervisor said.
Units: memory in MiB (proportional: shared pages counted once), time since the state began.
Errors: NotRunning through cli.main. Exit 1 when something that should be ready is not.
Exit: 0 everything is ready · 1 something is not · 2 nothing runs
Example: ./audifi status · ./audifi status --json
"""

import asyncio
import json
import sys
import time
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from audifi.cli.options import DEFAULT, InstanceOption, JsonOption, running
from audifi.cli.progress import COLOURS, SETTLED, in_mib
from audifi.local import launch
from audifi.local.board import Event

WIDTH_MIN: Final = 150  # narrower terminals wrap the line rather than lose a port


def status(*, json_: JsonOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Show what runs and how it is."""
    found, _ = running(instance)
    seen = asyncio.run(launch.status(found))
    if json_:
        sys.stdout.write(json.dumps({**seen, "instance": str(found.path)}, indent=1) + "\n")
    else:
        table(seen)
    return 0 if all(unit["state"] in SETTLED for unit in seen["units"]) else 1


def table(seen: Event) -> None:
    """Print the supervisor's view."""
    drawn = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("pod", "state", "pid", "up", "restarts", "memory", "ports", "detail"):
        drawn.add_column(column, justify="right" if column in {"pid", "restarts", "memory"} else "left")
    for unit in seen["units"]:
        if not unit["is_job"] or unit["state"] not in SETTLED:
            drawn.add_row(*_row(unit))
    Console(highlight=False, width=max(Console().width, WIDTH_MIN)).print(drawn, no_wrap=True)
    sys.stdout.write(f"{in_mib(seen['memory_bytes'])} in all, up for {_duration(seen['uptime_s'])}\n")


def _row(unit: dict[str, Any]) -> list[str]:
    colour = COLOURS.get(unit["state"], "cyan")
    first_line = (unit["detail"].splitlines() or [""])[0].replace("[", r"\[")
    return [
        unit["name"],
        f"[{colour}]{unit['state']}[/{colour}]",
        str(unit["pid"] or ""),
        _duration(time.time() - unit["since_s"]),
        str(unit["restarts"] or ""),
        in_mib(unit["memory_bytes"]) if unit["memory_bytes"] else "",
        " ".join(f"{name}:{number}" for name, number in unit["ports"].items()),
        first_line,
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
