"""Hold what was measured against the goals: ratios within one run decide, milliseconds of a busy machine only inform.

Between: the figures of vote_fanout and its exit code.
Shape: a goal is a place in the figures, a limit and how it is compared. `missed` names each that gates and is not met,
or that a run of everything did not measure; those with is_gating=False are told and decide nothing.
Source: realtime.md 4 (goals); issue "V Studio live" (budgets).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast


@dataclass(frozen=True)
class Goal:
    """One number that is promised."""

    where: str  # path in the figures, dots between
    compare: str  # ">=" or "<="
    limit: float
    says: str
    is_gating: bool = True

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.compare == ">=" else value <= self.limit


GOALS: Final = (
    *(
        goal
        for viewers in (1000, 5000, 10_000)
        for goal in (
            Goal(f"per_core.{viewers}.ours_to_floor.median", ">=", 0.85, "messages a core against the bare send loop"),
            Goal(f"per_core.{viewers}.ours_to_socketio.median", ">=", 2.0, "messages a core against Socket.IO"),
        )
    ),
    Goal("latency.10000.5.ours.p99_ms", "<=", 100, "p99 to 10,000 viewers, 5 updates/s", is_gating=False),
    Goal("latency.5000.5.ours.p99_ms", "<=", 70, "p99 to 5,000 viewers, 5 updates/s", is_gating=False),
    Goal("latency.10000.5.p99_to_floor", "<=", 1.5, "the same against the bare send loop's p99"),
    Goal("coalesced.100.delivered_per_s", ">=", 900_000, "delivered/s when 100/s are published", is_gating=False),
    Goal("coalesced.100.delivered_share", ">=", 1.0, "no message lost at 100/s"),
    Goal("coalesced.gain", ">=", 4.0, "delivered/s at 100/s against 20/s: more load, no collapse"),
    Goal("coalesced.100.p99_ms", "<=", 350, "p99 when 100/s are published", is_gating=False),
    Goal("per_core.10000.ours.rss_kib_per_connection", "<=", 17, "resident memory of an idle connection"),
    Goal("hop.redis_p50_ms", "<=", 0.5, "what the hop through Redis adds"),
    Goal("per_core.10000.joined_s.ours", "<=", 3.0, "10,000 with tickets, one core"),
    Goal("stalled.p99_ratio.median", "<=", 1.1, "everybody's p99 with 5 % that read nothing against none"),
    Goal("stalled.kib_per_stalled", "<=", 160, "memory a viewer pins that reads nothing"),
    Goal("votes.p99_ms", "<=", 250, "acknowledgement of a vote, 1,000 a second for ten seconds"),
    Goal("votes.unacknowledged", "<=", 0, "votes without an acknowledgement"),
)


def found(figures: Mapping[str, Any], where: str) -> float | None:
    """The number at that place, if it was measured."""
    value: Any = figures
    try:
        for key in where.split("."):
            value = value[key]
    except KeyError:
        return None
    return float(value)


def missed(
    figures: Mapping[str, Any], goals: Sequence[Goal] = GOALS, *, is_whole: bool, is_gating: bool = True
) -> Iterator[str]:
    """One line for each; what a part of the whole did not measure is not missed."""
    for goal in goals:
        if goal.is_gating is not is_gating:
            continue
        value = found(figures, goal.where)
        if value is None:
            if is_whole:
                yield f"{goal.says}: not measured ({goal.where})"
        elif not goal.holds(value):
            yield f"{goal.says}: {value:g}, should be {goal.compare} {goal.limit:g} ({goal.where})"


def unusable(figures: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """One line for each part that could not be measured."""
    for name, value in figures.items():
        if name == "unusable":
            yield f"{where.strip('.')}: {value}"
        elif isinstance(value, dict):
            yield from unusable(cast("dict[str, Any]", value), f"{where}{name}.")
