"""Put auth-service together: stores, keys, mail, operations, loops.

Between: __main__ (runs it) and kernel.server (serves it); tests (open the same parts).
Invariant: every pod is the same; what must happen once is decided by the database (locks, SKIP LOCKED), not
by a leader.
Errors: a store that is away does not stop the start; /ready says so until it is back.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from audifi.clients.mail import MailClient
from audifi.kernel.cache import Cache
from audifi.kernel.clock import Clock, SystemClock
from audifi.kernel.crypto import Keyring
from audifi.kernel.database import Database
from audifi.kernel.http import Kernel
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer, Queue
from audifi.kernel.server import Service
from audifi.kernel.sessions import Sessions
from audifi.services.auth import alarms, consumers, housekeeping
from audifi.services.auth.parts import Parts
from audifi.services.auth.postman import Postman
from audifi.services.auth.routes import OPERATIONS, limits
from audifi.services.auth.settings import AuthSettings
from audifi.services.auth.signing import SigningKeys
from audifi.services.auth.watch import Watch
from audifi.wire import streams


@asynccontextmanager
async def lifespan(settings: AuthSettings) -> AsyncGenerator[Service, None]:
    """Open the stores, run, close them."""
    database = await Database.open(settings)
    cache = await Cache.open(settings)
    queue = await Queue.open(settings)
    try:
        yield service(settings, Stores(database, cache, queue), clock=SystemClock())
    finally:
        await queue.close()
        await cache.close()
        await database.close()


@dataclass(frozen=True)
class Stores:
    """Open stores."""

    database: Database
    cache: Cache
    queue: Queue


def service(settings: AuthSettings, stores: Stores, *, clock: Clock) -> Service:
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
        internal=InternalTokens(
            service=settings.service,
            signing_key_jwk=settings.internal_signing_key.reveal(),
            caller_keys_jwks=settings.internal_caller_keys,
        ),
        clock=clock,
        limits=limits.EVERYWHERE,
        on_limit_hit=alarms.limit_hit,
    )
    return Service(
        kernel=kernel,
        operations=OPERATIONS,
        checks={"database": database.ping, "redis": cache.ping, "keys": parts.signing.ready},
        loops=(
            parts.postman.work,
            parts.signing.tend,
            Relay(database, queue).run,
            consumer.run,
            partial(housekeeping.work, database, clock),
        ),
    )


def assembled(settings: AuthSettings, stores: Stores, *, clock: Clock) -> Parts:
    """Return the service's own objects."""
    database, cache = stores.database, stores.cache
    seal = Keyring(settings.encryption_keys)
    signing = SigningKeys(
        database=database, seal=seal, clock=clock, issuer=settings.token_issuer, audience=settings.token_audience
    )
    password = settings.mail_password.reveal() if settings.mail_password is not None else None
    client = MailClient(url=settings.mail_url, sender=settings.mail_from, password=password)
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        cache=cache,
        sessions=Sessions(cache),
        seal=seal,
        signing=signing,
        verifier=TokenVerifier(
            issuer=settings.token_issuer, audience=settings.token_audience, source=signing, clock=clock
        ),
        postman=Postman(database=database, client=client, seal=seal, clock=clock),
        watch=Watch(cache, clock),
    )
