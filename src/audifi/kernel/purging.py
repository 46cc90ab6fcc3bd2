"""Delete what the kernel's own tables keep longer than anybody asks for it, a little at a time.

Between: kernel.server (runs `forever` in every pod of every service) and idempotency_keys, processed_events.
Why in every pod without a leader: a statement skips rows that another pod is deleting.
Why batches: one DELETE of a million rows holds locks and writes WAL for as long as it runs; ROWS_MAX take milliseconds.
Why HANDLED_DAYS: the row recognises a second delivery. An entry can come again for as long as the stream holds it
(LENGTH_MAX entries) or somebody sends dead letters again; both are over after that.
Units: *_S seconds.
Errors: Unavailable of the database restarts the loop with backoff (kernel.server).
Source: domain.md 2.0 "Idempotency" (24 h); decided here: 30 days.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from audifi.kernel import idempotency, queue
from audifi.kernel.database import Database
from audifi.kernel.logs import log

EVERY_S: Final = 600.0
ROWS_MAX: Final = 1000
REST_S: Final = 0.1  # between full batches: purging never takes the database for itself


def loop_over(database: Database) -> Callable[[], Awaitable[None]]:
    """Return the loop for kernel.server."""

    async def purge_forever() -> None:
        while True:
            rows = await purge(database)
            if rows:
                log.info("old rows of the kernel's tables were deleted", rows=rows)
            await asyncio.sleep(EVERY_S)

    return purge_forever


async def purge(database: Database) -> int:
    """Delete everything that is due now; return how many rows."""
    total = 0
    for one_batch in (idempotency.purge, queue.purge):
        while (rows := await one_batch(database, rows_max=ROWS_MAX)) == ROWS_MAX:
            total += rows
            await asyncio.sleep(REST_S)
        total += rows
    return total
