"""Say how a crowd came back after a loss, from a history. Pure.

Between: play (asks at the end) and history.
Shape: a Curve: how many were thrown out, how fast they came back, when 99 in a hundred of all were there again.
Units: *_us microseconds since the epoch; *_s seconds; *_per_s in the busiest second.
Source: issue 5 "reconnect curve reported (peak connects/s, time to 99 % back)".
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from audifi.drills.swarm.history import History

SECOND_US: Final = 1_000_000
BACK: Final = 0.99


@dataclass(frozen=True)
class Curve:
    """How they came back."""

    lost: int  # connections that ended after the fault
    peak_per_s: int  # connects in the busiest second
    back_s: float | None  # from the fault until 99 % were there; None when they were never


def curve(history: History, fault_us: int, until_us: int) -> Curve:
    """What happened after this moment."""
    changes: list[tuple[int, int]] = []
    for viewer in history.judged():
        changes += (
            (at_us, 1 if said.kind == "opened" else -1)
            for at_us, said in history.seen(viewer)
            if said.kind in {"opened", "closed"} and at_us <= until_us
        )
    changes.sort()
    live = sum(change for at_us, change in changes if at_us < fault_us)
    after = [(at_us, change) for at_us, change in changes if at_us >= fault_us]
    seconds = Counter((at_us - fault_us) // SECOND_US for at_us, change in after if change > 0)
    wanted, back_us = live * BACK, fault_us
    for at_us, change in after:
        was_enough = live >= wanted
        live += change
        if live < wanted:
            back_us = -1
        elif not was_enough:
            back_us = at_us
    lost = sum(change < 0 for _, change in after)
    back_s = None if back_us < 0 else (back_us - fault_us) / SECOND_US
    return Curve(lost, max(seconds.values(), default=0), back_s)


def arrival_per_s(history: History) -> float:
    """How many viewers came in a second, from the first to the last."""
    firsts = (
        next((at_us for at_us, said in history.seen(viewer) if said.kind == "opened"), None)
        for viewer in history.viewers
    )
    moments = sorted(at_us for at_us in firsts if at_us is not None)
    span_us = moments[-1] - moments[0] if moments else 0
    return len(moments) * SECOND_US / max(span_us, SECOND_US)


def undisturbed(history: History, fault_us: int) -> set[int]:
    """Who lost no connection after this moment: nobody else's loss may slow them."""
    return {
        viewer
        for viewer in history.judged()
        if not any(said.kind == "closed" and at_us >= fault_us for at_us, said in history.seen(viewer))
    }
