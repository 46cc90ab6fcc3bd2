"""Replace a secret while the platform runs, and finish what a crash left half done.

Between: cli.secrets, drills (call) and recovery.secrets.overlaps (who must learn what).
Shape: six steps, the same for every kind (STEPS). How far a rotation is stands in `secrets/.rotating-NAME.json`, 0600,
with the new value; it is there from before the first step until after the last.
Invariant: each step may be taken again, so a rotation that was interrupted anywhere is finished by the same command,
to the same new value. One rotation at a time: two could restart the last two pods of a service together.
Errors: LocalError when another one is under way, or the kind is not replaced by a program; NotRunning.
Source: docs/decisions/0048.
"""

import fcntl
import json
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from audifi.local import logins, secrets
from audifi.local.console import run
from audifi.local.errors import LocalError
from audifi.local.files import write_private
from audifi.local.recovery.secrets import listing, overlaps
from audifi.local.recovery.secrets.history import somebody
from audifi.local.recovery.secrets.overlaps import Overlap
from audifi.local.recovery.secrets.world import Tell, World, world
from audifi.local.resolution import accepted, environment
from audifi.local.state import Instance
from audifi.topology.model.data import SecretDeclaration, SecretForm
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE, database_logins, database_secret

STEPS: Final = (
    "both values are accepted",
    "those who check know both",
    "the new one is in use",
    "those who show it know the new one",
    "the old one is withdrawn",
    "those who check forgot the old one",
)


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """One that is under way."""

    fresh: str
    old: tuple[str, ...]  # what was accepted before
    who: str
    done: int = 0  # steps


async def rotate(
    instance: Instance, topology: Topology, name: str, *, tell: Tell, who: str = "", fresh: str | None = None
) -> None:
    """Replace the secret: by a value made now, or by this one; goes on with a rotation that was interrupted."""
    secret = listing.declared(topology, name)
    here = await world(instance, topology, tell)
    if secret.form is SecretForm.SIGNING_KEYS:
        _by_its_service(here, secret, who or somebody())
        return
    way = overlaps.overlap(secret)
    with _alone(instance):
        rotation = _begun(instance, topology, secret, who or somebody(), fresh)
        steps = _steps(here, secret, way, rotation)
        for number, (said, step) in enumerate(zip(STEPS, steps, strict=True)):
            if number < rotation.done:
                continue
            await step()
            _remember(instance, name, replace(rotation, done=number + 1))
            tell(f"{name}: {said}")
        listing.under_way(instance, name).unlink()


def _steps(
    here: World, secret: SecretDeclaration, way: Overlap, rotation: Rotation
) -> tuple[Callable[[], Awaitable[None]], ...]:
    name, kept = secret.name, rotation.old if way.keeps_old else ()

    def hold(values: tuple[str, ...], what: str) -> Callable[[], Awaitable[None]]:
        async def held() -> None:
            here.instance.secrets.put(name, values, what=what, who=rotation.who)

        return held

    async def check() -> None:
        await way.check(here, name)

    async def show() -> None:
        await way.show(here, name)

    async def forget() -> None:
        if not way.keeps_old:
            await way.check(here, name)

    return (
        hold((*rotation.old, rotation.fresh), "accepted as well"),
        check,
        hold((rotation.fresh, *rotation.old), "in use"),
        show,
        hold((rotation.fresh, *kept), "old one withdrawn"),
        forget,
    )


def _begun(instance: Instance, topology: Topology, secret: SecretDeclaration, who: str, fresh: str | None) -> Rotation:
    path = listing.under_way(instance, secret.name)
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        rotation = Rotation(fresh=found["fresh"], old=tuple(found["old"]), who=found["who"], done=found["done"])
        if fresh not in (None, rotation.fresh):
            raise LocalError(
                f"{secret.name} is being rotated already; finish it: ./audifi secrets rotate {secret.name}"
            )
        return rotation
    old = accepted(instance, topology, secret.name)
    rotation = Rotation(fresh=_fresh(secret, old, fresh), old=old, who=who)
    if rotation.fresh in old:
        raise LocalError(f"{secret.name} has this value already")
    _remember(instance, secret.name, rotation)
    return rotation


def _remember(instance: Instance, name: str, rotation: Rotation) -> None:
    write_private(listing.under_way(instance, name), json.dumps(asdict(rotation)))


def _fresh(secret: SecretDeclaration, old: tuple[str, ...], given: str | None) -> str:
    """The new value as the secret's file holds it."""
    match secret.form:
        case SecretForm.LOGIN:
            [component] = [each for each in WITH_DATABASE if database_secret(each) == secret.name]
            used = logins.read(old[0], component).user
            [other] = [user for user in database_logins(component) if user != used]
            given = logins.read(given, component).password if given else None
            return logins.Login(other, given or secrets.made(secret.name, secret.form)).text
        case SecretForm.AES_KEYS:  # k1:… → k2:…
            if given is not None:
                raise LocalError(f"{secret.name}: an old key is never lost, so there is nothing to bring back")
            taken = [int(value.partition(":")[0].removeprefix("k")) for value in old]
            return f"k{max(taken) + 1}:{secrets.made(secret.name, secret.form).partition(':')[2]}"
        case SecretForm.ED25519_JWK:  # a key's id begins with its owner's (kernel.internal)
            serial = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            return given or secrets.made(f"{secret.name}/{serial}", secret.form)
        case _:
            return given or secrets.made(secret.name, secret.form)


def _by_its_service(here: World, secret: SecretDeclaration, who: str) -> None:
    """Keys that live in their service's own tables: it publishes the new one before it signs, and both for a day."""
    [component] = secret.used_by
    if component not in here.pods:
        raise LocalError(f"{component} does not run here, and it alone keeps {secret.name}")
    told = environment(here.instance, here.topology, here.pods[component][0])
    module = f"audifi.services.{here.topology.component(component).short_name}.console"
    found = run(module, ["rotate-keys"], told, on_progress=here.tell)
    here.tell(f"{secret.name}: {found['kid']} is published and signs from {found['activatesAt']}")
    if found["changed"]:
        here.instance.history.note(secret.name, what="rotated", who=who)


@contextmanager
def _alone(instance: Instance) -> Generator[None]:
    with os.fdopen(os.open(instance.path / "rotating.lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalError(f"another rotation is under way in {instance.path}: wait for its end") from error
        yield
