"""Kill, freeze, halt, drain and roll pods: everything that can happen to processes.

Between: drills.catalogue (chooses the victims), local.launch (keeps pods down) and the kernel's signals.
Shape: a victim is a pod, found when the deed is done: who is primary is known only then. A pod is its own process,
what that started, and what works in its directory: PostgreSQL's postmaster is no child of Patroni's any more.
Invariant: only processes of the instance the drill plays on; a frozen process is let go, a halted pod is started.
What was killed is started again by the supervisor at once: that is its task, and part of what is measured. A lost node
stays down until the deed is left.
Units: *_s seconds.
Errors: Mismatch when there is nobody to break, or the kernel did not do it; TimedOut when it does not come back.
Source: signal(7); proc(5): field 3 of stat is T for a stopped process.
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from audifi.drills.drill import Deed, Scene
from audifi.drills.journey import losses
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local import launch, process
from audifi.local.board import State
from audifi.local.errors import LocalError
from audifi.local.process import ProcessId
from audifi.local.waiting import NotReady, wait_for

ENDS_WITHIN_S: Final = 5.0
READY_WITHIN_S: Final = 60.0
RESUMED_WITHIN_S: Final = 150.0  # a database that was primary is rewound first

Choose = Callable[[Scene], Awaitable[Sequence[str]]]  # the pods to break, found at that moment


def every(component: str) -> Choose:
    """All pods of a component."""

    async def chosen(scene: Scene) -> Sequence[str]:
        return scene.stage.topology.component(component).pods

    return chosen


def one_of(component: str) -> Choose:
    """Any pod of a component that runs."""

    async def chosen(scene: Scene) -> Sequence[str]:
        found = await losses.units(scene.stage)
        pods = sorted(name for name, unit in found.items() if unit["component"] == component and unit["pid"])
        if not pods:
            raise Mismatch(f"no pod of {component} runs")
        return (scene.dice.choice(pods),)

    return chosen


def pod(name: str) -> Choose:
    """This pod."""

    async def chosen(scene: Scene) -> Sequence[str]:
        del scene
        return (name,)

    return chosen


def killed(choose: Choose) -> Deed:
    """SIGKILL to the pod's own process; left when the pod is ready again."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        pods = await choose(scene)
        main = [await _main(scene.stage, each) for each in pods]
        await _ended(main)
        try:
            yield f"kill -9 {', '.join(pods)}"
        finally:
            await ready(scene.stage, pods)

    return deed


def frozen(choose: Choose) -> Deed:
    """SIGSTOP to everything of the pod: it holds its connections and answers nothing."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        pods = await choose(scene)
        what = f"{', '.join(pods)} frozen"
        async with stopped(scene.stage, what, await everything(scene.stage, pods)):
            yield what
        await ready(scene.stage, pods)

    return deed


def halted(choose: Choose) -> Deed:
    """End pods politely and keep them down: drained, as before a node is taken out of service."""
    return _down(choose, by_force=False)


def lost(choose: Choose) -> Deed:
    """SIGKILL to everything of the pods at once, and nothing starts them again: the node is gone."""
    return _down(choose, by_force=True)


def rolled(component: str) -> Deed:
    """Restart a component pod by pod, as a release does; entered when all have been restarted."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        events = [event async for event in launch.restart(scene.stage.instance, component)]
        pods = [str(event["name"]) for event in events if event["event"] == "restarted"]
        if not pods:
            raise Mismatch(f"no pod of {component} was restarted")
        yield f"restarted {', '.join(pods)}, one after the other"

    return deed


def _down(choose: Choose, *, by_force: bool) -> Deed:
    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        stage, pods = scene.stage, await choose(scene)
        what = f"{', '.join(pods)} {'lost' if by_force else 'drained'}"
        async with scarred(stage, what, resume, pods=",".join(pods)):
            await halt(stage, pods, by_force=by_force)
            yield what

    return deed


