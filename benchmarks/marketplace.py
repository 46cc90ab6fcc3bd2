"""How long does browsing the marketplace take with 10,000 masters and 1,000,000 shares?

Between: one pod of nft-service, a database filled with that many rows, and results/benchmarks/marketplace.json.

# What is measured
GET /marketplace/listings in the orders and with the filters that people use, straight to one pod, CONCURRENT at once.
Beside each, in turn: the same two queries by our own driver through the same PgBouncer, without HTTP: the floor.
`ratio` is the floor's median time over ours, round by round: 1 would mean that HTTP, limits and JSON cost nothing.
`scanned_rows` counts rows that sequential scans of the big tables read meanwhile, on all three database nodes.

Units: ms; rows; MiB.
Invariant: a round with one answer that is not 200 does not count.
Source: domain.md 6.4 (marketplace 200 ms target); issue: no sequential scans on hot paths, memory within 256 MiB.
"""

import asyncio
import itertools
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp
import uvloop

from audifi.kernel.database import Database
from audifi.kernel.settings import parse
from audifi.local.held import Held, held
from audifi.services.nft.settings import NftSettings
from audifi.services.nft.store import offers
from audifi.services.nft.store.offers import Wanted
from benchmarks.harness import catalogue
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.catalogue import Catalogue
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.processes import rss_bytes
from benchmarks.harness.result import ROOT, spread, write

SIZE = Catalogue(masters=10_000, shares=100, live=600, resales=30_000)
POD = "nft-service-1"
CONCURRENT = 8
REQUESTS = 200
LIMIT = 20
ASKED: dict[str, tuple[dict[str, str], Wanted, int]] = {
    "newest": ({}, Wanted(), 0),
    "cheapest": ({"sortBy": "price-asc"}, Wanted(sort="price-asc"), 0),
    "genre": ({"genre": "Jazz", "sortBy": "price-asc"}, Wanted(genre="Jazz", sort="price-asc"), 0),
    "price_range_on_a_chain": (
        {"chain": "8453", "minPriceWei": "1000000000000000000", "maxPriceWei": "2000000000000000000"},
        Wanted(chain_id=8453, price_min=10**18, price_max=2 * 10**18),
        0,
    ),
    "search": ({"search": "night 42"}, Wanted(search="night 42"), 0),
    "page_50": ({"page": "50", "sortBy": "price-desc"}, Wanted(sort="price-desc"), 49 * LIMIT),
}
_addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))  # 60 a minute each


async def timed(ask: Callable[[], Awaitable[None]]) -> list[float]:
    """Milliseconds of each of REQUESTS, CONCURRENT at once."""
    loop, times = asyncio.get_running_loop(), list[float]()
    left = iter(range(REQUESTS))

    async def one_after_the_other() -> None:
        for _ in left:
            began = loop.time()
            await ask()
            times.append((loop.time() - began) * 1000)

    await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENT)))
    return times


async def by_http(http: aiohttp.ClientSession, url: str, query: dict[str, str]) -> None:
    async with http.get(url, params=query, headers={"X-Forwarded-For": next(_addresses)}) as answer:
        body = await answer.read()
        assert answer.status == 200, f"{answer.status}: {body[:300]!r}"


async def by_driver(database: Database, wanted: Wanted, offset: int) -> None:
    async with database.read() as connection:
        await offers.browse(connection, wanted, limit=LIMIT, offset=offset)


async def measured(arguments: Arguments, running: Held) -> dict[str, Any]:
    async with await catalogue.connected(running) as connection:
        say("filling 10,000 masters and 1,000,000 shares")
        await catalogue.fill(connection, SIZE)
    found: dict[str, Any] = {}
    database = await Database.open(parse(NftSettings, running.environment(POD)))
    before = await catalogue.sequential_scans(running)
    try:
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{running.port(POD, 'http')}/marketplace/listings"
            for name, (query, wanted, offset) in ASKED.items():
                say(name)
                turns = {
                    "http": partial(timed, partial(by_http, http, url, query)),
                    "driver": partial(timed, partial(by_driver, database, wanted, offset)),
                }
                found[name] = _figures(await interleaved(turns, rounds=arguments.rounds, said=_tell))
    finally:
        await database.close()
    units = await running.units()
    found["scanned_rows"] = await catalogue.sequential_scans(running) - before
    found["pod_rss_mib"] = round(rss_bytes(int(units[POD]["pid"])) / 2**20, 1)
    return found


def _tell(text: str) -> None:
    # A round is hundreds of numbers: its name is enough.
    say(text.partition(":")[0])


def _figures(rounds: dict[str, list[list[float]]]) -> dict[str, Any]:
    medians = {name: [median(times) for times in turns] for name, turns in rounds.items()}
    tails = {name: [quantiles(times, n=100)[98] for times in turns] for name, turns in rounds.items()}
    shown = {
        name: {"p50_ms": spread(medians[name], digits=2), "p99_ms": spread(tails[name], digits=2)} for name in rounds
    }
    return {**shown, "ratio": spread(ratios(medians["driver"], medians["http"]), digits=2)}


def main() -> None:
    arguments = read(__doc__ or "", seconds=1, rounds=5)
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as folder, held(Path(folder), ("nft-service",)) as running:
        found = uvloop.run(measured(arguments, running))
    units = {"p50_ms": "ms", "p99_ms": "ms", "ratio": "driver / http, median time", "scanned_rows": "rows"}
    print(write("marketplace", figures=found, units=units, seed=arguments.seed, versions={}))


if __name__ == "__main__":
    main()
