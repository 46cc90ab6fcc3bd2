"""Spend at each provider what its plan allows, and on second tries a small share of what callers ask.

Between: chains (asks before a request, pays after) and the plan of each provider.

Two budgets, two questions:
- `Bucket`: may this provider get another request? It fills with the plan's rate × PLAN_SHARE, in the provider's own
  unit, and holds WINDOW_S of it, as Alchemy's own limiter does. Empty, the pool prefers the next provider: the spill
  happens before the 429, not after it. One bucket per provider and process, shared by all chains (accounts are).
- `SecondTries`: may this call cost a second request? Every call earns SHARE of one; a hedge or a repeated round spends
  one; without savings there is no hedge. So upstream requests stay below (1 + SHARE) × calls + BURST whatever fails.
  A failover after a refusal may overdraw to -OVERDRAFT: giving up a call that another provider would answer is worse,
  and breakers stop such failures after a few.
Units: provider units; seconds of the event loop's clock.
Errors: never raises.
Source: outbound.md 3 "Budgets" (plan × 0.8, window 10 s); Finagle's RetryBudget (20 % there; ours must keep the sum of
hedges, failovers, polls and probes below 1.15 × calls); docs/chain-rpc.md.
"""

from typing import Final

WINDOW_S: Final = 10.0
PLAN_SHARE: Final = 0.8
SHARE: Final = 0.08
BURST: Final = 15.0
OVERDRAFT: Final = 20.0


class Bucket:
    """A token bucket of provider units; without a plan it is never empty."""

    __slots__ = ("_at_s", "_level", "per_s", "size")

    def __init__(self, plan_per_s: float | None = None) -> None:
        self.per_s = None if plan_per_s is None else plan_per_s * PLAN_SHARE
        self.size = 0.0 if self.per_s is None else self.per_s * WINDOW_S
        self._level = self.size
        self._at_s: float | None = None

    def has(self, units: float, now_s: float) -> bool:
        """Say whether a request of this cost fits now."""
        return self.per_s is None or self._filled(now_s) >= units

    def pay(self, units: float, now_s: float) -> None:
        """Take the cost of a request that was sent; debts (a request sent although it did not fit) are bounded."""
        if self.per_s is not None:
            self._level = max(self._filled(now_s) - units, -self.size)

    def left(self, now_s: float) -> float | None:
        """Return the share of the window that is left in [0, 1]; None without a plan."""
        return None if self.per_s is None or not self.size else max(0.0, self._filled(now_s) / self.size)

    def _filled(self, now_s: float) -> float:
        rate = self.per_s or 0.0
        if self._at_s is not None:
            self._level = min(self.size, self._level + (now_s - self._at_s) * rate)
        self._at_s = now_s
        return self._level


class SecondTries:
    """Earn by calls, spend by hedges, failovers and further rounds."""

    __slots__ = ("level",)

    def __init__(self) -> None:
        self.level = BURST

    def earn(self, calls: int = 1) -> None:
        self.level = min(BURST, self.level + SHARE * calls)

    def spend(self) -> bool:
        """Take one for a hedge or another round; False when there is none."""
        if self.level < 1.0:
            return False
        self.level -= 1.0
        return True

    def overdraw(self) -> bool:
        """Take one for a failover, on credit if need be; False when the credit is used up."""
        if self.level - 1.0 < -OVERDRAFT:
            return False
        self.level -= 1.0
        return True
