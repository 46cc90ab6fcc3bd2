"""Bring the queue back after its files were lost or damaged, with its groups and what is pending in them.

Between: cli.restore, drills and aof, snapshots, local.launch.
Shape: three sources, best first. `own`: the primary's append-only file; an end that a crash cut is dropped, which is a
write nobody was told of. `replica`: the replica's, which has every event that was acknowledged (producers wait for it).
`snapshot`: the last one; events since then are gone, and those before are delivered again, once in effect.
Invariant: a primary is never started with less than the best source that is named: it would make its replica the same.
A source is loaded by a server of our own first, and counted; only then the pods get it. What was there is kept in
`<instance>/replaced/`.
Units: *_s seconds, *_bytes.
Errors: Damaged (aof, snapshots), Unreadable, RestoreFailed; LocalError when a source is not there.
Source: architecture.md 6.4; domain.md 7.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from audifi.local import launch
from audifi.local.components import redis_queue
from audifi.local.errors import LocalError
from audifi.local.files import make_directory
from audifi.local.recovery.redis import aof, contents, snapshots
from audifi.local.recovery.redis.cluster import RestoreFailed, exchange
from audifi.local.recovery.redis.servers import Room, room, serving
from audifi.local.recovery.redis.snapshots import Snapshot
from audifi.local.state import Instance
from audifi.topology.model.whole import Topology

Tell = Callable[[str], None]
Source = Literal["own", "replica", "snapshot"]

_SETTINGS: Final[dict[str, str | int]] = {"save": "", "maxmemory": 0, "aof-load-truncated": "no"}


class Missing(LocalError):
    """A source of the queue is not there."""


@dataclass(frozen=True)
class Standing:
    """What is in a queue."""

    streams: int = 0
    entries: int = 0
    groups: int = 0
    pending: int = 0

    def __str__(self) -> str:
        """For people."""
        return f"{self.entries} events in {self.streams} streams, {self.groups} groups, {self.pending} pending"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore of the queue did."""

    source: Source
    label: str = ""  # of the snapshot
    standing: Standing
    dropped_bytes: int = 0  # of a write that a crash had cut off
    took_s: float
    away_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def beside(instance: Instance, snapshot: Snapshot, tell: Tell) -> Restored:
    """Prove that a snapshot can be restored: load it as the queue would, compare, end.

    Raises: Damaged, Unreadable, RestoreFailed.
    """
    began_s = time.monotonic()
    with room(instance) as place:
        standing = await _laid(place, snapshot, "proof", tell)
    return Restored(source="snapshot", label=snapshot.label, standing=standing, took_s=time.monotonic() - began_s)


async def in_place(
    instance: Instance, topology: Topology, source: Source, snapshot: Snapshot | None, tell: Tell
) -> Restored:
    """Give the queue what this source has; its pods are halted meanwhile, if they run.

    Raises: Damaged, Unreadable, RestoreFailed: its files are as they were, and it stays halted when the source was its
    own or its replica's (a snapshot is prepared before).
    """
    began_s = time.monotonic()
    primary, *replicas = topology.component(redis_queue.NAME).pods
    dropped = 0
    with room(instance) as place:
        if source == "snapshot":
            if snapshot is None:
                raise LocalError("there is no snapshot of the queue: ./audifi backup list")
            standing = await _laid(place, snapshot, primary, tell)
            halted_s = await _halted(instance, tell)
        else:
            halted_s = await _halted(instance, tell)
            donor = primary if source == "own" else replicas[0]
            dropped = await asyncio.to_thread(_taken_over, place, donor, primary)
            standing = await _loaded(place, primary)
            tell(f"{donor}'s file is whole: {standing}; {dropped} bytes of an unfinished write dropped")
        exchange(instance, place, (primary, *replicas))
    await _resumed(instance, tell)
    now_s = time.monotonic()
    label = snapshot.label if source == "snapshot" and snapshot else ""
    return Restored(
        source=source,
        label=label,
        standing=standing,
        dropped_bytes=dropped,
        took_s=now_s - began_s,
        away_s=now_s - halted_s if halted_s else 0.0,
    )


async def _laid(place: Room, snapshot: Snapshot, name: str, tell: Tell) -> Standing:
    """Make a queue's directory of a snapshot, and prove that a server finds in it what the snapshot holds."""
    (part,) = snapshot.parts
    reader = place.directory("source")
    plain = await snapshots.opened(place.owner, snapshot, part, reader)
    await asyncio.to_thread(shutil.copyfile, plain, reader / "dump.rdb")
    aof.lay(place.directory(name), plain)
    async with (
        serving(place, "source", {"appendonly": "no", "save": ""}) as source,
        serving(place, name, _SETTINGS) as fresh,
    ):
        wrong = await contents.differing(source, lambda _: fresh)
        if wrong:
            raise RestoreFailed(f"{len(wrong)} keys are not what snapshot {snapshot.label} holds; nothing was changed")
        standing = await counted(fresh)
    tell(f"snapshot {snapshot.label} loaded and compared: {standing}")
    return standing


async def _loaded(place: Room, name: str) -> Standing:
    async with serving(place, name, _SETTINGS) as client:
        return await counted(client)


async def counted(client: Any) -> Standing:
    """Count what is in it."""
    streams = entries = groups = pending = 0
    async for keys in contents.batches(client):
        for key in keys:
            if await client.execute_command("TYPE", key) != b"stream":
                continue
            streams += 1
            entries += int(await client.execute_command("XLEN", key))
            for row in await client.execute_command("XINFO", "GROUPS", key):
                groups += 1
                pending += int(dict(zip(row[::2], row[1::2], strict=True))[b"pending"])
    return Standing(streams, entries, groups, pending)


def _taken_over(place: Room, donor: str, primary: str) -> int:
    """Copy a halted pod's files into the room and mend their end there; return how many bytes were dropped."""
    directory = place.owner.data(donor)
    if not aof.judged(directory).exists:
        raise Missing(
            f"{donor} has no append-only file in {directory}: ./audifi restore queue --in-place --from snapshot"
        )
    target = make_directory(place.scratch.data(primary), mode=0o700)
    shutil.copytree(directory / aof.FOLDER, target / aof.FOLDER)
    return aof.repair(target)


async def _halted(instance: Instance, tell: Tell) -> float:
    """Return since when; 0 if nothing runs."""
    if instance.running() is None:
        return 0.0
    tell("the queue's pods are halted: events wait in the outboxes")
    began_s = time.monotonic()
    await launch.halt(instance, redis_queue.NAME)
    return began_s


async def _resumed(instance: Instance, tell: Tell) -> None:
    if instance.running() is not None:
        await launch.resume(instance, redis_queue.NAME)
        tell("the queue serves again")
