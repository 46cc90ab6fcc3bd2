"""Have minted tokens preserved: register them at NFT.Storage, look later how far it is.

Between: whoever learns of a mint (`want`, in its own transaction), the worker (runs `work`), preservation (HTTP).

When it acts: only for content with a verified pin, because NFT.Storage fetches it from the network. Nothing waits for
it: a preservation that fails costs no mint and no pin.
How a crash is survived: rows are due again when their lease ends, and what the collection lists already is not
registered again.
Shape: at most BATCH tokens of one contract per request.
Units: seconds, aware UTC times.
Errors: none leave `work` but bugs; a database that is away is waited for.
Source: domain.md 2.2 (tokens and their metadata); outbound.md 4.1 (after mint, asynchronous, polled).
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audifi.clients.ipfs.errors import IpfsError
from audifi.clients.ipfs.policy import PinPolicy
from audifi.clients.ipfs.preservation import NAME, NftStorage
from audifi.kernel.clock import Clock
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.telemetry import counter, log
from audifi.wire import metrics
from audifi.wire.problems import Unavailable

BATCH: Final = 500
LEASE_S: Final = 120.0
_POLL_S: Final = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One minted token."""

    chain_id: int
    contract: str  # 0x…, lower case
    token_id: int
    cid: str  # what its metadata is called
    attempts: int = 0


async def want(tx: Connection, token: Token, now: datetime) -> None:
    """Promise to register a token, in the transaction that learned of its mint. Idempotent."""
    await tx.execute(
        """INSERT INTO preservations (chain_id, contract, token_id, cid, next_at, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $5, $5) ON CONFLICT (chain_id, contract, token_id) DO NOTHING""",
        token.chain_id,
        token.contract,
        token.token_id,
        token.cid,
        now,
    )


class Preserver:
    """One pod's worker on preservations."""

    def __init__(
        self, *, database: Database, service: NftStorage, clock: Clock, policy: PinPolicy, chooser: random.Random
    ) -> None:
        self._database = database
        self._service = service
        self._clock = clock
        self._policy = policy
        self._chooser = chooser

    async def work(self) -> None:
        """Register and look, for ever."""
        while True:
            worked = 0
            try:
                worked = await self.turn()
            except Unavailable as problem:
                log.warning("preservations wait for the database", error=problem.message)
            if not worked:
                await asyncio.sleep(_POLL_S)

    async def turn(self) -> int:
        """Work on one batch of what is due; return how many tokens that were."""
        if not self._service.allowance(1):
            return 0
        worked = 0
        for state, act in (("wanted", self._register), ("registered", self._look)):
            groups: dict[tuple[int, str], list[Token]] = defaultdict(list)
            for token in await self._claim(state):
                groups[token.chain_id, token.contract].append(token)
            for (chain_id, contract), tokens in groups.items():
                worked += len(tokens)
                try:
                    await act(chain_id, contract, tokens)
                except IpfsError as error:
                    await self._later(tokens, state, error)
        return worked

    async def _register(self, chain_id: int, contract: str, tokens: Sequence[Token]) -> None:
        collection = await self._service.create_collection(chain_id, contract, f"AudiFi {contract}")
        listed = await self._service.tokens(collection)
        fresh = {
            str(token.token_id): token.cid
            for token in tokens
            if str(token.token_id) not in listed or listed[str(token.token_id)].is_failed
        }
        if fresh:
            await self._service.add_tokens(collection, fresh)
            counter(metrics.IPFS_PINS).labels(NAME, "asked").inc(len(fresh))
        await self._settle(tokens, "registered", timedelta(seconds=self._policy.preserved_poll_s))

    async def _look(self, chain_id: int, contract: str, tokens: Sequence[Token]) -> None:
        collection = await self._service.collection(chain_id, contract)
        listed = await self._service.tokens(collection) if collection else {}
        for token in tokens:
            seen = listed.get(str(token.token_id))
            if seen is not None and seen.is_preserved:
                await self._settle([token], "preserved", timedelta())
                counter(metrics.IPFS_PINS).labels(NAME, "preserved").inc()
            elif seen is None or seen.is_failed:
                await self._settle([token], "wanted", self._policy.backoff(token.attempts, self._chooser))
            else:
                await self._settle([token], "registered", timedelta(seconds=self._policy.preserved_poll_s))

    async def _claim(self, state: str) -> list[Token]:
        now = self._clock.now()
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                """UPDATE preservations SET attempts = attempts + (state = 'wanted')::int, next_at = $3
                    WHERE (chain_id, contract, token_id) IN (
                          SELECT chain_id, contract, token_id FROM preservations
                           WHERE state = $1 AND next_at <= $2
                             AND EXISTS (SELECT 1 FROM pins
                                          WHERE pins.cid = preservations.cid AND pins.state = 'verified')
                           ORDER BY next_at LIMIT $4 FOR UPDATE SKIP LOCKED)
                   RETURNING chain_id, contract, token_id, cid, attempts""",
                state,
                now,
                now + timedelta(seconds=LEASE_S),
                BATCH,
            )
        return [
            Token(
                chain_id=row["chain_id"],
                contract=row["contract"],
                token_id=int(row["token_id"]),
                cid=row["cid"],
                attempts=row["attempts"],
            )
            for row in rows
        ]

    async def _later(self, tokens: Sequence[Token], state: str, error: IpfsError) -> None:
        for token in tokens:
            is_last = token.attempts >= self._policy.attempts_max
            wait = self._policy.backoff(token.attempts, self._chooser)
            if is_last:
                log.error("a preservation needs a person", contract=token.contract, token=token.token_id)
            await self._settle([token], "failed" if is_last else state, wait, error=error.message)

    async def _settle(self, tokens: Sequence[Token], state: str, wait: timedelta, *, error: str | None = None) -> None:
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await tx.executemany(
                """UPDATE preservations SET state = $4, next_at = $5, last_error = $6, updated_at = $7
                    WHERE chain_id = $1 AND contract = $2 AND token_id = $3 AND state <> 'preserved'""",
                [
                    (
                        token.chain_id,
                        token.contract,
                        token.token_id,
                        state,
                        now + wait,
                        (error or "")[:500] or None,
                        now,
                    )
                    for token in tokens
                ],
            )
