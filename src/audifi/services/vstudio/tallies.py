"""Show how an open decision stands, at most four times a second, whichever pods take its votes.

Between: sagas.voting (says that votes were committed), store.tallies (counts them) and clients.live (tells followers).

A key that lives TALLY_EVERY_MS is the decision's tick: the pod that sets it counts and tells at once, others try when
it ends. So the first vote is shown at once, the last one within a tick or two, and what is shown is what PostgreSQL
counted.
Invariant: after the last vote was committed its tally is told, by the pod that committed it if by no other.
Units: *_S seconds.
Errors: Redis or the database away: logged once, tried again every RETRY_S until it is told.
Source: domain.md 2.3 "Tally broadcasts coalesced to ≤4/s per decision".
"""

import asyncio
from contextvars import Context
from typing import Final

import msgspec

from audifi.clients.live.publishing import Publisher
from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.telemetry import log
from audifi.services.vstudio.errors import Problem
from audifi.services.vstudio.store import tallies as store
from audifi.wire.live import feed, protocol

RETRY_S: Final = 1.0


class Tallies:
    """The decisions whose tally this pod has to show."""

    def __init__(self, database: Database, cache: Cache, clock: Clock) -> None:
        self._database = database
        self._cache = cache
        self._clock = clock
        self._publisher = Publisher(cache)
        self._showing: dict[str, asyncio.Task[None]] = {}
        self._changed: set[str] = set()  # since they were last counted

    def changed(self, session_id: str, decision_id: str) -> None:
        """Show its tally soon: votes were committed."""
        self._changed.add(decision_id)
        if decision_id not in self._showing:
            # In a context of its own: the request's deadline is not this work's.
            task = asyncio.create_task(self._show(session_id, decision_id), context=Context())
            self._showing[decision_id] = task

    async def shown(self) -> None:
        """Return when nothing is left to be shown: for tests, and for a pod that stops."""
        while self._showing:
            await asyncio.gather(*self._showing.values())

    async def _show(self, session_id: str, decision_id: str) -> None:
        try:
            await self._until_shown(session_id, decision_id)
        finally:  # without a pause after the last look at what changed: nothing that changes later is missed
            del self._showing[decision_id]

    async def _until_shown(self, session_id: str, decision_id: str) -> None:
        is_failing = False
        while decision_id in self._changed:
            try:
                await self._step(session_id, decision_id)
            except Problem as problem:
                self._changed.add(decision_id)
                if not is_failing:
                    log.warning("a tally waits to be shown", decision_id=decision_id, error=problem)
                is_failing = True
                await asyncio.sleep(RETRY_S)

    async def _step(self, session_id: str, decision_id: str) -> None:
        """Count and tell, or wait for the end of the tick."""
        tick = feed.tick(session_id, decision_id)
        if await self._cache.command("SET", tick, "1", "NX", "PX", protocol.TALLY_EVERY_MS):
            self._changed.discard(decision_id)
            await self._tell(session_id, decision_id)
            return
        left_ms = int(await self._cache.command("PTTL", tick))
        await asyncio.sleep(max(1, min(left_ms, protocol.TALLY_EVERY_MS)) / 1000)

    async def _tell(self, session_id: str, decision_id: str) -> None:
        async with self._database.read_primary() as connection:
            tally = await store.of_decision(connection, decision_id)
        if tally is None:
            return
        body = {"type": "vote_update", "ts": int(self._clock.now_s() * 1000), "decisionId": decision_id, **tally.fields}
        key = f"vote_update:{decision_id}"
        await self._publisher.state(session_id, tally.live_seq, tally.version, key, msgspec.json.encode(body))
