"""Keep the endpoints of one chain together with what was seen of them, and the calls that wait for one.

Between: flights, probes, broadcast (ask whom to ask, report what came) and health, heads, budget (which decide).
Invariant: every answer, failure and lost race passes here once, so that health, heads, budgets and metrics agree.
Every task of a chain is in `tasks`: closing the chain leaves none behind.
Units: *_s seconds of the event loop's clock.
Errors: none of its own.
Source: docs/chain-rpc.md.
"""

import asyncio
import itertools
import time
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, Final, Protocol

from audifi.clients.chain.pool import choice
from audifi.clients.chain.pool.budget import SecondTries
from audifi.clients.chain.pool.codec import Item, Outcome
from audifi.clients.chain.pool.endpoint import UNSUPPORTED_S, Endpoint
from audifi.clients.chain.pool.gauges import Gauges
from audifi.clients.chain.pool.heads import Heads
from audifi.clients.chain.pool.health import PROBE_S, SLOW_FACTOR, SLOW_S, Rank, Standing
from audifi.clients.chain.pool.verdicts import Judgement, Verdict, seconds_to_reset
from audifi.kernel.logs import log
from audifi.wire.chains import ChainFacts

OK: Final = Judgement(Verdict.OK)
# The endpoint did its part: what it said is the chain's answer, or the caller's fault.
_ITS_PART: Final = frozenset(
    {
        Verdict.OK,
        Verdict.CALLER,
        Verdict.TOO_LARGE,
        Verdict.TX_KNOWN,
        Verdict.NONCE,
        Verdict.POOL_REJECT,
        Verdict.SEQUENCER,
        Verdict.MISSING,
        Verdict.UNSUPPORTED,
    }
)
_RESTS: Final = {
    Verdict.RATE: Standing.RATE_LIMITED,
    Verdict.QUOTA: Standing.QUOTA,
    Verdict.AUTH: Standing.KEY_REFUSED,
}


class Waiting(Protocol):
    """A call that found no usable endpoint."""

    def resume(self) -> None: ...


class Watcher(Protocol):
    """Who looks at endpoints (probes)."""

    def look(self, endpoint: Endpoint) -> None: ...
    def starved(self) -> None: ...


