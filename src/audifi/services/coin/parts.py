"""Gather what every handler works with.

Between: app (fills it), routes, consumers and loops (read it; a handler as `call.deps`).
Invariant: one object per pod, frozen; nothing in here is per request.
"""

from dataclasses import dataclass

from audifi.clients.chain.mirroring.mirror import Mirror
from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.http import Call
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.peers import Peers
from audifi.kernel.sessions import Sessions
from audifi.services.coin.settings import CoinSettings


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The service's own objects."""

    settings: CoinSettings
    clock: Clock
    database: Database
    cache: Cache
    sessions: Sessions
    internal: InternalTokens
    verifier: TokenVerifier
    peers: Peers
    mirror: Mirror


CoinCall = Call[Parts]
