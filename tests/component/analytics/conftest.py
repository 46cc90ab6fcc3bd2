"""Open analytics-service over real stores once per session: its schema migrated, its key known.

Between: tests of this folder and the `stores` fixture.
Why one schema for all tests: every test has an artist of its own, so that they cannot meet.
"""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest_asyncio
from tests.component.analytics.driver import CALLER_KEYS, Keys, Person, World
from tests.support.clock import MovableClock

from audifi.kernel import context
from audifi.kernel.http import application
from audifi.kernel.identity import Mfa, TokenVerifier
from audifi.kernel.ids import new_id
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.settings import parse
from audifi.local.held import Held
from audifi.services.analytics.app import consumer, opened, service
from audifi.services.analytics.routes import OPERATIONS
from audifi.services.analytics.settings import AnalyticsSettings

POD = "analytics-service-1"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(stores: Held) -> MigrateSettings:
    """The schema, up to date."""
    settings = parse(MigrateSettings, stores.environment(POD))
    await migrate(settings, migrations("analytics"))
    return settings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(stores: Held, migrated: MigrateSettings) -> AsyncGenerator[World]:
    """The service, without its loops."""
    assert migrated.database_writer_url
    settings = replace(parse(AnalyticsSettings, stores.environment(POD)), internal_caller_keys=CALLER_KEYS)
    context.PROCESS.service, context.PROCESS.pod = settings.service, POD
    clock = MovableClock()
    verifier = TokenVerifier(issuer=settings.token_issuer, audience=settings.token_audience, source=Keys())
    async with opened(settings) as stores_open:
        built = service(settings, stores_open, verifier, clock=clock)
        served = application(OPERATIONS, kernel=built.kernel, title="analytics", version="test")
        yield World(built, served, consumer(settings, stores_open, clock), stores_open.queue, clock)


@pytest_asyncio.fixture(loop_scope="session")
async def admin(world: World) -> Person:
    """An administrator who used the second factor."""
    return await Person(world, new_id(), ("USER", "ADMIN"), Mfa.PASSED).signed_in()
