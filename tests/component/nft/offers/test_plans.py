"""Hot queries over many masters find their rows by an index.

Between: store.masters, store.ipos, store.commands and PostgreSQL's planner, with statistics of 6,000 masters.
Why counts are left out: how many masters match is asked of every one that matches; no index makes that fewer.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from tests.component.nft.offers.world import World

from audifi.kernel.connection import Connection
from audifi.services.nft.store import commands, ipos, masters
from audifi.services.nft.store.masters import Filters

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MANY = """
INSERT INTO nft.masters (id, artist_id, title, type, genre, status, created_at)
SELECT gen_random_uuid(), gen_random_uuid(), 'Song ' || n, 'TRACK', 'Jazz',
       CASE WHEN n % 3 = 0 THEN 'LISTED' ELSE 'DRAFT' END, now() - n * interval '1 minute'
  FROM generate_series(1, 6000) AS n
"""
_OFFERS = """
INSERT INTO nft.ipos (id, master_id, total_shares, artist_reserve, price_wei, currency, chain_id, status, holders_bps,
                      artist_bps, due_at)
SELECT gen_random_uuid(), id, 100, 0, 1, 'ETH', 1, 'DRAFT', 5000, 5000, NULL
  FROM nft.masters WHERE title LIKE 'Song %'
"""
_COMMANDS = """
INSERT INTO nft.commands (key, master_id, step, ask)
SELECT 'plan:' || id || n, id, 'MASTER', n FROM nft.masters, generate_series(1, 2) AS n WHERE title LIKE 'Song %'
"""


class Explained:
    """A connection that keeps the plan of every query it runs."""

    def __init__(self, inner: Connection) -> None:
        self._inner = inner
        self.plans: list[str] = []

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        plan = await self._inner.fetch(f"EXPLAIN {query}", *arguments)
        self.plans.append("\n".join(row["QUERY PLAN"] for row in plan))
        return await self._inner.fetch(query, *arguments)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        if query.startswith("SELECT count(*) FROM nft.masters m"):
            return await self._inner.fetchval(query, *arguments)
        return next(iter((await self.fetch(query, *arguments))[0].values()))

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        return next(iter(await self.fetch(query, *arguments)), None)


Ask = Callable[[Any], Awaitable[Any]]


async def test_no_hot_query_reads_a_whole_table(world: World) -> None:
    now, nobody = world.clock.now(), str(uuid4())
    asked: dict[str, Ask] = {
        "one": lambda it: masters.one(it, nobody),
        "newest": lambda it: masters.listed(it, Filters(), limit=20, offset=0),
        "oldest": lambda it: masters.listed(it, Filters(is_oldest_first=True), limit=20, offset=0),
        "listed": lambda it: masters.listed(it, Filters(status="LISTED"), limit=20, offset=0),
        "genre": lambda it: masters.listed(it, Filters(genre="Jazz"), limit=20, offset=0),
        "artist": lambda it: masters.listed(it, Filters(artist_id=nobody), limit=20, offset=0),
        "mine": lambda it: masters.listed(it, Filters(viewer_id=nobody), limit=20, offset=0),
        "words": lambda it: masters.listed(it, Filters(words="song:* & 77:*"), limit=20, offset=0),
        "offer": lambda it: ipos.one(it, nobody),
        "offers": lambda it: ipos.of_masters(it, [nobody]),
        "due": lambda it: ipos.due(it, now, 50),
        "market": lambda it: ipos.waiting_for_market(it, 1),
        "content": lambda it: ipos.waiting_for_content(it, "cid"),
        "launched": lambda it: ipos.count_launched(it, nobody, now),
        "parts": lambda it: commands.parts(it, nobody, "MASTER"),
        "command": lambda it: commands.find(it, "key"),
    }
    async with world.parts.database.transaction() as tx:
        for statement in (_MANY, _OFFERS, _COMMANDS):
            await tx.execute(statement)
        await tx.execute("ANALYZE nft.masters, nft.ipos, nft.commands, nft.master_collaborators")
        whole: dict[str, str] = {}
        for name, ask in asked.items():
            explained = Explained(tx)
            await ask(explained)
            plans = [plan for plan in explained.plans if re.search(r"Seq Scan on (masters|ipos|commands)", plan)]
            assert explained.plans, f"{name}: nothing was asked"
            whole |= {f"{name} {number}": plan for number, plan in enumerate(plans)}
        for table in ("commands", "ipos", "masters"):
            await tx.execute(f"DELETE FROM nft.{table} WHERE {_OURS[table]}")  # noqa: S608  # constant text
    assert not whole, "\n\n".join(f"{name}:\n{plan}" for name, plan in whole.items())


_OURS = {
    "commands": "key LIKE 'plan:%'",
    "ipos": "master_id IN (SELECT id FROM nft.masters WHERE title LIKE 'Song %')",
    "masters": "title LIKE 'Song %'",
}
