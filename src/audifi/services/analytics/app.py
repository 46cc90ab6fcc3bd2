"""Put analytics-service together: stores, operations, consumer, loops.

Between: __main__ (runs it) and kernel.server (serves it); tests (open the same parts).
Invariant: every pod is the same; what must happen once is decided by the database (locks, SKIP LOCKED), not by a
leader.
Errors: a store that is away does not stop the start; /ready says so until it is back.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.database import Database
from audifi.kernel.http import Kernel
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.jwks import RemoteKeys
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer, Queue
from audifi.kernel.server import Service
from audifi.kernel.sessions import Sessions
from audifi.services.analytics import consumers, exporting, housekeeping, rolling
from audifi.services.analytics.parts import Parts
from audifi.services.analytics.routes import OPERATIONS, limits
from audifi.services.analytics.settings import AnalyticsSettings
from audifi.wire import streams

AT_ONCE: Final = 6  # of the pool's ten connections: a commit waits for a replica, and others may go along


@asynccontextmanager
async def lifespan(settings: AnalyticsSettings) -> AsyncGenerator[Service, None]:
    """Open the stores, run, close them."""
    async with opened(settings) as stores:
        yield service(settings, stores, verifier(settings), clock=SystemClock())


@dataclass(frozen=True)
class Stores:
    """Open stores."""

    database: Database
    cache: Cache
    queue: Queue


@asynccontextmanager
async def opened(settings: AnalyticsSettings) -> AsyncGenerator[Stores, None]:
    """Open everything; close it at the end."""
    async with AsyncExitStack() as stack:
        database = await Database.open(settings)
        stack.push_async_callback(database.close)
        cache = await Cache.open(settings)
        stack.push_async_callback(cache.close)
        queue = await Queue.open(settings)
        stack.push_async_callback(queue.close)
        yield Stores(database, cache, queue)


def verifier(settings: AnalyticsSettings) -> TokenVerifier:
    """Return who judges access tokens."""
    assert settings.jwks_url is not None, "the topology tells every component but auth-service where the keys are"
    return TokenVerifier(
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        source=RemoteKeys(settings.jwks_url),
        clock=SystemClock(),
    )


def service(settings: AnalyticsSettings, stores: Stores, verifier: TokenVerifier, *, clock: Clock) -> Service:
    """Return the service over open stores."""
    database, cache, queue = stores.database, stores.cache, stores.queue
    sessions = Sessions(cache)
    parts = Parts(settings=settings, clock=clock, database=database, sessions=sessions, verifier=verifier)
    kernel = Kernel(
        settings=settings,
        deps=parts,
        verifier=verifier,
        database=database,
        cache=cache,
        sessions=sessions,
        internal=InternalTokens(
            service=settings.service,
            signing_key_jwk=settings.internal_signing_key.reveal(),
            caller_keys_jwks=settings.internal_caller_keys,
        ),
        clock=clock,
        limits=limits.EVERYWHERE,
    )
    return Service(
        kernel=kernel,
        operations=OPERATIONS,
        checks={"database": database.ping, "redis": cache.ping},
        loops=(
            Relay(database, queue).run,
            consumer(settings, stores, clock).run,
            partial(rolling.work, database, clock),
            partial(exporting.work, database, clock),
            partial(housekeeping.work, database, clock),
        ),
    )


def consumer(settings: AnalyticsSettings, stores: Stores, clock: Clock) -> Consumer:
    """Return who reads the queue."""
    group = streams.group(settings.service)
    handlers = consumers.handlers(clock)
    return Consumer(stores.queue, stores.database, group=group, handlers=handlers, at_once=AT_ONCE)
