"""Keep transactions and their signed versions in PostgreSQL: the one memory of what was sent.

Between: nonces, transactions (open database transactions, call these) and the worker's tables
`signers`, `transactions` and `transaction_versions` (services/worker/sql).
Shape: a transaction has one nonce or none yet, and as many versions as it was signed with different fees, oldest first.
Units: wei; timestamps aware, UTC.
Invariant: `save` writes only what nobody changed since it was read (`revision`), and claiming is a change: a keeper
that was overtaken, by another pod or by its own lease, changes nothing. A nonce is in one row (unique index).
Errors: Overtaken; what the driver raises, which kernel.database translates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from audifi.kernel.connection import Connection, Row, changed


class State(StrEnum):
    """Where a transaction is; docs/chain-transactions.md has the table."""

    WANTED = "wanted"
    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    CONFIRMED = "confirmed"
    FINAL = "final"
    FAILED = "failed"
    REFUSED = "refused"


class Overtaken(Exception):
    """Another keeper changed this transaction: what it did stands."""


SETTLED: Final = frozenset({State.FINAL, State.FAILED, State.REFUSED})
UNDER_WAY: Final = frozenset({State.SIGNED, State.SENT, State.MINED, State.CONFIRMED})
UNSETTLED: Final = UNDER_WAY | {State.WANTED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """One row of `transactions`."""

    id: UUID
    chain_id: int
    signer: str
    key: str
    to: str | None
    data: bytes
    value_wei: int
    gas: int | None
    state: State = State.WANTED
    nonce: int | None = None
    hash: str | None = None
    block_number: int | None = None
    block_hash: str | None = None
    reverted: bool = False
    gone: bool = False
    nonce_used_block: int | None = None
    error: str | None = None
    tries: int = 0
    next_at: datetime
    revision: int = 0
    created_at: datetime

    @property
    def is_settled(self) -> bool:
        return self.state in SETTLED


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """What was signed, once: bytes that may be on their way for ever."""

    transaction_id: UUID
    number: int
    hash: str
    raw: bytes
    is_filler: bool
    gas: int
    fee_max_wei: int
    tip_max_wei: int
    signed_at: datetime


_COLUMNS: Final = """id, chain_id, signer, key, recipient, data, value_wei, gas, state, nonce, hash, block_number,
       block_hash, reverted, gone, nonce_used_block, error, tries, next_at, revision, created_at"""
_INSERT: Final = """
INSERT INTO transactions (id, chain_id, signer, key, recipient, data, value_wei, gas, next_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (chain_id, signer, key) DO NOTHING
"""
_BY_KEY: Final = f"SELECT {_COLUMNS} FROM transactions WHERE chain_id = $1 AND signer = $2 AND key = $3"  # noqa: S608
_CLAIM: Final = f"""
UPDATE transactions SET next_at = $4, revision = revision + 1
 WHERE id = (SELECT id FROM transactions
              WHERE chain_id = $1 AND signer = $2 AND next_at <= $3 AND state = ANY($5::text[])
                AND state NOT IN ('final', 'failed', 'refused') -- for the index
              ORDER BY next_at, created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""  # noqa: S608  # our own column list
_SAVE: Final = """
UPDATE transactions
   SET state = $3, nonce = $4, hash = $5, block_number = $6, block_hash = $7, reverted = $8, gone = $9,
       nonce_used_block = $10, error = $11, tries = $12, next_at = $13, revision = revision + 1, updated_at = now()
 WHERE id = $1 AND revision = $2
"""
_VERSIONS: Final = """
SELECT transaction_id, number, hash, raw, is_filler, gas, fee_max_wei, tip_max_wei, signed_at
  FROM transaction_versions WHERE transaction_id = $1 ORDER BY number
"""
_ADD_VERSION: Final = """
INSERT INTO transaction_versions
       (transaction_id, number, hash, raw, is_filler, gas, fee_max_wei, tip_max_wei, signed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_OPEN_SIGNER: Final = """
INSERT INTO signers (chain_id, address, next_nonce) VALUES ($1, $2, $3) ON CONFLICT (chain_id, address) DO NOTHING
"""
_LOCK_SIGNER: Final = "SELECT next_nonce FROM signers WHERE chain_id = $1 AND address = $2 FOR UPDATE"
_NEXT_NONCE: Final = "SELECT next_nonce FROM signers WHERE chain_id = $1 AND address = $2"
_HAND_OUT: Final = "UPDATE signers SET next_nonce = $3, updated_at = now() WHERE chain_id = $1 AND address = $2"
_OUTSTANDING: Final = """
SELECT coalesce(sum(value_wei + (SELECT max(version.gas * version.fee_max_wei) FROM transaction_versions version
                                  WHERE version.transaction_id = transactions.id)), 0)
  FROM transactions WHERE chain_id = $1 AND signer = $2 AND state IN ('signed', 'sent')
"""
_LOWEST: Final = """
SELECT min(nonce) FROM transactions WHERE chain_id = $1 AND signer = $2 AND state IN ('signed', 'sent')
"""
_HAS_NONCE: Final = "SELECT 1 FROM transactions WHERE chain_id = $1 AND signer = $2 AND nonce = $3"
_CENSUS: Final = """
SELECT state, count(*) AS rows, coalesce(extract(epoch FROM $3 - min(created_at)), 0)::float8 AS oldest_s
  FROM transactions WHERE chain_id = $1 AND signer = $2 AND state NOT IN ('final', 'failed', 'refused') GROUP BY state
"""


async def insert(tx: Connection, wanted: Transaction) -> bool:
    """Add a transaction; False when its key is there already (then waits for whoever is adding it)."""
    tag = await tx.execute(
        _INSERT,
        wanted.id,
        wanted.chain_id,
        wanted.signer,
        wanted.key,
        wanted.to,
        wanted.data,
        Decimal(wanted.value_wei),
        wanted.gas,
        wanted.next_at,
        wanted.created_at,
    )
    return changed(tag) == 1


async def by_key(tx: Connection, chain_id: int, signer: str, key: str) -> Transaction | None:
    row = await tx.fetchrow(_BY_KEY, chain_id, signer, key)
    return None if row is None else _transaction(row)


async def claim(
    tx: Connection, chain_id: int, signer: str, *, states: Iterable[State], now: datetime, lease: timedelta
) -> Transaction | None:
    """Take the transaction in one of these states that is due for longest, for as long as the lease."""
    row = await tx.fetchrow(_CLAIM, chain_id, signer, now, now + lease, [state.value for state in states])
    return None if row is None else _transaction(row)


async def save(tx: Connection, new: Transaction) -> Transaction:
    """Write what changed in a transaction that was read at `new.revision`.

    Raises: Overtaken, so that whatever else this database transaction did is undone too.
    """
    tag = await tx.execute(
        _SAVE,
        new.id,
        new.revision,
        new.state.value,
        new.nonce,
        new.hash,
        new.block_number,
        new.block_hash,
        new.reverted,
        new.gone,
        new.nonce_used_block,
        new.error,
        new.tries,
        new.next_at,
    )
    if changed(tag) != 1:
        raise Overtaken(f"transaction {new.key} changed since revision {new.revision}")
    return replace(new, revision=new.revision + 1)


async def versions(tx: Connection, transaction_id: UUID) -> list[Version]:
    return [_version(row) for row in await tx.fetch(_VERSIONS, transaction_id)]


async def add_version(tx: Connection, version: Version) -> None:
    await tx.execute(
        _ADD_VERSION,
        version.transaction_id,
        version.number,
        version.hash,
        version.raw,
        version.is_filler,
        version.gas,
        Decimal(version.fee_max_wei),
        Decimal(version.tip_max_wei),
        version.signed_at,
    )


async def open_signer(tx: Connection, chain_id: int, address: str, next_nonce: int) -> None:
    """Begin to count at `next_nonce`, unless somebody began already."""
    await tx.execute(_OPEN_SIGNER, chain_id, address, next_nonce)


async def lock_signer(tx: Connection, chain_id: int, address: str) -> int:
    """Return the next nonce; until the transaction ends nobody else gets it."""
    return int(await tx.fetchval(_LOCK_SIGNER, chain_id, address))


async def next_nonce(tx: Connection, chain_id: int, address: str) -> int | None:
    """Return the count without locking it; None before the first transaction."""
    return await tx.fetchval(_NEXT_NONCE, chain_id, address)


async def hand_out(tx: Connection, chain_id: int, address: str, next_nonce: int) -> None:
    await tx.execute(_HAND_OUT, chain_id, address, next_nonce)


async def outstanding_wei(tx: Connection, chain_id: int, signer: str) -> int:
    """Return what the signer's transactions that are not mined yet may cost at most."""
    return int(await tx.fetchval(_OUTSTANDING, chain_id, signer))


async def lowest_nonce(tx: Connection, chain_id: int, signer: str) -> int | None:
    """Return the nonce all others wait for."""
    return await tx.fetchval(_LOWEST, chain_id, signer)


async def has_nonce(tx: Connection, chain_id: int, signer: str, nonce: int) -> bool:
    return bool(await tx.fetchval(_HAS_NONCE, chain_id, signer, nonce))


async def census(tx: Connection, chain_id: int, signer: str, now: datetime) -> Mapping[State, tuple[int, float]]:
    """Return, for each state that is not the last, how many there are and the age of the oldest in seconds."""
    rows = await tx.fetch(_CENSUS, chain_id, signer, now)
    return {State(row["state"]): (int(row["rows"]), float(row["oldest_s"])) for row in rows}


def _transaction(row: Row) -> Transaction:
    return Transaction(
        id=row["id"],
        chain_id=row["chain_id"],
        signer=row["signer"],
        key=row["key"],
        to=row["recipient"],
        data=bytes(row["data"]),
        value_wei=int(row["value_wei"]),
        gas=row["gas"],
        state=State(row["state"]),
        nonce=row["nonce"],
        hash=row["hash"],
        block_number=row["block_number"],
        block_hash=row["block_hash"],
        reverted=row["reverted"],
        gone=row["gone"],
        nonce_used_block=row["nonce_used_block"],
        error=row["error"],
        tries=row["tries"],
        next_at=row["next_at"],
        revision=row["revision"],
        created_at=row["created_at"],
    )


def _version(row: Row) -> Version:
    return Version(
        transaction_id=row["transaction_id"],
        number=row["number"],
        hash=row["hash"],
        raw=bytes(row["raw"]),
        is_filler=row["is_filler"],
        gas=row["gas"],
        fee_max_wei=int(row["fee_max_wei"]),
        tip_max_wei=int(row["tip_max_wei"]),
        signed_at=row["signed_at"],
    )
