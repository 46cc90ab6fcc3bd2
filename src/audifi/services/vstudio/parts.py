"""Gather what every handler works with.

Between: app (fills it), routes, consumers, sagas and loops (read it; a handler as `call.deps`).
Invariant: one object per pod, frozen; nothing in here is per request.
"""

import asyncio
from dataclasses import dataclass, field

from audifi.clients.live.feed import Feed
from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.http import Call
from audifi.kernel.peers import Peers
from audifi.kernel.sessions import Sessions
from audifi.services.vstudio.audience import Names
from audifi.services.vstudio.live_pods import LivePods
from audifi.services.vstudio.settings import VstudioSettings
from audifi.services.vstudio.tallies import Tallies


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The service's own objects."""

    settings: VstudioSettings
    clock: Clock
    database: Database
    cache: Cache
    sessions: Sessions
    peers: Peers
    tallies: Tallies
    names: Names
    pods: LivePods
    feed: Feed
    live_asked: asyncio.Event = field(default_factory=asyncio.Event)  # set after a commit that added live events

    def wake_live(self) -> None:
        """Publish now: a transaction that added live events was just committed."""
        self.live_asked.set()


VstudioCall = Call[Parts]
