"""Give each test a chain of its own signer, the worker's tables, and keepers made afresh.

Between: fixture `stores` (PostgreSQL behind PgBouncer), the local components `ethereum` (anvil), `alchemy` and `infura`
(in front of it), and the tests.
Shape: one anvil and one database per session; one signer with 100 ether per test, so that nonces begin at 0.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from eth_utils.crypto import keccak
from tests.component.chain.endpoint import FACTS, Endpoint
from tests.support.clock import MovableClock
from tests.support.instances import instance

from audifi.clients.chain.access import WritableChains
from audifi.clients.chain.pool.chains import Chains
from audifi.clients.chain.writing.ledger import SETTLED, Transaction
from audifi.clients.chain.writing.signer import Signer
from audifi.clients.chain.writing.transactions import Pace, Transactions
from audifi.kernel import migrate
from audifi.kernel.database import Database
from audifi.kernel.settings import Secret
from audifi.local.held import Held
from audifi.local.knobs import clear_faults, set_faults

ROOT = Path(__file__).resolve().parents[3]
POD = "worker-1"
CHAIN = 1
PROVIDERS = ("alchemy", "infura")
ETHER = 10**18


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """What Database.open reads."""

    pod: str
    database_writer_url: str
    database_reader_url: str
    database_password: Secret
    database_prepared_statements: bool


@dataclass(frozen=True)
class World:
    """What a test of transactions works with."""

    database: Database
    endpoint: Endpoint
    signer: Signer
    key: Secret
    clock: MovableClock

    def keeper(self, chains: WritableChains | None = None, pace: Pace | None = None) -> Transactions:
        """A keeper that knows nothing but the database: what a restarted pod is."""
        asked = {CHAIN: self.endpoint} if chains is None else chains
        return Transactions(self.database, asked, self.signer, clock=self.clock, pace=pace)

    async def ask(self, key: str, **fields: object) -> Transaction:
        wish = {"chain_id": CHAIN, "to": self.recipient(key), "value_wei": 1} | fields
        async with self.database.transaction() as tx:
            return await self.keeper().request(tx, key=key, **wish)  # pyright: ignore[reportArgumentType]

    async def until_idle(self, keeper: Transactions) -> None:
        while await keeper.step(CHAIN):
            pass

    async def settle(self, key: str, keeper: Transactions | None = None, *, rounds_max: int = 40) -> Transaction:
        """Let time and blocks pass until the transaction is settled."""
        kept = keeper or self.keeper()
        found = await self.find(key)
        for _ in range(rounds_max):
            await self.until_idle(kept)
            found = await self.find(key)
            if found.state in SETTLED:
                return found
            await self.mine()
            self.clock.advance(20)
        raise AssertionError(f"not settled after {rounds_max} rounds: {found}")

    async def find(self, key: str) -> Transaction:
        found = await self.keeper().find(key, CHAIN)
        assert found is not None, key
        return found

    async def mine(self, blocks: int = 1) -> None:
        await self.endpoint.development("anvil_mine", hex(blocks))

    async def mined_nonces(self) -> int:
        return int(await self.endpoint.call("eth_getTransactionCount", [self.signer.address, "latest"]), 16)

    def recipient(self, key: str) -> str:
        """An address of the key's own: what it holds says how often the key was paid."""
        return "0x" + keccak(text=self.signer.address + key).hex()[-40:]

    async def received(self, key: str) -> int:
        return int(await self.endpoint.call("eth_getBalance", [self.recipient(key), "latest"]), 16)


@dataclass(frozen=True)
class Outside:
    """A development chain, and the two providers in front of it."""

    node: str
    providers: str
    keys: Secret
    controls: dict[str, int]  # provider → the port of its knobs


@pytest.fixture(scope="session")
def outside(request: pytest.FixtureRequest) -> Iterator[Outside]:
    """One chain for all tests of the session; each works with a signer of its own."""
    with instance(request, "outside", ("ethereum", *PROVIDERS)) as running:
        environment = running.environment(POD)
        yield Outside(
            node=f"http://127.0.0.1:{running.port('ethereum-1', 'rpc')}",
            providers=",".join(each for each in environment["RPC_PROVIDERS"].split(",") if each.startswith("1:")),
            keys=Secret(environment["RPC_KEYS"]),
            controls={name: running.port(f"{name}-1", "control") for name in PROVIDERS},
        )


@pytest_asyncio.fixture
async def chains(outside: Outside) -> AsyncIterator[Chains]:
    opened = await Chains.open(outside.providers, outside.keys, facts={CHAIN: FACTS})
    yield opened
    await opened.close()


class Knobs:
    """The faults of both providers."""

    def __init__(self, controls: dict[str, int]) -> None:
        self._controls = controls

    async def turn(self, provider: str, **faults: Any) -> None:
        await set_faults(self._controls[provider], **faults)

    async def clear(self) -> None:
        for control in self._controls.values():
            await clear_faults(control)


@pytest_asyncio.fixture
async def knobs(outside: Outside) -> AsyncIterator[Knobs]:
    made = Knobs(outside.controls)
    yield made
    await made.clear()


@pytest.fixture(scope="session")
def told(stores: Held) -> StoreSettings:
    environment = stores.environment(POD)
    return StoreSettings(
        pod=POD,
        database_writer_url=environment["DATABASE_WRITER_URL"],
        database_reader_url=environment["DATABASE_READER_URL"],
        database_password=Secret(environment["DATABASE_PASSWORD"]),
        database_prepared_statements=environment["DATABASE_PREPARED_STATEMENTS"] == "true",
    )


@pytest_asyncio.fixture
async def world(told: StoreSettings, outside: Outside) -> AsyncIterator[World]:
    settings = migrate.MigrateSettings(
        database_writer_url=told.database_writer_url, database_password=told.database_password
    )
    await migrate.migrate(settings, migrate.migrations("worker"))
    database = await Database.open(told)
    key = Secret("0x" + secrets.token_hex(32))
    async with aiohttp.ClientSession() as session:
        endpoint = Endpoint(session, outside.node)
        made = World(database, endpoint, Signer.of(key), key, MovableClock())
        await endpoint.development("evm_setAutomine", False)
        await endpoint.development("evm_setIntervalMining", 0)  # blocks are the test's to make
        await endpoint.development("anvil_setNextBlockBaseFeePerGas", hex(10**9))
        await made.mine()
        await endpoint.development("anvil_setBalance", made.signer.address, hex(100 * ETHER))
        yield made
        await endpoint.development("anvil_dropAllTransactions")
    await database.close()
