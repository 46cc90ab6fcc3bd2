"""Decide how patient the keeper is, and what the pins of a content amount to. Pure.

Between: keeper and audit (ask) and Pins (tells services whether a content may be published).

How long a failing pin is tried: backoff 2, 4, 8 … 600 s with jitter, attempts_max times, about two hours;
then it is a dead letter (`failed`), an error is logged and `repair` starts it again. What costs no attempt: a provider
whose breaker is open, a 429, a pin the provider is still fetching (for QUEUED_S; then it is given up and asked again).
When content may be published: the first copy is verified and another provider has it at least `pinned`. A gateway that
is down must not stop a mint that both providers have accepted; a copy nobody could read yet must not be the only one.
Units: seconds.
Errors: never raises.
Source: domain.md 5.8 (backoff × 2 with jitter, dead letter after 5 for an indexer that loses nothing meanwhile; a lost
pin loses content, hence 20); outbound.md 4.4 (states, policy, hourly samples, daily lists).
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from audifi.clients.ipfs.ledger import Pin

FIRST_COPY: Final = "pinata"
GOOD: Final = ("pinned", "verified")


class Standing(StrEnum):
    """What the pins of a content amount to."""

    PINNED = "pinned"  # every copy is verified
    DEGRADED = "degraded"  # at least one good copy, but not all verified
    UNPINNED = "unpinned"  # no provider has it


@dataclass(frozen=True, kw_only=True)
class PinPolicy:
    """The keeper's numbers; tests shorten them."""

    lease_s: float = 30.0  # renewed every third of it while somebody works
    batch: int = 8
    poll_s: float = 2.0
    backoff_first_s: float = 2.0
    backoff_max_s: float = 600.0
    jitter: float = 0.1
    attempts_max: int = 20
    queued_poll_s: float = 5.0
    queued_s: float = 3600.0
    leaves: int = 3  # random leaves fetched when a copy is verified
    doubt_s: float = 60.0  # a provider that cannot fetch for so long makes us look whether the others still have it
    verify_soon_s: float = 600.0  # a copy that is new is looked at once more
    verify_every_s: float = 24 * 3600.0
    preserved_poll_s: float = 3600.0  # Filecoin deals take days
    open_s: float = 30.0
    read_s: float = 30.0
    page: int = 100  # pins per page of a provider's list
    api_per_minute: float = 180.0
    list_per_minute: float = 100.0

    def backoff(self, attempts: int, chooser: random.Random) -> timedelta:
        """Return how long to wait after so many attempts."""
        wait_s = min(self.backoff_max_s, self.backoff_first_s * 2 ** min(max(attempts - 1, 0), 30))
        return timedelta(seconds=wait_s * chooser.uniform(1 - self.jitter, 1 + self.jitter))


def standing(pins: Iterable[Pin]) -> Standing:
    """Sum up the pins of one content."""
    states = [pin.state for pin in pins]
    if states and all(state == "verified" for state in states):
        return Standing.PINNED
    return Standing.DEGRADED if any(state in GOOD for state in states) else Standing.UNPINNED


def is_mintable(pins: Iterable[Pin]) -> bool:
    """Say whether tokens may point at this content."""
    states = {pin.provider: pin.state for pin in pins}
    others = [state for provider, state in states.items() if provider != FIRST_COPY]
    return states.get(FIRST_COPY) == "verified" and any(state in GOOD for state in others)
