"""Open nft-service's parts over real stores and a chain of its own, once per session.

Between: tests of this folder, the `stores` fixture and the local component `base` (anvil).
"""

import socket
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp import web
from tests.component.contracts.node import Node
from tests.component.nft.paying import CHAIN, Neighbours, Paying
from tests.component.nft.selling import Selling
from tests.support.instances import instance

from audifi.kernel.clock import SystemClock
from audifi.kernel.internal import InternalTokens
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.settings import Secret, parse
from audifi.local.held import Held
from audifi.services.nft.app import opened, service
from audifi.services.nft.settings import NftSettings
from audifi.wire import environment as names

POD = "nft-service-1"


@pytest.fixture(scope="session")
def chain_node(request: pytest.FixtureRequest) -> Generator[Node]:
    """A development chain whose blocks are the tests' to make."""
    with instance(request, "nft-chain", ("base",)) as running:
        found = Node(running.port("base-1", "rpc"))
        found.rpc("evm_setIntervalMining", 0)
        found.rpc("evm_setAutomine", True)
        yield found
        found.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def paying(stores: Held, chain_node: Node) -> AsyncGenerator[Paying]:
    """The service that pays holders, without its loops: tests run those step by step."""
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
        peers=(f"auth-service={url}", f"coin-service={url}", f"payment-service={url}"),
        rpc_providers=(f"{CHAIN}:alchemy={chain_node.url}",),
        rpc_keys=Secret("alchemy=none"),
        chain_confirmations="1/3",
    )
    try:
        async with opened(settings) as stores_open:
            yield Paying(service(settings, stores_open, clock=SystemClock()), chain_node, neighbours)
    finally:
        await runner.cleanup()


@pytest.fixture(scope="session")
def selling(paying: Paying, stores: Held) -> Selling:
    """The same service, for those who buy and sell; payment-service asks it too."""
    payment = InternalTokens(
        service="payment-service",
        signing_key_jwk=stores.environment("payment-service-1")[names.INTERNAL_SIGNING_KEY],
        caller_keys_jwks='{"keys": []}',
    )
    return Selling(paying, payment)
