"""Write a measurement so that somebody else can judge it: figures, units, commit, machine, versions, seed.

Between: the questions and results/benchmarks/<question>.json.
Invariant: no host name, user name or address is written; keys are sorted, so that a diff shows what moved.
Errors: OSError passes.
Source: architecture.md section 3 (results/: commit, machine, seed, units).
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "benchmarks"


def write(question: str, *, figures: Any, units: Mapping[str, str], seed: int, versions: Mapping[str, str]) -> Path:
    """Write one question's answer and return where."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{question}.json"
    answer = {
        "question": question,
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine(),
        "seed": seed,
        "units": dict(units),
        "versions": dict(versions),
        "figures": figures,
    }
    path.write_text(json.dumps(answer, indent=1, sort_keys=True) + "\n")
    return path


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


def spread(values: list[float], *, digits: int = 1) -> dict[str, float]:
    """Minimum, median, maximum of the rounds: a wide one says that the machine was noisy."""
    return {
        "min": round(min(values), digits),
        "median": round(median(values), digits),
        "max": round(max(values), digits),
    }


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
