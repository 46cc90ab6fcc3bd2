"""Write a measurement so that somebody else can judge it: figures, units, commit, machine, versions, seed.

Between: the questions and results/benchmarks/<question>.json.
Invariant: no host name, user name or address is written; keys are sorted, so that a diff shows what moved.
Errors: OSError passes.
Source: architecture.md section 3 (results/: commit, machine, seed, units).
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from audifi.drills import evidence

ROOT = evidence.ROOT
RESULTS = evidence.RESULTS / "benchmarks"


def write(question: str, *, figures: Any, units: Mapping[str, str], seed: int, versions: Mapping[str, str]) -> Path:
    """Write one question's answer and return where."""
    path = RESULTS / f"{question}.json"
    answer = {"question": question, "seed": seed, "units": dict(units), "versions": dict(versions), "figures": figures}
    evidence.write(path, answer)
    return path


def spread(values: list[float], *, digits: int = 1) -> dict[str, float]:
    """Minimum, median, maximum of the rounds: a wide one says that the machine was noisy."""
    return {
        "min": round(min(values), digits),
        "median": round(median(values), digits),
        "max": round(max(values), digits),
    }
