"""Divide the holders' part of a revenue among wallets: by the number of shares each held at the snapshot.

Between: sagas.dividend (gives it the snapshot's holdings); kernel.remainder has the arithmetic; pure.
Shape: wallets in lower case, in ascending order.
Units: wei; a weight is a number of shares (the staking boost, which would multiply it, is off: domain.md 9.17).
Invariant: the amounts add up to the pool to the last wei. A wallet may be given 0: it is then listed, with no claim.
Errors: ValueError when nobody holds a share.
Source: domain.md 2.2 "Dividend rule".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from audifi.kernel.remainder import by_largest_remainder


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one wallet is owed."""

    wallet: str
    weight: int
    amount_wei: int


def allocate(pool_wei: int, shares_of: Mapping[str, int]) -> list[Allocation]:
    """Divide a pool among the wallets that hold shares."""
    parts = by_largest_remainder(pool_wei, shares_of)
    return [Allocation(wallet, shares_of[wallet], parts[wallet]) for wallet in sorted(parts)]
