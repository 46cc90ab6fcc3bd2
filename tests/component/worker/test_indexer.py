"""The indexer between a real chain and a real mirror: after reorgs, deaths and rivals the facts are the chain's."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from tests.component.chain.endpoint import FACTS, Endpoint
from tests.component.worker.served import served
from tests.component.worker.subscriber import Subscriber, answering
from tests.component.worker.world import World

from audifi.clients.chain.contracts.surface import CoinContract, CoinHolders
from audifi.kernel.database import Database
from audifi.kernel.internal import InternalTokens
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.peers import Peers
from audifi.kernel.settings import ServiceSettings, parse
from audifi.local.held import Held
from audifi.services.worker.indexer import Indexer, Indexing
from audifi.services.worker.store import leases

pytestmark = pytest.mark.asyncio

SERVICE = "nft-service"
WITHIN_S = 30.0
_chain_ids = iter(range(900_000, 999_999))


@dataclass
class Scene:
    """A chain with coins on it, a service that mirrors it, and indexers to be started."""

    world: World
    endpoint: Endpoint  # the same node, under a chain id that only this test uses
    subscriber: Subscriber
    peers: Peers
    account: str

    @property
    def chain_id(self) -> int:
        return self.endpoint.facts.chain_id

    def indexer(self) -> Indexer:
        return Indexer(chain=self.endpoint, service=SERVICE, peers=self.peers)

    def pod(self, name: str) -> Indexing:
        return Indexing([self.indexer()], self.world.parts.database, name)

    @contextlib.asynccontextmanager
    async def running(self, *these: Indexer | Indexing) -> AsyncGenerator[list[asyncio.Task[None]]]:
        tasks = [asyncio.create_task(each.run()) for each in these]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, to: str | None, data: bytes) -> str:
        call = {"from": self.account, "data": "0x" + data.hex(), "gas": hex(5_000_000)}
        return await self.endpoint.development("eth_sendTransaction", call | ({} if to is None else {"to": to}))

    async def coin(self) -> tuple[str, int]:
        """A new coin: four Transfer logs in its first block."""
        one = self.account
        holders = CoinHolders(treasury=one, participants=one, liquidity=one, community=one)
        data = CoinContract.deploy("Ada", "ADA", holders, admin=one, pauser=one)
        sent = await self.send(None, data)
        await self.world.mine()
        told = await self.endpoint.receipt(sent)
        assert told is not None
        return str(told["contractAddress"]).lower(), int(told["blockNumber"], 16)

    async def transfers(self, coin: str, count: int) -> None:
        to = "0x" + random.randbytes(20).hex()  # noqa: S311
        for amount in range(1, count + 1):
            await self.send(coin, CoinContract(coin).transfer(to, amount))
        await self.world.mine()

    async def truth(self, *coins: str) -> list[tuple[str, int, str]]:
        last = (await self.endpoint.head()).number - FACTS.act_confirmations + 1
        wanted = {"address": list(coins), "fromBlock": "0x0", "toBlock": hex(last)}
        logs = await self.endpoint.call("eth_getLogs", [wanted])
        topic = CoinContract.topic("Transfer")
        return [
            (log["transactionHash"], int(log["logIndex"], 16), log["blockHash"])
            for log in logs
            if log["topics"][0] == topic
        ]

    async def agrees(self, *coins: str) -> None:
        """Wait until the mirror is the chain."""
        seen: object = None
        last = (await self.endpoint.head()).number - FACTS.act_confirmations + 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN_S):
                while True:
                    at = await self.subscriber.checkpoint(self.chain_id)
                    seen = (at, len(await self.subscriber.known(self.chain_id)))
                    if at >= last and await self.subscriber.known(self.chain_id) == await self.truth(*coins):
                        return
        raise AssertionError(f"at block {last} with {len(await self.truth(*coins))} logs, the mirror has {seen}")


@pytest_asyncio.fixture
async def scene(world: World, stores: Held) -> AsyncIterator[Scene]:
    environment = stores.environment(f"{SERVICE}-1")
    await migrate(parse(MigrateSettings, environment), migrations("nft"))
    settings = parse(ServiceSettings, environment)
    database = await Database.open(settings)
    async with database.transaction() as tx:
        await tx.execute(
            """CREATE TABLE IF NOT EXISTS facts_seen (
                   chain_id bigint, tx_hash text, log_index integer, PRIMARY KEY (chain_id, tx_hash, log_index))"""
        )
    subscriber = Subscriber(database)
    own = world.parts.settings
    internal = InternalTokens(
        service=own.service,
        signing_key_jwk=own.internal_signing_key.reveal(),
        caller_keys_jwks=own.internal_caller_keys,
    )
    async with served(answering(settings, subscriber)) as address:
        peers = Peers({SERVICE: [address]}, internal)
        endpoint = Endpoint(
            world.endpoint._session,  # pyright: ignore[reportPrivateUsage]
            world.endpoint._url,  # pyright: ignore[reportPrivateUsage]
            replace(FACTS, chain_id=next(_chain_ids)),
        )
        account = (await endpoint.development("eth_accounts"))[0]
        yield Scene(world, endpoint, subscriber, peers, account)
        await peers.close()
    await database.close()


async def test_logs_reorgs_and_late_watches(scene: Scene) -> None:
    first, block = await scene.coin()
    await scene.subscriber.watch(scene.chain_id, first, "Coin", block)
    await scene.transfers(first, 3)
    await scene.world.mine(3)
    async with scene.running(scene.indexer()):
        await scene.agrees(first)
        assert len(await scene.subscriber.known(scene.chain_id)) == 7
        second, block = await scene.coin()
        await scene.transfers(second, 2)
        await scene.world.mine(2)
        await scene.agrees(first)
        await scene.subscriber.watch(scene.chain_id, second, "Coin", block)
        await scene.world.mine()
        await scene.agrees(first, second)
        await scene.transfers(first, 2)
        await scene.world.mine(1)
        await scene.agrees(first, second)
        await scene.endpoint.development("anvil_reorg", 2, [])
        await scene.transfers(second, 1)
        await scene.world.mine(3)
        await scene.agrees(first, second)
    assert scene.subscriber.undone > 0, "the reorg took something back"


async def test_of_two_pods_one_works_and_the_other_takes_over(scene: Scene) -> None:
    coin, block = await scene.coin()
    await scene.subscriber.watch(scene.chain_id, coin, "Coin", block)
    await scene.world.mine(3)
    async with scene.running(scene.pod("worker-1"), scene.pod("worker-2")) as (one, other):
        await scene.agrees(coin)
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        await scene.transfers(coin, 2)
        await scene.world.mine(3)
        await scene.agrees(coin)
        assert not other.done()
    assert scene.subscriber.applied == 6
    async with scene.world.parts.database.transaction() as tx:  # a pod that was killed says no goodbye
        assert await leases.take(tx, "indexing", "worker-9", 2.0)
    await scene.transfers(coin, 1)
    await scene.world.mine(3)
    async with scene.running(scene.pod("worker-2")):
        await scene.agrees(coin)


async def test_a_pod_may_die_anywhere_and_rivals_do_no_harm(scene: Scene) -> None:
    chance = random.Random(7)  # noqa: S311
    coin, block = await scene.coin()
    await scene.subscriber.watch(scene.chain_id, coin, "Coin", block)
    for turn in range(25):
        await scene.transfers(coin, chance.randrange(4))
        if turn % 6 == 5:
            await scene.endpoint.development("anvil_reorg", 2, [])
        # without the lease: two at once, both cut off wherever they are
        tasks = [asyncio.create_task(scene.indexer().follow()) for _ in range(2)]
        await asyncio.wait(tasks, timeout=chance.random() * 0.15)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await scene.world.mine(3)
    async with scene.running(scene.indexer()):
        await scene.agrees(coin)
