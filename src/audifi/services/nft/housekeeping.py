"""Forget what has served its time: parts of uploads that a killed pod left.

Between: app (runs `work` in every pod), clients.ipfs.content.
Why in every pod without a leader: removing what is a day old is idempotent.
Units: seconds.
Errors: an unreadable content directory restarts the loop with backoff (kernel.server).
"""

import asyncio
from typing import Final

from audifi.clients.ipfs.content import Shelf
from audifi.kernel.logs import log

EVERY_S: Final = 3600


async def work(shelf: Shelf) -> None:
    """Tidy now and then every hour, for ever."""
    while True:
        swept = await asyncio.to_thread(shelf.sweep)
        if swept:
            log.info("housekeeping", parts=swept)
        await asyncio.sleep(EVERY_S)
