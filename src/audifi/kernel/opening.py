"""Open what every service works with, and close it again: database, cache, queue, peers.

Between: services' app.py (adds what only that service has) and the kernel's own clients.
Shape: nothing is connected before it is needed; a store that is away does not stop the start.
Invariant: opened and closed together, in the opposite order.
Errors: ValueError for an internal key that is none.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock
from audifi.kernel.database import Database
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.jwks import RemoteKeys
from audifi.kernel.peers import Peers
from audifi.kernel.queue import Queue
from audifi.kernel.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Stores:
    """What is open; a service that opens more extends it."""

    database: Database
    cache: Cache
    queue: Queue
    peers: Peers
    internal: InternalTokens


@asynccontextmanager
async def opened(settings: ServiceSettings) -> AsyncGenerator[Stores, None]:
    """Open everything; close it at the end."""
    internal = InternalTokens(
        service=settings.service,
        signing_key_jwk=settings.internal_signing_key.reveal(),
        caller_keys_jwks=settings.internal_caller_keys,
    )
    async with AsyncExitStack() as stack:
        database = await Database.open(settings)
        stack.push_async_callback(database.close)
        cache = await Cache.open(settings)
        stack.push_async_callback(cache.close)
        queue = await Queue.open(settings)
        stack.push_async_callback(queue.close)
        peers = Peers.open(settings, internal)
        stack.push_async_callback(peers.close)
        yield Stores(database=database, cache=cache, queue=queue, peers=peers, internal=internal)


def verifier(settings: ServiceSettings, clock: Clock) -> TokenVerifier:
    """Return who judges access tokens, by auth-service's published keys."""
    assert settings.jwks_url is not None, "the topology tells every component but auth-service where the keys are"
    return TokenVerifier(
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        source=RemoteKeys(settings.jwks_url),
        clock=clock,
    )