class Roster:
    """The endpoints of one chain, in the order they were declared."""

    def __init__(self, facts: ChainFacts, endpoints: Sequence[Endpoint]) -> None:
        self.facts = facts
        self.endpoints = tuple(endpoints)
        self.heads = Heads(facts, tuple(endpoint.name for endpoint in endpoints))
        self.tries = SecondTries()
        self.gauges = Gauges(facts.name)
        self.tasks: set[asyncio.Task[Any]] = set()
        self.parked: set[Waiting] = set()
        self.watcher: Watcher | None = None
        self._ids = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._healths = tuple(endpoint.health for endpoint in endpoints)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the first use: asking for the running one each time costs a system call in Python 3.11."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def now_s(self) -> float:
        return (self._loop or self.loop).time()

    def next_id(self, count: int = 1) -> int:
        first = next(self._ids)
        for _ in range(count - 1):
            next(self._ids)
        return first

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def pick(self, method: str, height: int | None, excluded: Collection[str] = ()) -> Endpoint | None:
        return choice.choose(self.endpoints, self.heads, self.now_s(), method=method, height=height, excluded=excluded)

    def usable(self) -> list[Endpoint]:
        """Return the endpoints that may be asked at all, best first."""
        found = [each for each in self.endpoints if each.health.rank() is not Rank.UNUSABLE]
        return sorted(found, key=lambda each: (self.heads.is_forked(each.name), each.health.rank()))

    def hedge_s(self, *, is_heavy: bool) -> float:
        return choice.hedge_s(self._healths, is_heavy=is_heavy)

    def reachable(self) -> list[Endpoint]:
        """Return whom a broadcast may go to: the usable ones, or else all that are of this chain."""
        return self.usable() or [each for each in self.endpoints if not each.health.is_wrong_chain]

    def take(
        self,
        endpoint: Endpoint,
        items: Sequence[Item],
        outcomes: Sequence[Outcome],
        elapsed_s: float,
        *,
        is_heavy: bool,
    ) -> None:
        """Learn from an answer: the worst of a batch is what the endpoint is judged by."""
        worst = OK
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, Judgement):
                if outcome.verdict is Verdict.UNSUPPORTED:
                    endpoint.unsupported[item.method] = self.now_s() + UNSUPPORTED_S
                if worst is OK or worst.verdict in _ITS_PART:
                    worst = outcome
        self.learn(endpoint, worst, elapsed_s, is_heavy=is_heavy)

    def learn(self, endpoint: Endpoint, judgement: Judgement, elapsed_s: float, *, is_heavy: bool) -> None:
        """Account for one answer."""
        now_s, verdict = self.now_s(), judgement.verdict
        self.gauges.upstream(endpoint.name, verdict)
        if verdict in _ITS_PART:
            endpoint.health.answered(elapsed_s, now_s, is_heavy=is_heavy)
            if elapsed_s > SLOW_S and not is_heavy:
                self._reconsider(endpoint, now_s)
            if verdict is Verdict.MISSING and self.watcher is not None:
                self.watcher.look(endpoint)
            return
        endpoint.last_problem = f"{verdict.value}: {judgement.message}"
        if verdict in _RESTS:
            self._rest(endpoint, judgement, now_s)
        elif endpoint.health.failed(now_s):
            log.warning(
                "an RPC provider is left out until it answers again",
                chain=self.facts.name, provider=endpoint.name, reason=judgement.message,
            )  # fmt: skip
            self.changed(endpoint)

    def lost(self, endpoint: Endpoint, elapsed_s: float, *, patience_s: float, is_heavy: bool) -> None:
        """Charge a request that was cancelled before it was answered."""
        self.gauges.lost(endpoint.name)
        had_stalled = elapsed_s >= patience_s
        if endpoint.health.lost(elapsed_s, self.now_s(), is_heavy=is_heavy, had_stalled=had_stalled):
            self._demoted(endpoint)

    def stale(self, endpoint: Endpoint) -> None:
        """Note an answer that is not of the chain we serve, and look at its endpoint."""
        self.gauges.stale(endpoint.name)
        if self.watcher is not None:
            self.watcher.look(endpoint)

    def best_other_s(self, endpoint: Endpoint) -> float:
        return choice.best_mean_s(each.health for each in self.endpoints if each is not endpoint)

    def is_alone(self, endpoint: Endpoint) -> bool:
        """Say whether no other endpoint can be asked."""
        return all(each is endpoint or each.health.rank() is Rank.UNUSABLE for each in self.endpoints)

    def changed(self, endpoint: Endpoint) -> None:
        """Spread the news that an endpoint became usable, or stopped being so."""
        is_usable = endpoint.health.rank() is not Rank.UNUSABLE
        self.heads.appear(endpoint.name, self.now_s(), is_present=is_usable)
        endpoint.probe_at_s = min(endpoint.probe_at_s, self.now_s() + PROBE_S)
        if self.watcher is not None:
            self.watcher.look(endpoint)
        if is_usable:
            self.wake()
        self.gauges.standings(self.endpoints)

    def wake(self) -> None:
        """Let the calls that wait try again."""
        parked, self.parked = self.parked, set()
        for waiting in parked:
            waiting.resume()

    def park(self, waiting: Waiting) -> None:
        self.parked.add(waiting)
        if self.watcher is not None:
            self.watcher.starved()

    async def close(self) -> None:
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for endpoint in self.endpoints:
            await endpoint.transport.close()

    def _reconsider(self, endpoint: Endpoint, now_s: float) -> None:
        best_s = self.best_other_s(endpoint)
        if (
            best_s
            and endpoint.health.light.mean_s > max(SLOW_S, SLOW_FACTOR * best_s)
            and endpoint.health.demote(now_s)
        ):
            self._demoted(endpoint)

    def _demoted(self, endpoint: Endpoint) -> None:
        log.warning("an RPC provider is slow: others are asked first", chain=self.facts.name, provider=endpoint.name)
        self.changed(endpoint)

    def _rest(self, endpoint: Endpoint, judgement: Judgement, now_s: float) -> None:
        health, standing = endpoint.health, _RESTS[judgement.verdict]
        was_resting = health.rest_until_s is not None
        reset_in_s = seconds_to_reset(time.time()) if standing is Standing.QUOTA else 0.0
        health.rest(standing, judgement.wait_s, now_s, reset_in_s=reset_in_s)
        endpoint.probe_at_s = health.rest_until_s or now_s
        if was_resting:
            return
        say = log.info if standing is Standing.RATE_LIMITED else log.error
        say(
            "an RPC provider wants to be left alone",
            chain=self.facts.name, provider=endpoint.name, standing=standing.value,
            for_s=round(endpoint.probe_at_s - now_s, 1), reason=judgement.message,
        )  # fmt: skip
        self.heads.appear(endpoint.name, now_s, is_present=False)
        if self.watcher is not None:
            self.watcher.look(endpoint)
        self.gauges.standings(self.endpoints)
