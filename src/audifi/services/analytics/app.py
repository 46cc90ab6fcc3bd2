"""Put analytics-service together: stores, operations, consumer, loops.

Between: __main__ (runs it) and kernel.server (serves it); tests (open the same parts).
Invariant: every pod is the same; what must happen once is decided by the database (locks, SKIP LOCKED), not by a
leader.
Errors: a store that is away does not stop the start; /ready says so until it is back.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.http import Kernel
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.opening import Stores, opened, verifier
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer
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
        clock = SystemClock()
        yield service(settings, stores, verifier(settings, clock), clock=clock)


def service(settings: AnalyticsSettings, stores: Stores, judge: TokenVerifier, *, clock: Clock) -> Service:
    """Return the service over open stores."""
    database, cache, queue = stores.database, stores.cache, stores.queue
    sessions = Sessions(cache)
    parts = Parts(settings=settings, clock=clock, database=database, sessions=sessions, verifier=judge)
    kernel = Kernel(
        settings=settings,
        deps=parts,
        verifier=judge,
        database=database,
        cache=cache,
        sessions=sessions,
        internal=stores.internal,
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
