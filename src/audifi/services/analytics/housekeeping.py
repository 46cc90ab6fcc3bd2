"""Make partitions ahead, forget what has served its time, let periods end today.

Between: app (runs `work` in every pod), store.*.
Why in every pod without a leader: each statement is idempotent and skips rows another pod holds.
Why batches: one DELETE of a million rows holds locks and writes WAL for as long as it runs.
Units: seconds; ROWS_MAX rows in one transaction.
Errors: Unavailable of the database restarts the loop with backoff (kernel.server).
Source: domain.md 2.6 (partitions two months ahead, engagement 90 days, artist summary at 00:00 UTC), 4 (IPs 30 days).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from audifi.kernel.clock import Clock
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.telemetry import log
from audifi.services.analytics import rolling
from audifi.services.analytics.rules import periods, retention
from audifi.services.analytics.store import events, exports, months

EVERY_S: Final = 600.0
ROWS_MAX: Final = 2000

Batch = Callable[[Connection, datetime, int], Awaitable[int]]


async def work(database: Database, clock: Clock) -> None:
    """Tidy now and then every ten minutes, for ever."""
    while True:
        await tidy(database, clock)
        await asyncio.sleep(EVERY_S)


async def tidy(database: Database, clock: Clock) -> int:
    """Do one round; return how many rows were changed or deleted."""
    now = clock.now()
    await prepare_months(database, clock)
    rows = await _until_done(database, events.hash_ips, now - timedelta(days=retention.IP_DAYS))
    rows += await _until_done(database, events.purge, retention.delete_before(periods.day_of(now)))
    rows += await _until_done(database, events.purge_seen, now - timedelta(days=retention.SEEN_DAYS))
    async with database.transaction() as tx:
        rows += await exports.purge(tx, now)
    while True:
        if await rolling.summarise_outdated(database, clock) < rolling.SUMMARIES_MAX:
            break
    if rows:
        log.info("housekeeping", rows=rows)
    return rows


async def prepare_months(database: Database, clock: Clock) -> int:
    """Make the partitions that are missing around today; return how many."""
    today = periods.day_of(clock.now())
    made = 0
    for month in periods.months(today, before=retention.MONTHS_BEHIND, after=retention.MONTHS_AHEAD):
        async with database.transaction() as tx:
            made += await months.ensure(tx, month)
    return made


async def _until_done(database: Database, batch: Batch, before: datetime) -> int:
    total = 0
    while True:
        async with database.transaction() as tx:
            rows = await batch(tx, before, ROWS_MAX)
        total += rows
        if rows < ROWS_MAX:
            return total
