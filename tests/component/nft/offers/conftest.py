"""Open nft-service over real stores once per session, without its loops: tests run those step by step.

Between: tests of this folder and the `stores` fixture.
Why one schema for all tests: every test has artists and masters nobody else has. What is asked of chains is taken by
the test that caused it, because tests run one after the other.
"""

import socket
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from tests.component.nft.offers.world import CALLER_KEYS, CHAIN, Neighbours, World
from tests.support.clock import MovableClock

from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.settings import Secret, parse
from audifi.local.held import Held
from audifi.services.nft.app import opened, service
from audifi.services.nft.settings import NftSettings

POD = "nft-service-2"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(stores: Held, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """The service and everybody around it."""
    environment = stores.environment(POD)
    await migrate(parse(MigrateSettings, environment), migrations("nft"))
    neighbours = Neighbours()
    runner = web.AppRunner(neighbours.application())
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = replace(
        parse(NftSettings, environment),
        jwks_url=f"{url}/.well-known/jwks.json",
        peers=(f"auth-service={url}", f"payment-service={url}"),
        internal_caller_keys=CALLER_KEYS,
        content_directory=str(tmp_path_factory.mktemp("content")),
        rpc_providers=tuple(f"{chain}:alchemy=http://127.0.0.1:9/{{key}}" for chain in (1, CHAIN)),
        rpc_keys=Secret("alchemy=none"),
    )
    clock = MovableClock()
    try:
        async with opened(settings) as stores_open:
            yield World(service(settings, stores_open, clock=clock), clock, neighbours)
    finally:
        await runner.cleanup()


@pytest.fixture
def content(world: World) -> Path:
    """The shared content directory."""
    return Path(world.parts.settings.content_directory)
