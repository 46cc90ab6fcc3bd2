"""Mirror made-up chains into real tables: whatever reorgs, replays and late watches do, the facts are the chain's."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from eth_abi.abi import encode
from tests.component.chain.conftest import StoreSettings

from audifi.clients.chain import mirroring
from audifi.clients.chain.contracts import events
from audifi.clients.chain.contracts.surface import CoinContract
from audifi.clients.chain.mirroring.messages import Batch, LogBody, Place
from audifi.clients.chain.mirroring.mirror import Fact, Mirror
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.wire.problems import Conflict, Invalid

pytestmark = pytest.mark.asyncio

COINS = tuple("0x" + f"{each:02x}" * 20 for each in (0xC1, 0xC2, 0xC3))
FROM, TO = "0x" + "aa" * 20, "0x" + "bb" * 20
TABLES = Path(mirroring.__file__).with_name("tables.sql").read_text(encoding="utf-8").replace("SCHEMA", "worker")
_numbers = iter(range(50_000, 60_000))


def _hash(kind: str, number: object) -> str:
    return "0x" + encode(["string"], [f"{kind} {number}"])[-32:].hex()


def _log(coin: str, block: int, fork: int, index: int, value: int) -> LogBody:
    return LogBody(
        address=coin,
        topics=(CoinContract.topic("Transfer"), *("0x" + encode(["address"], [each]).hex() for each in (FROM, TO))),
        data="0x" + encode(["uint256"], [value]).hex(),
        block_number=block,
        block_hash=_hash("block", (block, fork)),
        tx_hash=_hash("tx", value),  # a value is a transaction: on every fork the same
        log_index=index,
    )


@dataclass
class Ledger:
    """What a service would have made of the facts."""

    live: dict[tuple[str, int], Fact] = field(default_factory=dict[tuple[str, int], Fact])
    order: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])

    async def applied(self, _: Connection, fact: Fact) -> None:
        assert (fact.tx_hash, fact.log_index) not in self.live, "applied twice"
        self.live[fact.tx_hash, fact.log_index] = fact
        self.order.append(("applied", fact.block_number, fact.log_index))

    async def undone(self, _: Connection, fact: Fact) -> None:
        assert self.live.pop((fact.tx_hash, fact.log_index)) == fact, "what is undone is what was applied"
        self.order.append(("undone", fact.block_number, fact.log_index))


@dataclass
class Mirrored:
    """One chain's mirror in the database."""

    database: Database
    ledger: Ledger
    chain_id: int

    @property
    def mirror(self) -> Mirror:
        return Mirror(applied=self.ledger.applied, undone=self.ledger.undone)

    async def watch(self, coin: str, from_block: int) -> None:
        async with self.database.transaction() as tx:
            await self.mirror.watch(tx, self.chain_id, coin, "Coin", from_block)

    async def where(self) -> tuple[Place, int]:
        async with self.database.read_primary() as connection:
            told = await self.mirror.watched(connection, self.chain_id)
        assert told.checkpoint is not None
        return told.checkpoint, len(told.addresses)

    async def deliver(self, first: int, last: int, logs: list[LogBody], *, after: Place | None = None) -> int:
        now, watches = await self.where()
        batch = Batch(
            after=after or now,
            watches=watches,
            first=first,
            checkpoint=Place(last, _hash("place", last)),
            logs=tuple(logs),
        )
        async with self.database.transaction() as tx:
            return await self.mirror.apply(tx, self.chain_id, batch)


@pytest_asyncio.fixture
async def mirrored(told: StoreSettings) -> AsyncIterator[Mirrored]:
    database = await Database.open(told)
    async with database.transaction() as tx:
        await tx.execute(TABLES)
    yield Mirrored(database, Ledger(), next(_numbers))
    async with database.transaction() as tx:
        await tx.execute("DROP TABLE worker.chain_watches, worker.chain_checkpoints, worker.chain_logs")
    await database.close()


async def test_a_replay_changes_nothing_and_a_reorg_moves_what_moved(mirrored: Mirrored) -> None:
    await mirrored.watch(COINS[0], 10)
    assert await mirrored.where() == (Place(9), 1)
    first = [_log(COINS[0], 10, 0, 0, 1), _log(COINS[0], 11, 0, 0, 2**255), _log(COINS[0], 11, 0, 1, 3)]
    assert await mirrored.deliver(10, 12, first) == 3
    assert await mirrored.deliver(10, 12, first) == 0, "a replay"
    events_told = [fact.event for fact in mirrored.ledger.live.values()]
    assert events_told[1] == events.CoinTransfer(from_=FROM, to=TO, value=2**255), "whole, not rounded"
    mirrored.ledger.order.clear()
    assert await mirrored.deliver(11, 12, [_log(COINS[0], 12, 1, 0, 3)]) == 3, "one went, one moved to another block"
    assert mirrored.ledger.order == [("undone", 11, 1), ("undone", 11, 0), ("applied", 12, 0)]
    assert await mirrored.deliver(10, 9, []) == 2, "everything from 10 on is undone"
    assert (mirrored.ledger.live, (await mirrored.where())[0].block) == ({}, 9)


