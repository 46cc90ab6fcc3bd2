"""Release something else to pods: one that cannot start, or one whose clock is wrong; and roll it back.

Between: drills.catalogue.releases (chooses), local.releases (what a pod is told beyond the topology), local.launch.
Shape: a release goes pod by pod and stops at the first that is not ready in time, as a Deployment does; whoever
releases then rolls back, and the old release is ready on every pod when the deed is left.
Invariant: a scar notes every pod that was given something else before it is restarted.
Units: *_s seconds.
Errors: Mismatch when a release that cannot start did start; MissingBinary without libfaketime.
Source: kubernetes.io, Deployments (rolling update, progress deadline); faketime(1).
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from audifi.drills.drill import Deed, Scene
from audifi.drills.faults import processes
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local import launch, releases
from audifi.local.errors import MissingBinary
from audifi.wire import environment

PROGRESS_S: Final = 12.0  # a pod of ours is ready within 5 s on an idle machine
# Settings refuse it: the process ends at once.
BROKEN: Final[Mapping[str, str]] = {environment.ENVIRONMENT: "nowhere"}
FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def bad_release(component: str) -> Deed:
    """Roll out what cannot start, pod by pod; stop at the first pod that is not ready in time, and roll back."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        first = scene.stage.topology.component(component).pods[0]
        async with scarred(scene.stage, f"{first} has a bad release", roll_back, pods=first):
            scene.mark("injected")
            await _released(scene.stage, [first])
            scene.mark("detected")
            yield f"a release that cannot start, stopped at {first} after {PROGRESS_S:g} s"

    return deed


def bad_release_everywhere(component: str) -> Deed:
    """Roll out what cannot start to all pods but one at once: nobody looks whether the first is ready."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        pods = scene.stage.topology.component(component).pods[1:]
        async with scarred(scene.stage, f"{', '.join(pods)} have a bad release", roll_back, pods=",".join(pods)):
            await _released(scene.stage, pods)
            yield f"a release that cannot start, on {', '.join(pods)} at once"

    return deed


def clock_ahead(pod: str, ahead_s: int) -> Deed:
    """Let a pod believe that it is so much later."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        if not FAKETIME.is_file():
            raise MissingBinary(f"{FAKETIME} is missing: run ./audifi setup, or install faketime")
        fake = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"+{ahead_s}s", "DONT_FAKE_MONOTONIC": "1"}
        async with scarred(scene.stage, f"the clock of {pod} is {ahead_s} s ahead", roll_back, pods=pod):
            releases.change(scene.stage.instance, pod, fake)
            await _restarted(scene.stage, pod)
            yield f"the clock of {pod} is {ahead_s} s ahead"

    return deed


async def roll_back(stage: Stage, told: Told) -> None:
    """Start the pods again with what the topology says."""
    pods = str(told["pods"]).split(",")
    for each in pods:
        releases.take_back(stage.instance, each)
    await asyncio.gather(*(_restarted(stage, each) for each in pods))
    await processes.ready(stage, pods)


async def _released(stage: Stage, pods: Sequence[str]) -> None:
    for each in pods:
        releases.change(stage.instance, each, BROKEN)
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(_restarted(stage, each) for each in pods)), PROGRESS_S)
        raise Mismatch(f"a release that cannot start is ready on {', '.join(pods)}")


async def _restarted(stage: Stage, pod: str) -> None:
    async for _ in launch.restart(stage.instance, pod):
        pass
