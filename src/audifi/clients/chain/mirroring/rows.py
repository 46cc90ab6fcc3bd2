"""Keep watches, checkpoints and logs in the three tables of tables.sql.

Between: mirror (decides) and the service's schema (search_path).
Units: blocks by number; the arguments of an event are JSON with whole numbers of any size.
Invariant: a checkpoint is read `for_update` by whoever changes it or the logs.
Errors: what the driver raises, which kernel.database translates.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audifi.clients.chain.contracts import events
from audifi.clients.chain.contracts.events import Event, Logged
from audifi.clients.chain.mirroring.messages import Place, Watch
from audifi.kernel.connection import Connection, Row, changed

_WATCH: Final = """
INSERT INTO chain_watches (chain_id, address, contract, from_block) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
# A new watch in blocks that were mirrored without it takes the checkpoint back to the block before.
_COUNT: Final = """
INSERT INTO chain_checkpoints AS old (chain_id, block, watches) VALUES ($1, $2, 1)
ON CONFLICT (chain_id) DO UPDATE SET watches = old.watches + 1,
       block = least(old.block, excluded.block), hash = CASE WHEN old.block <= excluded.block THEN old.hash END
"""
_WATCHED: Final = "SELECT address, contract FROM chain_watches WHERE chain_id = $1 ORDER BY address"
_CONTRACTS: Final = "SELECT address, contract FROM chain_watches WHERE chain_id = $1 AND address = ANY($2::text[])"
_CHECKPOINT: Final = "SELECT block, hash, watches FROM chain_checkpoints WHERE chain_id = $1"
_MOVE: Final = "UPDATE chain_checkpoints SET block = $2, hash = $3 WHERE chain_id = $1"
_COLUMNS: Final = "tx_hash, log_index, block_number, block_hash, address, contract, name, arguments"
# Also those of the same transactions elsewhere: a transaction is in one block only, so these were undone unseen.
_STORED: Final = f"""
SELECT {_COLUMNS} FROM chain_logs WHERE chain_id = $1 AND block_number BETWEEN $2 AND $3
UNION
SELECT {_COLUMNS} FROM chain_logs WHERE chain_id = $1 AND tx_hash = ANY($4::text[])
"""  # noqa: S608  # our own column list
_DELETE: Final = "DELETE FROM chain_logs WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3"
_INSERT: Final = f"INSERT INTO chain_logs (chain_id, {_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"  # noqa: S608
_END: Final = 2**62  # past every block


@dataclass(frozen=True)
class Checkpoint:
    """How far a chain is mirrored, and for how many addresses."""

    place: Place
    watches: int


@dataclass(frozen=True)
class Stored:
    """A log of ours, and the kind of contract that wrote it."""

    contract: str
    logged: Logged

    @property
    def identity(self) -> tuple[str, int, str]:
        return self.logged.tx_hash, self.logged.log_index, self.logged.block_hash

    @property
    def order(self) -> tuple[int, int]:
        return self.logged.block_number, self.logged.log_index


async def add_watch(tx: Connection, chain_id: int, watch: Watch, from_block: int) -> None:
    """Watch an address from this block on; again changes nothing."""
    if changed(await tx.execute(_WATCH, chain_id, watch.address, watch.contract, from_block)) == 1:
        await tx.execute(_COUNT, chain_id, from_block - 1)


async def watches(connection: Connection, chain_id: int) -> list[Watch]:
    return [Watch(row["address"], row["contract"]) for row in await connection.fetch(_WATCHED, chain_id)]


async def contracts(connection: Connection, chain_id: int, addresses: Iterable[str]) -> Mapping[str, str]:
    """Return the kind of contract at each of these addresses that is watched."""
    rows = await connection.fetch(_CONTRACTS, chain_id, list(set(addresses)))
    return {row["address"]: row["contract"] for row in rows}


async def checkpoint(connection: Connection, chain_id: int, *, for_update: bool = False) -> Checkpoint | None:
    row = await connection.fetchrow(_CHECKPOINT + (" FOR UPDATE" if for_update else ""), chain_id)
    return None if row is None else Checkpoint(Place(row["block"], row["hash"]), row["watches"])


async def move(tx: Connection, chain_id: int, place: Place) -> None:
    await tx.execute(_MOVE, chain_id, place.block, place.hash)


async def stored(
    tx: Connection, chain_id: int, first: int, last: int | None, transactions: Iterable[str]
) -> list[Stored]:
    """Return the logs of these blocks (`last` None: of all from `first` on), and others of these transactions."""
    end = _END if last is None else last
    return [_stored(row) for row in await tx.fetch(_STORED, chain_id, first, end, list(set(transactions)))]


async def delete(tx: Connection, chain_id: int, gone: Sequence[Stored]) -> None:
    await tx.executemany(_DELETE, [(chain_id, each.logged.tx_hash, each.logged.log_index) for each in gone])


async def insert(tx: Connection, chain_id: int, new: Sequence[Stored]) -> None:
    await tx.executemany(_INSERT, [_row(chain_id, each) for each in new])


def _row(chain_id: int, each: Stored) -> tuple[object, ...]:
    logged = each.logged
    return (
        chain_id,
        logged.tx_hash,
        logged.log_index,
        logged.block_number,
        logged.block_hash,
        logged.address,
        each.contract,
        type(logged.event).__name__,
        json.dumps(vars(logged.event)),  # not msgspec: it reads numbers beyond 64 bits as floats
    )


def _stored(row: Row) -> Stored:
    return Stored(
        contract=row["contract"],
        logged=Logged(
            event=_event(row["contract"], row["name"], row["arguments"]),
            address=row["address"],
            block_number=row["block_number"],
            block_hash=row["block_hash"],
            tx_hash=row["tx_hash"],
            log_index=row["log_index"],
        ),
    )


def _event(contract: str, name: str, arguments: str) -> Event:
    kind = next(kind for kind in events.TYPES[contract].values() if kind.__name__ == name)
    return kind(**json.loads(arguments))
