"""How many reservations a second does one hot sale take, and what do they cost beyond the one statement?

Between: nft-service's own saga and store in this process, PgBouncer, PostgreSQL with its synchronous replica, and
results/benchmarks/purchase_reservation.json.

# What is measured
CONCURRENT buyers reserve one share each of the same master, one after another: a transaction that writes the event and
the purchase and then raises the counter of the one row everybody wants. Beside it, in turn: that UPDATE alone in a
transaction of its own, the floor: nothing can be sold twice for less. `ratio` is the floor's rate over ours.
Then twice as many ask as there are shares left: how many got one is in `oversell`.

Units: reservations/s; ms.
Invariant: after every round the counter is what was reserved, not one more.
Source: domain.md 2.2 (one conditional statement); issue: races, purchase reservation.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import uvloop

from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.kernel.settings import parse
from audifi.local.held import Held, held
from audifi.services.nft.rules import sale
from audifi.services.nft.sagas import reserving
from audifi.services.nft.settings import NftSettings
from audifi.services.nft.store import supply
from audifi.services.nft.store.purchases import Purchase
from audifi.wire.problems import Refusal
from benchmarks.harness import catalogue
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.catalogue import Catalogue
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.result import ROOT, spread, write

CONCURRENT = 10  # a pod's pool
RESERVATIONS = 1000
SHARES = 20_000  # a master has twice that on offer, half of it sold
WALLET = "0x" + "ab" * 20
FIND_MASTER = "SELECT m.id, m.artist_id, i.price_wei FROM nft.masters m JOIN nft.ipos i ON i.master_id = m.id LIMIT 1"

LEAVE = "UPDATE nft.ipos SET shares_sold = public_supply - shares_reserved - $2 WHERE master_id = $1"


@dataclass
class Sale:
    """The one master."""

    database: Database
    master_id: str
    artist_id: str
    price_wei: int

    async def reserve(self) -> None:
        """What a request does, behind its checks."""
        now = datetime.now(UTC)
        purchase = Purchase(
            id=str(new_id()),
            kind="PRIMARY",
            buyer_user_id=str(new_id()),
            wallet=WALLET,
            master_id=self.master_id,
            artist_id=self.artist_id,
            listing_id=None,
            chain_id=8453,
            currency="ETH",
            parts=sale.primary_parts(self.price_wei, 1),
            payment_method="WALLET",
            status="RESERVED",
            expires_at=now + timedelta(minutes=30),
            created_at=now,
        )
        async with self.database.transaction() as tx:
            await reserving.reserve(tx, purchase, now)

    async def raise_counter(self) -> None:
        """The statement alone."""
        async with self.database.transaction() as tx:
            assert await supply.reserve(tx, self.master_id, 1, datetime.now(UTC))

    async def reserved(self) -> int:
        async with self.database.read_primary() as connection:
            query = "SELECT shares_reserved FROM nft.ipos WHERE master_id = $1"
            return int(await connection.fetchval(query, self.master_id))


async def round_of(sold: Sale, ask: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Rate and p99 in ms of RESERVATIONS."""
    loop, times, before = asyncio.get_running_loop(), list[float](), await sold.reserved()
    left = iter(range(RESERVATIONS))

    async def buyer() -> None:
        for _ in left:
            began = loop.time()
            await ask()
            times.append((loop.time() - began) * 1000)

    began = loop.time()
    await asyncio.gather(*(buyer() for _ in range(CONCURRENT)))
    rate = RESERVATIONS / (loop.time() - began)
    assert await sold.reserved() == before + RESERVATIONS, "the counter is what was reserved"
    return rate, quantiles(times, n=100)[98]


async def oversold(sold: Sale) -> dict[str, int]:
    """Leave 50 shares, and let 500 ask."""
    async with sold.database.transaction() as tx:
        await tx.execute(LEAVE, sold.master_id, 50)
    answers = await asyncio.gather(*(sold.reserve() for _ in range(500)), return_exceptions=True)
    refused = sum(isinstance(each, Refusal) for each in answers)
    return {"asked": 500, "left": 50, "got_one": sum(each is None for each in answers), "refused": refused}


async def measured(arguments: Arguments, running: Held) -> dict[str, Any]:
    async with await catalogue.connected(running) as connection:
        await catalogue.fill(connection, Catalogue(masters=1, shares=SHARES, live=1, resales=0))
    database = await Database.open(parse(NftSettings, running.environment("nft-service-1")))
    try:
        async with database.read_primary() as connection:
            row = await connection.fetchrow(FIND_MASTER)
            assert row is not None, "it was filled"
        sold = Sale(database, str(row["id"]), str(row["artist_id"]), int(row["price_wei"]))
        turns = {
            "reserve": lambda: round_of(sold, sold.reserve),
            "statement": lambda: round_of(sold, sold.raise_counter),
        }
        rounds = await interleaved(turns, rounds=arguments.rounds, said=say)
        rates = {name: [rate for rate, _ in turns] for name, turns in rounds.items()}
        figures: dict[str, Any] = {
            name: {"per_s": spread(rates[name]), "p99_ms": spread([tail for _, tail in rounds[name]])}
            for name in rounds
        }
        figures["ratio"] = spread(ratios(rates["reserve"], rates["statement"]), digits=2)
        figures["oversell"] = await oversold(sold)
    finally:
        await database.close()
    return figures


def main() -> None:
    arguments = read(__doc__ or "", seconds=1, rounds=5)
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as folder, held(Path(folder), ("nft-service",)) as running:
        found = uvloop.run(measured(arguments, running))
    units = {"per_s": "reservations/s", "p99_ms": "ms", "ratio": "reserve / statement, rate"}
    print(write("purchase_reservation", figures=found, units=units, seed=arguments.seed, versions={}))


if __name__ == "__main__":
    main()
