"""Gather what every handler works with.

Between: app (fills it), routes, consumers and sagas (read it).
Invariant: one object per pod, frozen; nothing in here is per request.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from audifi.clients.stripe import StripeApi
from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.http import Call
from audifi.kernel.peers import Peers
from audifi.services.payment.settings import PaymentSettings


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The service's own objects."""

    settings: PaymentSettings
    clock: Clock
    database: Database
    cache: Cache
    peers: Peers
    stripe: StripeApi
    quotes: Mapping[str, int]  # cents of a whole coin, by its name
    errands_asked: asyncio.Event = field(default_factory=asyncio.Event)  # set after a commit that asked for one

    def wake(self) -> None:
        """Look now: a transaction that asked for an errand was just committed."""
        self.errands_asked.set()


PaymentCall = Call[Parts]
