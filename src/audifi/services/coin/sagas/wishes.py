"""Ask for something on a chain, in the transaction of the change that makes it necessary.

Between: the sagas of this folder and the outbox (chain.wanted).
"""

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.coin.rules.keys import Key
from audifi.wire.events.chain import AnyCommand, ChainWanted

SUCCEEDED = ("CONFIRMED", "FINAL")
NEVER = ("FAILED", "REFUSED")


async def want(tx: Connection, key: Key, chain_id: int, command: AnyCommand) -> None:
    """Want it; twice under one key is once."""
    wanted = ChainWanted(key=key.text, chain_id=chain_id, command=command)
    await outbox.add(tx, wanted, aggregate_id=key.artist_id)
