"""Lose pods of every service: killed one by one, and replaced one by one as a release does.

Between: drills.catalogue (collects), drills.faults.processes (kills, rolls) and drills.workloads (asks).
Shape: two drills a service. Reads are tried once: nobody may notice anything. People's keyed writes are tried again as
our SDK does by itself: what was in flight in a killed pod is nobody's to repeat but the client's, who has the key.
Units: *_s seconds.
Source: design.md "replicas: 3" (promise pod-loss); issue 6 (each service's pods, any pod loss: 0 failed requests).
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from audifi.drills.drill import Deed, Drill, Sabotage, Scene
from audifi.drills.faults import processes
from audifi.drills.journey import losses
from audifi.drills.under_load import Judged, under_load
from audifi.drills.workloads.accounts import accounts
from audifi.drills.workloads.together import together
from audifi.drills.workloads.visitors import READS, reading
from audifi.drills.workloads.workload import Workload
from audifi.sdk import RetryPolicy

AFTER_S: Final = 1.0  # asked on after the last pod is back
AUTH: Final = "auth-service"


def one_by_one(component: str) -> Deed:
    """Kill each pod that runs, the next one when the last is back; entered when all have been killed."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        pods = await _running(scene, component)
        scene.mark("injected")
        for each in pods:
            async with processes.killed(processes.pod(each))(scene):
                pass
        yield f"kill -9 {', '.join(pods)}, one after the other"

    return deed


def rolled(component: str) -> Deed:
    """Restart a component pod by pod; what is asked meanwhile counts."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        scene.mark("injected")
        async with processes.rolled(component)(scene) as proof:
            yield proof

    return deed


def only_one_left(component: str) -> Deed:
    """Take all pods but the first out of service, so that nobody is there to take over."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        async with AsyncExitStack() as halted:
            pods = scene.stage.topology.component(component).pods[1:]
            for each in pods:
                await halted.enter_async_context(processes.halted(processes.pod(each))(scene))
            yield f"{', '.join(pods)} are down"

    return deed


async def _running(scene: Scene, component: str) -> Sequence[str]:
    units = await losses.units(scene.stage)
    return sorted(name for name, unit in units.items() if unit["component"] == component and unit["pid"])


def _asked(component: str) -> Workload:
    visitors = reading(component)
    return together(visitors, accounts(retries=RetryPolicy())) if component == AUTH else visitors


def _unanswered(judged: Judged) -> float:
    """All but unkeyed changes: one that was in flight in a killed pod cannot be repeated by anybody."""
    return judged.failed() - judged.failed("set")


def _drill(component: str, what: str, summary: str, fault: Deed) -> Drill:
    short = component.removesuffix("-service")
    return Drill(
        name=f"{short}-pods-{what}",
        summary=summary,
        proves=("pod-loss",),
        play=under_load(workload=_asked(component), fault=fault, hold_s=AFTER_S, measures={"pod-loss": _unanswered}),
        sabotage=Sabotage(removes="all other pods of the service are down", deed=only_one_left(component)),
        is_quick=component == AUTH and what == "killed",
    )


DRILLS = tuple(
    drill
    for each in READS
    for drill in (
        _drill(
            each, "killed", f"Each pod of {each} is killed, one after the other, while it is asked.", one_by_one(each)
        ),
        _drill(
            each, "rolled", f"Each pod of {each} is replaced, one after the other, while it is asked.", rolled(each)
        ),
    )
)
