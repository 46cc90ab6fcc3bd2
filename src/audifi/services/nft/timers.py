"""Look at offers whose time has come: a sale opens, a sale ends, something that failed is tried again.

Between: app (runs `work` in every pod), sagas.offers.
Why in every pod without a leader: an offer is looked at under its row's lock, and whoever comes second finds it done.
Why all at once: an offer at which something goes wrong does not keep the others waiting.
Units: seconds.
Errors: the first that was raised, after all were looked at: it restarts the loop with backoff (kernel.server).
Source: domain.md 2.2 (startsAt, endsAt).
"""

import asyncio
from typing import Final

from audifi.services.nft.parts import Parts
from audifi.services.nft.sagas import offers
from audifi.services.nft.store import ipos

EVERY_S: Final = 1.0
BATCH: Final = 20


async def work(parts: Parts) -> None:
    """Look now and then, for ever."""
    while True:
        await tick(parts)
        await asyncio.sleep(EVERY_S)


async def tick(parts: Parts) -> int:
    """Look once; return at how many offers."""
    async with parts.database.read_primary() as connection:
        due = await ipos.due(connection, parts.clock.now(), BATCH)
    looked = await asyncio.gather(*(_look(parts, master_id) for master_id in due), return_exceptions=True)
    for failure in looked:
        if failure is not None:
            raise failure
    return len(due)


async def _look(parts: Parts, master_id: str) -> None:
    async with parts.database.transaction() as tx:
        await offers.look(tx, parts, master_id)
