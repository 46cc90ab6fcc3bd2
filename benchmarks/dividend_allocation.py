"""How long does it take to divide a revenue among 100,000 holders, to the last wei?

Between: the pods of nft-service, a database with that many holders, and results/benchmarks/dividend_allocation.json.

# What is measured
A distribution whose deposit is final is put into the tables, and the pods do the rest by themselves: the snapshot of
owners, the amounts, the tree. `allocated_s` is from its commit until the amounts are there, `rooted_s` until its root
is; both with the second that a pod may rest before it looks. Beside it, in turn: as many rows written by one INSERT …
SELECT: the floor. Each round divides the same sum among the holders of the same master, in an epoch of its own.

Units: s; MiB.
Invariant: the amounts are the sum, in every round.
Source: issue 4 "dividend allocation for 100 k holders"; domain.md 2.2 "Dividend rule".
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from audifi.kernel.ids import new_id
from audifi.local.held import Held, held
from benchmarks.harness import catalogue
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.catalogue import Catalogue
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.processes import rss_bytes
from benchmarks.harness.result import ROOT, spread, write

HOLDERS = 100_000
POOL = 10**18 + 7
CHAIN = 8453
DEEP = 1_000_000  # blocks on top of the deposit: it is final
PATIENCE_S = 300.0
LOOK_S = 0.1
SERVICE = "nft-service"
_MOVES = """
INSERT INTO nft.share_transfers (chain_id, tx_hash, log_index, block_number, master_id, token_id, type, to_wallet,
                                 seen_at)
SELECT %(chain)s, '0x' || repeat('ab', 32), n, 1, (SELECT id FROM nft.masters LIMIT 1), n, 'MINT',
       '0x' || lpad(to_hex(n * 7919), 40, '0'), now()
  FROM generate_series(1, %(holders)s) AS n
"""
_FOLLOWED = (
    "INSERT INTO nft.chain_checkpoints VALUES (%(chain)s, %(deep)s, '0x' || repeat('0', 64), 1)",
    """INSERT INTO nft.chain_watches (chain_id, address, contract, from_block)
       VALUES (%(chain)s, '0x' || repeat('d0', 20), 'Dividend', 1)""",
)
_BEGIN = (
    """INSERT INTO nft.revenue_events (id, master_id, source, amount_wei, external_reference, status, recorded_by,
              deposit_asks, deposit_tx)
       SELECT %(revenue)s::uuid, id, 'SYNC', %(pool)s, %(revenue)s::text, 'DEPOSITED', artist_id, 1, %(tx)s
         FROM nft.masters LIMIT 1""",
    """INSERT INTO nft.dividend_deposits VALUES (%(chain)s, %(tx)s, 0, '0x' || repeat('d0', 20),
              '0x' || repeat('d0', 20), '0x' || lpad(replace(%(revenue)s::text, '-', ''), 64, '0'), %(pool)s, 1)""",
    """INSERT INTO nft.distributions (id, revenue_event_id, master_id, chain_id, dividend, epoch, gross_wei,
              holders_wei, artist_wei, platform_wei, collaborators_wei, collaborators)
       SELECT %(id)s::uuid, %(revenue)s::uuid, id, %(chain)s, '0x' || repeat('d0', 20), %(epoch)s, %(pool)s, %(pool)s,
              0, 0, 0, '[]'
         FROM nft.masters LIMIT 1""",
)
_STATE = "SELECT status <> 'SNAPSHOT', merkle_root IS NOT NULL FROM nft.distributions WHERE id = %(id)s::uuid"
_SUM = "SELECT count(*), sum(amount_wei) FROM nft.dividend_allocations WHERE distribution_id = %(id)s::uuid"
_FLOOR = """
INSERT INTO public.floor SELECT gen_random_uuid(), gen_random_uuid(), to_wallet, 1, 1, 'AVAILABLE'
  FROM nft.share_transfers
