"""Give each test real pinning stand-ins, the worker's tables, and keepers made afresh.

Between: fixture `stores` (PostgreSQL behind PgBouncer), the local components `pinata`, `pinning-service`,
`nft-storage`, and the tests.
Shape: one set of servers per session; before each test the tables are empty, the faults healed, and what is pinned is
whatever earlier tests left there: tests use content nobody else uses.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.component.ipfs.world import POD, TABLES, StandIn, World, told
from tests.support.instances import instance

from audifi.kernel import migrate
from audifi.kernel.database import Database
from audifi.local.held import Held

ROOT = Path(__file__).resolve().parents[3]
COMPONENTS = ("pinata", "pinning-service", "nft-storage")


@pytest.fixture(scope="session")
def pinning(request: pytest.FixtureRequest) -> Iterator[Held]:
    """The pinning providers' stand-ins."""
    with instance(request, "pins", COMPONENTS) as running:
        yield running


@pytest_asyncio.fixture
async def world(stores: Held, pinning: Held, tmp_path: Path) -> AsyncIterator[World]:
    environment = {**pinning.environment(POD), **_database(stores)}
    settings = told(environment, tmp_path)
    tables = migrate.MigrateSettings(
        database_writer_url=settings.database_writer_url, database_password=settings.database_password
    )
    await migrate.migrate(tables, migrate.migrations("worker"))
    database = await Database.open(settings)
    async with database.transaction() as tx:
        await tx.execute(f"TRUNCATE {', '.join(TABLES)}")
    standins = {name: StandIn(pinning.port(f"{name}-1", "control")) for name in COMPONENTS}
    opened = World(environment, tmp_path, settings, database, standins)
    await opened.heal()
    try:
        yield opened
    finally:
        await opened.close()
        await database.close()


def _database(stores: Held) -> dict[str, str]:
    return {name: value for name, value in stores.environment(POD).items() if name.startswith("DATABASE_")}
