"""Measure candidates turn by turn, and compare neighbours.

Between: questions (say what one round of one candidate is) and their figures.
Shape: rounds × candidates; the order alternates (A B, B A, …) so that warming up and drifting favour nobody.
Invariant: the first round of each candidate is a warm-up and not counted. A ratio is the median over rounds of the
ratio of two measurements taken in the same minute, never a ratio of medians.
Errors: what a round raises.
Source: paired comparison, e.g. Georges et al., "Statistically rigorous Java performance evaluation", OOPSLA 2007.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

R = TypeVar("R")


async def interleaved(
    candidates: Mapping[str, Callable[[], Awaitable[R]]], *, rounds: int, said: Callable[[str], None]
) -> dict[str, list[R]]:
    """Return `rounds` results per candidate, in the order of the rounds."""
    results: dict[str, list[R]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(rounds + 1):
        for name in names if turn % 2 == 0 else reversed(names):
            result = await candidates[name]()
            if turn > 0:
                results[name].append(result)
                said(f"round {turn}/{rounds} {name}: {result}")
    return results


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Round by round, ours / theirs."""
    return [own / other for own, other in zip(ours, theirs, strict=True)]
