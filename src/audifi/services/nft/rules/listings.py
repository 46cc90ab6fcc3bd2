"""Decide who may offer a share for resale, and at what price.

Between: routes.listings (asks), sagas.reselling; pure.

    PENDING_CHAIN ──Listed──► ACTIVE ⇄ IN_ESCROW ──Sold──► SOLD
          └──────────────── withdrawn, Delisted, transferred ──► CANCELLED

PENDING_CHAIN is a wish: the owner's wallet still has to approve and list. Somebody is buying: IN_ESCROW.
Units: wei.
Invariant: only ACTIVE can be bought; a share has at most one offer that is ACTIVE or IN_ESCROW.
Errors: Forbidden, InvalidState, Invalid.
Source: domain.md 2.2 "listings", 2.8 "Secondary sale"; contracts/src/Market.sol (prices are uint96).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from audifi.services.nft.errors import Forbidden, Invalid, InvalidState

PRICE_WEI_MAX: Final = 2**96 - 1
WITHDRAWABLE: Final = ("PENDING_CHAIN", "ACTIVE")


def require_price(price_wei: int) -> None:
    """Refuse what the marketplace contract cannot hold."""
    if not 1 <= price_wei <= PRICE_WEI_MAX:
        raise Invalid(details={"priceWei": f"must be 1 to {PRICE_WEI_MAX}"})


def require_listable(
    *, owner_wallet: str, wallets: Collection[str], staked_until: datetime | None, now: datetime
) -> None:
    """Refuse a share that is somebody else's, or put away."""
    if owner_wallet not in wallets:
        raise Forbidden("This share is not in one of your linked wallets.")
    if staked_until is not None and staked_until > now:
        raise InvalidState("This share is staked.", details={"stakedUntil": staked_until.isoformat()})
