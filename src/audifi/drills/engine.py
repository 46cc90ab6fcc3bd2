"""Run a drill one way: on a healed and whole platform, under its sabotage if asked, and leave it whole again.

Between: cli.drill, cli.prove and tests (ask for runs), drills.drill (what a drill is), drills.scars (heals first).
Shape: heal → whole → enter the sabotage → play → leave it → whole again; each run in a time of its own.
Units: *_s seconds.
Invariant: one drill at a time on an instance; nothing is broken on a production platform unless that was said aloud.
Whatever ends a run, also Ctrl-C, its deeds are undone before `run` returns.
Errors: a run that does not come to its end is a Run with its error, never an exception; LocalError when the platform
may not be broken, or does not become whole before the drill.
Source: issue 6; architecture.md section 1 (control, sabotage).
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from audifi.drills import alerts, scars
from audifi.drills.drill import Drill, Findings, Scene, Way
from audifi.drills.journey import losses
from audifi.drills.journey.narration import JourneyFailed, Mismatch, Narrator, Tell
from audifi.drills.journey.stage import Stage, stage
from audifi.drills.report import Run
from audifi.drills.timing import now_us
from audifi.drills.workloads.regulars import Regulars
from audifi.local.errors import LocalError
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, TimedOut
from audifi.wire.problems import Problem

PRODUCTION: Final = "production"
Complained = Callable[[], Awaitable[tuple[str, ...]]]


@dataclass
class Engine:
    """Runs drills on one running platform."""

    stage: Stage
    tell: Tell
    regulars: Regulars = field(default_factory=Regulars)

    async def run(self, drill: Drill, way: Way = Way.FAULT, *, seed: int = 1) -> Run:
        """Run it once; what ends it early is told in the run."""
        began_s = time.monotonic()
        findings, error, complaints = None, "", ()
        try:
            await self.whole()
            scene = self._scene(way, seed)
            async with self._alerts(drill, scene) as complained:
                findings = await self._played(drill, scene)
                complaints = await complained()
            await losses.whole_again(self.stage)
        except JourneyFailed as failure:
            error = f"{failure.step}: {failure.reason}"
        except (Problem, NotReady, TimedOut, Mismatch, LocalError, OSError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        return Run(
            drill=drill,
            way=way,
            seed=seed,
            took_s=time.monotonic() - began_s,
            findings=None if error else findings,
            error=error,
            silence=complaints,
        )

    async def whole(self) -> None:
        """Heal what an earlier drill has left, and wait until everything is ready."""
        for what in await scars.heal(self.stage):
            self.tell({"event": "note", "step": "", "at_s": 0.0, "text": f"healed: {what}"})
        await losses.whole_again(self.stage)

    def _scene(self, way: Way, seed: int) -> Scene:
        dice = Random(seed)  # noqa: S311  # a run can be repeated with its seed
        return Scene(stage=self.stage, way=way, dice=dice, narrator=Narrator(self.tell), regulars=self.regulars)

    async def _played(self, drill: Drill, scene: Scene) -> Findings:
        async with AsyncExitStack() as sabotage:
            if scene.way is Way.SABOTAGE:
                scene.narrator.note(f"sabotage: {drill.sabotage.removes}")
                if drill.sabotage.deed is not None:
                    scene.narrator.note(await sabotage.enter_async_context(drill.sabotage.deed(scene)))
            return await drill.play(scene)

    @asynccontextmanager
    async def _alerts(self, drill: Drill, scene: Scene) -> AsyncGenerator[Complained]:
        """Listen for alerts during the block; what is yielded says which did not come, and which came unexpected."""
        if scene.way is Way.SABOTAGE or not await self._is_watched():
            missing = tuple(f"nobody watches, so {name} was not seen" for name in drill.alerts)
            yield partial(_answered, () if scene.way is Way.SABOTAGE else missing)
            return
        try:
            await alerts.quiet(self.stage)
        except TimedOut as reason:
            scene.narrator.note(f"alerts of before: {reason}")
        async with alerts.listening(self.stage) as heard:
            expected = drill.alerts if scene.way is Way.FAULT else ()
            yield lambda: heard.complaints(expected, drill.tolerates, cause_us=scene.moments.get("injected", now_us()))

    async def _is_watched(self) -> bool:
        found = await losses.units(self.stage)
        return all(f"{name}-1" in found for name in ("prometheus", "alertmanager", *alerts.RECEIVERS))


async def _answered(complaints: tuple[str, ...]) -> tuple[str, ...]:
    return complaints


@asynccontextmanager
async def engine(instance: Instance, tell: Tell, *, may_break_production: bool = False) -> AsyncGenerator[Engine]:
    """Hold a running platform for drills alone."""
    async with stage(instance) as found:
        if found.topology.environment == PRODUCTION and not may_break_production:
            raise LocalError(f"{instance.path} is production: a drill breaks it; say --break-production if you mean it")
        with scars.alone(instance):
            yield Engine(found, tell)
