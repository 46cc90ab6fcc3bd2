"""Open the worker's parts over real stores and a development chain, with a fresh signer for every test.

Between: tests of this folder, the `stores` fixture and the local component `ethereum` (anvil).
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from tests.component.chain.endpoint import Endpoint
from tests.component.worker.world import CHAIN, World
from tests.support.clock import MovableClock
from tests.support.instances import instance

from audifi.clients.chain.writing.signer import Signer
from audifi.clients.chain.writing.transactions import Transactions
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.settings import Secret, parse
from audifi.local.held import Held
from audifi.services.worker import commands, consumers, settled
from audifi.services.worker.parts import opened, roles
from audifi.services.worker.settings import WorkerSettings

POD = "worker-1"
ETHER = 10**18


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of one chain for all tests of the session."""
    with instance(request, "worker-chain", ("ethereum",)) as running:
        yield f"http://127.0.0.1:{running.port('ethereum-1', 'rpc')}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def settings(stores: Held) -> WorkerSettings:
    """What the first pod is told; its schema is up to date."""
    environment = stores.environment(POD)
    await migrate(parse(MigrateSettings, environment), migrations("worker"))
    return parse(WorkerSettings, environment)


@pytest_asyncio.fixture
async def world(settings: WorkerSettings, node: str) -> AsyncIterator[World]:
    signer = Signer.of(Secret("0x" + secrets.token_hex(32)))
    clock = MovableClock()
    async with aiohttp.ClientSession() as session, opened(settings) as parts:
        endpoint = Endpoint(session, node)
        keeper = Transactions(
            parts.database,
            {CHAIN: endpoint},
            signer,
            clock=clock,
            told=settled.told,
            reason=commands.reason,
        )
        chains: Any = {CHAIN: endpoint}
        own = replace(parts, clock=clock, chains=chains, transactions=keeper, roles=roles(settings, signer.address))
        await endpoint.development("evm_setAutomine", False)
        await endpoint.development("evm_setIntervalMining", 0)  # blocks are the test's to make
        await endpoint.development("anvil_setNextBlockBaseFeePerGas", hex(10**9))
        await endpoint.development("anvil_mine", "0x1")
        await endpoint.development("anvil_setBalance", signer.address, hex(100 * ETHER))
        yield World(own, endpoint, clock, consumers.handlers(own))
        await endpoint.development("anvil_dropAllTransactions")
