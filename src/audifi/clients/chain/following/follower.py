"""Follow a chain's logs without missing, doubling or keeping one that a reorg undid.

Between: indexers (apply each batch and store its checkpoint in one database transaction) and a chain of the pool.

Depth. Blocks are told once they are `confirmations` deep (act_confirmations by default). Blocks deeper than
final_confirmations, and the lag a provider may have, cannot be undone: they are fetched in long ranges, with the
headers of those blocks only that have logs. Newer ones are fetched header by header, and every header must name its
parent: where it does not, the fork is found and `Undone` is told before anything else. Undoing never goes deeper than
final_confirmations.
Whose logs. eth_getLogs by range asks "whichever chain you are on": a provider on another fork would answer well-formed
lies. So each log must name the hash of the header we hold, and a block whose bloom filter says that it may have a log
of ours, but which came with none, is asked for once more by its hash. What does not fit is not told; the next look asks
again.
Ranges. One request covers at most `range_max` blocks; it is halved when the provider says it is too large, and grows
by an eighth while it is not.
Restart. The checkpoint is the caller's. A follower made from it first compares it with the chain; a batch that was
not stored is told again to whoever makes a new follower.

Shape: Applied batches are contiguous: each begins after the last checkpoint told.
Units: *_s seconds; depths in blocks.
Errors: `look` raises BlockchainError; `batches` waits and tries again. CallerError for a filter no provider takes.
Source: domain.md 2.2; outbound.md 3 ("logs by eth_getLogs over confirmed ranges with blockHash check"); ranges: Alchemy
2 000 blocks, Infura 10 000 results per answer.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from audifi.clients.chain.access import ReadableChain, quantity
from audifi.clients.chain.errors import CallerError, RangeTooLarge
from audifi.clients.chain.following import forks
from audifi.clients.chain.following.forks import Header, Left, Mark
from audifi.kernel.logs import log
from audifi.wire.problems import BlockchainError

RANGE_MAX: Final = 2_000
HEADERS_AT_ONCE: Final = 50  # one batch (chain.BATCH_MAX)
PAUSE_S_MAX: Final = 15.0
ADDRESSES_MAX: Final = 1_000  # in one request; what is beyond goes into further ones


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """What a contract said; (tx_hash, log_index) names it."""

    block_number: int
    block_hash: str
    tx_hash: str
    tx_index: int
    log_index: int
    address: str
    topics: tuple[str, ...]
    data: bytes
    answer: Mapping[str, Any]  # as the node tells it, for clients.chain.contracts.events


@dataclass(frozen=True, slots=True)
class Applied:
    """These blocks are in the chain, with these logs in their order."""

    first_block: int
    checkpoint: Mark  # the last block: store it with what the logs changed
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class Undone:
    """The blocks from this one on are in the chain no more: undo what their logs changed."""

    from_block: int
    checkpoint: Mark | None  # the block before; None at the very beginning


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which logs: of any of these addresses, with any of these topics at each place; empty means all."""

    addresses: tuple[str, ...] = ()
    topics: tuple[tuple[str, ...], ...] = ()

    def parts(self) -> list["Filter"]:
        """Return filters that together want the same, none with more than ADDRESSES_MAX addresses."""
        if len(self.addresses) <= ADDRESSES_MAX:
            return [self]
        starts = range(0, len(self.addresses), ADDRESSES_MAX)
        return [replace(self, addresses=self.addresses[start : start + ADDRESSES_MAX]) for start in starts]

    def asked(self, **where: str) -> dict[str, Any]:
        addresses = {"address": list(self.addresses)} if self.addresses else {}
        topics = {"topics": [list(group) or None for group in self.topics]} if self.topics else {}
        return {**where, **addresses, **topics}


