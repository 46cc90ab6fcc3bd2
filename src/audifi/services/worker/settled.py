"""Tell who asked what became of it, in the database transaction that knows.

Between: clients.chain.writing (calls `told` when a transaction becomes confirmed, final, failed or refused, and when a
reorg takes `confirmed` back), store.commands (who asked for what) and the outbox (chain.settled).

What is told. CONFIRMED: it succeeded and is deep enough to act on. FINAL: it cannot be undone; it may come without a
CONFIRMED before. FAILED: it reverted, for good. REFUSED: it never happens. UNDONE: what was CONFIRMED is not any more.
What is not: a revert that is confirmed but may still be undone, and a filler that took a nonce; their end is told.
Already done: refused or failed because it is so already is FINAL, without a hash: the facts say where it happened.
Invariant: the state told last is in the row; UNDONE is told only after CONFIRMED.
Errors: those of kernel.database: the transaction's step is undone with it, and taken again.
Source: wire/events/chain.py; docs/chain-transactions.md.
"""

from audifi.clients.chain.contracts.addresses import created
from audifi.clients.chain.writing import ledger
from audifi.clients.chain.writing.ledger import State, Transaction
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.worker import commands
from audifi.services.worker.store import commands as rows
from audifi.services.worker.store.commands import Asked
from audifi.wire.events.chain import ChainSettled

CONFIRMED, FINAL, FAILED, REFUSED, UNDONE = "CONFIRMED", "FINAL", "FAILED", "REFUSED", "UNDONE"


async def told(tx: Connection, row: Transaction) -> None:
    """Tell the news of this transaction, if a service asked for it and it is news."""
    asked = await rows.find(tx, row.chain_id, row.key)
    if asked is None:
        return
    state = await _state(tx, row, asked)
    if state is not None and state != asked.told:
        await rows.tell(tx, row.chain_id, row.key, state)
        await _publish(tx, row, state)


async def again(tx: Connection, row: Transaction, asked: Asked) -> None:
    """Tell what was told last once more: a service that asks twice may have missed the answer."""
    if asked.told is not None:
        await _publish(tx, row, asked.told)


async def _state(tx: Connection, row: Transaction, asked: Asked) -> str | None:
    match row.state:
        case State.CONFIRMED:
            return None if row.reverted or await _is_filler(tx, row) else CONFIRMED
        case State.FINAL:
            return FINAL
        case State.FAILED | State.REFUSED:
            if commands.is_done_already(asked.command, row.error or ""):
                return FINAL
            return FAILED if row.state is State.FAILED else REFUSED
        case _:
            return UNDONE if asked.told == CONFIRMED else None


async def _is_filler(tx: Connection, row: Transaction) -> bool:
    return any(each.is_filler and each.hash == row.hash for each in await ledger.versions(tx, row.id))


async def _publish(tx: Connection, row: Transaction, state: str) -> None:
    has_happened = state in (CONFIRMED, FINAL) and row.state in (State.CONFIRMED, State.FINAL)
    makes_contract = has_happened and row.to is None and row.nonce is not None
    settled = ChainSettled(
        key=row.key,
        chain_id=row.chain_id,
        state=state,
        tx_hash=row.hash if has_happened or state == FAILED else None,
        block_number=row.block_number if has_happened or state == FAILED else None,
        contract=created(row.signer, row.nonce) if makes_contract and row.nonce is not None else None,
        error=row.error if state in (FAILED, REFUSED) else None,
    )
    await outbox.add(tx, settled, aggregate_id=row.key)
