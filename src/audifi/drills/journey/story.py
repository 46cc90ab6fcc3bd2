"""Say what happens in the journey, as numbers: everything that can be known before it is played.

Between: play and its acts (do it), agreement (compares what came of it).
Shape: `Story.drawn(fans, seed)`: the same two numbers tell the same story, whoever plays it.
Units: wei; base units (10^-18 coin); `*_bps` 1/10 000.
Invariant: the quantities of all orders are the public supply, so the last buyer sells it out; the price is odd, so
every division leaves a remainder.
Errors: ValueError for fewer than two fans or more than the story can pay for.
Source: domain.md 2.2 (limits: 1-10 shares a purchase), 2.5 (allocation), 2.8.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

FANS_MIN: Final = 2  # one sells, another buys
FANS_MAX: Final = 400  # 1000 magic links an hour for everybody: domain.md 5.5
QUANTITIES: Final = (1, 1, 2, 2, 3, 4, 5, 6, 8, 10)
CHAIN_ID: Final = 1
CHAIN: Final = "ethereum"
PLATFORM_FEE_BPS: Final = 250
BPS: Final = 10_000
COIN: Final = 10**18


@dataclass(frozen=True, slots=True)
class Order:
    """What one fan buys."""

    fan: int
    quantity: int
    by_card: bool


@dataclass(frozen=True, kw_only=True)
class Story:
    """One telling."""

    seed: int
    orders: tuple[Order, ...]
    price_wei: int = 1_200_000_000_000_007  # about 3 dollars by the local quote; odd on purpose
    reserve: int = 12
    holders_bps: int = 4000
    collaborator_bps: int = 550
    resale_price_wei: int = 9_900_000_000_000_333
    revenue_wei: int = 1_000_000_000_000_000_001
    stake_amount: int = 1000 * COIN
    stake_days: int = 30

    @classmethod
    def drawn(cls, fans: int, seed: int) -> "Story":
        """Draw who buys how much, and how: half by wallet, half by card."""
        if not FANS_MIN <= fans <= FANS_MAX:
            raise ValueError(f"between {FANS_MIN} and {FANS_MAX} fans, not {fans}")
        dice = Random(seed)  # noqa: S311  # dice, not a secret
        ways = [number % 2 == 1 for number in range(fans)]
        dice.shuffle(ways)
        return cls(seed=seed, orders=tuple(Order(fan, dice.choice(QUANTITIES), ways[fan]) for fan in range(fans)))

    @property
    def public_supply(self) -> int:
        return sum(order.quantity for order in self.orders)

    @property
    def total_shares(self) -> int:
        return self.public_supply + self.reserve

    @property
    def fees_wei(self) -> int:
        """The platform's part of every purchase, each floored."""
        return sum(order.quantity * self.price_wei * PLATFORM_FEE_BPS // BPS for order in self.orders)

    @property
    def gross_wei(self) -> int:
        return self.public_supply * self.price_wei

    @property
    def artist_bps(self) -> int:
        return BPS - self.holders_bps - self.collaborator_bps

    @property
    def holders_wei(self) -> int:
        """The holders' part of the revenue: what the others leave."""
        others = (self.artist_bps, self.collaborator_bps)
        return self.revenue_wei - sum(self.revenue_wei * bps // BPS for bps in others)


def royalty_bps(token_id: int) -> int:
    """What a resale of this share pays the artist: its Mover Advantage."""
    for last, bps in ((10, 1000), (50, 500), (100, 300)):
        if token_id <= last:
            return bps
    return 100


def shared(pool: int, weights: dict[str, int]) -> dict[str, int]:
    """Share a pool by weights to the last unit: largest remainder, ties to the lower name."""
    total = sum(weights.values())
    parts = {name: pool * weight // total for name, weight in weights.items()}
    first = sorted(weights, key=lambda name: (-(pool * weights[name] % total), name))
    for name in first[: pool - sum(parts.values())]:
        parts[name] += 1
    return parts
