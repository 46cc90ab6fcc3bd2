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

from audifi.drills.drill import Deed, Scene, or_in_sabotage
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

    return or_in_sabotage(processes.rolled(component), at_once)


def killed(choose: Choose) -> Deed:
    """SIGKILL, and the supervisor starts it again; under sabotage nobody does."""
    return or_in_sabotage(processes.killed(choose), processes.lost(choose))


def restarted(choose: Choose) -> Deed:
    """End pods politely and start them again; under sabotage nobody starts them."""

    @asynccontextmanager
    async def again(scene: Scene) -> AsyncGenerator[str]:
        pods = await choose(scene)
        for pod in pods:
            await _restarted(scene, pod)
        yield f"restarted {', '.join(pods)}"

    return or_in_sabotage(again, processes.halted(choose))


async def _restarted(scene: Scene, pod: str) -> int:
    events = [event async for event in launch.restart(scene.stage.instance, pod)]
    return sum(event["event"] == "restarted" for event in events)
