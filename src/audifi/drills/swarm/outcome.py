"""Say what came of a swarm: the verdict on its history, sentence by sentence, and the figures.

Between: play (builds it) and cli.swarm, tests (show it, judge by it). Pure.
Units: *_ms milliseconds; *_us microseconds since the epoch; *_per_s.
Invariant: figures come from the same history that is judged.
Source: issue 5; realtime.md 4.
"""

from dataclasses import asdict, dataclass
from typing import Any

from audifi.drills.swarm.delays import Percentiles, Sent, arrivals
from audifi.drills.swarm.history import History
from audifi.drills.swarm.judge import verdict
from audifi.drills.swarm.recovery import Curve, arrival_per_s, curve, undisturbed


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What a fault did."""

    fault: str
    recovery: Curve
    others_seen: Percentiles  # from the fault on, of those who lost no connection
    others_spread: Percentiles


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    viewers: int
    verdict: dict[str, list[str]]
    votes: int  # acknowledged
    refused: int
    connects_per_s: float  # while they came
    seen: Percentiles  # from a vote's sending to a viewer
    spread: Percentiles  # from the tally's making to a viewer
    losses: list[Loss]
    trouble: dict[str, int]

    @property
    def is_right(self) -> bool:
        return not any(self.verdict.values())

    def as_json(self) -> dict[str, Any]:
        return {"isRight": self.is_right, **asdict(self)}


def outcome(history: History, *, until_us: int, trouble: dict[str, int]) -> Outcome:
    """Judge and measure."""
    sent = Sent(history)
    found = {viewer: list(arrivals(history, viewer, sent)) for viewer in history.judged()}
    every = [each for arrived in found.values() for each in arrived]
    losses: list[Loss] = []
    for fault_us, fault in history.faults:
        calm = [each for viewer in undisturbed(history, fault_us) for each in found[viewer] if each.at_us >= fault_us]
        losses.append(
            Loss(
                fault=fault,
                recovery=curve(history, fault_us, until_us),
                others_seen=Percentiles.of([each.vote_us for each in calm if each.vote_us is not None]),
                others_spread=Percentiles.of([each.spread_us for each in calm]),
            )
        )
    return Outcome(
        viewers=len(history.viewers),
        verdict=verdict(history),
        votes=sum(vote.acked_us is not None for vote in history.votes),
        refused=sum(vote.refused is not None for vote in history.votes),
        connects_per_s=round(arrival_per_s(history), 1),
        seen=Percentiles.of([each.vote_us for each in every if each.vote_us is not None]),
        spread=Percentiles.of([each.spread_us for each in every]),
        losses=losses,
        trouble=trouble,
    )
