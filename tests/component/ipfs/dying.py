"""Be a worker whose process ends at a given await: nothing is cleaned up, no connection is closed in order.

Between: test_crashes (starts it in a process of its own) and clients.ipfs.
Shape: exit code DIED when it ended there, 0 when it got through before.
"""

import asyncio
import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tests.component.ipfs.world import HASTY, MovableClock, told

from audifi.clients.ipfs.client import Ipfs
from audifi.kernel.database import Database

DIED: Final = 9
PATIENT = replace(HASTY, lease_s=30.0, poll_s=0.02, queued_poll_s=0.02)
TURNS_MAX: Final = 12


class Countdown:
    """Count how often tasks give way; at the k-th time the process is gone."""

    def __init__(self, at: int) -> None:
        self._left = at

    def factory(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
        async def watched() -> Any:
            return await _Stepped(coroutine, self)

        return asyncio.Task(watched(), loop=loop, **options)

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os._exit(DIED)


class _Stepped:
    def __init__(self, coroutine: Any, countdown: Countdown) -> None:
        self._coroutine = coroutine
        self._countdown = countdown

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._coroutine.__await__()
        thrown: BaseException | None = None
        while True:
            try:
                waiting = next(steps) if thrown is None else steps.throw(thrown)
            except StopIteration as end:
                return end.value
            self._countdown.step()
            thrown = None
            try:
                yield waiting
            except BaseException as error:  # noqa: BLE001  # handed on at the next step, whatever it is
                thrown = error


def die(environment: dict[str, str], directory: str, ahead_s: float, at: int) -> None:
    """Work until the k-th await, or until everything is verified."""
    asyncio.run(_work(environment, Path(directory), ahead_s, at))


async def _work(environment: dict[str, str], directory: Path, ahead_s: float, at: int) -> None:
    settings = told(environment, directory)
    clock = MovableClock()
    clock.advance(ahead_s)
    database = await Database.open(settings)
    ipfs = Ipfs.open(settings, database, clock, policy=PATIENT)
    asyncio.get_running_loop().set_task_factory(Countdown(at).factory)
    for _ in range(TURNS_MAX):
        await asyncio.ensure_future(ipfs.keeper.turn())
        async with database.read_primary() as connection:
            page = await ipfs.pins.page(connection)
        if all(pin.state == "verified" for status in page for pin in status.pins):
            break
    os._exit(0)
