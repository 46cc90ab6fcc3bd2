"""Put the worker together: stores, providers, keepers.

Between: __main__ (runs it) and kernel.server (serves it); console and tests (open the same parts).
Invariant: every pod is the same; what must happen once is decided by the database (locks, SKIP LOCKED), not by a
leader. It has no routes: what it should do is a row.
Errors: a store or a provider that is away does not stop the start; /ready speaks of the database only, because a
provider that is away is what the keepers are there for.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from audifi.kernel.database import Database
from audifi.kernel.http import Kernel
from audifi.kernel.identity import TokenVerifier
from audifi.kernel.jwks import RemoteKeys
from audifi.kernel.server import Service
from audifi.services.worker.settings import WorkerSettings


@asynccontextmanager
async def lifespan(settings: WorkerSettings) -> AsyncGenerator[Service, None]:
    """Open the stores, run, close them."""
    database = await Database.open(settings)
    try:
        yield service(settings, database)
    finally:
        await database.close()


def service(settings: WorkerSettings, database: Database) -> Service:
    """Return the worker over open stores."""
    assert settings.jwks_url is not None, "the topology tells every component but auth-service where the keys are"
    verifier = TokenVerifier(
        issuer=settings.token_issuer, audience=settings.token_audience, source=RemoteKeys(settings.jwks_url)
    )
    kernel = Kernel(settings=settings, deps=None, verifier=verifier, database=database)
    return Service(kernel=kernel, operations=(), checks={"database": database.ping}, loops=())
