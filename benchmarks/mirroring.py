"""How fast does nft-service catch up with 100,000 logs of its contracts?

Between: nft-service's own mirror in this process, PgBouncer, PostgreSQL with its synchronous replica, and
results/benchmarks/mirroring.json.

# What is measured
Batches of as many logs as the indexer sends (LOGS), each one transaction: three logs a sale (Transfer, Minted,
ProceedsSplit), so a share, its transfer, the sale's counters and an event for the others per sale. A round is CHUNK
logs; the first round warms up, and all rounds together are 100,000 logs with the default.
Beside it, in turn: the same logs written to their table alone, a transaction per batch: the floor. `ratio` is the
floor's time over ours. Reading the node is not in it: a public provider's rate decides that (docs/chain-rpc.md).

Units: logs/s; s; MiB.
Invariant: afterwards as many shares are sold as the logs said.
Source: issue 4 "indexer catch-up of 100 k logs"; services/worker/indexer.py (500 logs a request).
"""

import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from audifi.clients.chain.contracts import events
from audifi.clients.chain.mirroring import rows
from audifi.clients.chain.mirroring.messages import Batch, LogBody, Place
from audifi.clients.chain.mirroring.mirror import Mirror
from audifi.clients.chain.mirroring.rows import Stored
from audifi.kernel.clock import SystemClock
from audifi.kernel.database import Database
from audifi.kernel.settings import parse
from audifi.local.held import Held, held
from audifi.services.nft import facts
from audifi.services.nft.settings import NftSettings
from benchmarks.harness import catalogue
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.catalogue import Catalogue
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.processes import rss_bytes
from benchmarks.harness.result import ROOT, spread, write

PER_SALE = 3
LOGS = 500 // PER_SALE * PER_SALE  # a batch is all logs of its blocks: whole sales
BATCHES = 20  # in a round
CHUNK = BATCHES * LOGS
SHARES = 40_000  # half of the master's: sold before, so that as many are left to sell
CHAIN, FLOOR = 8453, 84532  # the floor's rows belong to a chain of their own
CONTRACT = "0x" + "c0" * 20
BUYERS = 5000
FIND = "SELECT m.id, i.price_wei, i.shares_sold FROM nft.masters m JOIN nft.ipos i ON i.master_id = m.id LIMIT 1"
DEPLOYED = "INSERT INTO nft.contracts VALUES ($1, 'MASTER', $2, $3, $4, 1)"


@dataclass
class Sales:
    """What the chain would tell, sale by sale, three logs each."""

    price_wei: int
    next_id: int

    def logs(self, blocks: Iterator[int]) -> Iterator[LogBody]:
        """For ever; one sale a block."""
        for block in blocks:
            buyer = f"0x{1 + self.next_id % BUYERS:040x}"
            told = (
                ("Transfer(address,address,uint256)", (_word(0), _word(int(buyer, 16)), _word(self.next_id)), b""),
                (
                    "Minted(address,uint256,uint256)",
                    (_word(int(buyer, 16)), _word(self.next_id)),
                    encode(["uint256"], [self.price_wei]),
                ),
                ("ProceedsSplit(uint256,uint256)", (), encode(["uint256", "uint256"], [0, self.price_wei])),
            )
            for index, (signature, topics, data) in enumerate(told):
                yield LogBody(
                    address=CONTRACT,
                    topics=("0x" + keccak(text=signature).hex(), *topics),
                    data="0x" + data.hex(),
                    block_number=block,
                    block_hash=_word(block),
                    tx_hash=_word(block + 2**128),
                    log_index=index,
                )
            self.next_id += 1


@dataclass
class Catching:
    """A mirror that is behind."""

    database: Database
    mirror: Mirror
    logs: Iterator[LogBody]
    at: Place
    floor_block: int = 0

    async def ours(self) -> float:
        """Seconds for CHUNK logs."""
        batches = [self._batch() for _ in range(BATCHES)]
        began = time.perf_counter()
        for batch in batches:
            async with self.database.transaction() as tx:
                assert await self.mirror.apply(tx, CHAIN, batch) == len(batch.logs), "every log is news"
        return time.perf_counter() - began

    async def floor(self) -> float:
        """Seconds for as many rows."""
        batches = [[self._row() for _ in range(LOGS)] for _ in range(BATCHES)]
        began = time.perf_counter()
        for batch in batches:
            async with self.database.transaction() as tx:
                await rows.insert(tx, FLOOR, batch)
        return time.perf_counter() - began

    def _batch(self) -> Batch:
        logs = tuple(itertools.islice(self.logs, LOGS))
        last = Place(logs[-1].block_number, logs[-1].block_hash)
        batch = Batch(after=self.at, watches=1, first=self.at.block + 1, checkpoint=last, logs=logs)
        self.at = last
        return batch

    def _row(self) -> Stored:
        self.floor_block += 1
        told = next(Sales(price_wei=1, next_id=1).logs(iter((self.floor_block,))))
        logged = events.read("Master", told.answer())
        assert logged is not None, "a transfer is an event of ours"
        return Stored("Master", logged)


def _word(number: int) -> str:
    return f"0x{number:064x}"


async def measured(arguments: Arguments, running: Held) -> dict[str, Any]:
    async with await catalogue.connected(running) as connection:
        await catalogue.fill(connection, Catalogue(masters=1, shares=SHARES, live=1, resales=0))
    database = await Database.open(parse(NftSettings, running.environment("nft-service-1")))
    try:
        mirror = facts.mirror(SystemClock())
        async with database.transaction() as tx:
            master = await tx.fetchrow(FIND)
            assert master is not None, "it was filled"
            await mirror.watch(tx, CHAIN, CONTRACT, "Master", 1)
            await tx.execute(DEPLOYED, master["id"], CHAIN, CONTRACT, _word(1))
        sales = Sales(price_wei=int(master["price_wei"]), next_id=int(master["shares_sold"]) + 1)
        catching = Catching(database, mirror, sales.logs(itertools.count(1)), Place(0, None))
        found = await interleaved({"ours": catching.ours, "floor": catching.floor}, rounds=arguments.rounds, said=say)
        async with database.read_primary() as connection:
            row = await connection.fetchrow(FIND)
        assert row is not None, "it is still there"
        told = (arguments.rounds + 1) * CHUNK
        assert int(row["shares_sold"]) - int(master["shares_sold"]) == told // PER_SALE, "every sale counted once"
    finally:
        await database.close()
    return {
        "logs": told,
        "logs_per_s": spread([CHUNK / each for each in found["ours"]]),
        "all_s": round(told / CHUNK * median(found["ours"]), 1),
        "floor_logs_per_s": spread([CHUNK / each for each in found["floor"]]),
        "ratio": spread(ratios(found["floor"], found["ours"]), digits=3),
        "rss_mib": round(rss_bytes(os.getpid()) / 2**20, 1),
    }


def main() -> None:
    arguments = read(__doc__ or "", seconds=1, rounds=9)
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as folder, held(Path(folder), ("nft-service",)) as running:
        found = uvloop.run(measured(arguments, running))
    units = {
        "logs_per_s": "logs/s taken over",
        "all_s": "s for all logs at the median round's rate",
        "ratio": "inserting the logs alone / ours, time, round by round",
        "rss_mib": "MiB of the process that took them over",
    }
    print(write("mirroring", figures=found, units=units, seed=arguments.seed, versions={}))


if __name__ == "__main__":
    main()
