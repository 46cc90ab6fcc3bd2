"""Start the platform and say what can be done with it.

Between: a person and local.launch.
Invariant: Ctrl-C during the start, or losing the terminal, stops everything that was started; once everything is
ready the platform runs on without us, unless `--attach`.
Units: *_s seconds.
Errors: LocalError through cli.main; a start that failed exits 1 after stopping everything; interrupted exits 130.
Exit: 0 everything is ready · 1 it did not start, and was stopped again · 2 the machine lacks something · 130 stopped
Example: ./audifi up · ./audifi up --only auth-service
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import aclosing
from typing import Annotated

from cyclopts import Parameter

from audifi.cli.options import DEFAULT, InstanceOption
from audifi.cli.progress import Progress, in_mib
from audifi.cli.status import table
from audifi.local import launch
from audifi.local.errors import NotRunning, StartFailed
from audifi.local.resolution import public_url
from audifi.local.state import Instance
from audifi.topology.declaration import platform

OnlyOption = Annotated[
    tuple[str, ...],
    Parameter(name="--only", negative=(), help="Only this component and what it needs; may be repeated."),
]
AttachOption = Annotated[bool, Parameter(name="--attach", negative=(), help="Stay, and stop everything on Ctrl-C.")]


def up(*, only: OnlyOption = (), attach: AttachOption = False, instance: InstanceOption = DEFAULT) -> int:
    """Start the platform on this machine and return when everything is ready."""
    return asyncio.run(_up(Instance.at(instance), only, attach=attach))


async def _up(instance: Instance, only: Sequence[str], *, attach: bool) -> int:
    if instance.running() is not None:
        return await _already(instance)
    starting = asyncio.create_task(_start(instance, only, attach=attach))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, starting.cancel)
    try:
        return await starting
    except asyncio.CancelledError:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, _say, "stopping already; a moment")
        _say("stopping everything")
        with Progress() as progress:
            await launch.stop(instance, tell=progress.tell)
        return 130
    except StartFailed as error:
        sys.stderr.write(f"audifi: the platform did not start, and everything was stopped again.\n{error}\n")
        return 1


async def _start(instance: Instance, only: Sequence[str], *, attach: bool) -> int:
    with Progress() as progress:
        owner = "life" if attach else "start"
        async with aclosing(launch.start(instance, only, owner=owner, tell=progress.tell)) as events:
            async for event in events:
                progress.tell(event)
                if event["event"] == "ready":
                    progress.settle()
                    await _summary(instance, progress.elapsed_s, attach=attach)
    return 0


async def _summary(instance: Instance, elapsed_s: float, *, attach: bool) -> None:
    seen = await launch.status(instance)
    pods = [unit for unit in seen["units"] if not unit["is_job"]]
    lines = ["", f"Ready in {elapsed_s:.1f} s: {len(pods)} processes, {in_mib(seen['memory_bytes'])}."]
    if any(unit["component"] == "edge" for unit in pods):
        topology = platform("local")
        api = public_url(instance, topology, "api")
        if api.count(":") > 1:
            lines += ["  443 is taken by another program, or only root may use it: addresses carry another port."]
        lines += [
            f"  API    {api}",
            f"  App    {public_url(instance, topology, 'app')}",
            f"  Live   {public_url(instance, topology, 'ws').replace('https', 'wss', 1)}",
            "  Trust the local certificate authority: ./audifi trust",
        ]
    lines += _later()
    lines += [
        "Try: ./audifi status, ./audifi logs -f, ./audifi psql, ./audifi redis",
        "Ctrl-C stops everything." if attach else "It runs on; stop it with: ./audifi down",
    ]
    _say("\n".join(lines))


def _later() -> list[str]:
    """What the design has and this machine does not run yet, by the part that brings it."""
    brings: dict[str, list[str]] = {}
    for component in platform("local").components:
        if component.arrives_in and not component.runs_locally:
            brings.setdefault(component.arrives_in, []).append(component.name)
    return [f"  Not here before {part}: {', '.join(names)}" for part, names in sorted(brings.items())]


async def _already(instance: Instance) -> int:
    try:
        seen = await launch.status(instance)
    except NotRunning:
        _say(f"{instance.path} is being started or stopped by another command; look again with: ./audifi status")
        return 0
    part = f" ({', '.join(seen['only'])} and what it needs)" if seen["only"] else ""
    _say(f"Already running in {instance.path}{part}. To start anew: ./audifi down, then ./audifi up\n")
    table(seen)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
