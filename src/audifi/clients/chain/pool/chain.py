"""Answer questions about a chain from whichever of its providers can, as if there were one that never fails.

Between: services, transactions, follower (ask) and flights (carry), probes (watch), cache, heads (decide).

A call: policy (methods) → pin (pins) → cache → the same question already under way? (coalesced) → flight.
`latest` means the served tip (heads): it never falls for this process, and every endpoint is asked about that number.
eth_blockNumber, eth_chainId and net_version are answered from what the probes keep.
Deadlines: the smaller of the caller's and the request's own (kernel.context).
Units: *_s seconds; heights in blocks.
Invariant: a cancelled caller leaves the others' answers and no task behind; keys are in no error, log or metric.
Errors: those of clients.chain.errors.
Source: outbound.md 3; docs/chain-rpc.md.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any, Final

from audifi.clients.chain.errors import CallerError, ChainUnavailable, RangeTooLarge
from audifi.clients.chain.pool import codec, methods
from audifi.clients.chain.pool.agreement import agreed
from audifi.clients.chain.pool.broadcast import broadcast, pending_nonce
from audifi.clients.chain.pool.cache import Cache, Key
from audifi.clients.chain.pool.codec import Item, Outcome
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.flight import NULL, OUTDATED, Flight, Sight
from audifi.clients.chain.pool.heads import Head
from audifi.clients.chain.pool.heights import Pinned, pinned, tags_of
from audifi.clients.chain.pool.methods import Keep, Policy
from audifi.clients.chain.pool.probes import Probes, head_of
from audifi.clients.chain.pool.roster import Roster
from audifi.clients.chain.pool.status import EndpointStatus, status_of
from audifi.clients.chain.pool.verdicts import Judgement, Verdict
from audifi.kernel import context
from audifi.wire.chains import ChainFacts
from audifi.wire.problems import Problem

DEADLINE_S: Final = 5.0
BATCH_MAX: Final = 50  # outbound.md 1.3: Alchemy advises fewer than 50 in a batch
STALE_S: Final = 15.0  # no endpoint confirmed the tip for so long: look before answering
FINAL_AGE_S: Final = (2.0, 12.0)
RETRY_S: Final = 0.1


class Chain:
    """One chain over its ordered endpoints."""

    def __init__(self, facts: ChainFacts, endpoints: Sequence[Endpoint]) -> None:
        """Take the endpoints in the order of preference; their transports are closed with the chain."""
        assert endpoints, f"{facts.name} has no endpoint"
        self.facts = facts
        self._roster = Roster(facts, endpoints)
        self._probes = Probes(self._roster)
        self._cache = Cache(facts.block_time_s)
        self._flights: dict[Key, Flight] = {}
        self._final: tuple[Head | None, float] = (None, float("-inf"))

    async def call(self, method: str, params: Sequence[Any] = (), *, deadline_s: float = DEADLINE_S) -> Any:
        """Return the result of a read.

        Raises: MethodRefused, CallerError, RangeTooLarge, ChainUnavailable.
        """
        policy = methods.policy_of(method)
        with self._counted(method):
            until_s = self._until_s(deadline_s)
            constant = await self._constant(method, until_s)
            if constant is not None:
                return constant
            is_by_hash = True
            while True:
                call = await self._pinned(policy, params, until_s, is_by_hash=is_by_hash)
                try:
                    return codec.decoded(await self._fetch(policy, call, until_s))
                except _Outdated:
                    is_by_hash = False

    async def call_many(
        self,
        calls: Sequence[tuple[str, Sequence[Any]]],
        *,
        deadline_s: float = DEADLINE_S,
        return_errors: bool = False,
    ) -> list[Any]:
        """Return the results of several reads, all about the same tip, asked in as few requests as possible.

        With `return_errors` a call the chain refuses gives its CallerError in its place; else the first one is raised.
        """
        policies = [methods.policy_of(method) for method, _ in calls]
        with self._counted("batch"):
            until_s = self._until_s(deadline_s)
            pins = [
                await self._pinned(policy, params, until_s, is_by_hash=False)
                for policy, (_, params) in zip(policies, calls, strict=True)
            ]
            results = await self._fetch_many(list(zip(policies, pins, strict=True)), until_s)
        refused = next((each for each in results if isinstance(each, CallerError)), None)
        if refused is not None and not return_errors:
            raise refused
        return results

    async def call_agreed(self, method: str, params: Sequence[Any], *, deadline_s: float = DEADLINE_S) -> Any:
        """Return what two providers say independently of each other; for decisions about money.

        Raises: Disagreement when no two of them say the same.
        """
        policy = methods.policy_of(method)
        with self._counted(method):
            until_s = self._until_s(deadline_s)
            call = await self._pinned(policy, params, until_s, is_by_hash=False)
            return await agreed(self._roster, Item(method, codec.encoded(call.params)), until_s)

    async def head(self) -> Head:
        """Return the tip: never lower than before."""
        until_s = self._until_s(DEADLINE_S)
        with self._counted("head"):
            tip = await self._tip(until_s)
            return self._roster.heads.at(tip) or await self._head_at(hex(tip), until_s)

    async def finalized(self) -> Head:
        """Return the newest block that cannot be undone: never lower than before."""
        with self._counted("finalized"):
            return await self._finalized(self._until_s(DEADLINE_S))

    async def broadcast(self, raw: bytes, *, deadline_s: float = 10.0) -> str:
        """Send a signed transaction to every healthy endpoint; return its hash as soon as one has it.

        Idempotent: sent again, or with a lost acknowledgement, it returns the same hash.
        Raises: NonceUsed, PoolRejected, CallerError, ChainUnavailable (`may_have_taken_effect` says if it may be out).
        """
        with self._counted(methods.SEND):
            until_s = self._until_s(deadline_s)
            await self._ready(until_s)
            return await broadcast(self._roster, raw, until_s)

    async def transaction(self, tx_hash: str) -> dict[str, Any] | None:
        return await self.call("eth_getTransactionByHash", [tx_hash])

    async def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """Return the receipt; None only when every endpoint that can be reached has none."""
        return await self.call("eth_getTransactionReceipt", [tx_hash])

    async def pending_nonce(self, address: str) -> int:
        """Return the next nonce of an address: the maximum of what the endpoints say."""
        with self._counted("eth_getTransactionCount"):
            until_s = self._until_s(DEADLINE_S)
            await self._ready(until_s)
            return await pending_nonce(self._roster, address, until_s)

    def status(self) -> list[EndpointStatus]:
        return status_of(self._roster)

    async def run(self) -> None:
        """Poll heads and probe endpoints until cancelled."""
        await self._probes.run()

    async def refresh(self) -> None:
        """Look at every endpoint now (a command line does, before `status`)."""
        await self._probes.refresh()

    async def close(self) -> None:
        await self._roster.close()

    async def _constant(self, method: str, until_s: float) -> str | None:
        """Return what the pool itself knows; None for everything else."""
        match method:
            case "eth_blockNumber":
                return hex(await self._tip(until_s))
            case "eth_chainId":
                return hex(self.facts.chain_id)
            case "net_version":
                return str(self.facts.chain_id)
            case _:
                return None

    async def _pinned(
        self, policy: Policy, params: Sequence[Any], until_s: float, *, is_by_hash: bool = True
    ) -> Pinned:
        tip = await self._tip(until_s)
        if policy.block_at is None and policy.method != "eth_getLogs":
            return Pinned(params, None)
        final = 0
        if "finalized" in tags_of(policy, params):
            final = (await self._finalized(until_s)).number
        block = self._roster.heads.at(tip) if is_by_hash else None
        return pinned(policy, params, tip=tip, final=final, tip_hash=block.hash if block is not None else None)

    async def _tip(self, until_s: float) -> int:
        """Return the served tip, after a look if what we know is old."""
        heads = self._roster.heads
        fresh_s = STALE_S if self._probes.is_running else self._probes.poll_s
        now_s = self._roster.now_s()
        tip = heads.served(now_s)
        if tip >= 0 and now_s - heads.confirmed_at_s < fresh_s:
            return tip
        await self._ready(until_s, since_s=now_s - fresh_s)
        return heads.served(self._roster.now_s())

    async def _ready(self, until_s: float, *, since_s: float = float("-inf")) -> None:
        """Wait until an endpoint is usable and confirmed the tip after `since_s`.

        Raises: ChainUnavailable.
        """
        heads, roster = self._roster.heads, self._roster
        try:
            async with asyncio.timeout_at(until_s):
                while heads.confirmed_at_s <= since_s or not roster.usable():
                    await self._probes.refresh()
                    if heads.confirmed_at_s <= since_s or not roster.usable():
                        await asyncio.sleep(RETRY_S)
        except TimeoutError:
            told = "; ".join(f"{each.name}: {each.last_problem or 'no answer'}" for each in roster.endpoints)
            raise ChainUnavailable(f"{self.facts.name}: no provider tells its newest block ({told})") from None

    async def _fetch(self, policy: Policy, call: Pinned, until_s: float) -> bytes:
        encoded = codec.encoded(call.params)
        key = (policy.method, encoded)
        kept = self._cache.get(key, self._roster.now_s())
        if kept is not None:
            self._roster.gauges.cache_hits.inc()
            return kept
        flight = self._flights.get(key)
        if flight is None:
            flight = self._depart(key, policy, call)
        else:
            self._roster.gauges.coalesced.inc()
        outcome = (await flight.wait(until_s))[0]
        if isinstance(outcome, bytes):
            return outcome
        is_outdated = outcome is OUTDATED or (call.is_by_hash and outcome.verdict is Verdict.MISSING)
        raise _Outdated if is_outdated else _error(outcome)

    def _depart(self, key: Key, policy: Policy, call: Pinned) -> Flight:
        def land(flight: Flight, outcomes: list[Outcome] | None) -> None:
            self._flights.pop(key, None)
            if outcomes is not None and isinstance(outcomes[0], bytes):
                self._learn(flight.answered_by, policy, call, key, outcomes[0])

        self._roster.tries.earn()
        flight = Flight(
            self._roster,
            (Item(policy.method, key[1]),),
            height=call.height,
            is_by_hash=call.is_by_hash,
            until_s=self._roster.now_s() + self.facts.block_time_s if call.is_tip else math.inf,
            is_heavy=policy.is_heavy,
            is_hedged=policy.is_hedged,
            examine=self._examiner([(policy, call)]),
            on_end=land,
        )
        if not flight.is_over:
            self._flights[key] = flight
        return flight

    async def _fetch_many(self, asked: list[tuple[Policy, Pinned]], until_s: float) -> list[Any]:
        keys: list[Key] = [(policy.method, codec.encoded(call.params)) for policy, call in asked]
        now_s = self._roster.now_s()
        results: list[Any] = [None] * len(asked)
        missing: list[int] = []
        for place, key in enumerate(keys):
            kept = self._cache.get(key, now_s)
            constant = await self._constant(key[0], until_s)
            if kept is None and constant is None:
                missing.append(place)
            else:
                results[place] = codec.decoded(kept) if kept is not None else constant
        chunks = [missing[start : start + BATCH_MAX] for start in range(0, len(missing), BATCH_MAX)]
        async with _together() as group:
            for places in chunks:
                group.create_task(self._fetch_chunk(asked, keys, places, results, until_s))
        return results

    async def _fetch_chunk(  # the parts of one batch belong together
        self,
        asked: list[tuple[Policy, Pinned]],
        keys: list[Key],
        places: list[int],
        results: list[Any],
        until_s: float,
    ) -> None:
        mine = [asked[place] for place in places]

        def land(flight: Flight, outcomes: list[Outcome] | None) -> None:
            for place, outcome in zip(places, outcomes or (), strict=False):
                if isinstance(outcome, bytes):
                    self._learn(flight.answered_by, *asked[place], keys[place], outcome)

        self._roster.tries.earn()
        flight = Flight(
            self._roster,
            tuple(Item(*keys[place]) for place in places),
            height=max((call.height for _, call in mine if call.height is not None), default=None),
            is_heavy=len(places) > 1 or any(policy.is_heavy for policy, _ in mine),
            is_hedged=all(policy.is_hedged for policy, _ in mine),
            examine=self._examiner(mine),
            on_end=land,
        )
        for place, outcome in zip(places, await flight.wait(until_s), strict=True):
            results[place] = _error(outcome) if isinstance(outcome, Judgement) else codec.decoded(outcome)

    def _examiner(self, asked: list[tuple[Policy, Pinned]]) -> Any:
        """Return the check of results, or None where there is nothing to check."""
        if not any(policy.is_null_doubted or policy.is_block for policy, _ in asked):
            return None
        heads = self._roster.heads

        def examine(place: int, answer: bytes) -> Sight:
            policy, call = asked[place]
            if answer == NULL:
                known = max(heads.newest(), heads.served(self._roster.now_s()))
                is_there = policy.is_block and call.height is not None and call.height <= known
                return Sight.STALE if is_there else Sight.DOUBTED if policy.is_null_doubted else Sight.SOUND
            if policy.is_block and call.height is not None:
                head = head_of(codec.decoded(answer))
                if head is None or head.number != call.height or heads.contradicts(head.number, head.hash):
                    return Sight.STALE
            return Sight.SOUND

        return examine

    def _learn(self, provider: str, policy: Policy, call: Pinned, key: Key, answer: bytes) -> None:
        """Keep an answer, and the height it tells."""
        height, now_s = call.height, self._roster.now_s()
        if policy.keep is Keep.ONCE_MINED:
            height = _mined_in(answer)
            if height is not None and provider:
                self._roster.heads.note(provider, height, now_s)
        elif not call.is_cacheable:
            return
        self._cache.put(key, answer, keep=policy.keep, height=height, final=self._final_height(), now_s=now_s)

    def _final_height(self) -> int:
        mark = self._final[0]
        deep = self._roster.heads.served(self._roster.now_s()) - self.facts.final_confirmations
        return max(deep, mark.number if mark is not None else -1)

    async def _finalized(self, until_s: float) -> Head:
        mark, at_s = self._final
        now_s = self._roster.now_s()
        if mark is not None and now_s - at_s < min(max(self.facts.block_time_s, FINAL_AGE_S[0]), FINAL_AGE_S[1]):
            return mark
        tip = await self._tip(until_s)
        try:
            found = await self._head_at("finalized", until_s)
        except CallerError:  # the node knows no such tag: count confirmations instead
            found = await self._head_at(hex(max(0, tip - self.facts.final_confirmations)), until_s)
        if mark is None or found.number > mark.number:
            mark = found
        self._final = (mark, now_s)
        return mark

    async def _head_at(self, block: str, until_s: float) -> Head:
        height = int(block, 16) if block.startswith("0x") else None
        call = Pinned([block, False], height, is_cacheable=height is not None)
        found = head_of(codec.decoded(await self._fetch(methods.POLICIES[methods.HEAD_METHOD], call, until_s)))
        if found is None:
            raise CallerError(-32001, f"no provider knows the block {block}")
        return found

    def _until_s(self, deadline_s: float) -> float:
        return self._roster.now_s() + min(deadline_s, context.remaining_s())

    @contextlib.contextmanager
    def _counted(self, method: str) -> Generator[None]:
        gauges, started_s = self._roster.gauges, self._roster.now_s()
        gauges.called(method)
        try:
            yield
        except Problem as problem:
            gauges.failed(type(problem).__name__)
            raise
        finally:
            gauges.took(self._roster.now_s() - started_s)


class _Outdated(Exception):
    """The block a call was pinned to is old, or no provider knows it any more: pin it again."""


def _error(judgement: Judgement) -> CallerError:
    kind = RangeTooLarge if judgement.verdict is Verdict.TOO_LARGE else CallerError
    return kind(judgement.code, judgement.message, judgement.data)


def _mined_in(answer: bytes) -> int | None:
    """Return the block a transaction, receipt or block is in."""
    found: dict[str, Any] | None = codec.decoded(answer)
    number = (found.get("blockNumber") or found.get("number")) if found else None
    return int(number, 16) if isinstance(number, str) else None


@contextlib.asynccontextmanager
async def _together() -> AsyncGenerator[asyncio.TaskGroup]:
    """Run tasks of which the first error is the error."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
