"""Say `content.pinned` once the first provider's copy of a content is verified.

Between: app (runs `work` in every pod), store.contents and the outbox.
Why a look every second and not a hook in the keeper: the keeper serves anybody's rows and knows no events; the look
is one index scan of what was not announced yet.
Units: seconds.
Errors: Unavailable of the database restarts the loop with backoff (kernel.server).
Source: domain.md 2.2 "IPFS": a master may not mint until the primary pin is confirmed.
"""

import asyncio
from typing import Final

from audifi.kernel import outbox
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.services.worker.store import contents
from audifi.wire.events.chain import ContentPinned

EVERY_S: Final = 1.0
BATCH: Final = 100


async def work(database: Database, clock: Clock) -> None:
    """Announce what is due, for ever."""
    while True:
        if await announce(database, clock) < BATCH:
            await asyncio.sleep(EVERY_S)


async def announce(database: Database, clock: Clock) -> int:
    """Announce one batch; return how many contents that were."""
    async with database.transaction() as tx:
        cids = await contents.announce(tx, now=clock.now(), limit=BATCH)
        for cid in cids:
            await outbox.add(tx, ContentPinned(cid=cid), aggregate_id=cid)
    return len(cids)
