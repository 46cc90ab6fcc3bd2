"""Look at every endpoint: is it the right chain, how far is it, is it back.

Between: chain (runs it) and endpoints; results go to heads, health and the roster.

When. A sound endpoint is polled every half block time (within POLL_S), and at once when another one reports a new
block: then all know it within a round trip. One on probation is polled every PROBE_S; one that wants rest when the
rest is over, or each STARVED_S while calls wait and nobody else is left. One request at a time per endpoint.
What. eth_chainId at first use, after the breaker opened, after a new connection (it may lead to another node; at most
every RECHECK_S) and every VERIFY_S; then the newest block, and its hash at the record's top if the block does not join.
Without `run` (a command line, a test) the same looks happen on demand: before the first call, when the tip is old, and
while calls are parked.
Units: *_s seconds of the event loop's clock.
Invariant: a wrong chain id is never used, is said once as an alert, and is looked at again.
Errors: only cancellation leaves `run`.
Source: outbound.md 3 lessons 1, 4, 6; Chainlink's InvalidChainID state.
"""

import asyncio
import contextlib
from typing import Any, Final, cast

from audifi.clients.chain.pool import codec
from audifi.clients.chain.pool.asking import ask
from audifi.clients.chain.pool.codec import Item
from audifi.clients.chain.pool.endpoint import Endpoint
from audifi.clients.chain.pool.heads import Head
from audifi.clients.chain.pool.health import PROBE_S
from audifi.clients.chain.pool.roster import Roster
from audifi.clients.chain.pool.verdicts import Judgement, Verdict
from audifi.kernel.logs import log

POLL_S: Final = (0.5, 2.0)
PROBE_WITHIN_S: Final = 1.0
RECHECK_S: Final = 5.0
VERIFY_S: Final = 10.0
WRONG_CHAIN_S: Final = 5.0
STARVED_S: Final = 1.0  # while calls wait and no endpoint is usable, even one that wanted rest is looked at so often
FIRST_OTHERS_S: Final = (
    0.3  # how long the first look waits for the slower endpoints, so as not to begin with a lagging one
)
_CHAIN_ID: Final = Item("eth_chainId", b"[]")
_LATEST: Final = Item("eth_getBlockByNumber", b'["latest",false]')


