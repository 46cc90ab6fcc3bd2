"""Take a step again and again: what a service does though nobody asks.

Between: services' loops (say which steps, and how long each rests) and kernel.server (runs the loops).
Shape: a step returns how much it did; when that was nothing, it rests.
Why in every pod without a leader: each step is a conditional change of rows; who comes second changes nothing.
Units: *_S, *_s seconds.
Errors: a Problem (a database or a peer that is away) is logged once and tried again; anything else ends the loop,
which kernel.server starts again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from audifi.kernel.server import Loop
from audifi.kernel.telemetry import log
from audifi.wire.problems import Problem

FAILURE_S: Final = 3.0
P = TypeVar("P")


def for_ever(step: Callable[[P], Awaitable[int]], rest_s: float, parts: P) -> Loop:
    """Return the loop of one step."""

    async def run() -> None:
        is_failing = False
        while True:
            try:
                done = await step(parts)
            except Problem as problem:
                if not is_failing:
                    log.warning("a loop waits for somebody who is away", loop=step.__name__, error=problem)
                is_failing = True
                await asyncio.sleep(FAILURE_S)
                continue
            is_failing = False
            if done == 0:
                await asyncio.sleep(rest_s)

    return run
