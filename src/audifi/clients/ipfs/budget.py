"""Spend a provider's request limit evenly: wait here instead of being refused there.

Between: transport (takes one before each request) and nobody else.
Shape: a bucket of at most `burst` tokens, filled at the provider's limit times SHARE and divided by the pods that share
the account; a request waits its turn in order.
Units: requests per minute; seconds.
Errors: never raises; cancelled while waiting, a request leaves nothing behind.
Source: outbound.md 4.1 (Pinata: API 180/min, lists 30/min); 0.8 as for the chains' budgets (outbound.md 3).
"""

import asyncio
from typing import Final

SHARE: Final = 0.8
_BURST_S: Final = 10.0  # what ten seconds bring may be spent at once


class Budget:
    """Tokens of one limit."""

    def __init__(self, per_minute: float, *, pods: int = 1) -> None:
        self._per_s = per_minute * SHARE / 60 / max(pods, 1)
        self._burst = max(1.0, self._per_s * _BURST_S)
        self._tokens = self._burst
        self._at: float | None = None
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Return when a request may start."""
        async with self._turn:
            await asyncio.sleep(self._wait_s())
            self._tokens -= 1

    def _wait_s(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        return max(0.0, (1 - self._tokens) / self._per_s)
