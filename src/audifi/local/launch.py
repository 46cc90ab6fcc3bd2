"""Bring an instance up and down from outside: what `audifi up`, `audifi down` and the tests call.

Between: cli, tests (call) and local.guardian (is started, or told to end through the supervisor's control channel).
Invariant: everything that can be refused is refused here, before anything runs: no room, ports in use, programs
missing, names unknown. After `stop` only its data, logs, ports, secrets and certificates are left.
Units: *_s seconds.
Errors: LocalError and its kinds, each with what to do.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final, Literal

from audifi.local import guardian, process
from audifi.local.binaries import SEARCH_PATH
from audifi.local.board import Event
from audifi.local.control import ask, ask_once
from audifi.local.errors import NotRunning, StartFailed
from audifi.local.files import make_directory, remove_tree
from audifi.local.logs import last_lines
from audifi.local.plan import plan
from audifi.local.room import check_disk, check_ports, raise_file_limit
from audifi.local.state import Instance
from audifi.local.waiting import NotReady, wait_for
from audifi.topology.declaration import platform

LISTENS_WITHIN_S: Final = 20.0  # the supervisor's imports take a second on an idle machine
SILENT_MAX_S: Final = 45.0  # longer than the longest stop_grace_s: then the supervisor hangs and is killed

type_of_owner = Literal["start", "life"]


def nobody_listens(event: Event) -> None:
    """For callers that need no progress."""
    del event


async def start(
    instance: Instance,
    only: Sequence[str] = (),
    *,
    owner: type_of_owner = "start",
    tell: Callable[[Event], None] = nobody_listens,
) -> AsyncGenerator[Event, None]:
    """Start it and follow: ends after "ready" (owner "start") or when it has stopped (owner "life").

    Raises: StartFailed after everything was stopped again.
    """
    _make_room(instance, only, tell)
    begun = _begin(instance, only)
    await wait_for(lambda: _listens(instance, begun), within_s=LISTENS_WITHIN_S, saying="the supervisor listens")
    reason = ""
    async with aclosing(ask(instance, "follow", owner=owner)) as events:
        async for event in events:
            yield event
            if event["event"] == "failed":
                reason = event["reason"]
            if event["event"] == "ready" and owner == "start":
                return
    await asyncio.to_thread(begun.wait)
    if reason:
        raise StartFailed(reason)


async def bring_up(instance: Instance, only: Sequence[str] = ()) -> None:
    """Start it and return when it is ready."""
    async with aclosing(start(instance, only)) as events:
        async for event in events:
            if event["event"] == "ready":
                return
    raise StartFailed(f"the supervisor of {instance.path} ended:\n{last_lines(instance.log('supervisor'))}")


async def stop(instance: Instance, *, with_data: bool = False, tell: Callable[[Event], None] = nobody_listens) -> bool:
    """Stop it and remove what only a running one has. False if nothing was there to stop."""
    state = instance.running()
    if state is not None:
        await _ask_to_stop(instance, tell)
        await asyncio.to_thread(process.until_ended, [state.guardian.number], SILENT_MAX_S)
    left = await asyncio.to_thread(guardian.end_everything, instance.path)
    instance.forget()
    instance.lock.unlink(missing_ok=True)
    remove_tree(instance.path / "config")
    if with_data:
        remove_tree(instance.path / "data")
        instance.secrets.remove()
        (instance.path / "ports.json").unlink(missing_ok=True)
    return state is not None or left > 0


async def status(instance: Instance) -> Event:
    """What runs, as the supervisor sees it."""
    return await ask_once(instance, "status")


async def restart(instance: Instance, name: str) -> AsyncGenerator[Event, None]:
    """Restart a component pod by pod, or one pod."""
    async with aclosing(ask(instance, "restart", name=name)) as events:
        async for event in events:
            yield event


async def halt(instance: Instance, name: str, *, by_force: bool = False) -> None:
    """End a component's pods, or one pod, and keep them down until `resume`; by force it is SIGKILL at once."""
    async with aclosing(ask(instance, "halt", name=name, by_force=by_force)) as events:
        async for _ in events:
            pass


async def resume(instance: Instance, name: str) -> None:
    """Start again what was halted; returns when it is ready."""
    async with aclosing(ask(instance, "resume", name=name)) as events:
        async for _ in events:
            pass


async def _ask_to_stop(instance: Instance, tell: Callable[[Event], None]) -> None:
    try:
        async with aclosing(ask(instance, "stop")) as events:
            while True:
                tell(await asyncio.wait_for(anext(events), SILENT_MAX_S))
    except (StopAsyncIteration, NotRunning, TimeoutError):
        return


def _make_room(instance: Instance, only: Sequence[str], tell: Callable[[Event], None]) -> None:
    instance.create()
    check_disk(instance.path)
    raise_file_limit()
    left = guardian.end_everything(instance.path)
    if left:
        tell({"event": "note", "text": f"ended {left} processes that a crashed run had left"})
    instance.forget()
    instance.ports.reconsider()
    check_ports(plan(instance, platform("local"), only).pods)


def _begin(instance: Instance, only: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start the guardian, detached from our terminal."""
    make_directory(instance.logs)
    environment = {
        "PATH": SEARCH_PATH,
        "HOME": str(instance.path),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        process.MARKER: str(instance.path),
    }
    with instance.log("supervisor").open("ab") as output:
        begun = subprocess.Popen(
            [sys.executable, "-m", "audifi.local.guardian", str(instance.path), *only],
            env=environment,
            cwd=instance.path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Whoever starts it and lives longer (a test run) must fetch its exit code, or it stays as a zombie.
    threading.Thread(target=begun.wait, name="waits for the guardian", daemon=True).start()
    return begun


async def _listens(instance: Instance, begun: "subprocess.Popen[bytes]") -> None:
    code = begun.poll()
    if code == guardian.ALREADY_GUARDED:
        raise StartFailed(f"another `audifi up` was faster: {instance.path} is being started already")
    if code is not None:
        raise StartFailed(f"the supervisor ended at once:\n{last_lines(instance.log('supervisor'), 20)}")
    try:
        await status(instance)
    except NotRunning as error:
        raise NotReady(str(error)) from error
