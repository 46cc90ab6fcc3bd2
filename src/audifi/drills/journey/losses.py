"""Lose something in the middle of the journey: a pod of a service, the database's primary, a primary of Redis.

Between: play (`--kill`), sale (calls it halfway) and the processes of this machine.
Shape: `victim(kind)` finds out who it is now; `kill` ends it with SIGKILL; `whole_again` waits until everything is
ready, which nobody helps with: the platform heals by itself.
Invariant: only processes of the instance the journey plays on.
Units: *_s seconds.
Errors: TimedOut says what does not come back; Mismatch when there is nobody to kill.
Source: issue 4 "It must show"; architecture.md section 7.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal, get_args

from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage, Telling
from audifi.local import launch, resolution
from audifi.local.components import redis_server
from audifi.local.probes import http_json
from audifi.local.waiting import NotReady, wait_for
from audifi.topology.model.compute import Kind

Loss = Literal["pod", "postgres", "redis"]
LOSSES: Final = get_args(Loss)
WHOLE_WITHIN_S: Final = 90.0
FINDS_WITHIN_S: Final = 10.0


@dataclass(frozen=True)
class Victim:
    """A process, and what it is now."""

    pod: str
    pid: int
    what: str


async def lose(telling: Telling, loss: Loss, dice: Random) -> None:
    """Find it, kill it, say so."""
    victim = await wait_for(lambda: _victim(telling.stage, loss, dice), within_s=FINDS_WITHIN_S, saying=f"a {loss}")
    os.kill(victim.pid, signal.SIGKILL)
    telling.narrator.note(f"kill -9 {victim.pid}: {victim.pod}, {victim.what}", killed=victim.pod)


async def whole_again(stage: Stage) -> None:
    """Wait until every pod is ready."""

    async def ready() -> None:
        found = await units(stage)
        bad = {name: f"{unit['state']}: {unit['detail']}" for name, unit in found.items() if not _is_well(unit)}
        if bad:
            raise NotReady(f"{bad}")

    await wait_for(ready, within_s=WHOLE_WITHIN_S, saying="everything is ready again", every_s=0.5)


async def _victim(stage: Stage, loss: Loss, dice: Random) -> Victim:
    match loss:
        case "pod":
            return await _a_pod(stage, dice)
        case "postgres":
            return await _database_primary(stage)
        case "redis":
            return await _redis_primary(stage, dice)


async def _a_pod(stage: Stage, dice: Random) -> Victim:
    services = {each.name for each in stage.topology.components if each.kind in {Kind.SERVICE, Kind.WORKER}}
    found = await units(stage)
    pods = sorted(name for name, unit in found.items() if unit["component"] in services and unit["pid"])
    if not pods:
        raise Mismatch("no pod of a service runs")
    pod = dice.choice(pods)
    return Victim(pod, int(found[pod]["pid"]), "a random pod of a service")


async def _database_primary(stage: Stage) -> Victim:
    for pod in stage.topology.component("postgres").pods:
        member = await http_json(stage.port(pod, "rest"), "/patroni")
        if member.get("role") == "primary":
            pid_file = stage.instance.data(pod) / "pgdata" / "postmaster.pid"
            number = int((await asyncio.to_thread(pid_file.read_text)).splitlines()[0])
            return Victim(pod, number, "PostgreSQL's primary")
    raise NotReady("no primary")


async def _redis_primary(stage: Stage, dice: Random) -> Victim:
    found = await units(stage)
    password = resolution.secret(stage.instance, stage.topology, "redis-cluster-password")
    primaries: list[str] = []
    for pod in stage.topology.component("redis-cluster").pods:
        role, *_ = await redis_server.ask(stage.port(pod, "redis"), password, "ROLE")
        if role == "master":
            primaries.append(pod)
    pod = dice.choice(primaries)
    return Victim(pod, int(found[pod]["pid"]), "a primary of the Redis Cluster")


async def units(stage: Stage) -> Mapping[str, dict[str, Any]]:
    """What runs, by name."""
    seen = await launch.status(stage.instance)
    return {unit["name"]: unit for unit in seen["units"]}


def _is_well(unit: Mapping[str, Any]) -> bool:
    return unit["state"] in {"ready", "done"}