class Probes:
    """The looks at the endpoints of one chain."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        block_s = roster.facts.block_time_s
        self.poll_s = min(max(block_s / 2, POLL_S[0]), POLL_S[1])
        self.is_running = False
        self._wanted = {endpoint.name: asyncio.Event() for endpoint in roster.endpoints}
        self._refreshing: asyncio.Task[None] | None = None
        self._feeding: asyncio.Task[None] | None = None
        roster.watcher = self

    async def run(self) -> None:
        """Watch every endpoint until cancelled."""
        assert not self.is_running, "the probes of a chain run once"
        self.is_running = True
        try:
            async with asyncio.TaskGroup() as group:
                for endpoint in self._roster.endpoints:
                    group.create_task(self._watch(endpoint))
        finally:
            self.is_running = False

    def look(self, endpoint: Endpoint) -> None:
        """Have the running watch plan anew: its endpoint's condition changed, or a new block is out."""
        self._wanted[endpoint.name].set()

    def starved(self) -> None:
        """Look for endpoints on behalf of parked calls: also at those that wanted rest, if nobody else is left."""
        if not self._roster.usable():
            soon_s = self._roster.now_s() + STARVED_S
            for endpoint in self._roster.endpoints:
                if endpoint.probe_at_s > soon_s:
                    endpoint.probe_at_s = soon_s
                    self.look(endpoint)
        if not self.is_running and (self._feeding is None or self._feeding.done()):
            self._feeding = self._roster.spawn(self._feed())

    async def refresh(self) -> None:
        """Look at every endpoint that may be looked at; return with the first good answers."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = self._roster.spawn(self._refresh())
        await asyncio.shield(self._refreshing)

    async def probe(self, endpoint: Endpoint) -> None:
        """Look once. Does nothing while another look at this endpoint is under way."""
        if endpoint.is_probing:
            await asyncio.sleep(POLL_S[0] / 10)  # the other look plans the next one
            return
        endpoint.is_probing = True
        try:
            judgement = await self._look(endpoint)
            if judgement is not None:
                self._roster.learn(endpoint, judgement, PROBE_WITHIN_S, is_heavy=True)
        finally:
            endpoint.is_probing = False
            self._plan(endpoint)

    async def _watch(self, endpoint: Endpoint) -> None:
        wanted = self._wanted[endpoint.name]
        endpoint.probe_at_s = self._roster.now_s()
        while True:
            delay_s = endpoint.probe_at_s - self._roster.now_s()
            if delay_s <= 0:
                wanted.clear()
                await self.probe(endpoint)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await wanted.wait()
            if wanted.is_set():
                wanted.clear()
                self._hasten(endpoint)

    def _hasten(self, endpoint: Endpoint) -> None:
        """Look sooner when asked to, except at endpoints that wait for their own time."""
        if endpoint.health.rest_until_s is None and not endpoint.health.is_watched():
            endpoint.probe_at_s = min(endpoint.probe_at_s, self._roster.now_s())

    def _plan(self, endpoint: Endpoint) -> None:
        health, now_s = endpoint.health, self._roster.now_s()
        if self._roster.parked and not self._roster.usable():
            endpoint.probe_at_s = now_s + (PROBE_S if health.rest_until_s is None else STARVED_S)
        elif health.is_wrong_chain:
            endpoint.probe_at_s = now_s + WRONG_CHAIN_S
        elif health.rest_until_s is not None:
            endpoint.probe_at_s = max(health.rest_until_s, now_s + PROBE_S)
        else:
            endpoint.probe_at_s = now_s + (PROBE_S if health.is_watched() else self.poll_s)

    async def _look(self, endpoint: Endpoint) -> Judgement | None:
        """Return what went wrong; None when the endpoint is sound."""
        roster = self._roster
        if self._must_verify(endpoint):
            problem = await self._verify(endpoint)
            if problem is not None:
                return problem
        started_s = roster.now_s()
        head = await self._block(endpoint, _LATEST)
        if isinstance(head, Judgement):
            return head
        now_s = roster.now_s()
        before = roster.heads.newest()
        wanted = roster.heads.observe(endpoint.name, head, now_s)
        if wanted is not None:
            older = await self._block(endpoint, Item("eth_getBlockByNumber", codec.encoded([hex(wanted), False])))
            if isinstance(older, Judgement):
                return older
            roster.heads.confirm(endpoint.name, wanted, older.hash, head, roster.now_s())
        self._welcome(endpoint, now_s - started_s)  # last: calls that wait must find the new tip
        self._report(endpoint, is_new=head.number > before)
        return None

    def _report(self, endpoint: Endpoint, *, is_new: bool) -> None:
        roster, heads = self._roster, self._roster.heads
        if is_new:
            for other in roster.endpoints:
                if other is not endpoint:
                    self.look(other)
        self._tell(endpoint)
        roster.gauges.active(roster.endpoints, roster.pick("eth_call", None))
        roster.gauges.heads(
            endpoint.name,
            heads.number_of(endpoint.name),
            heads.lag(endpoint.name),
            endpoint.bucket.left(roster.now_s()),
        )
        if roster.parked:
            roster.wake()

    def _tell(self, endpoint: Endpoint) -> None:
        """Say once when an endpoint leaves the chain we serve, falls behind it or is level again."""
        heads, names = self._roster.heads, {"chain": self._roster.facts.name, "provider": endpoint.name}
        place = "forked" if heads.is_forked(endpoint.name) else "behind" if heads.is_lagging(endpoint.name) else "level"
        if place == endpoint.place:
            return
        endpoint.place = place
        match place:
            case "forked":
                log.error("an RPC provider follows another history and is not asked", **names)
            case "behind":
                log.warning("an RPC provider lags behind the others", **names, lag_blocks=heads.lag(endpoint.name))
            case _:
                log.info("an RPC provider is level with the others", **names)

    def _welcome(self, endpoint: Endpoint, elapsed_s: float) -> None:
        roster = self._roster
        is_back = endpoint.health.probed(
            elapsed_s,
            roster.now_s(),
            best_s=roster.best_other_s(endpoint),
            is_alone=roster.is_alone(endpoint),
        )
        if is_back:
            log.info("an RPC provider is back", chain=roster.facts.name, provider=endpoint.name)
            roster.changed(endpoint)

    def _must_verify(self, endpoint: Endpoint) -> bool:
        health, now_s = endpoint.health, self._roster.now_s()
        connections, at_s = endpoint.verified
        if not health.is_verified or (health.is_open and at_s < health.fallen_at_s) or now_s - at_s >= VERIFY_S:
            return True
        return endpoint.transport.connections != connections and now_s - at_s >= RECHECK_S

    async def _verify(self, endpoint: Endpoint) -> Judgement | None:
        roster, health = self._roster, endpoint.health
        connections = endpoint.transport.connections
        outcome = (await ask(endpoint, (_CHAIN_ID,), roster.next_id(), within_s=PROBE_WITHIN_S))[0]
        if isinstance(outcome, Judgement):
            return outcome
        told = _number(codec.decoded(outcome))
        if told != roster.facts.chain_id:
            self._reject(endpoint, told)
            return Judgement(Verdict.TRANSIENT, message=f"its chain id is {told}, not {roster.facts.chain_id}")
        was_verified, health.is_verified, health.is_wrong_chain = health.is_verified, True, False
        endpoint.verified = (max(connections, endpoint.transport.connections), roster.now_s())
        if not was_verified:
            roster.changed(endpoint)
        return None

    def _reject(self, endpoint: Endpoint, told: int | None) -> None:
        health = endpoint.health
        if not health.is_wrong_chain:
            log.error(
                "an RPC provider serves another chain and is not used",
                chain=self._roster.facts.name, provider=endpoint.name, expected=self._roster.facts.chain_id, told=told,
            )  # fmt: skip
        health.is_wrong_chain, health.is_verified = True, False
        self._roster.changed(endpoint)

    async def _block(self, endpoint: Endpoint, item: Item) -> Head | Judgement:
        roster = self._roster
        outcome = (await ask(endpoint, (item,), roster.next_id(), within_s=PROBE_WITHIN_S))[0]
        if isinstance(outcome, Judgement):
            return outcome
        head = head_of(codec.decoded(outcome))
        return head or Judgement(Verdict.TRANSIENT, message="its newest block is not a block")

    async def _refresh(self) -> None:
        now_s = self._roster.now_s()
        looks = {
            self._roster.spawn(self.probe(endpoint))
            for endpoint in self._roster.endpoints
            if endpoint.health.rest_until_s is None or now_s >= endpoint.health.rest_until_s
        }
        while looks:
            _, looks = await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
            if self._roster.usable() and looks:
                await asyncio.wait(looks, timeout=FIRST_OTHERS_S)
                return

    async def _feed(self) -> None:
        while self._roster.parked and not self.is_running:
            now_s = self._roster.now_s()
            due = [endpoint for endpoint in self._roster.endpoints if now_s >= endpoint.probe_at_s]
            for endpoint in due:
                self._roster.spawn(self.probe(endpoint))
            await asyncio.sleep(PROBE_S / 5)


def head_of(block: Any) -> Head | None:
    """Return the head that a block of eth_getBlockBy… describes; None if it is none."""
    if not isinstance(block, dict):
        return None
    fields = cast("dict[str, Any]", block)
    number, timestamp_s = _number(fields.get("number")), _number(fields.get("timestamp"))
    block_hash, parent = fields.get("hash"), fields.get("parentHash")
    if number is None or timestamp_s is None or not isinstance(block_hash, str) or not isinstance(parent, str):
        return None
    return Head(number, block_hash.lower(), timestamp_s, parent.lower())


def _number(text: Any) -> int | None:
    if not isinstance(text, str) or not text.startswith("0x"):
        return None
    try:
        return int(text, 16)
    except ValueError:
        return None
