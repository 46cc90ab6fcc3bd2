"""Do what nobody asks for.

Between: app (runs each loop in every pod), sagas, store.
Why in every pod without a leader: each step is a conditional change of rows; who comes second changes nothing.
Units: *_S seconds.
Errors: a database or a peer that is away is logged once, and tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from audifi.kernel.server import Loop
from audifi.kernel.telemetry import log
from audifi.services.vstudio.errors import Problem
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.sagas import deciding, wishes
from audifi.services.vstudio.store import housekeeping
from audifi.wire.live import protocol

FAILURE_S: Final = 3.0
TIMER_S: Final = 0.5  # a decision is closed so late at most; votes are refused on time anyway
WISHES_S: Final = 1.0
TIDY_EVERY_S: Final = 600.0
ENGAGEMENT_DAYS: Final = 90  # domain.md 2.3
ROWS_MAX: Final = 5000
Step = Callable[[Parts], Awaitable[int]]


async def forget_old(parts: Parts) -> int:
    """Delete what nobody asks for any more; return how many rows."""
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        return await housekeeping.forget(
            tx,
            events_before=now - timedelta(seconds=protocol.LOG_S),
            engagement_before=now - timedelta(days=ENGAGEMENT_DAYS),
            rows_max=ROWS_MAX,
        )


# What runs, and how long it rests when there was nothing to do.
_STEPS: Final[tuple[tuple[Step, float], ...]] = (
    (deciding.close_due, TIMER_S),
    (wishes.carry_out_due, WISHES_S),
    (forget_old, TIDY_EVERY_S),
)


def loops(parts: Parts) -> tuple[Loop, ...]:
    """Return the loops of a pod."""
    return tuple(_for_ever(step, rest_s, parts) for step, rest_s in _STEPS)


def _for_ever(step: Step, rest_s: float, parts: Parts) -> Loop:
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
