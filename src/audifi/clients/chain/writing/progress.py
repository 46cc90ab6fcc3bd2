"""Take one transaction one step further: prepare, sign, send, look for it, replace it.

Between: transactions (claims a transaction and hands it over), the chain, nonces (signs)
and settling (decides).

A step does what can be done now and writes it. It may die at every line, and the next step starts from the row:
`wanted` has no nonce and no bytes; from `signed` on the bytes are stored, and sending them again is always right.
Sending. A hash means that some node has it. "Used" and "refused" are not the end while another node may think
otherwise: a transaction is given up (`gone`) after GONE_AFTER refusals in a row, its nonce goes to a filler, and
whichever of the two is mined counts. Too few funds is waited out: money may come, a nonce does not come back.
Replacing. Only the lowest nonce, because all others wait for it; never above the cap of fees.py.

Units: *_s seconds, wei.
Invariant: nothing is sent that is not stored; a transaction that has a nonce keeps it.
Errors: Overtaken, NotYet, TooExpensive, BlockchainError and Unavailable, for transactions to handle.
Source: outbound.md 1.2 (what an answer means), 3 (transactions); docs/chain-transactions.md.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from audifi.clients.chain.access import WritableChain, quantity
from audifi.clients.chain.errors import CallerError, ChainUnavailable, NonceUsed, PoolRejected
from audifi.clients.chain.writing import fees, ledger, settling
from audifi.clients.chain.writing.fees import Offer, TooExpensive
from audifi.clients.chain.writing.ledger import State, Transaction, Version
from audifi.clients.chain.writing.nonces import Nonces, NotYet, Prepared
from audifi.clients.chain.writing.settling import Receipt
from audifi.kernel.clock import Clock
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter
from audifi.wire import metrics
from audifi.wire.problems import BlockchainError

GONE_AFTER: Final = 3
REJECTED_VERSIONS_MAX: Final = 12  # 1.125^11 is 3.7 times the first offer: then only time raises it (settling.is_stuck)
REFUSED_AFTER: Final = 10  # about eight minutes: what this one depends on may have to be mined first
WAIT_S_MAX: Final = 300.0
_TELLS: Final = frozenset({State.CONFIRMED, State.FINAL, State.FAILED, State.REFUSED})
_WAITS: Final = re.compile(r"insufficient (?:funds|balance)|nonce too high|nonce gap|gapped", re.IGNORECASE)
_ABOUT_FEES: Final = re.compile(r"underpriced|fee|tip|price", re.IGNORECASE)

type_of_told = Callable[[Connection, Transaction], Awaitable[None]]
type_of_reason = Callable[[CallerError], str]


class Progress:
    """One transaction, for the length of one step."""

    def __init__(
        self,
        transaction: Transaction,
        *,
        chain: WritableChain,
        database: Database,
        nonces: Nonces,
        clock: Clock,
        told: type_of_told | None,
        reason: type_of_reason,
    ) -> None:
        self.transaction = transaction
        self._chain = chain
        self._database = database
        self._nonces = nonces
        self._clock = clock
        self._told = told
        self._reason = reason
        self._versions: list[Version] = []
        self._is_replaced = False  # at most once in a step

    async def step(self) -> None:
        """Do what can be done now."""
        if self.transaction.state is State.WANTED:
            await self._begin()
        else:
            await self._follow()

    async def put_off(self, reason: str) -> None:
        """Write why it waits, and for how long."""
        row = self.transaction
        if row.error != reason:
            log.warning("a transaction waits", transaction=row.key, chain_id=row.chain_id, reason=reason)
        later = self._clock.now() + timedelta(seconds=settling.pause_s(row.tries, WAIT_S_MAX))
        await self._save(replace(row, error=reason, tries=row.tries + 1, next_at=later))

    # wanted

    async def _begin(self) -> None:
        try:
            prepared = await self._prepare()
        except CallerError as error:
            await self._cannot_begin(error)
            return
        if prepared.gas > fees.GAS_MAX:
            await self._refuse(f"it needs {prepared.gas} gas, no block takes more than {fees.GAS_MAX}")
            return
        self.transaction, version = await self._nonces.sign(self.transaction, prepared, self._clock.now())
        self._versions = [version]
        await self._send(version)

    async def _cannot_begin(self, error: CallerError) -> None:
        if self.transaction.tries + 1 < REFUSED_AFTER or _WAITS.search(error.reason):
            await self.put_off(self._reason(error))
        else:
            await self._refuse(self._reason(error))

    async def _refuse(self, reason: str) -> None:
        await self._save(replace(self.transaction, state=State.REFUSED, error=reason))

    async def _prepare(self) -> Prepared:
        row = self.transaction
        calls: list[tuple[str, list[Any]]] = [fee_history(), ("eth_getBalance", [row.signer, "latest"])]
        if row.gas is None:
            calls.append(("eth_estimateGas", [self._call()]))
        history, balance, *estimate = await self._chain.call_many(calls)
        return Prepared(
            gas=row.gas or fees.with_margin(quantity(*estimate)),
            offer=offered(history, self._chain.facts.chain_id),
            pending_nonce=await self._chain.pending_nonce(row.signer),
            balance_wei=quantity(balance),
        )

    def _call(self) -> dict[str, Any]:
        row = self.transaction
        to = {} if row.to is None else {"to": row.to}
        return {"from": row.signer, "data": "0x" + row.data.hex(), "value": hex(row.value_wei), **to}

    async def _market(self) -> Offer:
        return await market(self._chain)

    # signed and later

    async def _follow(self) -> None:
        async with self._database.transaction() as tx:
            self._versions = await ledger.versions(tx, self.transaction.id)
        found = await self._find()
        if found is not None:
            await self._found(*found)
        elif self.transaction.block_number is not None:
            await self._lost()
        elif self.transaction.state is State.SIGNED or self.transaction.nonce_used_block is not None:
            await self._send(self._counted())
        else:
            await self._chase()

    async def _find(self) -> tuple[Version, Receipt] | None:
        for version in reversed(self._versions):
            seen = settling.receipt(await self._chain.receipt(version.hash))
            if seen is not None and seen.hash != version.hash:
                raise ChainUnavailable("a provider answers with the receipt of another transaction")
            if seen is not None:
                return version, seen
        return None

    def _counted(self) -> Version:
        """Return the version that counts: after a reorg the bytes that were mined, else the newest."""
        return next(version for version in self._versions if version.hash == self.transaction.hash)

    async def _found(self, version: Version, seen: Receipt) -> None:
        old, head = self.transaction, await self._chain.head()
        new = settling.mined(old, version, seen, head.number, self._chain.facts)
        if not seen.succeeded and not old.reverted:
            new = replace(new, error=await self._why(seen))
        if new.is_settled and not await self._is_canonical(seen):
            new = replace(new, state=old.state if old.block_number is not None else State.MINED)
        moved = (new.state, new.block_hash) != (old.state, old.block_hash)
        new = replace(new, tries=0 if moved else old.tries + 1)
        await self._save(replace(new, next_at=self._next_look(new, head.number)))

    async def _why(self, seen: Receipt) -> str:
        """Ask for the reason of a revert, as well as it can be known later."""
        try:
            await self._chain.call("eth_call", [self._call(), hex(seen.block_number)])
        except CallerError as error:
            return self._reason(error)
        except BlockchainError as error:
            return str(error)
        return "reverted"

    async def _is_canonical(self, seen: Receipt) -> bool:
        """Compare with the block at that height before anything is final: a receipt may come from a fork."""
        block = await self._chain.call("eth_getBlockByNumber", [hex(seen.block_number), False])
        return bool(block) and str(block.get("hash")).lower() == seen.block_hash

    async def _lost(self) -> None:
        """Its block is gone: the same bytes again."""
        row = self.transaction
        counter(metrics.CHAIN_TRANSACTIONS_REORGED).labels(self._chain.facts.name).inc()
        log.warning("a mined transaction is in no block any more", transaction=row.key, hash=row.hash)
        await self._save(replace(settling.unmined(row), tries=0))
        await self._send(self._counted())

    async def _chase(self) -> None:
        """Nobody mined it yet."""
        row = replace(self.transaction, tries=self.transaction.tries + 1)
        if settling.is_stuck(self._versions, self._chain.facts, self._clock.now()) and await self._is_lowest():
            try:
                await self._replace()
            except TooExpensive as reason:
                row = replace(row, error=str(reason))
            else:
                return
        if settling.is_resend_due(row.tries):
            self.transaction = row
            await self._send(self._counted())
        else:
            await self._save(replace(row, next_at=self._next_look(row)))

    async def _is_lowest(self) -> bool:
        row = self.transaction
        async with self._database.transaction() as tx:
            return await ledger.lowest_nonce(tx, row.chain_id, row.signer) == row.nonce

    async def _replace(self) -> None:
        newest = self._versions[-1]
        old = Offer(newest.fee_max_wei, newest.tip_max_wei)
        offer = fees.replacement(old, await self._market(), fees.policy(self._chain.facts.chain_id))
        again = self._nonces.fill if self.transaction.gone else self._nonces.sign_again
        self.transaction, version = await again(self.transaction, newest, offer, self._clock.now())
        self._versions.append(version)
        self._is_replaced = True
        counter(metrics.CHAIN_TRANSACTIONS_REPLACED).labels(self._chain.facts.name).inc()
        log.info("a transaction was signed again with higher fees", **self._told_as(version))
        await self._send(version)

    async def _fill(self, reason: str) -> None:
        newest = self._versions[-1]
        old = Offer(newest.fee_max_wei, newest.tip_max_wei)
        offer = fees.replacement(old, await self._market(), fees.policy(self._chain.facts.chain_id))
        given_up = replace(self.transaction, error=reason)
        self.transaction, version = await self._nonces.fill(given_up, newest, offer, self._clock.now())
        self._versions.append(version)
        log.error("no node takes a transaction: its nonce goes to a filler", reason=reason, **self._told_as(version))
        await self._send(version)

    # sending

    async def _send(self, version: Version) -> None:
        row = self.transaction
        try:
            await self._chain.broadcast(version.raw)
        except NonceUsed:
            await self._nonce_used()
        except PoolRejected as error:
            await self._rejected(version, error)
        except CallerError as error:
            await self._unacceptable(error)
        else:
            log.info("a transaction was sent", **self._told_as(version))
            sent = replace(row, state=State.SENT, error=row.error if row.gone else None, nonce_used_block=None)
            await self._save(replace(sent, next_at=self._next_look(sent)))

    async def _nonce_used(self) -> None:
        head = await self._chain.head()
        new = settling.nonce_used(self.transaction, head.number, self._chain.facts)
        if new.is_settled:
            log.error("a nonce was used by somebody else", transaction=new.key, nonce=new.nonce, hash=new.hash)
        later = replace(new, tries=new.tries + 1)
        await self._save(replace(later, next_at=self._next_look(later)))

    async def _rejected(self, version: Version, error: PoolRejected) -> None:
        newest = self._versions[-1]
        if version is not newest:  # the pool has, or prefers, a later version
            await self._send(newest)
        elif self._may_be_raised(newest) and _ABOUT_FEES.search(error.reason):
            await self._replace()
        else:
            await self.put_off(str(error))

    def _may_be_raised(self, newest: Version) -> bool:
        """What some node has is raised only when it is stuck: until then, one that refuses it may change its mind."""
        is_nowhere = self.transaction.state is State.SIGNED
        return is_nowhere and not self._is_replaced and newest.number < REJECTED_VERSIONS_MAX

    async def _unacceptable(self, error: CallerError) -> None:
        row = self.transaction
        if _WAITS.search(error.reason) or row.gone or row.tries + 1 < GONE_AFTER:
            await self.put_off(str(error))
        else:
            await self._fill(str(error))

    # writing

    async def _save(self, new: Transaction) -> None:
        old = self.transaction
        async with self._database.transaction() as tx:
            stored = await ledger.save(tx, new)
            if self._told is not None and _is_news(old.state, new.state):
                await self._told(tx, stored)
        self.transaction = stored
        if stored.is_settled:
            counter(metrics.CHAIN_TRANSACTIONS_SETTLED).labels(self._chain.facts.name, stored.state.value).inc()
            log.info("a transaction is settled", transaction=stored.key, state=stored.state.value, hash=stored.hash)

    def _next_look(self, row: Transaction, head: int = 0) -> Any:
        return settling.next_look(row, head, self._chain.facts, self._clock.now())

    def _told_as(self, version: Version) -> dict[str, Any]:
        row = self.transaction
        return {"transaction": row.key, "chain_id": row.chain_id, "nonce": row.nonce, "hash": version.hash}


def _is_news(old: State, new: State) -> bool:
    """Whether whoever asked may now act, or may no longer have acted."""
    return old is not new and (new in _TELLS or old is State.CONFIRMED)


async def market(chain: WritableChain) -> Offer:
    """Return what to offer on this chain now."""
    return offered(await chain.call(*fee_history()), chain.facts.chain_id)


def fee_history() -> tuple[str, list[Any]]:
    return "eth_feeHistory", [hex(fees.HISTORY_BLOCKS), "latest", list(fees.HISTORY_PERCENTILES)]


def offered(history: Any, chain_id: int) -> Offer:
    try:
        return fees.market(history, fees.policy(chain_id))
    except ValueError as error:
        raise NotYet(str(error)) from error
