"""Know which contents are safe and have not been announced.

Between: announcing (tells the queue) and clients.ipfs's tables `contents` and `pins`, with our column `announced_at`.
Invariant: announced in the transaction that notes it; a content wanted again is announced again.
Errors: what the driver raises, which kernel.database translates.
"""

from datetime import datetime
from typing import Final

from audifi.clients.ipfs.policy import FIRST_COPY
from audifi.kernel.connection import Connection

_ANNOUNCE: Final = """
UPDATE contents SET announced_at = $2 WHERE cid IN (
    SELECT contents.cid FROM contents JOIN pins ON pins.cid = contents.cid AND pins.provider = $1
     WHERE announced_at IS NULL AND pins.state = 'verified' LIMIT $3 FOR UPDATE OF contents SKIP LOCKED)
RETURNING cid
"""
_AGAIN: Final = "UPDATE contents SET announced_at = NULL WHERE cid = $1 AND announced_at IS NOT NULL"


async def announce(tx: Connection, *, now: datetime, limit: int) -> list[str]:
    """Take contents whose first copy is verified, and note that they are announced."""
    return [row["cid"] for row in await tx.fetch(_ANNOUNCE, FIRST_COPY, now, limit)]


async def announce_again(tx: Connection, cid: str) -> None:
    """Have somebody else hear of it too."""
    await tx.execute(_AGAIN, cid)
