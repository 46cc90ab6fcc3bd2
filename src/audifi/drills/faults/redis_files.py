"""Lose Redis with its files, and the key that opens its backups.

Between: drills.catalogue.redis and local.recovery.redis (brings files back).
Shape: files are moved aside, so that a drill that fails leaves nobody without data.
Invariant: whoever lost its files is left running, on those that a restore gave it, or on its own.
Units: *_s seconds.
Errors: LocalError from a restore.
Source: promise queue-no-loss (node-lost), backup-redis-rto.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from audifi.drills.drill import Scene, Way
from audifi.drills.faults import processes, redis
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local import launch
from audifi.local.files import remove_tree
from audifi.local.recovery.redis import aof, queue, snapshots
from audifi.local.recovery.redis.snapshots import Snapshot
from audifi.local.recovery.secrets.history import History

AWAY: Final = ".away"  # what files are called while they are lost


@asynccontextmanager
async def queue_lost(scene: Scene) -> AsyncGenerator[str]:
    """The queue's primary is gone with its files, and restored from its replica's; under sabotage from a snapshot."""
    stage = scene.stage
    primary, *_ = pods = stage.topology.component(redis.QUEUE).pods
    is_sabotage = scene.way is Way.SABOTAGE
    async with (
        snapshot(stage, redis.QUEUE) as taken,
        files_lost(stage, redis.QUEUE, pods if is_sabotage else (primary,)),
    ):
        yield f"{primary} killed, and its files taken away"
        source = "snapshot" if is_sabotage else "replica"
        restored = await queue.in_place(stage.instance, stage.topology, source, taken, scene.narrator.note)
        scene.mark("failed_over")
        scene.narrator.note(f"restored from {restored.source} in {restored.took_s:.1f} s: {restored.standing}")


@asynccontextmanager
async def snapshot(stage: Stage, component: str) -> AsyncGenerator[Snapshot]:
    """A snapshot of the drill's own: the catalogue does not know it, so it goes with the drill."""
    taken = await snapshots.take(stage.instance, stage.topology, component)
    try:
        yield taken
    finally:
        await asyncio.to_thread(remove_tree, taken.directory)


@asynccontextmanager
async def files_lost(stage: Stage, component: str, pods: Sequence[str]) -> AsyncGenerator[None]:
    """Kill these pods and take their files away. Afterwards they run on what a restore gave them, or on their own."""
    what = f"{', '.join(pods)} lost with their files"
    async with scarred(stage, what, give_back, component=component, pods=",".join(pods)):
        await processes.halt(stage, pods, by_force=True)
        for pod in pods:
            await asyncio.to_thread(_take_away, stage.instance.data(pod))
        yield


async def give_back(stage: Stage, told: Told) -> None:
    """Put files back where none are, and start what is down (an undo)."""
    directories = [stage.instance.data(pod) for pod in str(told["pods"]).split(",")]
    is_restored = any((directory / aof.FOLDER).exists() for directory in directories)
    for directory in directories:
        away = _away(directory)
        if is_restored:
            await asyncio.to_thread(remove_tree, away)
        elif away.exists():
            await asyncio.to_thread(remove_tree, directory)
            away.rename(directory)
    await launch.resume(stage.instance, str(told["component"]))
    if told["component"] == redis.CLUSTER:
        await redis.whole(stage)


@asynccontextmanager
async def key_lost(stage: Stage) -> AsyncGenerator[None]:
    """A sabotage: nothing opens backups any more."""
    async with scarred(stage, "the key of backups is gone", key_back):
        identity = History(stage.instance.path).identity
        identity.rename(_away(identity))
        yield


async def key_back(stage: Stage, told: Told) -> None:
    """Bring the key back (an undo)."""
    del told
    identity = History(stage.instance.path).identity
    if _away(identity).exists():
        _away(identity).rename(identity)


def _take_away(directory: Path) -> None:
    remove_tree(_away(directory))
    if directory.exists():
        directory.rename(_away(directory))


def _away(path: Path) -> Path:
    return path.with_name(f"{path.name}{AWAY}")
