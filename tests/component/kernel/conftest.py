"""Give each test of the kernel real stores: the tables of every service, in a schema no service uses yet.

Between: fixture `stores` (servers) and the tests (one Database, Cache and Queue each).
Invariant: the schema's tables are emptied before each test; keys and streams carry a name of the test's own.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from audifi.kernel import migrate
from audifi.kernel.cache import Cache
from audifi.kernel.database import Database
from audifi.kernel.queue import Queue
from audifi.kernel.settings import Secret
from audifi.local.held import Held

POD = "nft-service-1"
TABLES = ("outbox", "idempotency_keys", "processed_events", "things")


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """The part of ServiceSettings that stores read."""

    pod: str
    database_writer_url: str
    database_reader_url: str
    database_password: Secret
    database_prepared_statements: bool
    redis_nodes: tuple[str, ...]
    redis_password: Secret
    queue_url: str
    queue_password: Secret
    queue_replicas_min: int


@pytest.fixture(scope="session")
def told(stores: Held) -> StoreSettings:
    """What a pod of a service without code yet is told."""
    environment = stores.environment(POD)
    return StoreSettings(
        pod=POD,
        database_writer_url=environment["DATABASE_WRITER_URL"],
        database_reader_url=environment["DATABASE_READER_URL"],
        database_password=Secret(environment["DATABASE_PASSWORD"]),
        database_prepared_statements=environment["DATABASE_PREPARED_STATEMENTS"] == "true",
        redis_nodes=tuple(node for node in environment["REDIS_NODES"].split(",") if node),
        redis_password=Secret(environment["REDIS_PASSWORD"]),
        queue_url=environment["QUEUE_URL"],
        queue_password=Secret(environment["QUEUE_PASSWORD"]),
        queue_replicas_min=int(environment["QUEUE_WAIT_REPLICAS"]),
    )


@pytest_asyncio.fixture
async def database(told: StoreSettings) -> AsyncIterator[Database]:
    settings = migrate.MigrateSettings(
        database_writer_url=told.database_writer_url, database_password=told.database_password
    )
    await migrate.migrate(settings, migrate.folder("kernel", migrate.PACKAGE / "kernel/sql/migrations"))
    opened = await Database.open(told)
    async with opened.transaction() as tx:
        await tx.execute("CREATE TABLE IF NOT EXISTS things (id int PRIMARY KEY, name text NOT NULL)")
        await tx.execute(f"TRUNCATE {', '.join(TABLES)}")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def cache(told: StoreSettings) -> AsyncIterator[Cache]:
    opened = await Cache.open(told)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def queue(told: StoreSettings) -> AsyncIterator[Queue]:
    opened = await Queue.open(told)
    yield opened
    await opened.close()
