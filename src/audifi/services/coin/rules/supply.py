"""Divide the supply of a coin: into its four parts, and the participants' part among the buyers of the first IPO.

Between: sagas.deploying, sagas.giving, store.allocations.
Units: base units (10^-18 coin).
Invariant: the parts add up to the supply, and what buyers are given to their part, to the last unit.
Errors: ValueError when nobody bought a share.
Source: domain.md 2.5 "Rules"; contracts/src/Coin.sol mints the same four numbers.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from audifi.kernel.remainder import by_largest_remainder

COIN: Final = 10**18
SUPPLY: Final = 1_000_000 * COIN


class Bucket(StrEnum):
    """A part of the supply, by what it is for."""

    TREASURY = "TREASURY"  # the artist's own
    PARTICIPANTS = "PARTICIPANTS"  # for who bought in the first IPO
    POOL = "POOL"
    COMMUNITY = "COMMUNITY"  # rewards


BUCKETS: Final[Mapping[Bucket, int]] = {
    Bucket.TREASURY: 300_000 * COIN,
    Bucket.PARTICIPANTS: 200_000 * COIN,
    Bucket.POOL: 250_000 * COIN,
    Bucket.COMMUNITY: 250_000 * COIN,
}


def among_participants(shares_of: Mapping[str, int]) -> dict[str, int]:
    """Return wallet → coins, pro rata to the shares each bought; wallets in lower case."""
    return by_largest_remainder(BUCKETS[Bucket.PARTICIPANTS], shares_of)


def formatted(amount: int) -> str:
    """Write an amount in whole coins, exactly: 1500000000000000000 is 1.5."""
    whole, rest = divmod(amount, COIN)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")
