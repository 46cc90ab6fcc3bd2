"""Open coin-service over real stores and a real chain once per session: its schema migrated, its neighbours up.

Between: tests of this folder and the `stores` fixture.
Why one schema and one chain for all tests: every test has an artist of its own, so that they cannot meet.
Invariant: after every module the books are compared: nothing may be left that does not add up.
"""

from collections.abc import AsyncGenerator, Generator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from tests.component.coin.driver import CALLER_KEYS, OPERATOR, Neighbours, World
from tests.component.contracts.node import Node
from tests.support.clock import MovableClock
from tests.support.instances import instance

from audifi.kernel import context
from audifi.kernel.http import application
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.settings import parse
from audifi.local.held import Held
from audifi.services.coin import consumers
from audifi.services.coin.app import opened, service
from audifi.services.coin.routes import OPERATIONS
from audifi.services.coin.settings import CoinSettings
from audifi.services.coin.store import invariants

POD = "coin-service-1"


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Generator[Node]:
    """A development chain of our own."""
    with instance(request, "coin-chain", ("ethereum",)) as running:
        found = Node(running.port("ethereum-1", "rpc"))
        found.give(OPERATOR)
        yield found
        found.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(stores: Held) -> MigrateSettings:
    """The schema, up to date."""
    settings = parse(MigrateSettings, stores.environment(POD))
    await migrate(settings, migrations("coin"))
    return settings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(stores: Held, migrated: MigrateSettings, node: Node) -> AsyncGenerator[World]:
    """The service, without its loops."""
    assert migrated.database_writer_url
    neighbours, clock = Neighbours(), MovableClock()
    async with TestServer(neighbours.application()) as beside:
        url = str(beside.make_url("")).rstrip("/")
        settings = replace(
            parse(CoinSettings, stores.environment(POD)),
            internal_caller_keys=CALLER_KEYS,
            jwks_url=f"{url}/.well-known/jwks.json",
            peers=(f"auth-service={url}", f"nft-service={url}"),
        )
        context.PROCESS.service, context.PROCESS.pod = settings.service, POD
        async with opened(settings) as stores_open:
            built = service(settings, stores_open, clock=clock)
            served = application(OPERATIONS, kernel=built.kernel, title="coin", version="test")
            yield World(built, served, consumers.handlers(built.kernel.deps), clock, node, neighbours)


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def books(world: World) -> AsyncGenerator[None]:
    """Compare the books when a module's tests are done."""
    yield
    async with world.parts.database.read_primary() as connection:
        assert await invariants.violations(connection) == []
