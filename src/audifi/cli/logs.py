"""Show or follow what processes write.

Between: a person and the log files of an instance, running or not.
Shape: one file per pod and job, and `supervisor`; lines of several files carry the pod's name in front.
Units: *_s seconds.
Errors: UnknownName lists the logs there are.
Exit: 0 shown · 2 there is no such log
Example: ./audifi logs auth-service -f
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption
from audifi.local.errors import UnknownName
from audifi.local.state import Instance

LOOK_EVERY_S: Final = 0.25  # a person reads slower
LINES_OF_ALL: Final = 5
LINES_OF_ONE: Final = 50

FollowOption = Annotated[bool, Parameter(name=("--follow", "-f"), negative=(), help="Go on until Ctrl-C.")]
LinesOption = Annotated[int | None, Parameter(name=("--lines", "-n"), help="How many lines of each log.")]


def logs(
    name: str | None = None,
    /,
    *,
    follow: FollowOption = False,
    lines: LinesOption = None,
    instance: InstanceOption = DEFAULT,
) -> int:
    """Show the last lines of a component's logs, or of all; -f follows."""
    found = _found(Instance.at(instance), name)
    width = max(len(log.stem) for log in found) if len(found) > 1 else 0
    count = lines if lines is not None else LINES_OF_ALL if width else LINES_OF_ONE
    places = {log: _show_end(log, count, width) for log in found}
    if follow:
        asyncio.run(_follow(places, width))
    return 0


def _found(instance: Instance, name: str | None) -> list[Path]:
    there = sorted(instance.logs.glob("*.log"))
    wanted = [log for log in there if name is None or name in _names(log.stem)]
    if not wanted:
        known = ", ".join(log.stem for log in there) or "none yet"
        raise UnknownName(f"there is no log of {name!r} in {instance.logs}; there are: {known}")
    return wanted


def _names(pod: str) -> set[str]:
    component = pod.rpartition("-")[0]
    return {pod, component, component.removesuffix("-service")}


def _show_end(log: Path, count: int, width: int) -> int:
    """Print the last lines; returns where to go on."""
    with log.open("rb") as file:
        lines = file.read().splitlines(keepends=True)
        for line in lines[len(lines) - min(count, len(lines)) :]:
            _print(log.stem, line, width)
        return file.tell()


async def _follow(places: dict[Path, int], width: int) -> None:
    while True:
        for log, place in places.items():
            places[log] = await asyncio.to_thread(_show_new, log, place, width)
        await asyncio.sleep(LOOK_EVERY_S)


def _show_new(log: Path, place: int, width: int) -> int:
    size = log.stat().st_size if log.exists() else 0
    start = 0 if size < place else place  # it was emptied when it had grown too long
    if size == start:
        return start
    with log.open("rb") as file:
        file.seek(start)
        new = file.read(size - start)
    whole = new[: new.rfind(b"\n") + 1]  # half a line waits for its other half
    for line in whole.splitlines(keepends=True):
        _print(log.stem, line, width)
    return start + len(whole)


def _print(pod: str, line: bytes, width: int) -> None:
    front = f"{pod:<{width}} | " if width else ""
    sys.stdout.write(front + line.decode(errors="replace").rstrip("\n") + "\n")
    sys.stdout.flush()