async def test_a_late_watch_takes_the_checkpoint_back_and_nothing_else(mirrored: Mirrored) -> None:
    await mirrored.watch(COINS[0], 10)
    await mirrored.deliver(10, 20, [_log(COINS[0], 15, 0, 0, 1)])
    await mirrored.watch(COINS[0], 10)
    assert await mirrored.where() == (Place(20, _hash("place", 20)), 1), "known already"
    stale = await mirrored.where()
    await mirrored.watch(COINS[1], 25)
    assert await mirrored.where() == (Place(20, _hash("place", 20)), 2), "blocks to come"
    batch = Batch(after=stale[0], watches=stale[1], first=21, checkpoint=Place(30))
    with pytest.raises(Conflict):  # read without the new address: it must not pass over block 25
        async with mirrored.database.transaction() as tx:
            await mirrored.mirror.apply(tx, mirrored.chain_id, batch)
    await mirrored.watch(COINS[2], 13)
    assert await mirrored.where() == (Place(12), 3)
    assert len(mirrored.ledger.live) == 1, "what is known stays, and is compared when it is read again"
    assert await mirrored.deliver(11, 20, [_log(COINS[2], 13, 0, 0, 2), _log(COINS[0], 15, 0, 1, 1)]) == 3


async def test_what_does_not_fit_is_refused(mirrored: Mirrored) -> None:
    with pytest.raises(Conflict):  # nothing is watched
        async with mirrored.database.transaction() as tx:
            await mirrored.mirror.apply(
                tx, mirrored.chain_id, Batch(after=Place(9), watches=1, first=10, checkpoint=Place(10))
            )
    await mirrored.watch(COINS[0], 10)
    with pytest.raises(Invalid, match="no block out"):
        await mirrored.deliver(11, 12, [])
    with pytest.raises(Invalid, match="own blocks"):
        await mirrored.deliver(10, 12, [_log(COINS[0], 13, 0, 0, 1)])
    assert await mirrored.deliver(10, 12, [_log(COINS[1], 11, 0, 0, 1)]) == 0, "nobody watches it"


async def test_of_two_indexers_one_is_refused_and_nothing_is_told_twice(mirrored: Mirrored) -> None:
    await mirrored.watch(COINS[0], 10)
    after = (await mirrored.where())[0]
    logs = [_log(COINS[0], 10, 0, 0, 1)]
    both = await asyncio.gather(
        *(mirrored.deliver(10, 10, logs, after=after) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in both) == ["Conflict", "int"]
    assert len(mirrored.ledger.order) == 1


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_the_facts_are_the_chains(mirrored: Mirrored, seed: int) -> None:
    """A chain that grows and is reorganised; batches of any size, replays, roll-backs and late watches between."""
    chance = random.Random(seed)  # noqa: S311  # a game, no secret
    chain: list[list[LogBody]] = []
    watching: set[str] = set()
    value = 0

    def grow(fork: int) -> None:
        nonlocal value
        block = len(chain)
        again = [each for each in range(value) if chance.random() < 0.05]  # a transaction that was in another block
        fresh = list(range(value, value + chance.randrange(3)))
        value += len(fresh)
        used = {int(log.data, 16) for logs in chain for log in logs}
        wanted = [each for each in again if each not in used] + fresh
        chain.append([_log(COINS[each % 3], block, fork, index, each) for index, each in enumerate(wanted)])

    for turn in range(60):
        match chance.randrange(6):
            case 0 if len(watching) < len(COINS):
                coin = COINS[len(watching)]
                watching.add(coin)
                await mirrored.watch(coin, chance.randrange(len(chain) + 3))
            case 1 if chain:
                del chain[chance.randrange(max(0, len(chain) - 5), len(chain)) :]  # a reorg
                if watching and (await mirrored.where())[0].block >= len(chain):
                    await mirrored.deliver(len(chain), len(chain) - 1, [])
            case 2 | 3:
                grow(turn)
            case _:
                if watching:
                    now = (await mirrored.where())[0]
                    first = max(0, now.block + 1 - chance.randrange(4))
                    last = min(len(chain) - 1, first + chance.randrange(8))
                    if last >= first:
                        logs = [log for logs in chain[first : last + 1] for log in logs if log.address in watching]
                        await mirrored.deliver(first, last, logs)
    if watching:
        truth = [log for logs in chain for log in logs if log.address in watching]
        await mirrored.deliver(0, len(chain) - 1, truth)
        seen = {(fact.tx_hash, fact.block_hash) for fact in mirrored.ledger.live.values()}
        assert seen == {(log.tx_hash, log.block_hash) for log in truth}
