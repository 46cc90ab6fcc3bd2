"""Hold a name for a while: of several pods one does the work, another takes over when it dies.

Between: holding (renews) and the table `leases`.
Units: seconds; the database's clock decides, because pods' clocks differ.
Invariant: a name has one holder; whoever let its time run out is not the holder any more, even if it thinks so.
Errors: what the driver raises, which kernel.database translates.
"""

from typing import Final

from audifi.kernel.connection import Connection

_TAKE: Final = """
INSERT INTO leases AS held (name, holder, until) VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
 WHERE held.holder = excluded.holder OR held.until < now()
RETURNING 1
"""
_RELEASE: Final = "DELETE FROM leases WHERE name = $1 AND holder = $2"


async def take(tx: Connection, name: str, holder: str, length_s: float) -> bool:
    """Take the name, or keep it; False while another holds it."""
    return await tx.fetchval(_TAKE, name, holder, length_s) is not None


async def release(tx: Connection, name: str, holder: str) -> None:
    """Let others have it at once."""
    await tx.execute(_RELEASE, name, holder)
