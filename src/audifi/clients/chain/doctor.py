"""Examine real endpoints one by one and say what each can do, a line per finding.

Between: `python -m audifi.clients.chain doctor` and providers' endpoints, past the pool: it asks every one of them.
Shape: about eight findings per endpoint; at most PROBES_AT_ONCE + 10 requests to each.
Units: milliseconds, seconds, blocks as the name says.
Invariant: no finding holds a URL or a key; nothing is written to the chain.
Errors: none leaves: what an endpoint does not answer is a finding.
Source: outbound.md 1.2, 1.3; https://ethereum.org/en/developers/docs/apis/json-rpc (block tags).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from audifi.clients.chain.pool.codec import Item, Outcome, decoded, encoded, read_many, read_one, request
from audifi.clients.chain.pool.transport import HttpTransport, TooLarge, Unreachable
from audifi.clients.chain.pool.verdicts import Judgement, Verdict
from audifi.clients.chain.providers import Provider
from audifi.wire.chains import CHAINS, ChainFacts

ANSWER_WITHIN_S: Final = 5.0
SLOW_MS: Final = 500.0  # a read that the pool would hedge long before
PROBES_AT_ONCE: Final = 25  # a page of a busy service; far below any plan's limit per 10 s (outbound.md 1.3)
OLD_BLOCKS: Final = 10  # a head older than so many block times is not the chain's
NOBODY: Final = "0x0000000000000000000000000000000000000000"
HEAD: Final = "head"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    chain: str
    provider: str
    check: str
    level: str  # ok | warning | error
    text: str


class Endpoint:
    """One provider's URL, asked directly."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._transport = HttpTransport(provider.url)
        self._last_id = 0

    async def ask(self, *calls: tuple[str, Sequence[Any]]) -> tuple[list[Outcome], float]:
        """Return one outcome per call (several: as a batch) and the time it took, in ms."""
        items = [Item(method, encoded(params)) for method, params in calls]
        first, self._last_id = self._last_id + 1, self._last_id + len(items)
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = await self._transport.post(request(items, first))
        except (Unreachable, TooLarge, TimeoutError) as error:
            text = str(error) or f"no answer within {ANSWER_WITHIN_S:g} s"
            return [Judgement(Verdict.TRANSIENT, message=text)] * len(items), 0.0
        took_ms = (time.perf_counter() - began_s) * 1000
        name = self.provider.name
        if len(items) == 1:
            return [read_one(answer, first, provider=name)], took_ms
        return read_many(answer, first, len(items), provider=name), took_ms

    async def close(self) -> None:
        await self._transport.close()


async def examine(providers: Sequence[Provider], *, on_progress: Callable[[str], None]) -> list[Finding]:
    """Examine all of them; those of one chain are compared with each other."""
    found: list[Finding] = []
    for chain_id in dict.fromkeys(provider.chain_id for provider in providers):
        endpoints = [Endpoint(provider) for provider in providers if provider.chain_id == chain_id]
        on_progress(f"chain {chain_id}: examining {', '.join(each.provider.name for each in endpoints)}")
        try:
            heads = await asyncio.gather(*(_head(endpoint) for endpoint in endpoints))
            highest = max((int(head["number"], 16) for head in heads if isinstance(head, dict)), default=None)
            for endpoint, head in zip(endpoints, heads, strict=True):
                found += await _examined(endpoint, head, highest)
        finally:
            await asyncio.gather(*(endpoint.close() for endpoint in endpoints))
    return found


async def _head(endpoint: Endpoint) -> dict[str, Any] | Judgement:
    [outcome], _ = await endpoint.ask(("eth_getBlockByNumber", ("latest", False)))
    return outcome if isinstance(outcome, Judgement) else decoded(outcome)


async def _examined(endpoint: Endpoint, head: dict[str, Any] | Judgement, highest: int | None) -> list[Finding]:
    facts = CHAINS.get(endpoint.provider.chain_id)
    chain = facts.name if facts else str(endpoint.provider.chain_id)

    def finding(check: str, level: str, text: str) -> Finding:
        return Finding(chain, endpoint.provider.name, check, level, text)

    reached = await _chain_id(endpoint, finding)
    if reached.level == "error":
        return [reached]
    if isinstance(head, Judgement):
        return [reached, finding(HEAD, "error", _words(head))]
    return [
        reached,
        _age(head, facts, highest, finding),
        await _tag(endpoint, finding),
        await _archive(endpoint, finding),
        await _batch(endpoint, finding),
        await _logs(endpoint, head, finding),
        await _limit(endpoint, finding),
    ]


