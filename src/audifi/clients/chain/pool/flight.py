"""Carry one read (or one batch) from endpoint to endpoint until it is answered, for everybody who waits for it.

Between: chain (starts and joins flights) and asking (one attempt); the roster says whom to ask.

The course of a flight:
1. The best endpoint is asked. If it keeps silent for the hedge's time and there are savings (budget.SecondTries), the
   next one is asked too; the first good answer wins and the others are cancelled, and charged. Without savings it
   waits until there are some, or until that endpoint was found slow or dead: more calls hang on it than were saved for.
2. What only the chain can answer (a result, a revert) ends it. Anything else goes on to the next endpoint at once.
3. When no usable endpoint is left it parks: a further round comes after a pause that costs savings too, or as soon as
   a probe brings an endpoint back. Nothing is sent meanwhile, so callers never multiply the load of an outage.
4. It ends when nobody waits: each caller has its own deadline and its own cancellation; the last one out cancels the
   attempts. A flight that several callers share survives the loss of any of them.

Why callbacks and not tasks around tasks: a healthy call costs one task and one timer (measured: docs/chain-rpc.md).
Doubted nulls: a receipt, transaction or block hash that one endpoint does not know may be new to it: the next one is
asked, and null is the answer only when every endpoint that can be reached says so.
Units: *_s seconds of the event loop's clock.
Invariant: after the last waiter left, no attempt and no timer of the flight is left.
Errors: waiters get ChainUnavailable at their deadline, or the bug that broke an attempt.
Source: outbound.md 1.2, 3 steps 5 and 6.
"""

import asyncio
import math
from collections.abc import Callable
from enum import Enum
from typing import Final

from audifi.clients.chain.errors import ChainUnavailable
from audifi.clients.chain.pool.asking import ATTEMPT_HEAVY_S, ATTEMPT_S, ask
from audifi.clients.chain.pool.codec import Item, Outcome
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.health import Rank
from audifi.clients.chain.pool.roster import Roster
from audifi.clients.chain.pool.verdicts import Judgement, Verdict

FINAL: Final = frozenset({Verdict.OK, Verdict.CALLER, Verdict.TOO_LARGE})
ROUND_S: Final = (0.05, 0.8)  # the pause before another round doubles between these
LATE_S: Final = 0.02
POOR_ROUND_S: Final = 1.5  # without savings
POOR_HEDGE_S: Final = 0.05  # without savings: look again whether there are some, or whether it is a failover by now
NULL: Final = b"null"
OUTDATED: Final = Judgement(Verdict.MISSING, message="the call waited so long that its block is old")

Attempt = asyncio.Task[list[Outcome]]


class Sight(Enum):
    """How a result looks."""

    SOUND = "sound"
    DOUBTED = "doubted"  # a null that may only be this endpoint's
    STALE = "stale"  # not of the chain we serve: never an answer


