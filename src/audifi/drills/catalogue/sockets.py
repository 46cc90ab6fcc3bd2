"""Lose pods that hold live sockets, while three hundred people watch a vote.

Between: drills.catalogue (collects) and drills.swarm, which breaks, watches and judges.
Shape: killed, drained, rolled; what counts is whether everybody is back and nobody missed a vote in the end.
Under sabotage the viewers do what our clients must not: they stay away after a loss.
Source: design.md "Connection Handling" (promises ws-reconnect, ws-fan-out, ws-scaling); issue 6; realtime.md 3.
"""

from typing import Final

from audifi.drills.alerts import A_POD_IS_AWAY
from audifi.drills.drill import Drill, Findings, Play, Sabotage, Scene, Timeline, Way
from audifi.drills.swarm.faults import Fault
from audifi.drills.swarm.history import History
from audifi.drills.swarm.play import Wanted, swarmed

VIEWERS: Final = 300
VOTES_PER_S: Final = 2.0
SECONDS: Final = 9.0
PROVES: Final = ("ws-reconnect", "ws-fan-out", "ws-scaling")
US: Final = 1_000_000


def watched(fault: Fault) -> Play:
    """Return the play in which this happens a third into the voting."""

    async def play(scene: Scene) -> Findings:
        wanted = Wanted(
            viewers=VIEWERS,
            votes_per_s=VOTES_PER_S,
            seconds=SECONDS,
            fault=None if scene.way is Way.CONTROL else fault,
            comes_back=scene.way is not Way.SABOTAGE,
        )
        outcome, history = await swarmed(scene.stage.instance, wanted, scene.narrator)
        missed = len(missing_votes(outcome.verdict))
        said = [line for lines in outcome.verdict.values() for line in lines]
        loss = outcome.losses[0] if outcome.losses else None
        return Findings(
            measured={"ws-reconnect": len(away(history)), "ws-fan-out": missed, "ws-scaling": missed},
            wrong=() if scene.way is Way.SABOTAGE else tuple(said[:10]),
            figures={
                "viewers": outcome.viewers,
                "votes": outcome.votes,
                "thrown out": loss.recovery.lost if loss else 0,
                "99 % back after_s": loss.recovery.back_s if loss else None,
                "a vote's way, p99_ms": outcome.seen.p99_ms,
            },
            timeline=_timeline(history, loss.recovery.back_s if loss else None),
        )

    return play


def away(history: History) -> set[int]:
    """Viewers whose last connection ended and was not followed by another."""
    found: set[int] = set()
    for viewer in history.judged():
        doors = [said.kind for _, said in history.seen(viewer) if said.kind in {"opened", "closed"}]
        if not doors or doors[-1] == "closed":
            found.add(viewer)
    return found


def missing_votes(verdict: dict[str, list[str]]) -> set[str]:
    """Viewers of whom the verdict says that they saw less than the others."""
    told = ("every viewer saw something", "every viewer ended at the same newest state")
    missed = {" ".join(line.split()[:2]) for sentence in told for line in verdict[sentence]}
    disordered = verdict["events in order, none twice, none missing"]
    return missed | {" ".join(line.split()[:2]) for line in disordered if "missing" in line}


def _timeline(history: History, back_s: float | None) -> Timeline:
    if not history.faults:
        return Timeline()
    injected_us = history.faults[0][0]
    recovered_us = None if back_s is None else injected_us + int(back_s * US)
    return Timeline(injected_us=injected_us, recovered_us=recovered_us, outage_s=back_s or 0.0)


def _drill(name: str, summary: str, fault: Fault, *, is_quick: bool = False) -> Drill:
    return Drill(
        name=name,
        summary=summary,
        proves=PROVES,
        play=watched(fault),
        sabotage=Sabotage(removes="the viewers stay away after a loss, as no client of ours does"),
        tolerates=A_POD_IS_AWAY,
        is_quick=is_quick,
    )


DRILLS = (
    _drill("ws-pod-killed", "A pod with live sockets is killed while people vote.", "kill-pod", is_quick=True),
    _drill("ws-pod-drained", "A pod with live sockets is taken out of service while people vote.", "drain-pod"),
    _drill("ws-pods-rolled", "All pods with live sockets are restarted, one after the other.", "rolling"),
)
