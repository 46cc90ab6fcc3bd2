"""Forget what has served its time: expired tokens, old addresses, accounts closed 30 days ago.

Between: app (runs `work` in every pod), store.account, store.mails.
Why in every pod without a leader: each statement is idempotent and skips rows another pod holds; three pods doing it
cost three cheap index scans an hour.
Units: seconds.
Errors: Unavailable of the database restarts the loop with backoff (kernel.server).
Source: domain.md 4 "Privacy", 6.6, 9.31.
"""

import asyncio
from typing import Final

from audifi.kernel import idempotency
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.telemetry import log
from audifi.services.auth.store import account, mails

EVERY_S: Final = 3600


async def work(database: Database, clock: Clock) -> None:
    """Tidy now and then every hour, for ever."""
    while True:
        await tidy(database, clock)
        await asyncio.sleep(EVERY_S)


async def tidy(database: Database, clock: Clock) -> list[str]:
    """Do one round; return the accounts that were anonymised."""
    now = clock.now()
    async with database.transaction() as tx:
        rows = await account.sweep(tx, now)
        rows += await mails.fail_expired(tx, now)
    async with database.transaction() as tx:
        anonymised = await account.anonymise_due(tx, now)
    rows += await idempotency.purge(database)
    if rows or anonymised:
        log.info("housekeeping", rows=rows, anonymised=len(anonymised))
    return anonymised
