"""Say how the shares of a master fall into the tiers of Mover Advantage; pure.

Between: routes.mover and rules.money (the tiers themselves).
Units: ids; basis points.
Invariant: every id is in one tier, so the tiers' capacities add up to all shares.
Source: domain.md 2.2 "Mover Advantage", 9.1.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from audifi.services.nft.rules import money

EARLY_END = money.TIER_ENDS[-1]  # ids after it are in the last tier


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A range of ids that pay the same royalty; `last_id` None: to the end."""

    tier: int
    first_id: int
    last_id: int | None
    royalty_bps: int


@dataclass(frozen=True, kw_only=True)
class Occupancy:
    """How much of a tier a master has, and how much of that exists."""

    tier: Tier
    capacity: int
    minted: int


def tiers() -> list[Tier]:
    """Return all tiers, the best first."""
    firsts = (1, *(end + 1 for end in money.TIER_ENDS))
    lasts = (*money.TIER_ENDS, None)
    return [
        Tier(tier=number, first_id=first, last_id=last, royalty_bps=money.royalty_bps(number))
        for number, (first, last) in enumerate(zip(firsts, lasts, strict=True), start=1)
    ]


def occupancy(total_shares: int, early_ids: Iterable[int], minted: int) -> list[Occupancy]:
    """Divide what exists among the tiers; `early_ids` are the existing ids up to EARLY_END."""
    early = sorted(early_ids)
    found: list[Occupancy] = []
    for tier in tiers():
        last = total_shares if tier.last_id is None else min(tier.last_id, total_shares)
        capacity = max(0, last - tier.first_id + 1)
        in_tier = sum(tier.first_id <= each <= last for each in early)
        exists = minted - len(early) if tier.last_id is None else in_tier
        found.append(Occupancy(tier=tier, capacity=capacity, minted=exists))
    return found
