"""Gather what every handler works with.

Between: app (fills it), routes, consumers and sagas (read it; a handler as `call.deps`).
Invariant: one object per pod, frozen; nothing in here is per request.
"""

from dataclasses import dataclass

from audifi.clients.chain.mirroring.mirror import Mirror
from audifi.clients.chain.pool.chains import Chains
from audifi.clients.ipfs.content import Shelf
from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.http import Call
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.peers import Peers
from audifi.kernel.sessions import Sessions
from audifi.services.nft.settings import NftSettings


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The service's own objects."""

    settings: NftSettings
    clock: Clock
    database: Database
    cache: Cache
    sessions: Sessions
    internal: InternalTokens
    verifier: TokenVerifier
    peers: Peers
    shelf: Shelf
    chains: Chains  # for reads: only the worker writes
    mirror: Mirror


NftCall = Call[Parts]
