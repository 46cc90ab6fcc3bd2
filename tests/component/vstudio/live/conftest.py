"""Open vstudio-service over real stores once per session: its schema migrated, its neighbours up.

Between: tests of this folder and the `stores` fixture.
Why one schema for all tests: every test has a session of its own, so that they cannot meet.
"""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest_asyncio
from aiohttp.test_utils import TestServer
from tests.component.vstudio.live.world import CALLER_KEYS, Neighbours, World
from tests.support.clock import MovableClock

from audifi.kernel import context
from audifi.kernel.http import application
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.opening import opened
from audifi.kernel.settings import parse
from audifi.local.held import Held
from audifi.services.vstudio.app import service
from audifi.services.vstudio.routes import OPERATIONS
from audifi.services.vstudio.settings import VstudioSettings

POD = "vstudio-service-1"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def live(stores: Held) -> AsyncGenerator[World]:
    """The service, without its loops."""
    await migrate(parse(MigrateSettings, stores.environment(POD)), migrations("vstudio"))
    neighbours, clock = Neighbours(), MovableClock()
    async with TestServer(neighbours.application()) as beside:
        url = str(beside.make_url("")).rstrip("/")
        services = ("auth-service", "nft-service", "coin-service", "payment-service")
        settings = replace(
            parse(VstudioSettings, stores.environment(POD)),
            internal_caller_keys=CALLER_KEYS,
            jwks_url=f"{url}/.well-known/jwks.json",
            peers=tuple(f"{each}={url}" for each in services),
        )
        context.PROCESS.service, context.PROCESS.pod = settings.service, POD
        async with opened(settings) as stores_open:
            built = service(settings, stores_open, clock=clock)
            served = application(OPERATIONS, kernel=built.kernel, title="vstudio", version="test")
            found = World(built, served, clock, neighbours)
            yield found
            await found.parts.tallies.shown()
            await found.parts.feed.close()
