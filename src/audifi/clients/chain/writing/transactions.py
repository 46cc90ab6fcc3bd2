"""Write to chains so that nothing is lost and nothing is sent twice: ask in a database transaction, a keeper does it.

Between: services and the worker (`request` inside their own database transaction), the worker's pods (each runs `run`)
and progress (one step of one transaction).

How. `request` only writes a row, so a wish commits or vanishes with the business change it belongs to, and the same key
asked for twice is one row. Every pod's keeper claims what is due (SKIP LOCKED, a lease) and takes it one step further.
Two keepers, or one that sleeps longer than its lease, do no harm: every write names the revision it read, signing
happens under the signer's row lock, and sending the same bytes twice is one transaction.
When nobody answers, rows wait: half a second, doubled up to WAIT_S_MAX, and nothing is decided.

Units: *_s seconds; wei.
Invariant: one row per key, one nonce per row, one mined transaction per nonce; docs/chain-transactions.md proves it.
Errors: of `request`: Invalid, IdempotencyKeyReused, Unavailable. `run` keeps running: the chain or the database being
away is logged once and tried again.
Source: outbound.md 3; decided here: the pace.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from audifi.clients.chain.access import WritableChains
from audifi.clients.chain.writing import fees, ledger, settling
from audifi.clients.chain.writing.fees import TooExpensive
from audifi.clients.chain.writing.ledger import Overtaken, State, Transaction
from audifi.clients.chain.writing.nonces import Nonces, NotYet
from audifi.clients.chain.writing.progress import Progress, market, type_of_reason, type_of_told
from audifi.clients.chain.writing.signer import Signer
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.kernel.logs import log
from audifi.kernel.metrics import gauge
from audifi.wire import metrics
from audifi.wire.problems import BlockchainError, IdempotencyKeyReused, Invalid, Problem

KEY_CHARS_MAX: Final = 200
FAILURE_PAUSE_S_MAX: Final = 30.0
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}")
_WEI_MAX: Final = 2**256 - 1
_OURS: Final = "gap:"  # keys of fillers that nobody asked for (nonces.py)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How often a keeper looks."""

    poll_s: float = 1.0
    lanes: int = 4  # transactions under way that are looked at at the same time
    lease_s: float = 15.0  # how long a killed pod's row waits; a step that takes longer is overtaken, not doubled
    upkeep_s: float = 15.0


