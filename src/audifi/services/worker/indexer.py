"""Follow a chain for a service, and hand it what its contracts logged.

Between: clients.chain.following (reads, finds reorgs), a service that mirrors (clients.chain.mirroring: says what to
follow, keeps the checkpoint, takes batches) and a lease (one pod works, another takes over).

    GET watched ──► follower from the checkpoint ──► POST logs, in pieces of whole blocks ──► … ──► Conflict: begin anew

Begin anew. The service's checkpoint decides: a batch that was read after another one, or for fewer addresses, is
refused (Conflict). That is also how a new contract is noticed: with the next block.
Without a hash (a late watch took the checkpoint back) nobody knows whether the chain still holds that block: reading
begins where nothing can be undone any more. What the service has already is told again, and changes nothing.
Catching up. The next range is read while the last one is taken in. A service that needs longer than a request may is
given half as much at once.
Units: blocks by number, *_s seconds.
Invariant: batches leave no block out, and a piece never divides a block.
Errors: none leave `run` but bugs: a chain or a service that is away is waited for, with a warning when it begins. There
is no dead letter for a batch: what comes after it would be applied to rows that lack it.
Source: domain.md 2.2 "Chain interactions" (alert at 100 blocks behind), 5.8 (1 s × 2, at most 60 s).
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from audifi.clients.chain.access import ReadableChain
from audifi.clients.chain.following.follower import Applied, Filter, Follower, Log, Undone
from audifi.clients.chain.following.forks import Mark
from audifi.clients.chain.mirroring.messages import Batch, LogBody, Mirrored, Place, Watched
from audifi.kernel.database import Database
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter, gauge
from audifi.kernel.peers import Peers
from audifi.services.worker.holding import Holding
from audifi.wire import metrics
from audifi.wire.problems import Conflict, Problem, UpstreamTimedOut

SUBSCRIBERS: Final = ("nft-service", "coin-service")
LOGS_MAX: Final = 500  # in one request, when their blocks allow it
LOGS_MIN: Final = 25
NOTHING_S: Final = 2.0  # between asking a service that watches nothing
OTHERS_S: Final = 1.0  # between asking for the lease that another pod has
AGAIN_S: Final = 0.2
PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0

_behind: dict[str, dict[str, int]] = {}  # chain → service → blocks: the gauge tells the service that is farthest behind


@dataclass(frozen=True)
class Piece:
    """Some whole blocks."""

    first: int
    checkpoint: Place
    logs: tuple[LogBody, ...]


class Indexing:
    """All chains for all services, in one pod at a time."""

    def __init__(self, indexers: Sequence["Indexer"], database: Database, pod: str) -> None:
        self._indexers = indexers
        self._holding = Holding(database, "indexing", pod)

    async def run(self) -> None:
        """Follow for ever, whenever no other pod does."""
        while True:
            try:
                await self._holding.run(self._follow_all)
            except Problem as problem:
                log.warning("indexing waits for the database", reason=problem.message)
            await asyncio.sleep(OTHERS_S)

    async def _follow_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for each in self._indexers:
                group.create_task(each.run())


class Indexer:
    """One chain, for one service."""

    def __init__(self, *, chain: ReadableChain, service: str, peers: Peers) -> None:
        self._chain = chain
        self._service = service
        self._peers = peers
        self._path = f"/internal/v1/chains/{chain.facts.chain_id}"
        self._labels = (chain.facts.name, service)
        self._logs_max = LOGS_MAX
        self._is_failing = False

    async def run(self) -> None:
        """Follow for ever; begin anew after whatever happens."""
        pause_s = PAUSE_FIRST_S
        while True:
            try:
                await self.follow()
                rest_s, pause_s = AGAIN_S, PAUSE_FIRST_S
            except Problem as problem:
                self._note(problem)
                rest_s, pause_s = pause_s, min(pause_s * 2, PAUSE_MAX_S)
            await asyncio.sleep(rest_s)

    async def follow(self) -> None:
        """Follow from the checkpoint until the service says that things have changed.

        Raises: Problem when the chain or the service is away.
        """
        told = await self._peers.get(self._service, f"{self._path}/watched", Watched)
        if told.checkpoint is None:
            self._note(None)
            await asyncio.sleep(NOTHING_S)
            return
        try:
            await self._hand_over(self._follower(told, told.checkpoint), told.checkpoint, len(told.addresses))
        except Conflict:
            log.info("following begins anew", chain=self._labels[0], service=self._service)
        finally:
            _behind.get(self._labels[0], {}).pop(self._service, None)

    def _follower(self, told: Watched, place: Place) -> Follower:
        wanted = Filter(addresses=tuple(each.address for each in told.addresses))
        if place.hash is not None:
            return Follower(self._chain, wanted, start_block=0, checkpoint=Mark(place.block, place.hash))
        return Follower(
            self._chain, wanted, start_block=max(0, told.next_block - self._chain.facts.final_confirmations)
        )

    async def _hand_over(self, follower: Follower, place: Place, watches: int) -> None:
        idle_s = min(self._chain.facts.block_time_s / 2, PAUSE_FIRST_S)
        upcoming = asyncio.ensure_future(follower.look())
        try:
            while True:
                batch = await upcoming
                await self._measure(place)
                if batch is None:
                    await asyncio.sleep(idle_s)
                upcoming = asyncio.ensure_future(follower.look())
                for piece in () if batch is None else pieces(batch, self._logs_max):
                    await self._post(piece, place, watches)
                    place = piece.checkpoint
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)

    async def _post(self, piece: Piece, after: Place, watches: int) -> None:
        batch = Batch(after=after, watches=watches, first=piece.first, checkpoint=piece.checkpoint, logs=piece.logs)
        try:
            await self._peers.post(self._service, f"{self._path}/logs", batch, Mirrored)
        except UpstreamTimedOut:
            self._logs_max = max(LOGS_MIN, self._logs_max // 2)
            raise
        self._logs_max = min(LOGS_MAX, self._logs_max + LOGS_MIN)
        self._note(None)
        counter(metrics.INDEXER_LOGS).labels(*self._labels).inc(len(piece.logs))

    async def _measure(self, place: Place) -> None:
        facts = self._chain.facts
        newest = (await self._chain.head()).number - facts.act_confirmations + 1
        of_chain = _behind.setdefault(facts.name, {})
        of_chain[self._service] = max(0, newest - place.block)
        gauge(metrics.INDEXER_BEHIND).labels(facts.name).set(max(of_chain.values()))

    def _note(self, problem: Problem | None) -> None:
        if problem is not None:
            counter(metrics.INDEXER_FAILURES).labels(*self._labels).inc()
        if problem is not None and not self._is_failing:
            log.warning("following a chain waits", chain=self._labels[0], service=self._service, reason=problem.message)
        elif problem is None and self._is_failing:
            log.info("following a chain goes on", chain=self._labels[0], service=self._service)
        self._is_failing = problem is not None


def pieces(batch: Applied | Undone, logs_max: int) -> Iterator[Piece]:
    """Divide what a follower tells into whole blocks with at most so many logs, or one block with more."""
    if isinstance(batch, Undone):
        known = batch.checkpoint
        yield Piece(batch.from_block, Place(batch.from_block - 1, None if known is None else known.hash), ())
        return
    first, taken = batch.first_block, list[Log]()
    for _, group in groupby(batch.logs, key=lambda each: each.block_number):
        block = list(group)
        if taken and len(taken) + len(block) > logs_max:
            end = Place(taken[-1].block_number, taken[-1].block_hash)
            yield Piece(first, end, _bodies(taken))
            first, taken = end.block + 1, []
        taken += block
    yield Piece(first, Place(batch.checkpoint.number, batch.checkpoint.hash), _bodies(taken))


def _bodies(logs: Sequence[Log]) -> tuple[LogBody, ...]:
    return tuple(
        LogBody(
            address=each.address,
            topics=each.topics,
            data="0x" + each.data.hex(),
            block_number=each.block_number,
            block_hash=each.block_hash,
            tx_hash=each.tx_hash,
            log_index=each.log_index,
        )
        for each in logs
    )
