"""Put nft-service together: stores, peers, chains, operations, loops.

Between: __main__ (runs it) and kernel.server (serves it); tests (open the same parts).
Invariant: every pod is the same; what must happen once is decided by the database (locks, SKIP LOCKED), not by a
leader.
Errors: a store or a provider that is away does not stop the start; /ready says so of the stores until they are back.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from audifi.clients.chain import confirmations
from audifi.clients.chain.pool.chains import Chains
from audifi.clients.ipfs.content import Shelf
from audifi.kernel import opening
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.http import Kernel
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer
from audifi.kernel.server import Service
from audifi.kernel.sessions import Sessions
from audifi.services.nft import consumers, facts, housekeeping, purchases_loop, reconcile, timers
from audifi.services.nft.parts import Parts
from audifi.services.nft.routes import OPERATIONS, limits
from audifi.services.nft.sagas import dividend
from audifi.services.nft.settings import NftSettings
from audifi.wire import streams


@asynccontextmanager
async def lifespan(settings: NftSettings) -> AsyncGenerator[Service, None]:
    """Open the stores, run, close them."""
    async with opened(settings) as stores:
        yield service(settings, stores, clock=SystemClock())


@dataclass(frozen=True, kw_only=True)
class Stores(opening.Stores):
    """What is open."""

    chains: Chains


@asynccontextmanager
async def opened(settings: NftSettings) -> AsyncGenerator[Stores, None]:
    """Open everything; close it at the end."""
    async with AsyncExitStack() as stack:
        common = await stack.enter_async_context(opening.opened(settings))
        chains = await Chains.open(
            settings.rpc_providers, settings.rpc_keys, facts=confirmations.facts(settings.chain_confirmations)
        )
        stack.push_async_callback(chains.close)
        yield Stores(**vars(common), chains=chains)


def service(settings: NftSettings, stores: Stores, *, clock: Clock) -> Service:
    """Return the service over open stores."""
    database, cache, queue = stores.database, stores.cache, stores.queue
    parts = assembled(settings, stores, clock=clock)
    consumer = Consumer(queue, database, group=streams.group(settings.service), handlers=consumers.handlers(parts))
    kernel = Kernel(
        settings=settings,
        deps=parts,
        verifier=parts.verifier,
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
            stores.chains.run,
            Relay(database, queue).run,
            consumer.run,
            partial(housekeeping.work, parts.shelf),
            partial(timers.work, parts),
            partial(purchases_loop.work, parts),
            partial(dividend.work, parts),
            partial(reconcile.work, parts),
        ),
    )


def assembled(settings: NftSettings, stores: Stores, *, clock: Clock) -> Parts:
    """Return the service's own objects."""
    return Parts(
        settings=settings,
        clock=clock,
        database=stores.database,
        cache=stores.cache,
        sessions=Sessions(stores.cache),
        internal=stores.internal,
        verifier=opening.verifier(settings, clock),
        peers=stores.peers,
        shelf=Shelf(Path(settings.content_directory)),
        chains=stores.chains,
        mirror=facts.mirror(clock),
    )
