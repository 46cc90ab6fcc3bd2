"""Say what a drill is: something that is done to the running platform so that promises can be measured.

Between: drills.catalogue (declares them), drills.engine (runs them), drills.ledger and cli.drill (tell).
Shape: ≤ 100 drills, each ≤ 3 minutes. One run is of one way: with its fault; as a control (the fault is left out: every
promise must hold); or as a sabotage (the protection is removed first: a promise must break). A drill that holds under
sabotage proves nothing, and is broken itself.
Units: `measured` in the unit of the promise's budget; *_us microseconds since the epoch; *_s seconds.
Invariant: what a drill changes it changes back, also when it is interrupted: faults and sabotages are asynchronous
context managers, and what they did is noted beside the instance until it is undone (drills.scars).
Errors: play raises Mismatch, TimedOut, Problem or LocalError when it does not come to its end; that is not a verdict.
Source: architecture.md section 1 (three outcomes, control, sabotage); issue 6.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Literal

from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.stage import Stage
from audifi.drills.timing import now_us
from audifi.drills.workloads.regulars import Regulars


class Way(StrEnum):
    """How a run goes."""

    FAULT = "fault"
    CONTROL = "control"
    SABOTAGE = "sabotage"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One run of one drill: where it plays, how it goes, who is told."""

    stage: Stage
    way: Way
    dice: Random
    narrator: Narrator
    regulars: Regulars = field(default_factory=Regulars)
    moments: dict[str, int] = field(default_factory=dict[str, int])  # what a deed saw happen, µs since the epoch

    def mark(self, moment: Literal["injected", "detected", "failed_over"]) -> None:
        """Note for the timeline that this happens now, unless it did before: for whoever sees it, mostly a deed."""
        self.moments.setdefault(moment, now_us())


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When what happened, None where it did not happen or nobody can see it."""

    injected_us: int | None = None  # the fault was proven to be there
    detected_us: int | None = None  # the first that the platform itself knew of it
    failed_over_us: int | None = None  # somebody else had taken over
    healed_us: int | None = None  # the fault was taken away
    recovered_us: int | None = None  # everything was as before
    first_failure_us: int | None = None  # of an attempt of the workload
    last_failure_us: int | None = None
    outage_s: float = 0.0  # the longest time in which a kind of attempt had no success, at the client


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What one run found."""

    measured: Mapping[str, float]  # promise → amount
    wrong: tuple[str, ...] = ()  # what no promise counts and must not be: "order 12 was charged twice"
    figures: Mapping[str, float | int | str | None] = field(default_factory=dict[str, float | int | str | None])
    timeline: Timeline = Timeline()


Play = Callable[[Scene], Awaitable[Findings]]
# Entering does it and proves that it is done (the value says how); leaving undoes it and returns when it is undone.
Deed = Callable[[Scene], AbstractAsyncContextManager[str]]


def or_in_sabotage(fault: Deed, sabotaged: Deed) -> Deed:
    """Do the one, or in a sabotage run the other."""

    def deed(scene: Scene) -> AbstractAsyncContextManager[str]:
        return (sabotaged if scene.way is Way.SABOTAGE else fault)(scene)

    return deed


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """A protection taken away, so that the drill must see a promise break."""

    removes: str  # "Patroni is paused: nobody takes over"
    deed: Deed | None = None  # None: play looks at scene.way itself


@dataclass(frozen=True, kw_only=True)
class Drill:
    """One drill."""

    name: str  # postgres-primary-killed
    summary: str  # one sentence, present tense
    proves: tuple[str, ...]  # names of promises; every run measures each of them
    play: Play
    sabotage: Sabotage
    alerts: tuple[str, ...] = ()  # rules that must reach their receiver while the fault lasts; others stay silent
    tolerates: tuple[str, ...] = ()  # rules that may come beside them, each with its reason where it is declared
    is_quick: bool = False  # part of `prove --quick` and of CI
    needs_root: bool = False  # cuts links or mounts: without it the outcome is unproven, with that reason
