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
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from audifi.drills import scars
from audifi.drills.drill import Drill, Findings, Scene, Way
from audifi.drills.journey import losses
from audifi.drills.journey.narration import JourneyFailed, Mismatch, Narrator, Tell
from audifi.drills.journey.stage import Stage, stage
from audifi.drills.report import Run
from audifi.drills.workloads.regulars import Regulars
from audifi.local.errors import LocalError
from audifi.local.state import Instance
from audifi.local.waiting import TimedOut
from audifi.wire.problems import Problem

PRODUCTION: Final = "production"


@dataclass
class Engine:
    """Runs drills on one running platform."""

    stage: Stage
    tell: Tell
    regulars: Regulars = field(default_factory=Regulars)

    async def run(self, drill: Drill, way: Way = Way.FAULT, *, seed: int = 1) -> Run:
        """Run it once; what ends it early is told in the run."""
        began_s = time.monotonic()
        findings, error = None, ""
        try:
            await self.whole()
            findings = await self._played(drill, way, seed)
            await losses.whole_again(self.stage)
        except JourneyFailed as failure:
            error = f"{failure.step}: {failure.reason}"
        except (Problem, TimedOut, Mismatch, LocalError, OSError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        return Run(
            drill=drill,
            way=way,
            seed=seed,
            took_s=time.monotonic() - began_s,
            findings=None if error else findings,
            error=error,
        )

    async def whole(self) -> None:
        """Heal what an earlier drill has left, and wait until everything is ready."""
        for what in await scars.heal(self.stage):
            self.tell({"event": "note", "step": "", "at_s": 0.0, "text": f"healed: {what}"})
        await losses.whole_again(self.stage)

    async def _played(self, drill: Drill, way: Way, seed: int) -> Findings:
        narrator = Narrator(self.tell)
        dice = Random(seed)  # noqa: S311  # a run can be repeated with its seed
        scene = Scene(stage=self.stage, way=way, dice=dice, narrator=narrator, regulars=self.regulars)
        async with AsyncExitStack() as sabotage:
            if way is Way.SABOTAGE:
                narrator.note(f"sabotage: {drill.sabotage.removes}")
                if drill.sabotage.deed is not None:
                    narrator.note(await sabotage.enter_async_context(drill.sabotage.deed(scene)))
            return await drill.play(scene)


@asynccontextmanager
async def engine(instance: Instance, tell: Tell, *, may_break_production: bool = False) -> AsyncGenerator[Engine]:
    """Hold a running platform for drills alone."""
    async with stage(instance) as found:
        if found.topology.environment == PRODUCTION and not may_break_production:
            raise LocalError(f"{instance.path} is production: a drill breaks it; say --break-production if you mean it")
        with scars.alone(instance):
            yield Engine(found, tell)
