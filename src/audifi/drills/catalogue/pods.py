"""Lose pods of every service: of each killed one by one, and replaced one by one as a release does.

Between: drills.catalogue (collects), drills.faults.processes (kills) and drills.workloads (asks).
Who asks: visitors who try once and may notice nothing; and people whose keyed writes are tried again as our SDK does by
itself: what was in flight in a killed pod is nobody's to repeat but the client's, who has the key.
Units: *_s seconds.
Source: design.md "replicas: 3" (promise pod-loss); issue 6 (each service's pods, any pod loss: 0 failed requests).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from audifi.drills.alerts import A_POD_IS_AWAY
from audifi.drills.drill import Deed, Drill, Sabotage, Scene
from audifi.drills.faults import processes
from audifi.drills.journey import losses
from audifi.drills.under_load import Judged, under_load
from audifi.drills.workloads.accounts import accounts
from audifi.drills.workloads.together import together
from audifi.drills.workloads.visitors import READS, reading
from audifi.local import launch
from audifi.local.waiting import side_by_side
from audifi.sdk import RetryPolicy

AFTER_S: Final = 1.0  # asked on after the last pod is back
AUTH: Final = "auth-service"
OTHERS: Final = tuple(service for service in READS if service != AUTH)


def killed(*components: str) -> Deed:
    """Kill each pod that runs, a component's next one when its last is back; entered when all have been killed."""

    async def kill(scene: Scene, pod: str) -> None:
        async with processes.killed(processes.pod(pod))(scene):
            pass

    return _one_by_one(components, kill, "kill -9")


def rolled(*components: str) -> Deed:
    """Restart each pod that runs, a component's next one when its last is back; entered when all have been."""

    async def restart(scene: Scene, pod: str) -> None:
        async for _ in launch.restart(scene.stage.instance, pod):
            pass

    return _one_by_one(components, restart, "restarted")


def _one_by_one(components: tuple[str, ...], deed_to: Callable[[Scene, str], Awaitable[None]], what: str) -> Deed:
    """Do it to each component's pods in turn, to several components at the same time as a release does."""

    async def in_turn(scene: Scene, pods: list[str]) -> None:
        for each in pods:
            await deed_to(scene, each)

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        pods = {component: await _running(scene, component) for component in components}
        scene.mark("injected")
        await side_by_side(in_turn(scene, theirs) for theirs in pods.values())
        told = "; ".join(", ".join(theirs) for theirs in pods.values())
        yield f"{what} {told}, of each service one after the other"

    return deed


def only_one_left(component: str) -> Sabotage:
    """Take all pods but the first out of service, so that nobody is there to take over."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        async with AsyncExitStack() as halted:
            pods = scene.stage.topology.component(component).pods[1:]
            for each in pods:
                await halted.enter_async_context(processes.halted(processes.pod(each))(scene))
            yield f"{', '.join(pods)} are down"

    return Sabotage(removes=f"{component} has one pod", deed=deed)


async def _running(scene: Scene, component: str) -> list[str]:
    units = await losses.units(scene.stage)
    return sorted(name for name, unit in units.items() if unit["component"] == component and unit["pid"])


def _unanswered(judged: Judged) -> float:
    """All but unkeyed changes: one that was in flight in a killed pod cannot be repeated by anybody."""
    return judged.failed() - judged.failed("set")


DRILLS = (
    Drill(
        name="auth-pods-killed",
        summary="Each pod of auth-service is killed, one after the other, while people sign, change and read.",
        proves=("pod-loss",),
        play=under_load(
            workload=together(reading(AUTH), accounts(retries=RetryPolicy())),
            fault=killed(AUTH),
            hold_s=AFTER_S,
            measures={"pod-loss": _unanswered},
        ),
        sabotage=only_one_left(AUTH),
        is_quick=True,
    ),
    Drill(
        name="pods-killed",
        summary="Each pod of each other service is killed, of each one after the other, while all services are read.",
        proves=("pod-loss",),
        play=under_load(
            workload=reading(), fault=killed(*OTHERS), hold_s=AFTER_S, measures={"pod-loss": Judged.failed}
        ),
        sabotage=only_one_left("coin-service"),
    ),
    Drill(
        name="pods-rolled",
        summary="Each pod of each service is replaced, of each one after the other, while people who try once ask.",
        proves=("pod-loss",),
        play=under_load(
            workload=together(reading(), accounts()),
            fault=rolled(*READS),
            hold_s=AFTER_S,
            measures={"pod-loss": Judged.failed},
        ),
        sabotage=only_one_left("coin-service"),
        tolerates=A_POD_IS_AWAY,
    ),
)
