"""Wait for a state, never for a time.

Between: whoever starts something (local.supervisor, tests) and a probe that can tell whether it is so yet.
Units: *_s seconds of the event loop's clock.
Invariant: level-triggered: the state itself is asked for again and again, so a change that came before the first
question is not missed. A time-out always carries the last status, because "timed out" alone helps nobody.
Errors: `NotReady` from the probe is polled again; `TimedOut` when time is up; anything else passes through.
Source: the shape of Omicron's test-utils/src/dev/poll.rs (last status on time-out).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class NotReady(Exception):
    """Not yet."""


class TimedOut(Exception):
    """The state did not come in time."""


async def wait_for(probe: Callable[[], Awaitable[T]], *, within_s: float, saying: str, every_s: float = 0.1) -> T:
    """Return what the probe returns, as soon as it no longer raises NotReady."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        try:
            return await asyncio.wait_for(probe(), max(deadline - loop.time(), 0.05))
        except NotReady as reason:
            status = str(reason)
        except TimeoutError:
            status = "the probe itself did not answer"
        if loop.time() + every_s > deadline:
            raise TimedOut(f"{saying}: not within {within_s:g} s; last status: {status}")
        await asyncio.sleep(every_s)


async def side_by_side(things: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do them at the same time. The first error ends the others, which have ended when it is raised as it is."""
    tasks = [asyncio.create_task(each) for each in things]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            if not task.cancelling():  # a second time would interrupt what it undoes
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
