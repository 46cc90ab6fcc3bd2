"""A play under load sees what is broken while it is broken, and nothing of it in a control run.

Between: drills.under_load, and a platform of three lines: it answers unless it is broken.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import cast

import pytest

from audifi.drills.drill import Findings, Scene, Way
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.stage import Stage
from audifi.drills.under_load import Judged, under_load
from audifi.drills.workloads.workload import Ask, Company, Errand
from audifi.wire.problems import Unavailable

HOLD_S = 0.3


@dataclass
class Platform:
    """Keeps what is written, unless it is broken; a careless one says that it does, and does not."""

    is_broken: bool = False
    is_careless: bool = False
    kept: list[str] = field(default_factory=list[str])

    async def write(self, marker: str) -> str:
        if self.is_broken and not self.is_careless:
            raise Unavailable(may_have_taken_effect=False)
        if not self.is_broken:
            self.kept.append(marker)
        return ""

    async def found(self) -> dict[str, list[str]]:
        return {"ada": self.kept}

    @asynccontextmanager
    async def workload(self, scene: Scene) -> AsyncGenerator[Company]:
        del scene

        def ask(number: int) -> Ask:
            return Ask(key="ada", make=lambda: self.write(f"m{number}"), value=f"m{number}")

        yield Company(errands=(Errand(kind="write", per_s=100, ask=ask),), found=self.found)

    @asynccontextmanager
    async def fault(self, scene: Scene) -> AsyncGenerator[str]:
        scene.mark("detected")
        self.is_broken = True
        try:
            yield "broken"
        finally:
            self.is_broken = False


async def played(platform: Platform, way: Way) -> Findings:
    play = under_load(
        workload=platform.workload,
        fault=platform.fault,
        hold_s=HOLD_S,
        measures={"outage": Judged.outage_s, "failures": Judged.failed},
    )
    dice = Random(1)  # noqa: S311  # a run can be repeated with its seed
    stage = cast("Stage", None)  # nothing here asks for it
    return await play(Scene(stage=stage, way=way, dice=dice, narrator=Narrator(lambda _: None)))


@pytest.mark.asyncio
async def test_the_fault_is_seen_for_as_long_as_it_lasts() -> None:
    found = await played(Platform(), Way.FAULT)
    assert found.measured["outage"] >= HOLD_S
    assert found.measured["failures"] > 0
    assert not found.wrong
    told = found.timeline
    moments = [told.detected_us, told.injected_us, told.first_failure_us, told.healed_us, told.recovered_us]
    assert all(moments), moments
    assert told.detected_us == min(each for each in moments if each)
    assert told.recovered_us == max(each for each in moments if each)


@pytest.mark.asyncio
async def test_a_control_run_breaks_nothing() -> None:
    found = await played(Platform(), Way.CONTROL)
    assert found.measured["failures"] == 0
    assert found.timeline.injected_us is None
    assert not found.wrong


@pytest.mark.asyncio
async def test_what_must_never_be_is_said_whether_a_promise_counts_it_or_not() -> None:
    """This platform acknowledges while it is broken, and forgets: no request fails, and every write is lost."""
    found = await played(Platform(is_careless=True), Way.FAULT)
    assert found.measured["failures"] == 0
    assert any("acknowledged, and gone" in line for line in found.wrong)
