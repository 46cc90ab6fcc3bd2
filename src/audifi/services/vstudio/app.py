"""Put vstudio-service together: stores, peers, operations, loops.

Between: __main__ (runs it) and kernel.server (serves it); tests (open the same parts).
Invariant: every pod is the same; what must happen once is decided by the database (conditional changes, SKIP LOCKED),
not by a leader.
Errors: a store that is away does not stop the start; /ready says so until it is back.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from audifi.clients.live.feed import Feed
from audifi.kernel import opening
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.http import Kernel
from audifi.kernel.opening import Stores, opened
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer
from audifi.kernel.server import Service
from audifi.kernel.sessions import Sessions
from audifi.services.vstudio import consumers, loops, relay
from audifi.services.vstudio.audience import Names
from audifi.services.vstudio.live_pods import LivePods
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.routes import OPERATIONS, limits
from audifi.services.vstudio.sagas import snapshots
from audifi.services.vstudio.settings import VstudioSettings
from audifi.services.vstudio.tallies import Tallies
from audifi.wire import streams


@asynccontextmanager
async def lifespan(settings: VstudioSettings) -> AsyncGenerator[Service, None]:
    """Open the stores, run, close them."""
    async with opened(settings) as stores:
        built = service(settings, stores, clock=SystemClock())
        try:
            yield built
        finally:
            await built.kernel.deps.feed.close()


def service(settings: VstudioSettings, stores: Stores, *, clock: Clock) -> Service:
    """Return the service over open stores."""
    database, cache, queue = stores.database, stores.cache, stores.queue
    parts = assembled(settings, stores, clock=clock)
    consumer = Consumer(queue, database, group=streams.group(settings.service), handlers=consumers.handlers(parts))
    kernel = Kernel(
        settings=settings,
        deps=parts,
        verifier=opening.verifier(settings, clock),
        database=database,
        cache=cache,
        sessions=parts.sessions,
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
            consumer.run,
            partial(relay.run, parts),
            parts.feed.run,
            *loops.loops(parts),
        ),
    )


def assembled(settings: VstudioSettings, stores: Stores, *, clock: Clock) -> Parts:
    """Return the service's own objects."""
    return Parts(
        settings=settings,
        clock=clock,
        database=stores.database,
        cache=stores.cache,
        sessions=Sessions(stores.cache),
        peers=stores.peers,
        tallies=Tallies(stores.database, stores.cache, clock),
        names=Names(stores.cache, stores.peers, clock),
        pods=LivePods(stores.cache, clock, replicas=settings.replicas),
        feed=Feed.open(settings, stores.cache, partial(snapshots.missed, stores.database)),
    )