_Make = Callable[[str, str, str], Finding]


async def _chain_id(endpoint: Endpoint, finding: _Make) -> Finding:
    [outcome], took_ms = await endpoint.ask(("eth_chainId", ()))
    if isinstance(outcome, Judgement):
        return finding("chain id", "error", _words(outcome))
    number, expected = int(decoded(outcome), 16), endpoint.provider.chain_id
    if number != expected:
        return finding("chain id", "error", f"it is chain {number}, configured as {expected}: the pool will not use it")
    level = "warning" if took_ms > SLOW_MS else "ok"
    return finding("chain id", level, f"{number}, answered in {took_ms:.0f} ms")


def _age(head: dict[str, Any], facts: ChainFacts | None, highest: int | None, finding: _Make) -> Finding:
    number = int(head["number"], 16)
    behind = (highest or number) - number
    age_s = time.time() - int(head["timestamp"], 16)
    text = f"block {number}, {age_s:.0f} s old, {behind} behind the highest provider"
    if facts is not None and behind > facts.lag_blocks_max:
        return finding(HEAD, "error", f"{text} (tolerated: {facts.lag_blocks_max}): it would not answer for latest")
    if facts is not None and age_s > OLD_BLOCKS * facts.block_time_s:
        return finding(HEAD, "warning", f"{text}: a block is expected every {facts.block_time_s:g} s")
    return finding(HEAD, "ok", text)


async def _tag(endpoint: Endpoint, finding: _Make) -> Finding:
    [outcome], _ = await endpoint.ask(("eth_getBlockByNumber", ("finalized", False)))
    block = None if isinstance(outcome, Judgement) else decoded(outcome)
    if block is None:
        reason = _words(outcome) if isinstance(outcome, Judgement) else "it answers null"
        return finding("finality", "warning", f"no `finalized` block ({reason}): confirmations are counted instead")
    return finding("finality", "ok", f"`finalized` is block {int(block['number'], 16)}")


async def _archive(endpoint: Endpoint, finding: _Make) -> Finding:
    [outcome], _ = await endpoint.ask(("eth_getBalance", (NOBODY, "0x1")))
    if isinstance(outcome, Judgement):
        return finding(
            "archive", "warning", f"no state of block 1 ({_words(outcome)}): old snapshots cannot be checked"
        )
    return finding("archive", "ok", "has the state of block 1")


async def _batch(endpoint: Endpoint, finding: _Make) -> Finding:
    outcomes, _ = await endpoint.ask(("eth_chainId", ()), ("eth_blockNumber", ()))
    refused = next((outcome for outcome in outcomes if isinstance(outcome, Judgement)), None)
    if refused is not None:
        return finding("batches", "warning", f"refused ({_words(refused)}): calls go one by one")
    return finding("batches", "ok", "takes several calls in one request")


async def _logs(endpoint: Endpoint, head: dict[str, Any], finding: _Make) -> Finding:
    wanted = {"fromBlock": head["number"], "toBlock": head["number"], "address": NOBODY}
    [outcome], _ = await endpoint.ask(("eth_getLogs", (wanted,)))
    if isinstance(outcome, Judgement):
        return finding("logs", "error", f"{_words(outcome)}: the indexer cannot follow this chain here")
    return finding("logs", "ok", "answers eth_getLogs")


async def _limit(endpoint: Endpoint, finding: _Make) -> Finding:
    answers = await asyncio.gather(*(endpoint.ask(("eth_blockNumber", ())) for _ in range(PROBES_AT_ONCE)))
    refusals = [outcome for [outcome], _ in answers if isinstance(outcome, Judgement)]
    limited = [refusal for refusal in refusals if refusal.verdict in {Verdict.RATE, Verdict.QUOTA}]
    if limited:
        text = f"{len(limited)} of {PROBES_AT_ONCE} calls at once were limited ({_words(limited[0])})"
        return finding("rate limit", "warning", text)
    if refusals:
        text = f"{len(refusals)} of {PROBES_AT_ONCE} calls at once failed ({_words(refusals[0])})"
        return finding("rate limit", "error", text)
    return finding("rate limit", "ok", f"{PROBES_AT_ONCE} calls at once were answered")


def _words(refused: Judgement) -> str:
    return f"{refused.verdict.value}: {refused.message}" if refused.message else refused.verdict.value
