"""Keep what services wanted of a chain, and what they were told became of it.

Between: consumers (adds), settled (tells) and the table `commands`, beside clients.chain's `transactions`.
Shape: one row per chain and key, for ever: the command as it came, and the state told last.
Invariant: a key stands for one command.
Errors: what the driver raises, which kernel.database translates.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from audifi.kernel.connection import Connection, changed
from audifi.wire.events.chain import AnyCommand

_INSERT: Final = """
INSERT INTO commands (chain_id, key, producer, command) VALUES ($1, $2, $3, $4) ON CONFLICT (chain_id, key) DO NOTHING
"""
_FIND: Final = "SELECT command, told FROM commands WHERE chain_id = $1 AND key = $2 FOR UPDATE"
_TELL: Final = "UPDATE commands SET told = $3, told_at = now() WHERE chain_id = $1 AND key = $2"


@dataclass(frozen=True)
class Asked:
    """A command and the state that was told last (None: nothing yet)."""

    command: AnyCommand
    told: str | None


async def insert(tx: Connection, *, chain_id: int, key: str, producer: str, command: AnyCommand) -> bool:
    """Remember a command; False when its key is there already."""
    return changed(await tx.execute(_INSERT, chain_id, key, producer, msgspec.json.encode(command).decode())) == 1


async def find(tx: Connection, chain_id: int, key: str) -> Asked | None:
    """Return what was asked by this key, locked; None for a transaction that no service asked for."""
    row = await tx.fetchrow(_FIND, chain_id, key)
    if row is None:
        return None
    return Asked(msgspec.json.decode(row["command"], type=AnyCommand), row["told"])


async def tell(tx: Connection, chain_id: int, key: str, state: str) -> None:
    await tx.execute(_TELL, chain_id, key, state)
