"""Take over what the chain tells of our contracts, log by log, in its order.

Between: clients.chain.mirroring (calls `applied` and `undone`, in the transaction that remembers the log) and sagas.
Invariant: a log that comes, goes and comes again leaves what it left the first time.
Source: domain.md 2.2 "Chain interactions".
"""

from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel.connection import Connection


async def applied(_tx: Connection, _fact: Fact) -> None:
    """A log came."""


async def undone(_tx: Connection, _fact: Fact) -> None:
    """A reorg took a log away."""