"""


@dataclass
class Dividing:
    """One database with many holders, and the pods that work on it."""

    connection: "psycopg.AsyncConnection[tuple[Any, ...]]"
    epochs: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    rooted_s: list[float] = field(default_factory=list[float])

    async def filled(self) -> None:
        await catalogue.fill(self.connection, Catalogue(masters=1, shares=10, live=1, resales=0))
        told = {"chain": CHAIN, "holders": HOLDERS, "deep": DEEP}
        for statement in (_MOVES, *_FOLLOWED):
            await self.connection.execute(statement, told)
        await self.connection.execute(
            "CREATE TABLE public.floor (id uuid PRIMARY KEY, distribution_id uuid, wallet text, weight bigint, "
            "amount_wei numeric, status text)"
        )
        await self.connection.execute("VACUUM (ANALYZE) nft.share_transfers")

    async def ours(self) -> float:
        """Seconds until the amounts are there."""
        epoch, id_, revenue = next(self.epochs), str(new_id()), str(new_id())
        told = {"id": id_, "revenue": revenue, "epoch": epoch, "chain": CHAIN, "pool": POOL, "tx": f"0x{epoch:064x}"}
        began = time.perf_counter()
        async with self.connection.transaction():
            for statement in _BEGIN:
                await self.connection.execute(statement, told)
        allocated_s = await self._until(0, id_, began)
        self.rooted_s.append(await self._until(1, id_, began))
        rows = await self._one(_SUM, id_)
        assert (rows[0], int(rows[1])) == (HOLDERS, POOL), f"not divided to the last wei: {rows}"
        return allocated_s

    async def floor(self) -> float:
        """Seconds for as many rows."""
        await self.connection.execute("TRUNCATE public.floor")
        began = time.perf_counter()
        await self.connection.execute(_FLOOR)
        return time.perf_counter() - began

    async def _until(self, place: int, id_: str, began: float) -> float:
        while not (await self._one(_STATE, id_))[place]:
            took_s = time.perf_counter() - began
            assert took_s < PATIENCE_S, f"nothing after {took_s:.0f} s: look at the logs of {SERVICE}"
            await asyncio.sleep(LOOK_S)
        return time.perf_counter() - began

    async def _one(self, query: str, id_: str) -> tuple[Any, ...]:
        row = await (await self.connection.execute(query.encode(), {"id": id_})).fetchone()
        assert row is not None, "it was just written"
        return row


async def measured(arguments: Arguments, running: Held) -> dict[str, Any]:
    async with await catalogue.connected(running) as connection:
        dividing = Dividing(connection)
        await dividing.filled()
        found = await interleaved({"ours": dividing.ours, "floor": dividing.floor}, rounds=arguments.rounds, said=say)
    pods = [unit for name, unit in (await running.units()).items() if name.startswith(f"{SERVICE}-")]
    return {
        "holders": HOLDERS,
        "allocated_s": spread(found["ours"]),
        "rooted_s": spread(dividing.rooted_s[1:]),
        "floor_s": spread(found["floor"], digits=2),
        "ratio": spread(ratios(found["floor"], found["ours"]), digits=3),
        "pod_rss_mib": round(max(rss_bytes(int(unit["pid"])) for unit in pods) / 2**20, 1),
    }


def main() -> None:
    arguments = read(__doc__ or "", seconds=1, rounds=3)
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as folder, held(Path(folder), (SERVICE,)) as running:
        found = uvloop.run(measured(arguments, running))
    units = {
        "allocated_s": "s from the commit of a distribution until its amounts are there",
        "rooted_s": "s until its tree and root are there too",
        "ratio": "one INSERT … SELECT of as many rows / ours, time, round by round",
        "pod_rss_mib": "MiB, the largest pod afterwards",
    }
    print(write("dividend_allocation", figures=found, units=units, seed=arguments.seed, versions={}))


if __name__ == "__main__":
    main()
