"""Note what a drill breaks before it breaks it, so that it is mended even when the drill was killed.

Between: deeds (`async with scarred(…)`), drills.engine (heals before each run) and `audifi drill heal`.
Shape: `<instance>/scars.json`, a list of scars; each names the function that undoes it and what that function is told.
Invariant: the scar is on disk before anything is broken and goes after it was mended; undoing twice does no harm.
One drill at a time breaks an instance (`alone`).
Errors: LocalError when another drill runs, or when a scar names nothing that can be called; what an undo raises passes,
and its scar stays.
"""

import fcntl
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from typing import Final

from audifi.drills.journey import losses
from audifi.drills.journey.stage import Stage
from audifi.local import launch
from audifi.local.board import State
from audifi.local.errors import LocalError
from audifi.local.files import write_text
from audifi.local.state import Instance

Told = Mapping[str, str | int | float]
Undo = Callable[[Stage, Told], Awaitable[None]]  # at the top of a module of audifi.drills
OURS: Final = "audifi.drills."


@dataclass(frozen=True, kw_only=True)
class Scar:
    """Something that is broken."""

    name: str
    what: str  # "auth-service-2 is frozen"
    undo: str  # module:function
    told: Told


@asynccontextmanager
async def scarred(stage: Stage, what: str, undo: Undo, **told: str | float) -> AsyncGenerator[None]:
    """Note it, let the block break it, and undo it at the end; a later `heal` does the same if we are killed.

    `undo` gets what is `told` here, and nothing else: it may run in another process.
    """
    assert undo.__qualname__ == undo.__name__, (
        f"{undo.__qualname__} is not at the top of its module: heal cannot find it"
    )
    scar = Scar(name=token_hex(4), what=what, undo=f"{undo.__module__}:{undo.__name__}", told=told)
    _write(stage.instance, [*noted(stage.instance), scar])
    try:
        yield
    finally:
        await _undone(stage, scar, undo)


async def heal(stage: Stage) -> list[str]:
    """Undo everything that is noted, the newest first, and start what is halted; say what was done."""
    done: list[str] = []
    for scar in reversed(noted(stage.instance)):
        await _undone(stage, scar, _function(scar))
        done.append(scar.what)
    for name, unit in (await losses.units(stage)).items():
        if unit["state"] == State.STOPPED:
            await launch.resume(stage.instance, name)
            done.append(f"{name} was halted")
    return done


@contextmanager
def alone(instance: Instance) -> Generator[None]:
    """Let one drill at a time break this instance."""
    with (instance.path / "drill.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(f"another drill runs on {instance.path}: wait for it, or end it with Ctrl-C") from None
        yield


def noted(instance: Instance) -> list[Scar]:
    """What is broken, the oldest first."""
    try:
        found = json.loads(_file(instance).read_text())
    except FileNotFoundError:
        return []
    return [Scar(**each) for each in found]


async def _undone(stage: Stage, scar: Scar, undo: Undo) -> None:
    await undo(stage, scar.told)
    _write(stage.instance, [each for each in noted(stage.instance) if each.name != scar.name])


def _function(scar: Scar) -> Undo:
    module, _, name = scar.undo.partition(":")
    if not module.startswith(OURS):
        raise LocalError(f"{scar.what}: {scar.undo} is no function of {OURS}*; mend it by hand, then remove scars.json")
    try:
        found: Undo = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise LocalError(f"{scar.what}: {scar.undo} is gone; mend it by hand, then remove scars.json") from error
    return found


def _write(instance: Instance, scars: list[Scar]) -> None:
    if scars:
        write_text(_file(instance), json.dumps([asdict(each) for each in scars], indent=1) + "\n")
    else:
        _file(instance).unlink(missing_ok=True)


def _file(instance: Instance) -> Path:
    return instance.path / "scars.json"
