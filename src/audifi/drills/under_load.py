"""Play a drill as most drills are: ask steadily, break something, mend it, and judge what the clients saw.

Between: drills.catalogue (`play=under_load(…)`), workloads (ask), deeds (break) and drills.checks (judge).
Shape: steady state → the fault is proven → hold_s → it is healed → steady again → what is there is asked for → judged.
In a control run nothing is broken for this time, CONTROL_S at most. In a sabotage run it need not become steady again
by itself.
Units: *_s seconds.
Invariant: what must never happen (a lost acknowledged write, a duplicate, a stale read, a ghost) is said in every
run, whether a promise counts it or not.
Errors: TimedOut when it is not steady before the fault, or not again after it; what a deed or workload raises passes.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from audifi.drills import checks, timeline
from audifi.drills.checks import Window
from audifi.drills.drill import Deed, Findings, Play, Scene, Timeline, Way
from audifi.drills.history import Attempt, History
from audifi.drills.timing import US, now_us
from audifi.drills.workloads.open_loop import Flow, flowing
from audifi.drills.workloads.workload import Workload
from audifi.local.waiting import TimedOut

CONTROL_S: Final = 10.0  # as long as most faults; half a minute more of nothing shows nothing more
AFTERWARDS_S: Final = 1.0  # asked on after the recovery: a fault may leave something behind
SHOWN_MAX: Final = 10  # of what is wrong in one way
NOT_STEADY_S: Final = 20.0  # waited for under sabotage


@dataclass(frozen=True)
class Judged:
    """What one run's clients saw, and what came of it. A kind of "" means every kind."""

    history: History
    window: Window
    timeline: Timeline

    def outage_s(self, kind: str = "") -> float:
        """Return the longest time in which no attempt of a kind was answered; of the worst kind without one."""
        kinds = [kind] if kind else sorted({each.kind for each in self.attempts()})
        return max((checks.outage_s(self.attempts(each), self.window) for each in kinds), default=0.0)

    def slowest_s(self, kind: str = "") -> float:
        """Return the longest time from when an attempt was due to its answer."""
        answered = (each for each in self.attempts(kind) if not checks.failed([each]))
        return max(((each.ended_us - each.due_us) / US for each in answered), default=0.0)

    def failed(self, kind: str = "") -> int:
        """Count attempts that were not answered as they should be."""
        return len(checks.failed(self.attempts(kind)))

    def lost(self) -> int:
        """Count acknowledged writes that are gone."""
        return len(checks.lost(self.history))

    def duplicates(self) -> int:
        """Count values that are there more than once."""
        return len(checks.duplicates(self.history))

    def stale(self) -> int:
        """Count reads that were older than what was known before."""
        return len(checks.stale(self.history))

    def attempts(self, kind: str = "") -> list[Attempt]:
        """The attempts that count: those due in the window."""
        return [each for each in self.history.attempts if self.window.has(each) and kind in ("", each.kind)]

    def wrong(self) -> tuple[str, ...]:
        """Say what must never be."""
        return tuple(
            line
            for check in (checks.lost, checks.duplicates, checks.stale, checks.ghosts)
            for line in _shown(check(self.history))
        )


def under_load(
    *,
    workload: Workload,
    fault: Deed,
    hold_s: float,
    alerted_s: float = 0.0,
    measures: Mapping[str, Callable[[Judged], float]],
) -> Play:
    """Return the play of a drill that breaks this for so long while that is asked.

    With its fault it lasts at least `alerted_s`: an alert that belongs to it takes its time.
    """
    held_s = {Way.FAULT: max(hold_s, alerted_s), Way.CONTROL: min(hold_s, CONTROL_S), Way.SABOTAGE: hold_s}

    async def play(scene: Scene) -> Findings:
        history, moments = History(), scene.moments
        async with workload(scene) as company:
            async with flowing(company.errands, history) as flow:
                async with scene.narrator.step("everybody is answered before anything is broken"):
                    await flow.steady()
                begun_us = now_us()
                async with _broken(scene, fault):
                    await asyncio.sleep(held_s[scene.way])
                moments["healed"] = now_us()
                await _recovered(scene, flow)
                await asyncio.sleep(AFTERWARDS_S)
                ended_us = now_us()
            history.found.update(await company.found())
        window = Window(begun_us, ended_us)
        return _found(Judged(history, window, timeline.drawn(history.attempts, window, moments)), measures)

    return play


@asynccontextmanager
async def _broken(scene: Scene, fault: Deed) -> AsyncGenerator[None]:
    """Break it and mend it, or leave it as it is in a control run."""
    if scene.way is Way.CONTROL:
        scene.narrator.note("nothing is broken: this is the control")
        yield
        return
    async with fault(scene) as proof:
        scene.mark("injected")  # unless the deed said it: one that takes long breaks before it has entered
        scene.narrator.note(proof)
        yield


async def _recovered(scene: Scene, flow: Flow) -> None:
    if scene.way is Way.SABOTAGE:
        try:
            await flow.steady(within_s=NOT_STEADY_S)
        except TimedOut as reason:
            scene.narrator.note(f"sabotaged, it does not recover: {reason}")
            return
    else:
        async with scene.narrator.step("everybody is answered again"):
            await flow.steady()
    scene.moments["recovered"] = now_us()


def _found(judged: Judged, measures: Mapping[str, Callable[[Judged], float]]) -> Findings:
    judged.history.attempts.sort(key=lambda each: each.started_us)
    kinds = sorted({each.kind for each in judged.attempts()})
    figures: dict[str, float | int | str | None] = {
        "attempts": len(judged.attempts()),
        "failed": judged.failed(),
        "lost": judged.lost(),
        "duplicates": judged.duplicates(),
        "stale": judged.stale(),
        "first failure": next(iter(checks.failed(judged.attempts())), None),
    }
    for kind in kinds:
        figures[f"{kind}: attempts"] = len(judged.attempts(kind))
        figures[f"{kind}: failed"] = judged.failed(kind)
        figures[f"{kind}: outage_s"] = round(judged.outage_s(kind), 3)
        figures[f"{kind}: slowest_s"] = round(judged.slowest_s(kind), 3)
    measured = {promise: measure(judged) for promise, measure in measures.items()}
    return Findings(measured=measured, wrong=judged.wrong(), figures=figures, timeline=judged.timeline)


def _shown(lines: list[str]) -> list[str]:
    more = [f"… and {len(lines) - SHOWN_MAX} more"] if len(lines) > SHOWN_MAX else []
    return [*lines[:SHOWN_MAX], *more]
