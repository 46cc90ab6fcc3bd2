"""Lose parts under load: the quick drills hold, and the first of them can fail.

Between: drills.engine on the whole platform; every promise is judged by its own budget.
Units: *_s seconds at the client.
Why not every drill: they take 15 minutes; `./audifi prove` runs them all, and more than once.
"""

import asyncio
import sys

import pytest
from tests.system.conftest import Figure
from tests.system.visitors import Visitors

from audifi.drills import catalogue, report, scars
from audifi.drills.drill import Way
from audifi.drills.engine import Engine
from audifi.drills.journey.stage import stage
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for

DRILLS = ("auth-pods-killed", "gateway-killed", "postgres-primary-killed", "redis-primary-lost")


async def ran(platform: Held, name: str, way: Way, figure: Figure) -> list[str]:
    """Run a drill, report what it measured, and return what was not as its way demands."""
    (drill,) = catalogue.named([name])
    async with stage(platform.instance) as found:
        run = await Engine(found, tell=lambda _: None).run(drill, way)
        budgets = report.budgets(found.topology)
    if run.findings is not None:
        for promise, amount in run.findings.measured.items():
            figure(f"{name}, {way}: {promise}", amount, budgets[promise].unit)
    return run.faults(budgets)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", DRILLS)
async def test_what_is_promised_holds_with_the_fault(
    name: str, people: Visitors, platform: Held, figure: Figure
) -> None:
    del people  # a whole platform before and after
    assert not await ran(platform, name, Way.FAULT, figure)


@pytest.mark.asyncio
@pytest.mark.parametrize("way", [Way.CONTROL, Way.SABOTAGE])
async def test_a_drill_holds_without_its_fault_and_fails_without_the_protection(
    way: Way, people: Visitors, platform: Held, figure: Figure
) -> None:
    """Taught by drills that are green whatever happens."""
    del people
    assert not await ran(platform, DRILLS[0], way, figure)


@pytest.mark.asyncio
async def test_what_a_killed_drill_has_broken_is_healed(people: Visitors, platform: Held) -> None:
    """SIGKILL runs no handler: what is broken is on disk, and the next command mends it."""
    del people

    async def halted() -> str:
        found = [name for name, unit in (await platform.units()).items() if unit["state"] == "stopped"]
        if not found:
            raise NotReady("every pod runs")
        return found[0]

    drill = await drilling(platform, "run", "gateway-killed")
    try:
        pod = await wait_for(halted, within_s=90, saying="the drill has broken something")
    finally:
        drill.kill()
        await drill.wait()
    assert scars.noted(platform.instance)
    healing = await drilling(platform, "heal")
    assert await healing.wait() == 0
    assert not scars.noted(platform.instance)
    assert (await platform.units())[pod]["state"] == "ready"


async def drilling(platform: Held, *words: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "audifi.cli.main", "drill", *words, "--instance", str(platform.instance.path))
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
