"""What pages, gates and facts ask is found by indexes: no sequential scan with 500 coins and 10,000 holdings."""

import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.component.coin.driver import World

from audifi.kernel.connection import Connection, Row
from audifi.services.coin.store import allocations, balances, coins, grants, pools, stakes

pytestmark = pytest.mark.asyncio(loop_scope="session")

_COINS = """
INSERT INTO coin.coins (id, artist_id, name, symbol, chain_id, treasury, base_bps, pool_fee_bps, status, address,
                        staking_address)
SELECT gen_random_uuid(), gen_random_uuid(), 'filler', 'FILL', 7, '0x' || lpad(n::text, 40, '0'), 1000, 30, 'DEPLOYED',
       '0x' || lpad(n::text, 40, 'a'), '0x' || lpad(n::text, 40, 'b') FROM generate_series(1, 500) n
"""
_FILLER = "FROM coin.coins c, generate_series($1::int, $1 + 4) n WHERE c.name = 'filler'"
_ROWS = (
    f"""INSERT INTO coin.coin_balances (coin_id, wallet, balance)
        SELECT c.id, '0x' || lpad((n * 7919 + c.base_bps)::text, 40, '0'), n {_FILLER}""",
    f"""INSERT INTO coin.stakes (id, coin_id, wallet, amount, lock_days, apy_bps, stake_id, started_at, unlocks_at,
                                 status)
        SELECT gen_random_uuid(), c.id, '0x' || lpad(n::text, 40, '0'), 1, 0, 1000, n, now(), now(), 'CLOSED'
        {_FILLER}""",
    f"""INSERT INTO coin.grants (coin_id, wallet, shares, amount, status)
        SELECT c.id, '0x' || lpad(n::text, 40, '0'), 1, 1, 'GIVEN' {_FILLER}""",
    f"""INSERT INTO coin.pool_events (chain_id, tx_hash, log_index, coin_id, block_number, type, wallet, coin_change,
                                      native_change)
        SELECT 7, c.id::text, n, c.id, n, 'SWAP', 'w', 1, -1 {_FILLER}""",
)
_POOLS = """
INSERT INTO coin.pools (coin_id, chain_id, address, fee_bps)
SELECT id, 7, '0x' || lpad(row_number() OVER ()::text, 40, 'c'), 30 FROM coin.coins WHERE name = 'filler'
"""
_PARTS = """
INSERT INTO coin.allocations (coin_id, bucket, amount)
SELECT id, bucket, 1 FROM coin.coins, unnest(ARRAY['TREASURY', 'PARTICIPANTS', 'POOL', 'COMMUNITY']) AS bucket
 WHERE name = 'filler'
"""
TABLES = ("coins", "coin_balances", "stakes", "grants", "pool_events", "pools", "allocations")


class _Undo(Exception):
    """Nothing of this stays."""


@dataclass
class Explained:
    """A connection that asks for the plan of everything it runs."""

    within: Connection
    scanned: list[str] = field(default_factory=list[str])

    async def execute(self, query: str, *args: Any) -> str:
        await self._explain(query, args)
        return await self.within.execute(query, *args)

    async def executemany(self, command: str, args: Iterable[Iterable[Any]]) -> None:
        await self.within.executemany(command, args)

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        await self._explain(query, args)
        return await self.within.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        await self._explain(query, args)
        return await self.within.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        await self._explain(query, args)
        return await self.within.fetchval(query, *args)

    async def _explain(self, query: str, args: tuple[Any, ...]) -> None:
        plan = json.loads(await self.within.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *args))
        self._look(plan[0]["Plan"], query)

    def _look(self, node: dict[str, Any], query: str) -> None:
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in TABLES:
            self.scanned.append(f"{node['Relation Name']}: {' '.join(query.split())}")
        for below in node.get("Plans", ()):
            self._look(below, query)


async def test_nothing_that_is_asked_often_reads_a_whole_table(world: World) -> None:
    with suppress(_Undo):
        async with world.parts.database.transaction() as tx:
            await tx.execute(_COINS)
            for first in range(1, 20, 5):  # a few at a time: a statement has ten seconds
                for statement in _ROWS:
                    await tx.execute(statement, first)
            for statement in (_POOLS, _PARTS, *(f"ANALYZE coin.{table}" for table in TABLES)):
                await tx.execute(statement)
            explained = Explained(tx)
            for ask in await questions(tx):
                await ask(explained)
            assert explained.scanned == []
            await explained.fetch("SELECT id FROM coin.stakes WHERE amount > 5")
            assert len(explained.scanned) == 1, "what reads a whole table is found"
            raise _Undo


async def questions(tx: Connection) -> list[Callable[[Connection], Awaitable[object]]]:
    """Everything that a page, a gate, a log or a loop runs often, about one of many coins."""
    row = await tx.fetchrow("SELECT id, artist_id, address FROM coin.coins WHERE name = 'filler' LIMIT 1")
    assert row is not None
    coin, artist, wallets = str(row["id"]), str(row["artist_id"]), ["0x" + "0" * 39 + "1"]
    return [
        lambda c: coins.of_artist(c, artist),
        lambda c: coins.of_contract(c, "Coin", 7, row["address"]),
        lambda c: coins.of_contract(c, "Staking", 7, "0xb"),
        lambda c: coins.of_contract(c, "Pool", 7, "0xc"),
        lambda c: coins.listed(c, newest_first=True, limit=20, offset=0),
        lambda c: coins.pending(c, 20),
        lambda c: coins.due(c, 20),
        lambda c: allocations.of_coin(c, coin),
        lambda c: balances.of_wallets(c, coin, wallets),
        lambda c: balances.holdings(c, wallets),
        lambda c: balances.holder_count(c, coin),
        lambda c: pools.of_coin(c, coin),
        lambda c: pools.volume_wei(c, coin),
        lambda c: stakes.of_wallets(c, coin, wallets),
        lambda c: stakes.standing(c, coin, wallets),
        lambda c: stakes.total(c, coin),
        lambda c: stakes.forget_unsent(c, datetime.now(UTC), 10),
        lambda c: grants.take_due(c, 10),
        lambda c: grants.give(c, artist, wallets[0], 1, None),
    ]
