"""Lose PostgreSQL with its files, the key that opens its backups, or a segment of its log's archive.

Between: drills.catalogue.restore_postgres and local.recovery.postgres (brings the files back).
Shape: what is lost is moved aside, so that a drill that fails leaves nobody without data.
Invariant: PostgreSQL is left running, on the files that a restore gave it, or on its own.
Errors: OSError passes.
Source: issue 6 (restored from nothing; missing WAL segment, wrong key).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from audifi.drills.drill import Scene
from audifi.drills.faults import processes
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local import launch
from audifi.local.board import State
from audifi.local.files import remove_tree
from audifi.local.recovery import keys
from audifi.local.recovery.postgres.settings import KEY, STANZA, repository

AWAY: Final = ".away"  # what something is called while it is lost
COMPONENT: Final = "postgres"


@asynccontextmanager
async def all_lost(stage: Stage) -> AsyncGenerator[None]:
    """Every node dies at once, and its files are gone. Left when PostgreSQL runs, whatever it runs on."""
    pods = stage.topology.component(COMPONENT).pods
    async with scarred(stage, "all of PostgreSQL's files are lost", give_back):
        await processes.halt(stage, pods, by_force=True)
        for pod in pods:
            _move_away(stage.instance.data(pod))
        yield


async def give_back(stage: Stage, told: Told) -> None:
    """Put files back where no restore came to its end, and start what is down (an undo)."""
    del told
    directories = [stage.instance.data(pod) for pod in stage.topology.component(COMPONENT).pods]
    is_restored = any(_is_restored(directory / "pgdata") for directory in directories)
    for directory in directories:
        away = _away(directory)
        if is_restored:
            await asyncio.to_thread(remove_tree, away)
        elif away.exists():
            await asyncio.to_thread(remove_tree, directory)
            away.rename(directory)
    units = (await launch.status(stage.instance))["units"]
    halted = [unit["name"] for unit in units if unit["state"] in {State.STOPPED, State.FAILED}]
    for first in (True, False):  # the database before who needs it
        pods = [name for name in halted if name.startswith(f"{COMPONENT}-") is first]
        if pods:
            await processes.resume(stage, {"pods": ",".join(pods)})


@asynccontextmanager
async def key_lost(scene: Scene) -> AsyncGenerator[str]:
    """Open backups with another key from now on (a sabotage)."""
    path = keys.directory(scene.stage.instance) / KEY
    async with scarred(scene.stage, "the key of PostgreSQL's backups is another", put_back, path=str(path)):
        _move_away(path)
        keys.key(scene.stage.instance, KEY)
        yield "the key of PostgreSQL's backups is another"


@asynccontextmanager
async def segment_lost(stage: Stage, after_s: float) -> AsyncGenerator[str]:
    """The first segment that was archived after this moment is gone (a sabotage)."""
    archive = repository(stage.instance) / "archive" / STANZA
    names = [each for each in archive.rglob("*.zst") if each.stat().st_mtime > after_s and ".partial" not in each.name]
    lost = min(names, key=lambda each: each.stat().st_mtime)
    async with scarred(stage, f"segment {lost.name} is lost", put_back, path=str(lost)):
        _move_away(lost)
        yield lost.name


async def put_back(stage: Stage, told: Told) -> None:
    """Bring a file back (an undo)."""
    del stage
    path = Path(str(told["path"]))
    if _away(path).exists():
        _away(path).replace(path)


def _is_restored(data: Path) -> bool:
    return (data / "PG_VERSION").exists() and not (data / "recovery.signal").exists()


def _move_away(path: Path) -> None:
    remove_tree(_away(path))
    if path.exists():
        path.rename(_away(path))


def _away(path: Path) -> Path:
    return path.with_name(f"{path.name}{AWAY}")
