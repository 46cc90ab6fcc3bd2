"""Misbehave on request: what a receiver of alerts does instead of taking one.

Between: receiving.receiver (meets them) and its control port (turns them).
Shape: see Faults; PUT replaces all of them.
Units: *_ms milliseconds, *_rate 0 to 1.
Invariant: a fault changes what is answered, never what is kept.
"""

import asyncio
import random
from collections import Counter
from typing import Final

import msgspec
from aiohttp import web

LOOKS_EVERY_S: Final = 0.05  # how often a hanging answer looks whether its caller has gone


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """How it misbehaves; the defaults: not at all."""

    down: bool = False  # every connection is cut
    hang: bool = False  # no answer while the caller waits
    latency_ms: int = 0
    error_rate: float = 0.0  # 500, nothing was taken
    rate_limit_rate: float = 0.0  # 429, nothing was taken
    drop_after_rate: float = 0.0  # the connection is cut after it was taken: the caller cannot know
    seed: int = 0

    def problem(self) -> str | None:
        """Say what is wrong with these numbers."""
        if not all(0 <= rate <= 1 for rate in (self.error_rate, self.rate_limit_rate, self.drop_after_rate)):
            return "error_rate, rate_limit_rate and drop_after_rate lie between 0 and 1"
        return None if self.latency_ms >= 0 else "latency_ms is not negative"


class Trouble:
    """The faults in force, the dice, and the counts."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.counts: Counter[str] = Counter()
        self._dice = random.Random(0)  # noqa: S311  # dice

    def take(self, faults: Faults) -> None:
        self.faults = faults
        self._dice = random.Random(faults.seed)  # noqa: S311  # dice

    def happens(self, name: str) -> bool:
        """Throw the dice for a rate; what happens is counted."""
        rate: float = getattr(self.faults, name)
        if rate <= 0 or self._dice.random() >= rate:
            return False
        self.counts[f"faults.{name}"] += 1
        return True

    async def before(self, request: web.Request) -> bool:
        """Meet what comes before an answer; False: the connection is cut instead."""
        faults = self.faults
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        if faults.hang:
            self.counts["faults.hang"] += 1
            while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110  # aiohttp has no event for it
                await asyncio.sleep(LOOKS_EVERY_S)
            return False
        if faults.down:
            self.counts["faults.down"] += 1
        return not faults.down


def cut(request: web.Request) -> web.StreamResponse:
    """Reset the connection."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)  # nobody reads it
