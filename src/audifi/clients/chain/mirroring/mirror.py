"""Make a service's logs equal to the chain's, batch by batch, and tell the service what came and what went.

Between: routes (one database transaction per batch), rows (three tables) and the service's handlers.

    mirror = Mirror(applied=sagas.applied, undone=sagas.undone)
    await mirror.watch(tx, chain_id, address, "Master", deploy_block)     # in the transaction that learns of it

How. A batch is all logs of the watched addresses in some blocks. Stored logs of those blocks that it lacks are undone,
newest first; then new ones are applied in the chain's order; known ones are left alone. So a replay changes nothing,
and a reorg, a roll-back and a late watch are the same code. The checkpoint moves in the same transaction, under its
row's lock: of two indexers one is refused (Conflict) and asks again where things stand.
A log is known by (tx_hash, log_index, block_hash): the same transaction in another block is undone and applied again.

Shape: handlers take (tx, fact), write only through tx, and may publish through the outbox.
Units: blocks by number.
Invariant: `applied` is called once per log that is in the chain, `undone` once when it leaves, in one transaction with
the row that remembers it.
Errors: Conflict for a batch that was read for another checkpoint or fewer addresses; Invalid for one with a hole.
What a handler raises undoes the whole batch, which is delivered again.
Source: domain.md 2.2 "Chain interactions": idempotent by (txHash, logIndex); reorg: delete and re-index.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from audifi.clients.chain.contracts import events
from audifi.clients.chain.contracts.events import Event
from audifi.clients.chain.mirroring import rows
from audifi.clients.chain.mirroring.messages import Batch, Watch, Watched
from audifi.clients.chain.mirroring.rows import Checkpoint, Stored
from audifi.kernel.connection import Connection
from audifi.wire.problems import Conflict, Invalid


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A log of the chain, read."""

    chain_id: int
    contract: str  # Master, Dividend, Market, Coin, Staking, Pool
    address: str
    event: Event
    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str


Handler = Callable[[Connection, Fact], Awaitable[None]]


class Mirror:
    """The logs a service wants, as rows of its own."""

    def __init__(self, *, applied: Handler, undone: Handler) -> None:
        self._applied = applied
        self._undone = undone

    async def watch(self, tx: Connection, chain_id: int, address: str, contract_name: str, from_block: int) -> None:
        """Mirror this contract's logs from its block on; idempotent.

        Holds the checkpoint's row until the transaction ends: call it before rows are locked that handlers lock too.
        """
        assert contract_name in events.TYPES, f"{contract_name}: events.TYPES has no such contract"
        await rows.add_watch(tx, chain_id, Watch(address.lower(), contract_name), from_block)

    async def watched(self, connection: Connection, chain_id: int) -> Watched:
        """Return what to follow, and after which block."""
        known = await rows.checkpoint(connection, chain_id)
        if known is None:
            return Watched(addresses=[])
        return Watched(addresses=await rows.watches(connection, chain_id), checkpoint=known.place)

    async def apply(self, tx: Connection, chain_id: int, batch: Batch) -> int:
        """Take over what a batch says; return how many facts came or went."""
        _refuse_what_does_not_fit(await rows.checkpoint(tx, chain_id, for_update=True), batch)
        is_undo = batch.checkpoint.block < batch.first
        told = await self._read(tx, chain_id, batch)
        last = None if is_undo else batch.checkpoint.block
        known = await rows.stored(tx, chain_id, batch.first, last, (each.logged.tx_hash for each in told))
        gone = _without(known, told)
        await rows.delete(tx, chain_id, gone)
        for each in sorted(gone, key=lambda each: each.order, reverse=True):
            await self._undone(tx, _fact(chain_id, each))
        new = _without(told, known)
        await rows.insert(tx, chain_id, new)
        for each in sorted(new, key=lambda each: each.order):
            await self._applied(tx, _fact(chain_id, each))
        await rows.move(tx, chain_id, batch.checkpoint)
        return len(gone) + len(new)

    async def _read(self, tx: Connection, chain_id: int, batch: Batch) -> list[Stored]:
        """Return what we understand of a batch: events of ours, of addresses we watch."""
        contracts = await rows.contracts(tx, chain_id, (each.address for each in batch.logs))
        told: list[Stored] = []
        for each in batch.logs:
            contract = contracts.get(each.address)
            logged = None if contract is None else events.read(contract, each.answer())
            if contract is not None and logged is not None:
                told.append(Stored(contract, logged))
        return told


def _refuse_what_does_not_fit(known: Checkpoint | None, batch: Batch) -> None:
    if known is None or known.place != batch.after or known.watches != batch.watches:
        raise Conflict("the checkpoint or the watches moved on: ask what is watched and read again")
    if batch.first > known.place.block + 1 or batch.checkpoint.block < batch.first - 1:
        text = f"{batch.first} to {batch.checkpoint.block} does not go on after {known.place.block}"
        raise Invalid("A batch leaves no block out.", details={"first": text})
    if not all(batch.first <= each.block_number <= batch.checkpoint.block for each in batch.logs):
        raise Invalid("A batch has logs of its own blocks only.", details={"logs": "a log of another block"})


def _without(these: Sequence[Stored], others: Sequence[Stored]) -> list[Stored]:
    identities = {each.identity for each in others}
    return [each for each in these if each.identity not in identities]


def _fact(chain_id: int, each: Stored) -> Fact:
    logged = each.logged
    return Fact(
        chain_id=chain_id,
        contract=each.contract,
        address=logged.address,
        event=logged.event,
        tx_hash=logged.tx_hash,
        log_index=logged.log_index,
        block_number=logged.block_number,
        block_hash=logged.block_hash,
    )
