"""A pod is given something else from its next start on, until it is rolled back; a clock that is wrong is wrong.

Between: drills.faults.releases, and one real pod: the mail stand-in.
Units: *_s seconds.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest
from tests.support.instances import instance

from audifi.drills import scars
from audifi.drills.drill import Scene, Way
from audifi.drills.faults import releases
from audifi.drills.journey import losses
from audifi.drills.journey.narration import Narrator
from audifi.drills.journey.stage import Stage, stage
from audifi.local.held import Held

POD = "mail-1"


@pytest.fixture(scope="module")
def mail(request: pytest.FixtureRequest) -> Iterator[Held]:
    with instance(request, "releases", ["mail"]) as running:
        yield running


def scene_of(found: Stage) -> Scene:
    dice = Random(1)  # noqa: S311  # a run can be repeated with its seed
    return Scene(stage=found, way=Way.FAULT, dice=dice, narrator=Narrator(lambda _: None))


async def told(found: Stage) -> bytes:
    """What the pod's process was told, as the kernel has it."""
    pid = (await losses.units(found))[POD]["pid"]
    return await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_bytes)


@pytest.mark.asyncio
async def test_a_pod_with_a_wrong_clock_is_ready_and_gets_its_own_back(mail: Held) -> None:
    async with stage(mail.instance) as found:
        async with releases.clock_ahead(POD, 600)(scene_of(found)) as proof:
            assert "600 s ahead" in proof
            assert b"FAKETIME=+600s" in await told(found)
            assert [each.what for each in scars.noted(mail.instance)] == [proof]
        assert b"FAKETIME" not in await told(found)
    assert not scars.noted(mail.instance)


@pytest.mark.asyncio
async def test_what_was_released_is_rolled_back_by_heal(mail: Held) -> None:
    """As after a drill that was killed: nobody leaves the deed."""
    async with AsyncExitStack() as killed:
        found = await killed.enter_async_context(stage(mail.instance))
        await killed.enter_async_context(releases.clock_ahead(POD, 600)(scene_of(found)))
        await scars.heal(found)
        assert b"FAKETIME" not in await told(found)
        assert not scars.noted(mail.instance)
