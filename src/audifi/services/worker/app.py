"""Put the worker together: stores, providers, consumers, keepers.

Between: __main__ (runs it) and kernel.server (serves it).
Invariant: every pod is the same; what must happen once is decided by the database (locks, SKIP LOCKED), not by a
leader. It has no routes: what it should do is an event or a row.
Errors: a store or a provider that is away does not stop the start; /ready speaks of the database only, because a
provider that is away is what the keepers are there for.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from audifi.kernel.http import Kernel
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.jwks import RemoteKeys
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer
from audifi.kernel.server import Service
from audifi.services.worker import announcing, consumers
from audifi.services.worker.indexer import SUBSCRIBERS, Indexer, Indexing
from audifi.services.worker.parts import Parts, opened
from audifi.services.worker.settings import WorkerSettings
from audifi.wire import streams


@asynccontextmanager
async def lifespan(settings: WorkerSettings) -> AsyncGenerator[Service, None]:
    """Open the stores, run, close them."""
    async with opened(settings) as parts:
        yield service(settings, parts)


def service(settings: WorkerSettings, parts: Parts) -> Service:
    """Return the worker over what is open."""
    assert settings.jwks_url is not None, "the topology tells every component but auth-service where the keys are"
    verifier = TokenVerifier(
        issuer=settings.token_issuer, audience=settings.token_audience, source=RemoteKeys(settings.jwks_url)
    )
    database, queue = parts.database, parts.queue
    kernel = Kernel(settings=settings, deps=parts, verifier=verifier, database=database)
    group = streams.group(settings.service)
    return Service(
        kernel=kernel,
        operations=(),
        checks={"database": database.ping},
        loops=(
            parts.chains.run,
            parts.transactions.run,
            parts.ipfs.run,
            Relay(database, queue).run,
            Consumer(queue, database, group=group, handlers=consumers.handlers(parts)).run,
            parts.postman.work,
            partial(announcing.work, database, parts.clock),
            indexing(parts).run,
        ),
    )


def indexing(parts: Parts) -> Indexing:
    """Every chain for every service that mirrors."""
    indexers = [
        Indexer(chain=parts.chains[number], service=service, peers=parts.peers)
        for number in parts.chains
        for service in SUBSCRIBERS
    ]
    return Indexing(indexers, parts.database, parts.settings.pod)
