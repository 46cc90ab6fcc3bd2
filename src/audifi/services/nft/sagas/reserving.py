"""Hold shares for a buyer, and let them go again.

Between: routes.purchases (reserves), purchases_loop, sagas.cards and .reselling (let go), store.supply, .purchases.

How nothing is sold twice. A first sale raises the IPO's counter in one conditional statement; a resale takes the one
ACTIVE listing. Both come last in their transaction, so the row everybody wants is locked for one round trip and the
commit. Whoever lets go locks the same row first and leaves the purchase's state conditionally: the counter falls once.
Invariant: locks are taken in the order IPO or listing, then purchase.
Errors: SoldOut, InsufficientSupply, InvalidState.
Source: domain.md 2.2 "Purchase lifecycle", 2.8 (sales).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.services.nft.errors import InsufficientSupply, InvalidState, MasterNotFound
from audifi.services.nft.rules import sale
from audifi.services.nft.store import listings, purchases, supply
from audifi.services.nft.store.purchases import Purchase
from audifi.wire.amounts import wei
from audifi.wire.events import EventData
from audifi.wire.events.nft import PurchaseExpired, PurchaseRefundDue, PurchaseReserved

D = TypeVar("D", bound=EventData)
_TOLD: Final = {"EXPIRED": PurchaseExpired, "REFUND_DUE": PurchaseRefundDue}


def told(kind: Callable[..., D], purchase: Purchase, **more: Any) -> D:
    """Return an event about a purchase."""
    return kind(
        purchase_id=purchase.id,
        user_id=purchase.buyer_user_id,
        master_id=purchase.master_id,
        artist_id=purchase.artist_id,
        kind=purchase.kind,
        payment_method=purchase.payment_method,
        quantity=purchase.quantity,
        total_wei=wei(purchase.parts.total_wei),
        fee_wei=wei(purchase.parts.fee_wei),
        **more,
    )


async def reserve(tx: Connection, purchase: Purchase, now: datetime) -> None:
    """Hold what a purchase wants, or refuse."""
    event = told(PurchaseReserved, purchase)
    await outbox.add(tx, event, aggregate_id=purchase.id, actor_id=purchase.buyer_user_id)
    await purchases.insert(tx, purchase)
    if purchase.listing_id is not None:
        if not await listings.put_in_escrow(tx, purchase.listing_id):
            raise InvalidState("This share is not offered any more, or somebody is buying it.")
    elif not await supply.reserve(tx, purchase.master_id, purchase.quantity, now):
        await _refuse(tx, purchase, now)


async def _refuse(tx: Connection, purchase: Purchase, now: datetime) -> None:
    row = await tx.fetchrow(supply.FOR_SALE, purchase.master_id)
    offered = None if row is None else supply.for_sale(row)
    if offered is None:
        raise MasterNotFound
    sale.require_on_sale(offered.offer, purchase.quantity, now)
    raise InsufficientSupply  # it was just then that somebody let go of some: trying again helps


async def lock(tx: Connection, purchase: Purchase) -> None:
    """Lock what a purchase holds, before the purchase itself."""
    if purchase.listing_id is not None:
        await listings.lock(tx, purchase.listing_id)
    else:
        await supply.lock(tx, purchase.master_id)


async def let_go(  # whose, from which states to which, when and why
    tx: Connection,
    purchase: Purchase,
    *,
    states: Sequence[str],
    to: str,
    now: datetime,
    failure: str | None = None,
) -> bool:
    """End a purchase that holds shares and free them; False when it is in none of these states any more."""
    assert set(states) <= set(sale.HELD), "only what is held can be let go"
    await lock(tx, purchase)
    if not await purchases.leave(tx, purchase.id, states=states, to=to, now=now, failure=failure):
        return False
    if purchase.listing_id is not None:
        await listings.take_out_of_escrow(tx, purchase.listing_id)
    else:
        await supply.move(tx, purchase.master_id, reserved=-purchase.quantity, now=now)
    await announce_end(tx, purchase, to)
    return True


async def announce_end(tx: Connection, purchase: Purchase, to: str) -> None:
    """Tell others how a purchase ended, where somebody has to know."""
    kind = _TOLD.get(to)
    if kind is not None:
        await outbox.add(tx, told(kind, purchase), aggregate_id=purchase.id)
