"""Misbehave on request: the API's knobs, the webhooks' knobs, and what is counted.

Between: control (turns them), server (meets the API's), sending (meets the webhooks').
Shape: see Faults; PUT replaces all of them.
Units: *_ms milliseconds, *_s seconds, *_rate 0 to 1.
Invariant: a fault changes what is answered or delivered, never what is kept.
"""

import asyncio
import random
from collections import Counter
from typing import Final

import msgspec
from aiohttp import web

LOOKS_EVERY_S: Final = 0.05  # how often a hanging answer looks whether its caller has gone


class Webhooks(msgspec.Struct, forbid_unknown_fields=True):
    """How deliveries misbehave."""

    hold: bool = False  # nothing is delivered; what happens meanwhile waits
    duplicates: int = 0  # so many more deliveries of each event
    late_s: float = 0.0  # each is this late
    shuffle_s: float = 0.0  # each is late by chance, up to this: neighbours change places
    wrong_signature: bool = False
    signature_age_s: int = 0  # signed as if this long ago


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """How it misbehaves; the defaults: not at all."""

    down: bool = False  # every connection is cut
    hang: bool = False  # no answer while the caller waits
    latency_ms: int = 0
    error_rate: float = 0.0  # 500, nothing was done
    rate_limit_rate: float = 0.0  # 429, nothing was done
    drop_after_rate: float = 0.0  # the connection is cut after a change was done: the caller cannot know
    refuse: str = ""  # every card is refused for this reason, e.g. "insufficient_funds"
    webhooks: Webhooks = msgspec.field(default_factory=Webhooks)
    seed: int = 0

    def problem(self) -> str | None:
        """Say what is wrong with these numbers."""
        for name in ("error_rate", "rate_limit_rate", "drop_after_rate"):
            if not 0 <= getattr(self, name) <= 1:
                return f"{name} lies between 0 and 1"
        numbers = (self.latency_ms, self.webhooks.duplicates, self.webhooks.late_s, self.webhooks.shuffle_s)
        return "no number of these is negative" if min(*numbers, self.webhooks.signature_age_s) < 0 else None


class Trouble:
    """The faults in force, the dice, and the counts."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.counts: Counter[str] = Counter()
        self.dice = random.Random(0)  # noqa: S311  # dice

    def take(self, faults: Faults) -> None:
        self.faults = faults
        self.dice = random.Random(faults.seed)  # noqa: S311  # dice

    def happens(self, name: str) -> bool:
        """Throw the dice for a rate; what happens is counted."""
        rate: float = getattr(self.faults, name)
        if rate <= 0 or self.dice.random() >= rate:
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
