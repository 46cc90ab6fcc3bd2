"""Decide what becomes of a transaction, from what the chain says about it now. Pure.

Between: transactions (asks the chain, then this, then writes) and docs/chain-transactions.md (the table).

Depth. A receipt is believed by how deep its block is: at once `mined`, from act_confirmations on `confirmed` (others
may act on it), from final_confirmations on `final`, `failed` (it reverted) or `refused` (a filler took the nonce).
Reorg. Until then a receipt may go: the transaction is `sent` again, and the same bytes are sent again. It may come back
in another block, or another version of the same nonce may be mined instead: the newest receipt decides.
Nonce used by a stranger. When a node says so and no version has a receipt, nothing is decided until the chain is
final_confirmations further: a provider that lags has no receipt either. Then it is `refused`: what the nonce paid for
was not ours, and a second nonce for the same wish is never taken by a program.

Units: *_s seconds; depths in blocks, the block itself counts as 1.
Invariant: a settled state is never left; a nonce never changes.
Errors: ChainUnavailable for an answer that is no receipt.
Source: domain.md 2.2 (confirmations); ChainFacts of wire.chains; decided here: the pauses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from audifi.clients.chain.access import quantity
from audifi.clients.chain.writing.ledger import State, Transaction, Version
from audifi.wire.chains import ChainFacts

FIRST_PAUSE_S: Final = 0.5
BLOCKS_BETWEEN_LOOKS: Final = 10  # a mined transaction far from its next depth is looked at for reorgs this often
STUCK_BLOCKS: Final = 5  # the offer was good for six full blocks (fees.py)
STUCK_S_MIN: Final = 30.0
STUCK_S_MAX: Final = 600.0
_TRIES_MAX: Final = 16  # 2^16 pauses are longer than any cap
_RESEND_EVERY: Final = 16


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the chain says a version is."""

    hash: str
    block_number: int
    block_hash: str
    succeeded: bool


def receipt(answer: Mapping[str, Any] | None) -> Receipt | None:
    """Read eth_getTransactionReceipt; None while the transaction is in no block.

    {"transactionHash": "0x…", "blockNumber": "0x10", "blockHash": "0x…", "status": "0x1", …}
    """
    if answer is None or not answer.get("blockHash") or not answer.get("blockNumber"):
        return None
    return Receipt(
        str(answer.get("transactionHash")).lower(),
        quantity(answer["blockNumber"]),
        str(answer["blockHash"]).lower(),
        quantity(answer.get("status")) == 1,
    )


def mined(transaction: Transaction, version: Version, seen: Receipt, head: int, facts: ChainFacts) -> Transaction:
    """Return the transaction as a receipt of one of its versions leaves it."""
    depth = head - seen.block_number + 1
    return replace(
        transaction,
        state=_state(depth, version, succeeded=seen.succeeded, facts=facts),
        hash=seen.hash,
        block_number=seen.block_number,
        block_hash=seen.block_hash,
        reverted=not seen.succeeded,
        nonce_used_block=None,
        error=transaction.error if version.is_filler or not seen.succeeded else None,
    )


def _state(depth: int, version: Version, *, succeeded: bool, facts: ChainFacts) -> State:
    if depth < max(facts.act_confirmations, 1):
        return State.MINED
    if depth < facts.final_confirmations:
        return State.CONFIRMED
    if version.is_filler:
        return State.REFUSED
    return State.FINAL if succeeded else State.FAILED


def unmined(transaction: Transaction) -> Transaction:
    """Return the transaction after its block went, or before it has one: the same bytes are sent again."""
    return replace(
        transaction,
        state=State.SENT if transaction.state in (State.MINED, State.CONFIRMED) else transaction.state,
        block_number=None,
        block_hash=None,
        reverted=False,
    )


def nonce_used(transaction: Transaction, head: int, facts: ChainFacts) -> Transaction:
    """Return the transaction after a node said its nonce is used, while no version of it has a receipt."""
    since = head if transaction.nonce_used_block is None else min(transaction.nonce_used_block, head)
    if head - since < facts.final_confirmations:
        return replace(transaction, nonce_used_block=since)
    reason = f"nonce {transaction.nonce} was used by a transaction that is not ours: the key is used elsewhere"
    return replace(transaction, state=State.REFUSED, nonce_used_block=since, error=reason)


def pause_s(tries: int, most_s: float) -> float:
    """Return how long to wait after so many looks without progress: half a second, doubled up to `most_s`."""
    return float(min(FIRST_PAUSE_S * 2.0 ** min(tries, _TRIES_MAX), most_s))


def next_look(transaction: Transaction, head: int, facts: ChainFacts, now: datetime) -> datetime:
    """Return when it is worth looking at a transaction on its way again."""
    blocks = 1
    if transaction.block_number is not None:
        depth = head - transaction.block_number + 1
        wanted = facts.act_confirmations if transaction.state is State.MINED else facts.final_confirmations
        blocks = min(max(wanted - depth, 1), BLOCKS_BETWEEN_LOOKS)
    return now + timedelta(seconds=pause_s(transaction.tries, blocks * facts.block_time_s))


def is_resend_due(tries: int) -> bool:
    """At the looks 1, 2, 4, 8, 16 and every 16th: nodes forget, but not every few seconds."""
    return tries & (tries - 1) == 0 or tries % _RESEND_EVERY == 0


def is_stuck(versions: Sequence[Version], facts: ChainFacts, now: datetime) -> bool:
    """Whether the newest version had its time; each version gets twice the time of the one before."""
    patience_s = max(STUCK_BLOCKS * facts.block_time_s, STUCK_S_MIN) * 2.0 ** (len(versions) - 1)
    return now - versions[-1].signed_at >= timedelta(seconds=min(patience_s, STUCK_S_MAX))
