"""Compute what a decision's votes come to.

Between: sagas.deciding (at the close, kept for ever), votes (while it is open), routes (finalize).
Shape: votes arrive as groups of equal votes (`Ballots`): how many, and what they weigh together.
    POLL, BINARY   per option votes and weight; who weighs most wins
    RANKING        Borda: of n options the first gets n - 1 points, the last none, times the weight; what was not ranked
                   gets none
    SLIDER         the mean, each value times its weight
    OPEN_TEXT      counted, not tallied
Units: weights in thousandths of a vote.
Invariant: the order of votes changes nothing; the weights of options sum to the weight of all votes.
A tie is an equal top; so is no vote at all: then nobody won, and the artist must choose.
Source: domain.md 2.3 "Decision lifecycle".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import msgspec

CHOSEN: Final = ("POLL", "BINARY", "RANKING")  # these have a winning option


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """Votes that say the same: exactly one of the three is set, none for OPEN_TEXT."""

    choice: str | None = None
    value: float | None = None
    ranking: tuple[str, ...] | None = None
    count: int = 1
    weight_milli: int = 1000  # of all of them together


class Results(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """What the votes come to; `results`, `weights` and `points` by option."""

    total_votes: int
    total_weight: int = 0
    results: dict[str, int] = {}
    weights: dict[str, int] = {}
    points: dict[str, int] = {}  # RANKING: thousandths of a point
    mean: float | None = None  # SLIDER
    winner: str | None = None
    is_tie: bool = msgspec.field(name="tie", default=False)


def results(type_: str, option_ids: Sequence[str], ballots: Iterable[Ballots]) -> Results:
    """Return what these votes come to."""
    all_ballots = list(ballots)
    found = Results(
        total_votes=sum(each.count for each in all_ballots),
        total_weight=sum(each.weight_milli for each in all_ballots),
    )
    match type_:
        case "SLIDER":
            found.mean = _mean(all_ballots)
        case "RANKING":
            _count_first(found, option_ids, all_ballots)
            found.points = _borda(option_ids, all_ballots)
            _decide(found, found.points)
        case "POLL" | "BINARY":
            _count_first(found, option_ids, all_ballots)
            _decide(found, found.weights)
        case _:
            pass
    return found


def is_choice_needed(type_: str, found: Results) -> bool:
    """Whether the artist must name the winner: a tie, or nobody voted."""
    return type_ in CHOSEN and found.winner is None


def _count_first(found: Results, option_ids: Sequence[str], ballots: list[Ballots]) -> None:
    found.results = dict.fromkeys(option_ids, 0)
    found.weights = dict.fromkeys(option_ids, 0)
    for each in ballots:
        first = each.ranking[0] if each.ranking else each.choice
        if first in found.results:
            found.results[first] += each.count
            found.weights[first] += each.weight_milli


def _borda(option_ids: Sequence[str], ballots: list[Ballots]) -> dict[str, int]:
    points = dict.fromkeys(option_ids, 0)
    for each in ballots:
        for place, option in enumerate(each.ranking or ()):
            if option in points:
                points[option] += (len(option_ids) - 1 - place) * each.weight_milli
    return points


def _mean(ballots: list[Ballots]) -> float | None:
    weight = sum(each.weight_milli for each in ballots if each.value is not None)
    if weight == 0:
        return None
    # Fractions: a sum of floats would depend on the order of the votes.
    total = sum(Fraction(each.value) * each.weight_milli for each in ballots if each.value is not None)
    return float(total / weight)


def _decide(found: Results, scores: dict[str, int]) -> None:
    top = max(scores.values(), default=0)
    best = [option for option, score in scores.items() if score == top]
    if found.total_votes and len(best) == 1:
        found.winner = best[0]
    found.is_tie = found.total_votes > 0 and len(best) > 1


def tops(type_: str, found: Results) -> frozenset[str]:
    """Return the options nobody beats: more than one in a tie."""
    scores = found.points if type_ == "RANKING" else found.weights
    top = max(scores.values(), default=0)
    return frozenset(option for option, score in scores.items() if score == top)
