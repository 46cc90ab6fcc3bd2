"""Choose which endpoint is asked next, and how long to wait before asking a second one.

Between: roster (calls on every attempt) and the conditions of endpoints (health, heads, budget).

The order: eligible endpoints by their place in RPC_PROVIDERS, with what makes one less welcome added up as a penalty:
slow (1), its plan spent (2), not known to have the height (4). An endpoint that is not usable is not in the list at
all. A request for a height is pinned to it, so asking an endpoint that may not have it can fail but not mislead.
The hedge: clamp(2 × (mean + 6 deviations) of the *best* usable endpoint, HEDGE_S). Not of the one that was asked: in a
brown-out its own figures follow the fault, and the hedge would come later and later (p99 776 → 74 ms).
Units: seconds.
Errors: never raises.
Source: outbound.md 3 steps 4 and 5, lesson 3; Dean & Barroso, The Tail at Scale (CACM 2013).
"""

from collections.abc import Container, Iterable, Sequence
from typing import Final, Protocol, TypeVar

from audifi.clients.chain.pool.health import Health, Rank

HEDGE_S: Final = (0.04, 0.25)
HEDGE_HEAVY_S: Final = (0.25, 2.0)
_SPENT: Final = 2
_BEHIND: Final = 4


class Choosable(Protocol):
    """What the choice reads of an endpoint."""

    name: str
    health: Health

    def has_budget(self, method: str, now_s: float) -> bool: ...
    def lacks(self, method: str, now_s: float) -> bool: ...


class Heights(Protocol):
    """What the choice reads of the heads."""

    def able(self, name: str, height: int | None) -> bool: ...
    def is_forked(self, name: str) -> bool: ...


C = TypeVar("C", bound=Choosable)


def choose(
    endpoints: Sequence[C],
    heads: Heights,
    now_s: float,
    *,
    method: str,
    height: int | None,
    excluded: Container[str] = (),
) -> C | None:
    """Return the endpoint to ask next; None when no usable one is left."""
    best: C | None = None
    best_penalty = 99
    for endpoint in endpoints:
        rank = endpoint.health.rank()
        if rank is Rank.UNUSABLE or endpoint.name in excluded or heads.is_forked(endpoint.name):
            continue
        if endpoint.lacks(method, now_s):
            continue
        penalty = (
            rank
            + (0 if endpoint.has_budget(method, now_s) else _SPENT)
            + (0 if heads.able(endpoint.name, height) else _BEHIND)
        )
        if penalty == 0:
            return endpoint
        if penalty < best_penalty:
            best, best_penalty = endpoint, penalty
    return best


def hedge_s(healths: Iterable[Health], *, is_heavy: bool) -> float:
    """Return how long the first endpoint may keep silent before a second one is asked."""
    low_s, high_s = HEDGE_HEAVY_S if is_heavy else HEDGE_S
    bound_s = high_s
    for health in healths:
        latency = health.heavy if is_heavy else health.light
        if latency.count and not health.is_open:
            bound_s = min(bound_s, 2 * latency.bound_s())
    return max(low_s, bound_s)


def best_mean_s(healths: Iterable[Health]) -> float:
    """Return the smallest mean latency of endpoints in good rank; 0 when there is none."""
    means = [health.light.mean_s for health in healths if health.light.count and health.rank() is Rank.GOOD]
    return min(means, default=0.0)
