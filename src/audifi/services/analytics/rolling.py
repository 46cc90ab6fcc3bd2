"""Keep roll-ups equal to events: roll the days that are due, every second, one pod at a time.

Between: app (runs `work` in every pod), store.marks, store.rollups.
How fresh: a mark of money or shares is due at once, so dashboards agree with the ledger within EVERY_S, the time of a
roll and the replica's lag; engagement waits longer (rules.retention). Each roll reads one artist's day by an index.
Units: seconds; at most DAYS_MAX days of artists in one transaction.
Errors: Unavailable of the database restarts the loop with backoff (kernel.server).
Source: domain.md 2.6; docs/analytics.md has what was measured.
"""

import asyncio
from typing import Final

from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.services.analytics.rules import periods, retention
from audifi.services.analytics.store import marks, rollups

EVERY_S: Final = 1.0
DAYS_MAX: Final = 50
SUMMARIES_MAX: Final = 200


async def work(database: Database, clock: Clock) -> None:
    """Roll what is due, for ever."""
    while True:
        if await roll_due(database, clock) < DAYS_MAX:
            await asyncio.sleep(EVERY_S)


async def roll_due(database: Database, clock: Clock) -> int:
    """Roll some of what is due; return how many days of artists (or of the platform)."""
    now = clock.now()
    today = periods.day_of(now)
    async with database.transaction() as tx:
        if not await marks.is_mine(tx):
            return 0
        dirty = await marks.take(tx, now, DAYS_MAX)
        for each in dirty:
            if each.artist_id is not None:
                frozen = retention.is_frozen(each.day, today)
                await rollups.roll_artist(tx, each.artist_id, each.day, is_frozen=frozen)
        for day in sorted({each.day for each in dirty}):
            await rollups.roll_platform(tx, day, is_frozen=retention.is_frozen(day, today))
        artists = {each.artist_id for each in dirty if each.artist_id is not None}
        if artists:
            await rollups.summarise(tx, sorted(artists), today)
    return len(dirty)


async def summarise_outdated(database: Database, clock: Clock) -> int:
    """Let the periods of some artists end today; return how many. Due for all of them at 00:00 UTC."""
    today = periods.day_of(clock.now())
    async with database.transaction() as tx:
        if not await marks.is_mine(tx):
            return 0
        artists = await rollups.outdated(tx, today, SUMMARIES_MAX)
        if artists:
            await rollups.summarise(tx, artists, today)
    return len(artists)