class Follower:
    """One filter on one chain, from one checkpoint on."""

    def __init__(
        self,
        chain: ReadableChain,
        wanted: Filter,
        *,
        start_block: int,
        checkpoint: Mark | None = None,
        confirmations: int | None = None,
        range_max: int = RANGE_MAX,
    ) -> None:
        """Begin at `start_block` (that of the contract), or after `checkpoint` when there is one."""
        self._chain = chain
        self._wanted = wanted
        self._parts = wanted.parts()
        self._start = start_block
        self._marks: tuple[Mark, ...] = () if checkpoint is None else (checkpoint,)
        self._is_resumed = checkpoint is None
        self._confirmations = chain.facts.act_confirmations if confirmations is None else confirmations
        self._range_max = self._range = range_max

    @property
    def next_block(self) -> int:
        return self._marks[-1].number + 1 if self._marks else self._start

    async def batches(self) -> AsyncGenerator[Applied | Undone]:
        """Yield what happens, until closed; wait while nothing does or nobody answers."""
        pause_s, idle_s = 0.5, min(self._chain.facts.block_time_s / 2, PAUSE_S_MAX)
        while True:
            try:
                batch = await self.look()
            except CallerError:
                raise  # the filter is wrong, or one block is too large: waiting changes nothing
            except BlockchainError as error:
                log.warning("following a chain waits", chain=self._chain.facts.name, error=error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_S_MAX)
                continue
            pause_s = 0.5
            if batch is None:
                await asyncio.sleep(idle_s)
            else:
                yield batch

    async def look(self) -> Applied | Undone | None:
        """Return the next batch, or None when there is none now."""
        facts = self._chain.facts
        head = (await self._chain.head()).number
        if not self._is_resumed and (undone := await self._resume()) is not None:
            return undone
        last = head - max(self._confirmations, 1) + 1
        settled = head - facts.final_confirmations - facts.lag_blocks_max
        if self.next_block > last:
            return None
        if self.next_block <= settled:
            return await self._long(settled)
        return await self._near(last)

    # far behind: nothing here can be undone

    async def _long(self, settled: int) -> Applied | Undone | None:
        first = self.next_block
        begin = await self._headers([first])
        if isinstance(forks.decide(self._last_mark(), begin), Left):
            return await self._undo()
        logs, last = await self._logs(first, min(first + self._range - 1, settled))
        numbers = sorted({last, *(each.block_number for each in logs)})
        ends = await self._headers(numbers)
        if not begin or len(ends) < len(numbers):
            return None
        if not _fits(logs, {each.number: each.hash for each in (*begin, *ends)}, first, last):
            return None
        return self._apply(first, ends[-1:], logs)

    # near the head: header by header

    async def _near(self, newest: int) -> Applied | Undone | None:
        first = self.next_block
        until = min(newest, first + min(HEADERS_AT_ONCE, self._range) - 1)
        match forks.decide(self._last_mark(), await self._headers(range(first, until + 1))):
            case Left():
                return await self._undo()
            case forks.Continued(headers):
                if not headers:
                    return None
        logs, last = await self._logs(first, headers[-1].number)
        headers = headers[: last - first + 1]
        if not _fits(logs, {each.number: each.hash for each in headers}, first, last):
            return None
        missing = await self._asked_by_hash(headers, {each.block_number for each in logs})
        return None if missing is None else self._apply(first, headers, [*logs, *missing])

    async def _asked_by_hash(self, headers: Sequence[Header], seen: set[int]) -> list[Log] | None:
        found: list[Log] = []
        for each in headers:
            if each.number in seen or not forks.may_hold(each.bloom, self._wanted.addresses, self._wanted.topics):
                continue
            logs = [_log(answer) for answer in await self._ask_logs(blockHash=each.hash)]
            if not _fits(logs, {each.number: each.hash}, each.number, each.number):
                return None
            found += logs
        return found

    def _apply(self, first: int, headers: Sequence[Header], logs: Sequence[Log]) -> Applied:
        is_long = headers[0].number != first
        self._marks = forks.continued(() if is_long else self._marks, headers, self._keep_max())
        if self._marks[-1].number - first + 1 >= self._range:
            self._range = min(self._range + max(self._range // 8, 1), self._range_max)
        ordered = sorted(logs, key=lambda each: (each.block_number, each.log_index))
        return Applied(first, self._marks[-1], tuple(ordered))

    # the chain left what we followed

    async def _resume(self) -> Undone | None:
        """Compare the checkpoint with the chain; its ancestors are ours too then, and a later fork is among them."""
        checkpoint = self._marks[-1]
        oldest = max(checkpoint.number - self._keep_max() + 1, self._start, 0)
        headers = await self._headers(range(oldest, checkpoint.number + 1))
        if not headers or headers[-1].number != checkpoint.number:
            return None  # nobody has that block yet: a provider that lags
        self._is_resumed = True
        if headers[-1].hash == checkpoint.hash:
            self._marks = tuple(each.mark for each in headers)
            return None
        return await self._undo()

    async def _undo(self) -> Undone | None:
        """Find the newest block we still share with the chain, and forget what came after it."""
        now = {each.number: each.hash for each in await self._headers([mark.number for mark in self._marks])}
        fork = forks.common(self._marks, now)
        if fork is not None and fork == self._marks[-1]:
            return None  # two answers of different moments: the next look asks again
        if fork is None and (final := self._final_number()) >= 0:
            ancestor = await self._headers([final])
            if not ancestor:
                return None
            fork = ancestor[0].mark
        self._marks = () if fork is None else forks.undone(self._marks, fork)
        log.warning("a reorg undid blocks that were followed", chain=self._chain.facts.name, from_block=self.next_block)
        return Undone(self.next_block, fork)

    def _final_number(self) -> int:
        """Return the block that no reorg of our newest one reaches; -1 before all blocks."""
        return max(self._marks[-1].number - self._keep_max(), self._start - 1)

    # asking

    async def _headers(self, numbers: Sequence[int]) -> list[Header]:
        """Return the headers in this order, up to the first that nobody has."""
        found: list[Header] = []
        for start in range(0, len(numbers), HEADERS_AT_ONCE):
            chunk = numbers[start : start + HEADERS_AT_ONCE]
            answers = await self._chain.call_many([("eth_getBlockByNumber", [hex(each), False]) for each in chunk])
            for number, answer in zip(chunk, answers, strict=True):
                told = forks.header(answer)
                if told is None or told.number != number:
                    return found
                found.append(told)
        return found

    async def _logs(self, first: int, last: int) -> tuple[list[Log], int]:
        """Return the logs from `first` on, and the block up to which one answer could hold them."""
        while True:
            try:
                return [_log(answer) for answer in await self._ask_logs(fromBlock=hex(first), toBlock=hex(last))], last
            except RangeTooLarge:
                if first == last:
                    raise
                last = first + (last - first) // 2
                self._range = last - first + 1

    async def _ask_logs(self, **where: str) -> list[Mapping[str, Any]]:
        calls = (self._chain.call("eth_getLogs", [part.asked(**where)]) for part in self._parts)
        return [each for answer in await asyncio.gather(*calls) for each in answer]

    def _last_mark(self) -> Mark | None:
        return self._marks[-1] if self._marks else None

    def _keep_max(self) -> int:
        return max(self._chain.facts.final_confirmations, 1)


def _fits(logs: Sequence[Log], hashes: Mapping[int, str], first: int, last: int) -> bool:
    """Whether each log is of a block we asked about and, where we hold its header, of that very block."""
    seen = dict(hashes)
    for each in logs:
        if (
            not first <= each.block_number <= last
            or seen.setdefault(each.block_number, each.block_hash) != each.block_hash
        ):
            return False
    return True


def _log(answer: Mapping[str, Any]) -> Log:
    """Read one of eth_getLogs: {"address": "0x…", "topics": ["0x…"], "data": "0x", "blockNumber": "0x10", …}."""
    return Log(
        block_number=quantity(answer["blockNumber"]),
        block_hash=str(answer["blockHash"]).lower(),
        tx_hash=str(answer["transactionHash"]).lower(),
        tx_index=quantity(answer["transactionIndex"]),
        log_index=quantity(answer["logIndex"]),
        address=str(answer["address"]).lower(),
        topics=tuple(str(each).lower() for each in answer["topics"]),
        data=bytes.fromhex(str(answer["data"]).removeprefix("0x")),
        answer=answer,
    )
