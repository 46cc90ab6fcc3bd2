"""Open vstudio-service over real stores once per session: its schema migrated, its neighbours up.

Between: tests of this folder and the `stores` fixture.
Why one schema for all tests: every test has an artist of its own, so that they cannot meet.
Invariant: every test begins with neighbours that behave.
"""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from tests.component.vstudio.sessions.driver import Neighbours, World
from tests.support.clock import MovableClock

from audifi.kernel import context
from audifi.kernel.http import application
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.opening import opened
from audifi.kernel.settings import parse
from audifi.local.held import Held
from audifi.services.vstudio import consumers
from audifi.services.vstudio.app import service
from audifi.services.vstudio.routes import OPERATIONS
from audifi.services.vstudio.settings import VstudioSettings

POD = "vstudio-service-1"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened_world(stores: Held) -> AsyncGenerator[World]:
    """The service, without its loops."""
    await migrate(parse(MigrateSettings, stores.environment(POD)), migrations("vstudio"))
    neighbours, clock = Neighbours(), MovableClock()
    async with TestServer(neighbours.application()) as beside:
        url = str(beside.make_url("")).rstrip("/")
        services = ("auth-service", "nft-service", "coin-service", "payment-service")
        settings = replace(
            parse(VstudioSettings, stores.environment(POD)),
            jwks_url=f"{url}/.well-known/jwks.json",
            peers=tuple(f"{each}={url}" for each in services),
        )
        context.PROCESS.service, context.PROCESS.pod = settings.service, POD
        async with opened(settings) as stores_open:
            built = service(settings, stores_open, clock=clock)
            served = application(OPERATIONS, kernel=built.kernel, title="vstudio", version="test")
            yield World(built, served, consumers.handlers(built.kernel.deps), clock, neighbours)


@pytest.fixture
def world(opened_world: World) -> World:
    """The service, with neighbours that behave."""
    opened_world.neighbours.is_away = False
    opened_world.neighbours.mischief.clear()
    opened_world.neighbours.asked.clear()
    return opened_world
