"""Read what every question is told: how long, how often, which platform.

Between: `./audifi bench` (passes on) and questions.
Units: seconds of one round; rounds counted per candidate.
"""

import argparse
import random
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Arguments:
    """One run."""

    seconds: float
    rounds: int
    seed: int
    instance: Path | None


def read(summary: str, *, seconds: float, rounds: int) -> Arguments:
    """Parse the command line; the defaults are the question's."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--seconds", type=float, default=seconds, help="length of one round")
    parser.add_argument("--rounds", type=int, default=rounds, help="counted rounds per candidate")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--instance", type=Path, default=None, help="a running platform to measure instead of our own")
    found = parser.parse_args()
    if found.seconds <= 0 or found.rounds < 1:
        parser.error("--seconds must be positive and --rounds at least 1")
    return Arguments(found.seconds, found.rounds, found.seed, found.instance)


def say(text: str) -> None:
    """Progress goes to stderr: stdout is for the answer."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
