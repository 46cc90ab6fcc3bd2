"""Keep what the sagas of masters asked of chains, and what became of it.

Between: sagas.steps (asks, and reads how far a step is).
Shape: a step's name, with `:` and its part when it consists of several commands: `RESERVE:901-1000`.
Invariant: a key is asked once; of several asks for a step the last counts; of two words about a command the later one
counts, and FINAL is the last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from audifi.kernel.connection import Connection, changed
from audifi.wire.events.chain import ChainSettled


class State(Enum):
    """How far a part of a step is."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True)
class Asked:
    """A command, and for whom."""

    key: str
    master_id: str
    step: str
    ask: int
    is_last: bool = True  # nothing was asked for this step after it


@dataclass(frozen=True)
class Part:
    """What became of one part of a step."""

    state: State
    tries: int
    block_number: int | None


async def put(tx: Connection, asked: Asked) -> None:
    """Note what is asked."""
    await tx.execute(
        "INSERT INTO nft.commands (key, master_id, step, ask) VALUES ($1, $2, $3, $4)",
        asked.key,
        asked.master_id,
        asked.step,
        asked.ask,
    )


async def find(connection: Connection, key: str) -> Asked | None:
    """Return for whom something was asked; None when it was not us."""
    row = await connection.fetchrow(
        """SELECT c.key, c.master_id, c.step, c.ask, NOT EXISTS (
                      SELECT 1 FROM nft.commands later
                       WHERE later.master_id = c.master_id AND later.step = c.step AND later.ask > c.ask) AS is_last
             FROM nft.commands c WHERE c.key = $1""",
        key,
    )
    return None if row is None else Asked(row["key"], str(row["master_id"]), row["step"], row["ask"], row["is_last"])


async def settle(tx: Connection, settled: ChainSettled, at: datetime) -> bool:
    """Note what became of it; False when we know more already."""
    tag = await tx.execute(
        """UPDATE nft.commands SET state = $2, tx_hash = $3, block_number = $4, contract = lower($5), error = $6,
                  settled_at = $7
            WHERE key = $1 AND state <> 'FINAL' AND (settled_at IS NULL OR settled_at <= $7)""",
        settled.key,
        settled.state,
        settled.tx_hash,
        settled.block_number,
        settled.contract,
        settled.error,
        at,
    )
    return changed(tag) == 1


async def parts(connection: Connection, master_id: str, step: str) -> Mapping[str, Part]:
    """Return how far each part of a step is, by its name."""
    rows = await connection.fetch(
        """SELECT DISTINCT ON (step) step, state, block_number, count(*) OVER (PARTITION BY step) AS tries
             FROM nft.commands WHERE master_id = $1 AND split_part(step, ':', 1) = $2 ORDER BY step, ask DESC""",
        master_id,
        step,
    )
    return {row["step"]: Part(_STATES[row["state"]], int(row["tries"]), row["block_number"]) for row in rows}


_STATES: Final = {
    "WANTED": State.WAITING,
    "UNDONE": State.WAITING,
    "CONFIRMED": State.DONE,
    "FINAL": State.DONE,
    "FAILED": State.FAILED,
    "REFUSED": State.FAILED,
}
