"""Do some work only while a lease is ours.

Between: indexer (the work) and store.leases.
How. The lease is renewed beside the work, several times before it ends. When it is lost, or the work ends, the other is
stopped. A pod that stops releases it, one that is killed lets it run out: another takes over within LEASE_S.
Why not more: a lease spares work, it protects nothing. A pod that was suspended goes on for a moment when it wakes;
what it writes is refused by the rows it writes to.
Units: seconds.
Errors: what the work raises; Unavailable of the database.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from audifi.kernel.database import Database
from audifi.services.worker.store import leases
from audifi.wire.problems import Problem

LEASE_S: Final = 6.0
RENEW_S: Final = 1.5


class Holding:
    """One name, for one pod."""

    def __init__(self, database: Database, name: str, holder: str) -> None:
        self._database = database
        self._name = name
        self._holder = holder

    async def run(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do the work while the name is ours; False when another pod has it."""
        if not await self._take():
            return False
        tasks = [asyncio.ensure_future(each) for each in (work(), self._renew())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(Problem):
                await self._release()
        return True

    async def _renew(self) -> None:
        is_ours = True
        while is_ours:
            await asyncio.sleep(RENEW_S)
            is_ours = await self._take()

    async def _take(self) -> bool:
        async with self._database.transaction() as tx:
            return await leases.take(tx, self._name, self._holder, LEASE_S)

    async def _release(self) -> None:
        async with self._database.transaction() as tx:
            await leases.release(tx, self._name, self._holder)
