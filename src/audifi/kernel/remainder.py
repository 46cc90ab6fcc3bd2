"""Divide an amount by weights so that the parts add up to it exactly: the largest-remainder rule.

Between: nft-service (a dividend over wallets) and coin-service (an IPO's coins over its buyers); pure.
Shape: each gets floor(pool x weight / total); what is left, less than one unit each, goes to the largest remainders,
equal ones in ascending order of their names (wallets in lower case, so that text order is their order as numbers).
Units: whatever the pool is counted in (wei, base units of a coin); integers only.
Invariant: the parts add up to the pool, none is below zero, none is a unit or more away from its exact part, and the
order in which the weights come changes nothing.
Errors: ValueError for a negative pool or weight, or a pool that nobody has a weight in.
Source: domain.md 2.2 "Dividend rule", 2.5 "IPO-participant part"; Hamilton's method.
"""

from collections.abc import Mapping
from heapq import nsmallest


def by_largest_remainder(pool: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return name → part, for every name that was given."""
    total = sum(weights.values())
    if pool < 0 or min(weights.values(), default=0) < 0:
        raise ValueError("a pool and its weights are never negative")
    if total == 0:
        raise ValueError("nobody has a weight: there is no one to divide among")
    parts: dict[str, int] = {}
    remainders: list[tuple[int, str]] = []  # negated, so that the largest comes first and equal ones by name
    for name, weight in weights.items():
        parts[name], remainder = divmod(pool * weight, total)
        remainders.append((-remainder, name))
    for _, name in nsmallest(pool - sum(parts.values()), remainders):
        parts[name] += 1
    assert sum(parts.values()) == pool, "the parts are the whole"
    return parts
