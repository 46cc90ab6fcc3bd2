"""Put payment-service together: stores, Stripe, peers, operations, loops.

Between: __main__ (runs it) and kernel.server (serves it); tests (open the same parts).
Invariant: every pod is the same; what must happen once is decided by the database (locks, leases, unique rows), not by
a leader.
Errors: a store or a provider that is away does not stop the start; ValueError for quotes that are none.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from audifi.clients.stripe import StripeApi
from audifi.kernel import opening
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.http import Kernel
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer
from audifi.kernel.server import Service
from audifi.kernel.sessions import Sessions
from audifi.services.payment import consumers
from audifi.services.payment.parts import Parts
from audifi.services.payment.routes import OPERATIONS, limits
from audifi.services.payment.rules import pricing
from audifi.services.payment.sagas import working
from audifi.services.payment.settings import PaymentSettings
from audifi.wire import streams


@asynccontextmanager
async def lifespan(settings: PaymentSettings) -> AsyncGenerator[Service, None]:
    """Open the stores, run, close them."""
    async with opened(settings) as stores:
        yield service(settings, stores, clock=SystemClock())


@dataclass(frozen=True, kw_only=True)
class Stores(opening.Stores):
    """What is open."""

    stripe: StripeApi


@asynccontextmanager
async def opened(settings: PaymentSettings) -> AsyncGenerator[Stores, None]:
    """Open everything; close it at the end."""
    async with AsyncExitStack() as stack:
        common = await stack.enter_async_context(opening.opened(settings))
        stripe = StripeApi(url=settings.stripe_api_url, secret_key=settings.stripe_secret_key)
        stack.push_async_callback(stripe.close)
        yield Stores(**vars(common), stripe=stripe)


def service(settings: PaymentSettings, stores: Stores, *, clock: Clock) -> Service:
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
        sessions=Sessions(cache),
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
            partial(working.errands_forever, parts),
            partial(working.tend_forever, parts),
        ),
    )


def assembled(settings: PaymentSettings, stores: Stores, *, clock: Clock) -> Parts:
    """Return the service's own objects."""
    return Parts(
        settings=settings,
        clock=clock,
        database=stores.database,
        cache=stores.cache,
        peers=stores.peers,
        stripe=stores.stripe,
        quotes=pricing.quotes(settings.card_quotes),
    )
