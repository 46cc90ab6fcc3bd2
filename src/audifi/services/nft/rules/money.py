"""Say who gets what when a share is sold, for the first time and again: fees, tiers, royalties.

Between: the sale and the marketplace (fill purchases), facts (checks what a contract split), routes (previews); pure.

The tier belongs to the token and never changes: 1 for ids up to 10, 2 up to 50, 3 up to 100, 4 beyond.
`resale_payments` is the one place that turns a resale into payments: the rival reading of Mover Advantage (the first
minters are paid, domain.md 9.1) would replace it, per IPO, and nothing else.
Units: wei; basis points (1/10 000).
Invariant: every part is floored but one, which takes the rest: the parts add up to the price to the last wei. The
contracts compute the same numbers (Master.sol `mint`, `royaltyInfo`; Market.sol `buy`).
Errors: ValueError for an id below 1, a tier that does not exist, a negative amount, or parts above the whole.
Source: domain.md 2.2 "Primary money rule", "Mover Advantage", 9.1, 9.18, 9.19.
"""

from collections.abc import Sequence
from typing import Final, Protocol

WHOLE_BPS: Final = 10_000
PRIMARY_FEE_BPS: Final = 250
SECONDARY_FEE_BPS: Final = 0  # domain.md 9.19
# The last id of each tier but the last, and what each tier's resale pays the artist.
TIER_ENDS: Final = (10, 50, 100)
ROYALTY_BPS: Final = (1000, 500, 300, 100)

ROYALTY: Final = "ROYALTY"
FEE: Final = "FEE"
SELLER: Final = "SELLER"


def part(amount: int, bps: int) -> int:
    """Return so many basis points of an amount, rounded down."""
    if amount < 0 or not 0 <= bps <= WHOLE_BPS:
        raise ValueError(f"{bps} basis points of {amount} is no part of an amount")
    return amount * bps // WHOLE_BPS


def primary_fee(total_wei: int) -> int:
    """Return the platform's part of a first sale; the artist gets the rest."""
    return part(total_wei, PRIMARY_FEE_BPS)


def tier(token_id: int) -> int:
    """Return 1 to 4, by the position at which the share was minted."""
    if token_id < 1:
        raise ValueError(f"{token_id} is no token id: they start at 1")
    return 1 + sum(token_id > end for end in TIER_ENDS)


def royalty_bps(tier_: int) -> int:
    """Return what a resale of a share of this tier pays the artist."""
    if not 1 <= tier_ <= len(ROYALTY_BPS):
        raise ValueError(f"{tier_} is no tier: they are 1 to {len(ROYALTY_BPS)}")
    return ROYALTY_BPS[tier_ - 1]


def resale_split(price_wei: int, royalty_bps: int, fee_bps: int = SECONDARY_FEE_BPS) -> list[tuple[str, int]]:
    """Return (role, amount) for ROYALTY, FEE and SELLER, in this order; the seller takes what the others leave."""
    royalty, fee = part(price_wei, royalty_bps), part(price_wei, fee_bps)
    seller = price_wei - royalty - fee
    if seller < 0:
        raise ValueError(f"royalty ({royalty_bps}) and fee ({fee_bps}) together exceed the price")
    return [(ROYALTY, royalty), (FEE, fee), (SELLER, seller)]


class ResoldShare(Protocol):
    """What a payment needs to know of a share."""

    @property
    def royalty_bps(self) -> int: ...
    @property
    def owner_wallet(self) -> str: ...


class ResaleTerms(Protocol):
    """What it needs to know of the IPO the share came from."""

    @property
    def artist_wallet(self) -> str: ...
    @property
    def platform_wallet(self) -> str: ...
    @property
    def secondary_fee_bps(self) -> int: ...


def resale_payments(price_wei: int, share: ResoldShare, ipo: ResaleTerms) -> Sequence[tuple[str, int]]:
    """Return (wallet, amount) of a resale: artist, platform, seller; whoever gets nothing is left out."""
    wallets = {ROYALTY: ipo.artist_wallet, FEE: ipo.platform_wallet, SELLER: share.owner_wallet}
    split = resale_split(price_wei, share.royalty_bps, ipo.secondary_fee_bps)
    return [(wallets[role], amount) for role, amount in split if amount]
