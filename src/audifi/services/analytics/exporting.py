"""Write the files somebody asked for, a chunk in each transaction, on whichever pod comes first.

Between: app (runs `work` in every pod), store.exports.
Why chunks in the database: any pod may be asked for the file, and a pod has no disk of its own.
What a file says is as of when each of its chunks was written.
Units: rows; a chunk is about ROWS × 200 bytes.
Errors: Unavailable of the database restarts the loop with backoff (kernel.server); the export goes on where it was.
Source: domain.md 2.6 "export APIs".
"""

import asyncio
from typing import Final

from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.services.analytics.rules.tables import csv_lines
from audifi.services.analytics.store import exports
from audifi.services.analytics.store.exports import COLUMNS, Written

EVERY_S: Final = 1.0
ROWS: Final = 2000
_DAY, _MASTER = COLUMNS.index("day"), COLUMNS.index("master_id")


async def work(database: Database, clock: Clock) -> None:
    """Write what is asked for, for ever."""
    while True:
        if not await write_next(database, clock):
            await asyncio.sleep(EVERY_S)


async def write_next(database: Database, clock: Clock) -> bool:
    """Write one more chunk of the oldest export; return whether there was one to write."""
    async with database.transaction() as tx:
        export = await exports.next_pending(tx)
        if export is None:
            return False
        rows = await exports.rows_after(tx, export, ROWS)
        head = csv_lines([COLUMNS]) if export.chunks == 0 else b""
        last = rows[-1] if rows else None
        written = Written(
            data=head + csv_lines(rows),
            rows=len(rows),
            after_day=last[_DAY] if last else export.after_day,
            after_master=last[_MASTER] if last else export.after_master,
            is_last=len(rows) < ROWS,
        )
        await exports.append(tx, export, written, clock.now())
    return True
