"""Lose every secret's file, and replace secrets under load, with and without an overlap.

Between: drills.catalogue.secrets and local.recovery.secrets.
Shape: files are moved aside and put back, so that a drill that fails leaves nobody without secrets.
Invariant: a rotation is no harm: what was rotated stays so.
Errors: LocalError from a rotation.
Source: docs/decisions/0048; issue 6 (rotation of each kind of secret without downtime).
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from audifi.drills.drill import Deed, Scene, Way
from audifi.drills.journey.stage import Stage
from audifi.drills.scars import Told, scarred
from audifi.local import launch, logins, resolution
from audifi.local.files import remove_tree
from audifi.local.recovery.secrets import listing, overlaps, rotation
from audifi.local.recovery.secrets.world import world
from audifi.topology.secrets import WITH_DATABASE, database_logins, database_secret


@asynccontextmanager
async def lost(stage: Stage) -> AsyncGenerator[None]:
    """Take every secret's file away."""
    async with scarred(stage, "the secrets' files are gone", given_back):
        _files(stage).rename(_away(stage))
        yield


async def given_back(stage: Stage, told: Told) -> None:
    """Put the files back as they were (an undo)."""
    del told
    if _away(stage).exists():
        remove_tree(_files(stage))
        _away(stage).rename(_files(stage))


def rotated(*names: str) -> Deed:
    """Replace these, one after the other; under sabotage the old login is refused before anybody has the new one."""

    @asynccontextmanager
    async def deed(scene: Scene) -> AsyncGenerator[str]:
        scene.mark("injected")
        stage = scene.stage
        for name in names:
            if scene.way is Way.SABOTAGE and name.startswith("database-"):
                await _without_overlap(scene, name)
            else:
                await rotation.rotate(stage.instance, stage.topology, name, tell=scene.narrator.note, who="drill")
        yield f"replaced {', '.join(names)}"

    return deed


async def _without_overlap(scene: Scene, name: str) -> None:
    """Change the password everywhere but at those who use it, and let PgBouncer ask for it."""
    stage = scene.stage
    [component] = [each for each in WITH_DATABASE if database_secret(each) == name]
    used = resolution.logins(stage.instance, stage.topology, component)[0]
    [other] = [user for user in database_logins(component) if user != used.user]
    here = await world(stage.instance, stage.topology, scene.narrator.note)
    async with scarred(stage, f"{component} has no password that is accepted", told_again, name=name):
        stage.instance.secrets.put(name, [logins.Login(other, used.password[::-1]).text], what="in use", who="sabotage")
        await overlaps.overlap(listing.declared(stage.topology, name)).check(here, name)
        async for _ in launch.restart(stage.instance, "pgbouncer"):
            pass


async def told_again(stage: Stage, told: Told) -> None:
    """Restart who uses the secret, so that they have the one that is accepted (an undo)."""
    here = await world(stage.instance, stage.topology, _silent)
    await here.roll(here.told(str(told["name"])))


def _silent(text: str) -> None:
    del text


def _files(stage: Stage) -> Path:
    return stage.instance.path / "secrets"


def _away(stage: Stage) -> Path:
    return stage.instance.path / "secrets.away"