async def halt(stage: Stage, pods: Sequence[str], *, by_force: bool) -> None:
    """Keep pods down, and see that nothing of them is left: a postmaster outlives its Patroni."""
    theirs = await everything(stage, pods)
    await asyncio.gather(*(launch.halt(stage.instance, each, by_force=by_force) for each in pods))
    if by_force:
        await _ended([each for each in theirs if each.is_alive])
    left = await everything(stage, pods)
    if left:
        raise Mismatch(f"{len(left)} processes of {', '.join(pods)} are still there")


async def resume(stage: Stage, told: Told) -> None:
    """Start again what was halted; returns when it is ready (an undo). A start that fails is tried again."""
    pods = str(told["pods"]).split(",")

    async def probe() -> None:
        units = await losses.units(stage)
        down = [each for each in pods if units[each]["state"] in {State.STOPPED, State.FAILED}]
        try:
            await asyncio.gather(*(launch.resume(stage.instance, each) for each in down))
        except LocalError as error:
            raise NotReady(str(error)) from error
        if not_yet := [each for each in pods if each not in down and units[each]["state"] != State.READY]:
            raise NotReady(f"{', '.join(not_yet)} is not ready yet")

    await wait_for(probe, within_s=RESUMED_WITHIN_S, saying=f"{', '.join(pods)} started again", every_s=0.2)


@asynccontextmanager
async def stopped(stage: Stage, what: str, victims: Sequence[ProcessId]) -> AsyncGenerator[None]:
    """Hold these processes, and let them go at the end."""
    told = " ".join(f"{each.number}:{each.started_ticks}" for each in victims)
    async with scarred(stage, what, let_go, processes=told):
        process.send([each.number for each in victims], signal.SIGSTOP)
        await wait_for(lambda: _stand_still(victims), within_s=ENDS_WITHIN_S, saying="they are stopped")
        yield


async def let_go(stage: Stage, told: Told) -> None:
    """SIGCONT to those that are still who they were (an undo)."""
    del stage
    pairs = (each.partition(":") for each in str(told["processes"]).split())
    victims = [ProcessId(int(number), int(ticks)) for number, _, ticks in pairs]
    process.send([each.number for each in victims if each.is_alive], signal.SIGCONT)


async def everything(stage: Stage, pods: Sequence[str]) -> list[ProcessId]:
    """Every process of these pods."""
    units = await losses.units(stage)
    main = [int(number) for each in pods if (number := units[each]["pid"])]
    return await asyncio.to_thread(_theirs, stage.instance.path, main, pods)


def _theirs(instance: Path, main: Sequence[int], pods: Sequence[str]) -> list[ProcessId]:
    numbers = {*main, *(below for each in main for below in process.descendants(each))}
    places = tuple(f"{instance}/data/{each}/" for each in pods)
    for number in process.belonging_to(instance):
        try:
            if f"{Path(f'/proc/{number}/cwd').readlink()}/".startswith(places):
                numbers.add(number)
        except OSError:  # it has ended since
            continue
    return [each for each in map(process.identify, sorted(numbers)) if each.is_alive]


async def ready(stage: Stage, pods: Sequence[str], within_s: float = READY_WITHIN_S) -> None:
    """Wait until these pods are ready."""

    async def probe() -> None:
        units = await losses.units(stage)
        bad = {each: units[each]["detail"] for each in pods if units[each]["state"] != "ready"}
        if bad:
            raise NotReady(f"{bad}")

    await wait_for(probe, within_s=within_s, saying=f"{', '.join(pods)} ready again", every_s=0.2)


async def _main(stage: Stage, name: str) -> ProcessId:
    number = (await losses.units(stage))[name]["pid"]
    if not number:
        raise Mismatch(f"{name} does not run")
    return process.identify(int(number))


async def _ended(victims: Sequence[ProcessId]) -> None:
    """Kill them, and see them end."""
    numbers = [each.number for each in victims]
    process.send(numbers, signal.SIGKILL)
    if not await asyncio.to_thread(process.until_ended, numbers, ENDS_WITHIN_S):
        raise Mismatch(f"killed {numbers}, and not all of them ended within {ENDS_WITHIN_S:g} s")


async def _stand_still(victims: Sequence[ProcessId]) -> None:
    moving = [each.number for each in victims if each.is_alive and not process.is_stopped(each.number)]
    if moving:
        raise NotReady(f"{moving} still run")
