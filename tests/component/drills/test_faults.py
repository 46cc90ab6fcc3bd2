"""Break a pod of a real queue in every way, and see that it is broken, and whole afterwards.

Between: tests, faults.processes, faults.links and the stores.
Invariant: the fixture's stores are as before after each test.
"""

import os
from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio

from audifi.drills import scars
from audifi.drills.drill import Scene, Way
from audifi.drills.faults import NeedsRoot, links, processes
from audifi.drills.journey import losses
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.stage import stage
from audifi.local import process
from audifi.local.held import Held
from audifi.local.probes import accepts
from audifi.local.waiting import NotReady

POD = "redis-queue-2"
VICTIM = processes.pod(POD)


@pytest_asyncio.fixture
async def scene(stores: Held) -> AsyncIterator[Scene]:
    async with stage(stores.instance) as found:
        dice = Random(1)  # noqa: S311  # a run can be repeated with its seed
        yield Scene(stage=found, way=Way.FAULT, dice=dice, narrator=Narrator(lambda _: None))
        assert not scars.noted(stores.instance)


async def pid(scene: Scene) -> int:
    return int((await losses.units(scene.stage))[POD]["pid"])


@pytest.mark.asyncio
async def test_a_frozen_pod_stands_still_and_goes_on_as_the_same_process(scene: Scene) -> None:
    before = await pid(scene)
    async with processes.frozen(VICTIM)(scene):
        assert process.is_stopped(before)
        assert scars.noted(scene.stage.instance)
    assert not process.is_stopped(before)
    assert await pid(scene) == before


@pytest.mark.asyncio
async def test_a_killed_pod_is_another_process_afterwards(scene: Scene) -> None:
    before = process.identify(await pid(scene))
    async with processes.killed(VICTIM)(scene):
        assert not before.is_alive
    assert await pid(scene) != before.number


@pytest.mark.asyncio
async def test_a_lost_pod_stays_down_until_it_is_healed_by_whoever_comes(scene: Scene) -> None:
    async with processes.lost(VICTIM)(scene):
        assert not await processes.everything(scene.stage, [POD])
        assert await scars.heal(scene.stage)  # as `audifi drill heal` does when the drill was killed
        assert await processes.everything(scene.stage, [POD])


@pytest.mark.asyncio
async def test_a_pod_that_is_cut_off_answers_nobody_until_the_link_is_mended(scene: Scene) -> None:
    port = scene.stage.port(POD, "redis")
    for cut in (links.isolated(VICTIM), links.closed(VICTIM, "redis"), links.parted(VICTIM, "redis-queue")):
        if os.geteuid() != 0:
            with pytest.raises(NeedsRoot):
                await cut(scene).__aenter__()
            continue
        async with cut(scene) as what:
            if "cut off from redis-queue" not in what:
                with pytest.raises(NotReady):
                    await accepts(port)
        assert await accepts(port)
