"""Do what nobody asks for.

Between: app (runs each loop in every pod), sagas, store.
Why in every pod without a leader: each step is a conditional change of rows; who comes second changes nothing.
Units: *_S seconds.
Errors: a database or a peer that is away is logged once, and tried again.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from audifi.kernel.server import Loop
from audifi.kernel.stepping import for_ever
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.sagas import deciding, wishes
from audifi.services.vstudio.store import housekeeping
from audifi.wire.live import protocol

TIMER_S: Final = 0.5  # a decision is closed so late at most; votes are refused on time anyway
WISHES_S: Final = 1.0
TIDY_EVERY_S: Final = 600.0
ENGAGEMENT_DAYS: Final = 90  # domain.md 2.3
CHAT_DAYS: Final = 365  # domain.md 6.6
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
            chat_before=now - timedelta(days=CHAT_DAYS),
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
    return tuple(for_ever(step, rest_s, parts) for step, rest_s in _STEPS)
