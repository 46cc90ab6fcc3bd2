"""Reach the parts of a running platform that must learn of a new value.

Between: recovery.secrets.overlaps (says who must learn what) and local.launch, local.plan.
Invariant: pods are restarted one after the other, each only when the one before is ready: nobody is refused meanwhile.
A component that does not run here has nothing to learn: its files are written when it starts.
Errors: LocalError when a pod does not come back; NotReady passes through.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from audifi.local import launch
from audifi.local.plan import plan
from audifi.local.state import Instance
from audifi.local.waiting import side_by_side
from audifi.topology.environments import process_environment
from audifi.topology.model.whole import Topology
from audifi.topology.references import Joined, PublicKeys, Secret, Value

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class World:
    """One running platform."""

    instance: Instance
    topology: Topology
    pods: dict[str, tuple[str, ...]]  # of every component that runs
    tell: Tell

    def told(self, name: str) -> list[str]:
        """Components that run and are told this secret."""
        return self._where(lambda value: isinstance(value, Secret) and value.name == name)

    def believing(self, name: str) -> list[str]:
        """Components that run and believe who signs with this key."""
        return self._where(lambda value: isinstance(value, PublicKeys) and name in value.secrets)

    def _where(self, matches: Callable[[Value], bool]) -> list[str]:
        return [
            component
            for component in self.pods
            if any(_mentions(value, matches) for value in process_environment(self.topology, component).values())
        ]

    async def roll(self, components: Iterable[str]) -> None:
        """Restart their pods: of each component one after the other, several components side by side."""
        await side_by_side(self._roll(component) for component in components)

    async def _roll(self, component: str) -> None:
        async with aclosing(launch.restart(self.instance, component)) as events:
            async for event in events:
                if event["event"] == "restarted":
                    self.tell(f"{event['name']} is ready again")

    async def rewrite(self, component: str) -> list[str]:
        """Write the files of a component's pods anew; returns its pods."""
        pods = self.pods.get(component, ())
        for spec in plan(self.instance, self.topology, [component]).pods if pods else ():
            if spec.component == component:
                await asyncio.to_thread(spec.prepare)
        return list(pods)

    async def reload(self, component: str) -> None:
        """Let a program of somebody else's read its files again: SIGHUP, which ends no connection."""
        for pod in await self.rewrite(component):
            pid = await self._pid(pod)
            if pid is not None:
                os.kill(pid, signal.SIGHUP)

    async def _pid(self, pod: str) -> int | None:
        seen = await launch.status(self.instance)
        return next((unit["pid"] for unit in seen["units"] if unit["name"] == pod), None)


async def world(instance: Instance, topology: Topology, tell: Tell) -> World:
    """Look at what runs; NotRunning when nothing does."""
    pods: dict[str, tuple[str, ...]] = {}
    for unit in (await launch.status(instance))["units"]:
        if not unit["is_job"]:
            pods[unit["component"]] = (*pods.get(unit["component"], ()), unit["name"])
    return World(instance=instance, topology=topology, pods=pods, tell=tell)


Learn = Callable[[World, str], Awaitable[None]]


def _mentions(value: Value, matches: Callable[[Value], bool]) -> bool:
    inside = value.values if isinstance(value, Joined) else ()
    return matches(value) or any(_mentions(part, matches) for part in inside)
