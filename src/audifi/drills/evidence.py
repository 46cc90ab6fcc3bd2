"""Say what a measurement was made of and where: commit, machine, moment.

Between: cli.swarm and the benchmarks (write results), whoever judges them.
Invariant: no host name, user name or address is written; keys are sorted, so that a diff shows what moved.
Errors: OSError passes.
Source: architecture.md section 3 (results/: commit, machine, seed, units).
"""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]
RESULTS: Final = ROOT / "results"


def write(path: Path, answer: dict[str, Any]) -> None:
    """Write an answer with what it was made of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    whole = {"commit": commit(), "date": moment, "machine": machine(), **answer}
    path.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")


def machine() -> dict[str, Any]:
    """What it ran on: processor, cores, memory, kernel."""
    names = (line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": next(names, "model name: unknown").partition(":")[2].strip(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """The commit measured; "+changes" when the tree was not clean."""
    head = _git("rev-parse", "--short=12", "HEAD")
    dirty = _git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks")
    return head + ("+changes" if dirty else "")


def _git(*arguments: str) -> str:
    asked = ["git", *arguments]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603  # fixed program
