"""Take the doors away: what only the edge, the gateways and the sockets' pods have.

Between: drills.catalogue.edges (chooses), faults.processes (kills, halts, rolls) and local.launch.
Shape: a Deed; under sabotage a roll is no roll any more: every pod is restarted at the same moment, and who was killed
is not started again.
Invariant: entered when every pod was restarted, or is down; left when it is up again.
Errors: Mismatch when nothing was restarted; LocalError from the supervisor.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from audifi.drills.drill import Deed, Scene, Way
from audifi.drills.faults import processes
from audifi.drills.faults.processes import Choose
from audifi.drills.journey.narration import Mismatch
from audifi.local import launch


def rolled(component: str) -> Deed:
    """Restart a component pod by pod; under sabotage all at once."""

    @asynccontextmanager
    async def at_once(scene: Scene) -> AsyncGenerator[str]:
        pods = scene.stage.topology.component(component).pods
        done = await asyncio.gather(*(_restarted(scene, pod) for pod in pods))
        if sum(done) != len(pods):
            raise Mismatch(f"{sum(done)} of {len(pods)} pods of {component} were restarted")
        yield f"restarted {', '.join(pods)}, all at once"

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        chosen = at_once if scene.way is Way.SABOTAGE else processes.rolled(component)
        async with chosen(scene) as proof:
            yield proof

    return deed


def killed(choose: Choose) -> Deed:
    """SIGKILL, and the supervisor starts it again; under sabotage nobody does."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        chosen = processes.lost(choose) if scene.way is Way.SABOTAGE else processes.killed(choose)
        async with chosen(scene) as proof:
            yield proof

    return deed


def restarted(choose: Choose) -> Deed:
    """End pods politely and start them again; under sabotage nobody starts them."""

    @asynccontextmanager
    async def again(scene: Scene) -> AsyncGenerator[str]:
        pods = await choose(scene)
        for pod in pods:
            await _restarted(scene, pod)
        yield f"restarted {', '.join(pods)}"

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        chosen = processes.halted(choose) if scene.way is Way.SABOTAGE else again
        async with chosen(scene) as proof:
            yield proof

    return deed


async def _restarted(scene: Scene, pod: str) -> int:
    events = [event async for event in launch.restart(scene.stage.instance, pod)]
    return sum(event["event"] == "restarted" for event in events)