class Transactions:
    """What one signer writes to its chains."""

    def __init__(
        self,
        database: Database,
        chains: WritableChains,
        signer: Signer,
        *,
        clock: Clock | None = None,
        pace: Pace | None = None,
        told: type_of_told | None = None,
        reason: type_of_reason = str,
    ) -> None:
        """`told` runs in the database transaction that makes a transaction confirmed, final, failed or refused.

        And in the one that takes `confirmed` back after a reorg: the state is `sent` or `mined` again then.
        `reason` puts a chain's refusal into words for `error`.
        """
        self._database = database
        self._chains = chains
        self._signer = signer
        self._nonces = Nonces(database, signer)
        self._clock = clock or SystemClock()
        self._pace = pace or Pace()
        self._told = told
        self._reason = reason
        self._asked = {chain_id: asyncio.Event() for chain_id in chains}
        self._failing: set[int] = set()

    async def request(
        self,
        tx: Connection,
        *,
        key: str,
        chain_id: int,
        to: str | None,
        data: bytes = b"",
        value_wei: int = 0,
        gas: int | None = None,
    ) -> Transaction:
        """Ask for a transaction in the caller's database transaction; `to` None makes a contract.

        With `gas` nothing is estimated, so what would revert is sent, and fails on chain.
        Idempotent: the same key gives the same row.
        Raises: IdempotencyKeyReused when the key was used for something else.
        """
        now = self._clock.now()
        wanted = Transaction(
            id=new_id(),
            chain_id=chain_id,
            signer=self._signer.address,
            key=key,
            to=None if to is None else to.lower(),
            data=data,
            value_wei=value_wei,
            gas=gas,
            next_at=now,
            created_at=now,
        )
        self._refuse_nonsense(wanted)
        if await ledger.insert(tx, wanted):
            self._asked[chain_id].set()
            return wanted
        there = await ledger.by_key(tx, chain_id, self._signer.address, key)
        assert there is not None, "a row that conflicts is visible after the insert waited for it"
        if _wish(there) != _wish(wanted):
            raise IdempotencyKeyReused(f"{key} asked for another transaction before", details={"key": key})
        return there

    async def find(self, key: str, chain_id: int) -> Transaction | None:
        """Return what became of a request."""
        async with self._database.read_primary() as tx:
            return await self.find_in(tx, key, chain_id)

    async def find_in(self, tx: Connection, key: str, chain_id: int) -> Transaction | None:
        """Return it as the caller's database transaction sees it."""
        return await ledger.by_key(tx, chain_id, self._signer.address, key)

    async def run(self) -> None:
        """Keep every chain's transactions moving until cancelled."""
        async with asyncio.TaskGroup() as group:
            for chain_id in self._chains:
                group.create_task(self._begin(chain_id), name=f"wanted transactions of chain {chain_id}")
                group.create_task(self._pursue(chain_id), name=f"transactions under way on chain {chain_id}")

    async def step(self, chain_id: int, states: Iterable[State] = ledger.UNSETTLED) -> bool:
        """Take a transaction that is due one step further; False when none is due."""
        async with self._database.transaction() as tx:
            lease = timedelta(seconds=self._pace.lease_s)
            claimed = await ledger.claim(
                tx, chain_id, self._signer.address, states=states, now=self._clock.now(), lease=lease
            )
        if claimed is None:
            return False
        progress = Progress(
            claimed,
            chain=self._chains[chain_id],
            database=self._database,
            nonces=self._nonces,
            clock=self._clock,
            told=self._told,
            reason=self._reason,
        )
        try:
            await self._step(progress)
        except Overtaken as overtaken:
            log.info("another keeper was faster", reason=str(overtaken))
        return True

    async def _step(self, progress: Progress) -> None:
        try:
            await progress.step()
        except (NotYet, TooExpensive, BlockchainError) as reason:
            await progress.put_off(str(reason))

    async def upkeep(self, chain_id: int) -> None:
        """Fill a nonce that nobody has, and measure."""
        async with self._database.read_primary() as tx:
            census = await ledger.census(tx, chain_id, self._signer.address, self._clock.now())
            counted = await ledger.next_nonce(tx, chain_id, self._signer.address)
        name = self._chains[chain_id].facts.name
        for state in State:
            if state not in ledger.SETTLED:
                gauge(metrics.CHAIN_TRANSACTIONS).labels(name, state.value).set(census.get(state, (0, 0.0))[0])
        oldest_s = max((age_s for _, age_s in census.values()), default=0.0)
        gauge(metrics.CHAIN_TRANSACTIONS_OLDEST).labels(name).set(oldest_s)
        if counted is not None and census:
            await self._fill_gap(chain_id, counted)

    async def _fill_gap(self, chain_id: int, counted: int) -> None:
        chain = self._chains[chain_id]
        pending = await chain.pending_nonce(self._signer.address)
        if pending >= counted:
            return
        async with self._database.read_primary() as tx:
            if await ledger.has_nonce(tx, chain_id, self._signer.address, pending):
                return
        await self._nonces.fill_gap(chain_id, pending, await market(chain), self._clock.now())

    async def _begin(self, chain_id: int) -> None:
        """Sign what is wanted, one after the other: in the order it was asked for, as far as one pod goes."""

        async def turn() -> None:
            await self._drain(chain_id, {State.WANTED})

        await self._for_ever(chain_id, turn, lambda within_s: self._woken(chain_id, within_s))

    async def _pursue(self, chain_id: int) -> None:
        """Look after what is under way, several at once: each look waits for a provider."""
        loop = asyncio.get_running_loop()
        upkeep_at = loop.time()

        async def turn() -> None:
            nonlocal upkeep_at
            if await self.step(chain_id, ledger.UNDER_WAY):  # when there is one there may be many
                await self._drain_together(chain_id)
            if loop.time() >= upkeep_at:
                upkeep_at = loop.time() + self._pace.upkeep_s
                await self.upkeep(chain_id)

        await self._for_ever(chain_id, turn, asyncio.sleep)

    async def _drain(self, chain_id: int, states: Iterable[State]) -> None:
        while await self.step(chain_id, states):
            pass

    async def _drain_together(self, chain_id: int) -> None:
        lanes = (self._drain(chain_id, ledger.UNDER_WAY) for _ in range(self._pace.lanes))
        ended = await asyncio.gather(*lanes, return_exceptions=True)
        for error in (each for each in ended if isinstance(each, BaseException)):
            raise error

    async def _for_ever(
        self, chain_id: int, turn: Callable[[], Awaitable[None]], rest: Callable[[float], Awaitable[None]]
    ) -> None:
        failures = 0
        while True:
            try:
                await turn()
                self._note(chain_id, None)
                failures = 0
            except (Problem, NotYet, TooExpensive) as problem:
                failures += 1
                self._note(chain_id, problem)
            await rest(settling.pause_s(failures, FAILURE_PAUSE_S_MAX) if failures else self._pace.poll_s)

    async def _woken(self, chain_id: int, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._asked[chain_id].wait()
        except TimeoutError:
            return
        # The row is committed a moment after `request`: what comes too early is found by the next poll.
        self._asked[chain_id].clear()
        await asyncio.sleep(0.01)

    def _note(self, chain_id: int, problem: Exception | None) -> None:
        if problem is not None and chain_id not in self._failing:
            self._failing.add(chain_id)
            log.warning("transactions wait", chain_id=chain_id, error=problem)
        elif problem is None and chain_id in self._failing:
            self._failing.discard(chain_id)
            log.info("transactions move again", chain_id=chain_id)

    def _refuse_nonsense(self, wanted: Transaction) -> None:
        wrong: dict[str, str] = {}
        if wanted.chain_id not in self._chains:
            wrong["chain_id"] = f"no provider is configured for chain {wanted.chain_id}"
        if not 1 <= len(wanted.key) <= KEY_CHARS_MAX or wanted.key.startswith(_OURS):
            wrong["key"] = f"1 to {KEY_CHARS_MAX} characters, not beginning with {_OURS}"
        if wanted.to is not None and not _ADDRESS.fullmatch(wanted.to):
            wrong["to"] = "not an address: 0x and 40 hexadecimal digits"
        if wanted.to is None and not wanted.data:
            wrong["data"] = "a transaction without `to` makes a contract and needs its code"
        if not 0 <= wanted.value_wei <= _WEI_MAX:
            wrong["value_wei"] = "not an amount of wei"
        if wanted.gas is not None and not fees.TRANSFER_GAS <= wanted.gas <= fees.GAS_MAX:
            wrong["gas"] = f"between {fees.TRANSFER_GAS} and {fees.GAS_MAX}"
        if wrong:
            raise Invalid("This is not a transaction.", details=wrong)


def _wish(transaction: Transaction) -> tuple[str | None, bytes, int, int | None]:
    return transaction.to, transaction.data, transaction.value_wei, transaction.gas
