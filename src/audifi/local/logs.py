"""Keep what processes write bounded, and find its end.

Between: processes (append to `<instance>/logs/<pod>.log` themselves), local.supervisor (bounds) and `audifi logs`.
Shape: per pod one file of at most BYTES_MAX and the one before it (`.log.1`).
Invariant: a file is emptied in place: its writer has it open for appending and never notices. Lines written
between copy and emptying (microseconds) are lost; that is the price of not passing every line through us.
Units: bytes.
Errors: OSError passes through; a missing file is empty.
"""

import shutil
from pathlib import Path
from typing import Final

BYTES_MAX: Final = 16 * 1024 * 1024  # thirty pods, twice: at most 1 GiB
TAIL_BYTES: Final = 64 * 1024


def bound(directory: Path) -> None:
    """Move what is too long aside and empty it."""
    for log in directory.glob("*.log"):
        if log.stat().st_size > BYTES_MAX:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            with log.open("r+b") as file:
                file.truncate(0)


def last_lines(log: Path, count: int = 8) -> str:
    """The last lines of a log, indented."""
    if not log.exists():
        return "  (nothing was written)"
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - TAIL_BYTES, 0))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  (nothing was written)"
