"""Find what a path names, and whose it is: the few questions that every route asks.

Between: routes.* and store, peers.
Invariant: wallets are compared in lower case.
Errors: CoinNotFound, Forbidden, Invalid.
"""

from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from audifi.kernel.connection import Connection
from audifi.kernel.http import Body, Reply
from audifi.services.coin.errors import CoinNotFound, Forbidden, Invalid
from audifi.services.coin.parts import CoinCall
from audifi.services.coin.store import coins
from audifi.services.coin.store.coins import Coin

AMOUNT_CHARS_MAX: Final = 39  # 2^128 has 39 digits
Amount = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,38}\Z", description="base units or wei, above 0")]


class ArtistPath(Body):
    """Whose coin."""

    artist_id: UUID


class Linked(Reply):
    """A wallet, as auth-service tells it."""

    address: str


async def coin(connection: Connection, call: CoinCall) -> Coin:
    """Return the coin of the artist the path names."""
    found = await coins.of_artist(connection, str(call.parameters.artist_id))
    if found is None:
        raise CoinNotFound
    return found


def require_own(call: CoinCall) -> str:
    """Return the artist the path names, who must be the caller."""
    artist_id = str(call.parameters.artist_id)
    if artist_id != call.user().user_id:
        raise Forbidden("This is another artist's coin.")
    return artist_id


async def wallets_of(call: CoinCall, user_id: str) -> list[str]:
    """Return a user's wallets in lower case, the primary first."""
    linked = await call.deps.peers.get("auth-service", f"/internal/v1/users/{user_id}/wallets", list[Linked])
    return list(dict.fromkeys(each.address.lower() for each in linked))


async def own_wallet(call: CoinCall, named: str | None) -> str:
    """Return the caller's wallet that is meant: the one named, or the primary."""
    linked = await wallets_of(call, call.user().user_id)
    wallet = linked[0] if named is None and linked else (named or "").lower()
    if wallet not in linked:
        raise Invalid(details={"wallet": "must be one of your linked wallets"})
    return wallet
