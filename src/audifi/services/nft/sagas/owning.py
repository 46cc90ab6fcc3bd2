"""Let shares know the account of their wallet, as wallets are linked and unlinked.

Between: the queue (auth-service's `wallet.linked`, `wallet.unlinked`), routes (what they learn when they ask it),
store.wallets.
Invariant: events in any order, any number of times, end in the newest one's word.
Source: domain.md 2.2 "Consumes" (wallet.linked).
"""

from audifi.kernel.connection import Connection
from audifi.kernel.queue import Handler
from audifi.services.nft.parts import Parts
from audifi.services.nft.store import wallets
from audifi.wire.events import Event, data_of
from audifi.wire.events.auth import WalletLinked, WalletUnlinked


def handlers(_parts: Parts) -> dict[str, Handler]:
    """Return what concerns wallets."""

    async def on_wallet(tx: Connection, event: Event) -> None:
        data = data_of(event)
        assert isinstance(data, WalletLinked | WalletUnlinked), "the registry maps these types to these classes"
        user_id = data.user_id if isinstance(data, WalletLinked) else None
        await wallets.remember(tx, data.address.lower(), data.chain_id, user_id, event.occurred_at)

    return {"wallet.linked": on_wallet, "wallet.unlinked": on_wallet}
