"""Show a start or a stop while it happens: a live table in a terminal, one line per change elsewhere.

Between: cli.up, cli.down and the events of the control channel.
Shape: one row per component: how many of its pods are ready and what the others wait for.
Invariant: nothing here decides anything; without a terminal the output holds no control characters.
Units: seconds since the verb began.
Errors: none.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any, Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from audifi.local.board import Event, State

SETTLED: Final = frozenset({State.READY, State.DONE})
COLOURS: Final[Mapping[str, str]] = {
    State.READY: "green",
    State.DONE: "green",
    State.FAILED: "red",
    State.RESTARTING: "yellow",
    State.STOPPED: "dim",
}


class Progress:
    """Follows events until it is closed; use it as a context manager."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._began_s = time.monotonic()
        self._units: dict[str, Event] = {}
        self._live = (
            Live(console=self._console, refresh_per_second=8, get_renderable=self._table)
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()

    def settle(self) -> None:
        """Leave the table as it is; what changes from now on is a line each."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began_s

    def tell(self, event: Event) -> None:
        """Show one event."""
        if event["event"] == "note":
            self._console.print(event["text"])
        if event["event"] != "unit":
            return
        before = self._units.get(event["name"])
        self._units[event["name"]] = event
        if self._live is None and (before is None or before["state"] != event["state"]):
            self._line(event, is_first=before is None)

    def _line(self, event: Event, *, is_first: bool) -> None:
        if is_first and event["state"] == State.WAITING:
            return
        detail = f": {event['detail'].splitlines()[0]}" if event["detail"] else ""
        sys.stdout.write(f"[{self.elapsed_s:5.1f} s] {event['name']} {event['state']}{detail}\n")
        sys.stdout.flush()

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        components: dict[str, list[Event]] = {}
        for unit in self._units.values():
            components.setdefault(unit["component"], []).append(unit)
        for component, units in components.items():
            table.add_row(*_row(component, units))
        table.add_row("", "", f"[dim]{self.elapsed_s:.1f} s[/dim]")
        return table


def _row(component: str, units: list[Event]) -> tuple[str, str, str]:
    pods = [unit for unit in units if not unit["is_job"]]
    settled = [unit for unit in pods if unit["state"] in SETTLED]
    telling = next((unit for unit in units if unit["state"] not in SETTLED), units[0])
    colour = COLOURS.get(telling["state"], "cyan")
    state = f"[{colour}]{telling['state']:<10}[/{colour}] {len(settled)}/{len(pods)}"
    return component, state, f"[dim]{_short(telling)}[/dim]"


def _short(unit: Event) -> str:
    lines: list[str] = str(unit["detail"]).splitlines() or [""]
    named = "" if unit["state"] in SETTLED else f"{unit['name']}: "
    return f"{named}{lines[0][:70]}".replace("[", r"\[")


def in_mib(size: Any) -> str:
    """1.2 GiB, 34 MiB."""
    mib = int(size) / 2**20
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"
