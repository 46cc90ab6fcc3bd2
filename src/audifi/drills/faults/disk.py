"""Give PostgreSQL's primary a disk of its own that is small, and fill it.

Between: drills.catalogue.postgres, mount(8) and faults.postgres (who leads).
Shape: `small_disk` prepares: a small file system in memory is mounted over a replica's files, Patroni fills it with a
fresh copy, and it takes the lead; `filled` is the fault. At the end the member gets a fresh copy on its own disk: the
old files are too far behind by then.
Why the log is driven on: with a full disk, writes that need a new page fail one by one, and PostgreSQL serves what fits
until it needs a new segment of its log. Then it stops, and only then somebody takes over.
Invariant: nothing of the machine's own disk is filled; the mount goes, also by `audifi drill heal`.
Units: bytes; *_s seconds.
Errors: NeedsRoot; Mismatch when mount refuses, or the disk takes more although it is full; TimedOut when the server
goes on.
Source: PostgreSQL 15, "Disk Full Failure": without room for its log the server stops.
"""

import asyncio
import errno
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psycopg

from audifi.drills.drill import Scene
from audifi.drills.faults import NeedsRoot, postgres
from audifi.drills.faults.processes import halt, resume
from audifi.drills.journey.narration import Mismatch
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local import process, resolution
from audifi.local.binaries import binary
from audifi.local.components.postgres import SUPERUSER
from audifi.local.files import remove_tree
from audifi.local.ports import LOOPBACK
from audifi.local.users import unprivileged_user
from audifi.local.waiting import NotReady, wait_for

ROOM: Final = 96 * 2**20  # beyond what is there: six segments of the log, which a replica that catches up needs
BLOCK: Final = bytes(2**20)
FILLER: Final = "filler"
STOPS_WITHIN_S: Final = 20.0


@asynccontextmanager
async def small_disk(scene: Scene) -> AsyncGenerator[str]:
    """Let a member with a small disk of its own lead; left when all is as before."""
    if os.geteuid() != 0:
        raise NeedsRoot("a small disk of its own needs root: mounting is the machine's; run it as root")
    stage = scene.stage
    (pod,) = await postgres.replica(scene)
    before = await postgres.leader(stage)
    async with scarred(stage, f"{pod} lies on a small disk", put_back, pod=pod):
        await halt(stage, [pod], by_force=False)
        await asyncio.to_thread(_mount, _files(stage, pod))
        await resume(stage, {"pods": pod})
        await postgres.whole(stage)
        await postgres.switch(stage, before, pod)
        await postgres.whole(stage)
        yield f"{pod} leads, on a small disk"
    await postgres.whole(stage)


@asynccontextmanager
async def filled(scene: Scene) -> AsyncGenerator[str]:
    """Fill the primary's small disk to its last byte and drive its log on until the server stops."""
    pod = await postgres.leader(scene.stage)
    filler = _files(scene.stage, pod) / FILLER
    try:
        await asyncio.to_thread(_fill, filler)
        await wait_for(lambda: _has_stopped(scene.stage, pod), within_s=STOPS_WITHIN_S, saying=f"{pod} stops")
        yield f"the disk of {pod}, the primary, is full, and its server has stopped"
    finally:
        await asyncio.to_thread(filler.unlink, missing_ok=True)


async def put_back(stage: Stage, told: Told) -> None:
    """Give a member its own disk again, and have Patroni copy everything to it (an undo)."""
    pod = str(told["pod"])
    await halt(stage, [pod], by_force=True)
    await asyncio.to_thread(_unmount, _files(stage, pod))
    await resume(stage, {"pods": pod})


async def _has_stopped(stage: Stage, pod: str) -> None:
    """Let the server write segment after segment, as busy clients would; this ends when it does."""
    try:
        async with await psycopg.AsyncConnection.connect(
            host=LOOPBACK,
            port=stage.port(pod, "postgres"),
            dbname="postgres",
            user=SUPERUSER,
            password=resolution.secret(stage.instance, stage.topology, "postgres-superuser"),
            connect_timeout=2,
            autocommit=True,
        ) as connection:
            while True:
                await connection.execute("SELECT pg_logical_emit_message(false, 'drill', 'on')")
                await connection.execute("SELECT pg_switch_wal()")
    except psycopg.OperationalError:  # it has stopped, or has just been asked too early
        number = await postgres.postmaster(stage, pod)
        if number and process.identify(number).is_alive:
            raise NotReady(f"the server of {pod} still runs") from None


def _files(stage: Stage, pod: str) -> Path:
    return stage.instance.data(pod) / "pgdata"


def _mount(files: Path) -> None:
    user = unprivileged_user()
    used = sum(each.stat().st_size for each in files.rglob("*") if each.is_file())
    options = f"size={used + ROOM},mode=0700,uid={user.uid},gid={user.gid}"
    _run("mount", "-t", "tmpfs", "-o", options, "audifi-drill", str(files))


def _unmount(files: Path) -> None:
    if files.is_mount():
        _run("umount", str(files))
        remove_tree(files)


def _fill(filler: Path) -> None:
    if not filler.parent.is_mount():
        raise Mismatch(f"{filler.parent} is no disk of its own: nothing else may be filled")
    with filler.open("ab", buffering=0) as file:
        while _has_room_for(file.fileno(), BLOCK):
            pass
        while _has_room_for(file.fileno(), BLOCK[:1]):
            pass
    if shutil.disk_usage(filler.parent).free:
        raise Mismatch(f"{filler.parent} is full, and has room")


def _has_room_for(descriptor: int, block: bytes) -> bool:
    """Append the block if there is room for some of it."""
    try:
        return os.write(descriptor, block) > 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


def _run(name: str, *arguments: str) -> None:
    done = subprocess.run([str(binary(name)), *arguments], check=False, capture_output=True, text=True)  # noqa: S603  # fixed programs
    if done.returncode:
        raise Mismatch(f"{name} refuses: {done.stderr}")