class Flight:
    """One read under way."""

    __slots__ = (
        "_attempts",
        "_empty",
        "_examine",
        "_hedge_at_s",
        "_height",
        "_is_by_hash",
        "_is_heavy",
        "_is_hedged",
        "_items",
        "_on_end",
        "_patience_s",
        "_problems",
        "_roster",
        "_rounds",
        "_timer",
        "_tried",
        "_until_s",
        "_waiters",
        "answered_by",
        "is_over",
    )

    def __init__(
        self,
        roster: Roster,
        items: tuple[Item, ...],
        *,
        height: int | None,
        is_by_hash: bool = False,
        until_s: float = math.inf,
        is_heavy: bool,
        is_hedged: bool,
        examine: Callable[[int, bytes], Sight] | None,
        on_end: Callable[["Flight", list[Outcome] | None], None],
    ) -> None:
        """`examine(place, answer)` says whether a result can be believed; after `until_s` a call that had to wait for
        an endpoint ends as OUTDATED instead: its `latest` is another block by now.
        """
        self._roster, self._items, self._height = roster, items, height
        self._is_by_hash, self._until_s = is_by_hash, until_s
        self._is_heavy, self._is_hedged, self._examine, self._on_end = is_heavy, is_hedged, examine, on_end
        self._attempts: dict[Attempt, tuple[Endpoint, float]] = {}
        self._waiters: set[asyncio.Future[list[Outcome]]] = set()
        self._tried: set[str] = set()
        self._problems: dict[str, Judgement] = {}
        self._empty: tuple[str, list[Outcome]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._patience_s = math.inf
        self._hedge_at_s = math.inf
        self._rounds = 0
        self.answered_by = ""
        self.is_over = False
        self._next(is_failover=False)

    async def wait(self, until_s: float) -> list[Outcome]:
        """Return one final outcome per call.

        Raises: ChainUnavailable when nothing final came until then.
        """
        loop = self._roster.loop
        future: asyncio.Future[list[Outcome]] = loop.create_future()
        self._waiters.add(future)
        alarm = loop.call_at(until_s, self._expire, future)  # cheaper than asyncio.timeout, which asks for the loop
        try:
            return await future
        finally:
            alarm.cancel()
            self._waiters.discard(future)
            if not self._waiters and not self.is_over:
                self._end(None)

    def _expire(self, future: asyncio.Future[list[Outcome]]) -> None:
        if not future.done():
            future.set_exception(ChainUnavailable(self._told(), retry_after_s=self._retry_after_s()))

    def resume(self) -> None:
        """Try again: an endpoint came back, or the pause is over."""
        if self.is_over or self._attempts:
            return
        if self._roster.now_s() >= self._until_s and self._roster.usable():
            self._succeed("", [OUTDATED] * len(self._items))
            return
        self._next(is_failover=False)

    def _next(self, *, is_failover: bool) -> None:
        endpoint = self._pick()
        if endpoint is not None and (not is_failover or self._roster.tries.overdraw()):
            self._launch(endpoint)
        elif not self._attempts:
            self._pause()

    def _pick(self) -> Endpoint | None:
        """Return whom to ask next. Who is not known to have the block is asked once, in case we know too little."""
        endpoint = self._roster.pick(self._items[0].method, self._height, self._tried)
        if endpoint is None or self._rounds == 0 or self._roster.heads.able(endpoint.name, self._height):
            return endpoint
        return None

    def _launch(self, endpoint: Endpoint) -> None:
        roster, loop = self._roster, self._roster.loop
        self._tried.add(endpoint.name)
        within_s = ATTEMPT_HEAVY_S if self._is_heavy else ATTEMPT_S
        attempt: Attempt = loop.create_task(
            ask(
                endpoint,
                self._items,
                roster.next_id(len(self._items)),
                within_s=within_s,
                is_heavy=self._is_heavy,
            )
        )
        self._attempts[attempt] = (endpoint, loop.time())
        roster.tasks.add(attempt)
        attempt.add_done_callback(self._finished)
        if self._is_hedged and len(roster.endpoints) > len(self._tried):
            self._patience_s = roster.hedge_s(is_heavy=self._is_heavy)
            self._set_timer(self._patience_s, self._hedge)
            self._hedge_at_s = loop.time() + self._patience_s

    def _hedge(self) -> None:
        self._timer = None
        if self.is_over or not self._attempts:
            return
        late_s = self._roster.now_s() - self._hedge_at_s
        if late_s > LATE_S:  # this process was busy: the silence may be its own
            self._patience_s += late_s
            self._set_timer(late_s, self._hedge)
            self._hedge_at_s += late_s + late_s
            return
        endpoint = self._roster.pick(self._items[0].method, self._height, self._tried)
        if endpoint is None:
            return
        if self._roster.tries.spend() or (self._is_left_behind() and self._roster.tries.overdraw()):
            self._roster.gauges.hedges.inc()
            self._launch(endpoint)
        else:
            self._set_timer(POOR_HEDGE_S, self._hedge)
            self._hedge_at_s = self._roster.now_s() + POOR_HEDGE_S

    def _is_left_behind(self) -> bool:
        """Say whether whom we wait for was found slow or dead meanwhile: to go on is a failover then, not a hedge."""
        return all(endpoint.health.rank() is not Rank.GOOD for endpoint, _ in self._attempts.values())

    def _finished(self, attempt: Attempt) -> None:
        self._roster.tasks.discard(attempt)
        endpoint, started_s = self._attempts.pop(attempt)
        if attempt.cancelled():
            if not self.is_over:
                self._break(ChainUnavailable(f"{self._roster.facts.name}: the client is closing"))
            return  # else a lost race: charged where it was cancelled
        bug = attempt.exception()
        if bug is not None:
            self._break(bug)
            return
        outcomes = attempt.result()
        elapsed_s = self._roster.now_s() - started_s
        self._roster.take(endpoint, self._items, outcomes, elapsed_s, is_heavy=self._is_heavy)
        if not self.is_over:
            self._judge(endpoint, outcomes)

    def _judge(self, endpoint: Endpoint, outcomes: list[Outcome]) -> None:
        """End the flight with these outcomes, or go on to the next endpoint."""
        sights = [self._examined(place, each, endpoint) for place, each in enumerate(outcomes)]
        problem = next((each for each in sights if isinstance(each, Judgement)), None)
        if problem is not None:
            self._problems[endpoint.name] = problem
        elif Sight.DOUBTED in sights:
            self._empty = (endpoint.name, outcomes if self._empty is None else _merged(self._empty[1], outcomes))
        else:
            self._succeed(endpoint.name, outcomes)
            return
        if not self._attempts:
            if problem is not None:
                self._roster.gauges.failover(endpoint.name)
            self._next(is_failover=problem is not None)

    def _examined(self, place: int, outcome: Outcome, endpoint: Endpoint) -> "Judgement | Sight":
        if isinstance(outcome, Judgement):
            return Sight.SOUND if outcome.verdict in FINAL else outcome
        sight = Sight.SOUND if self._examine is None else self._examine(place, outcome)
        if sight is not Sight.STALE:
            return sight
        self._roster.stale(endpoint)
        return Judgement(Verdict.MISSING, message="it does not have this block, or another one in its place")

    def _pause(self) -> None:
        """Nobody is left to ask: decide whether that is an answer, else wait."""
        if self._empty is not None:
            self._succeed(*self._empty)
            return
        if self._is_settled():
            self._succeed("", [next(iter(self._problems.values()))] * len(self._items))
            return
        self._rounds += 1
        self._tried.clear()
        if self._pick() is None:
            self._roster.park(self)  # until a probe brings an endpoint back, or level with the block
            return
        rich_s = min(ROUND_S[0] * 2**self._rounds, ROUND_S[1])
        self._set_timer(rich_s if self._roster.tries.spend() else POOR_ROUND_S, self.resume)

    def _is_settled(self) -> bool:
        """Say whether what the endpoints refuse will be refused for ever: no method of theirs, no block so old."""
        verdicts = {problem.verdict for problem in self._problems.values()}
        if not verdicts or not verdicts <= {Verdict.UNSUPPORTED, Verdict.MISSING}:
            return False
        heads = self._roster.heads
        recent = heads.served(self._roster.now_s()) - self._roster.facts.lag_blocks_max
        is_old = self._height is None or self._height < recent
        return Verdict.UNSUPPORTED in verdicts or ((is_old or self._is_by_hash) and self._rounds >= 1)

    def _succeed(self, name: str, outcomes: list[Outcome]) -> None:
        self.answered_by = name
        self._end(outcomes)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(outcomes)

    def _break(self, bug: BaseException) -> None:
        self._end(None)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(bug)

    def _end(self, outcomes: list[Outcome] | None) -> None:
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._roster.parked.discard(self)
        if self._attempts:
            self._cancel_attempts()
        self._on_end(self, outcomes)

    def _cancel_attempts(self) -> None:
        now_s = self._roster.now_s()
        for attempt, (endpoint, started_s) in self._attempts.items():
            attempt.cancel()
            self._roster.lost(endpoint, now_s - started_s, patience_s=self._patience_s, is_heavy=self._is_heavy)

    def _set_timer(self, delay_s: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._roster.loop.call_later(delay_s, then)

    def _told(self) -> str:
        told = "; ".join(f"{name}: {problem.message}" for name, problem in self._problems.items())
        asked = ", ".join(sorted({item.method for item in self._items}))
        return f"{asked} on {self._roster.facts.name}: {told or 'no provider can be asked'}"

    def _retry_after_s(self) -> int:
        now_s = self._roster.now_s()
        rests = [each.health.rest_until_s or now_s + 1 for each in self._roster.endpoints]
        return max(1, math.ceil(min(rests) - now_s))


def _merged(old: list[Outcome], new: list[Outcome]) -> list[Outcome]:
    """Prefer what somebody knows to what nobody told."""
    return [after if before == NULL else before for before, after in zip(old, new, strict=True)]
