"""How many events a second does analytics-service keep, from the queue and from clients, and how soon are they counted?

Between: analytics-service on one machine, its database, psql, and results/benchmarks/event_ingestion.json.

# What is measured
"queue": share.minted events, appended to the queue at once; from then until the last is kept, by all pods together.
"http": POST /events with 100 views each, CONCURRENT at once, straight to one pod, every request from its own address.
"copy": psql's COPY of rows like those of "http" into the same table with its indexes: what keeping costs at least. It
recognises no event told before, marks no day, moves no share, and its rows are one transaction.
`freshness_ms`: from the moment a sale is appended to the queue until a replica shows it in the master's day.

Units: events/s; ms; MiB resident, of one pod, under load.
Invariant: a round that does not keep every event does not count.
Source: issue C (event ingestion; memory within 256 MiB); domain.md 2.6.
"""

import asyncio
import itertools
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import aiohttp
import msgspec
import uvloop

from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.kernel.queue import Queue
from audifi.kernel.settings import parse
from audifi.local.binaries import binary
from audifi.local.held import Held, held
from audifi.services.analytics.settings import AnalyticsSettings
from audifi.wire import streams
from audifi.wire.events import EventData, envelope
from audifi.wire.events.nft import MasterRegistered, ShareMinted
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.processes import rss_bytes
from benchmarks.harness.result import ROOT, spread, write

SERVICE, POD = "analytics-service", "analytics-service-1"
QUEUED, BATCHES, BATCH = 1000, 100, 100
CONCURRENT = 8
SALES = 20
PATIENCE_S = 120.0
POLL_S = 0.05
COLUMNS = "event_id, created_at, type, is_lasting, artist_id, master_id, visitor, properties"
_addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))
_tokens = itertools.count(1)
# Each mint gives somebody one share: asking this costs little beside counting events.
HELD = "SELECT coalesce(sum(shares), 0)::bigint AS shares FROM analytics.holdings WHERE master_id = $1"


@dataclass
class Bench:
    """One run over one platform."""

    running: Held
    database: Database
    queue: Queue
    http: aiohttp.ClientSession
    artist_id: UUID = field(default_factory=new_id)
    master_id: UUID = field(default_factory=new_id)

    async def register(self) -> None:
        """Let the service know the master that all events are about."""
        told = MasterRegistered(str(self.master_id), str(self.artist_id), "Bench", "TRACK")
        await self.queue.append([_entry(told)])
        await self._until("SELECT count(*) FROM analytics.masters WHERE master_id = $1", 1, self.master_id)

    def minted(self) -> ShareMinted:
        number = next(_tokens)
        return ShareMinted(
            master_id=str(self.master_id), artist_id=str(self.artist_id), token_id=number, chain_id=1,
            wallet=f"0x{1 + number % 5000:040x}", tier=4, price_wei="1", tx_hash=f"0x{number:064x}", log_index=0,
        )  # fmt: skip

    async def by_queue(self) -> float:
        """Events/s from the queue."""
        before, began = await self._held(), perf_counter()
        await self.queue.append([_entry(self.minted()) for _ in range(QUEUED)])
        await self._until(HELD, before + QUEUED, self.master_id)
        return QUEUED / (perf_counter() - began)

    async def by_http(self) -> float:
        """Events/s from clients."""
        url = f"http://127.0.0.1:{self.running.port(POD, 'http')}/events"
        left = iter(range(BATCHES))

        async def one_after_the_other() -> None:
            for _ in left:
                view = {"type": "view", "masterId": str(self.master_id)}
                body = {"events": [{**view, "clientEventId": os.urandom(8).hex()} for _ in range(BATCH)]}
                async with self.http.post(url, json=body, headers={"X-Forwarded-For": next(_addresses)}) as answer:
                    data = await answer.read()
                    assert answer.status == 202, f"{answer.status}: {data[:300]!r}"
                    assert msgspec.json.decode(data)["data"]["accepted"] == BATCH, data

        began = perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENT)))
        return BATCHES * BATCH / (perf_counter() - began)

    async def by_copy(self, file: Path) -> float:
        """Rows/s by psql."""
        now = datetime.now(UTC).isoformat()
        rows = (
            f"{new_id()},{now},view,false,{self.artist_id},{self.master_id},\\x{os.urandom(16).hex()},{{}}\n"
            for _ in range(BATCHES * BATCH)
        )
        await asyncio.to_thread(file.write_text, "".join(rows))
        told = self.running.environment(POD)
        copy = f"\\copy analytics.analytics_events ({COLUMNS}) FROM '{file}' WITH (FORMAT csv)"
        began = perf_counter()
        process = await asyncio.create_subprocess_exec(
            binary("psql"), "-qX", "-v", "ON_ERROR_STOP=1", told["DATABASE_WRITER_URL"], "-c", copy,
            env={"PGPASSWORD": told["DATABASE_PASSWORD"], "PATH": os.defpath},
        )  # fmt: skip
        assert await process.wait() == 0, "psql refused"
        return BATCHES * BATCH / (perf_counter() - began)

    async def freshness_ms(self) -> float:
        """From the queue to a replica's roll-up."""
        sql = "SELECT coalesce(sum(shares_sold), 0)::bigint FROM analytics.daily_master_stats WHERE master_id = $1"
        row = await self.database.row(sql, self.master_id)
        assert row is not None, "a sum has one row"
        began = perf_counter()
        await self.queue.append([_entry(self.minted())])
        await self._until(sql, int(next(iter(dict(row).values()))) + 1, self.master_id)
        return (perf_counter() - began) * 1000

    async def _held(self) -> int:
        row = await self.database.row(HELD, self.master_id)
        assert row is not None, "a sum has one row"
        return int(row["shares"])

    async def _until(self, sql: str, wanted: int, *arguments: object) -> None:
        deadline = perf_counter() + PATIENCE_S
        seen = -1
        while perf_counter() < deadline:
            row = await self.database.row(sql, *arguments)
            seen = int(next(iter(dict(row or {}).values())))
            if seen >= wanted:
                return
            await asyncio.sleep(POLL_S)
        raise AssertionError(f"{seen} of {wanted} after {PATIENCE_S:g} s: {sql}")


def _entry(data: EventData) -> tuple[str, bytes]:
    told = envelope(
        data, event_id=new_id(), producer="bench", aggregate_id="bench", request_id="req_bench", traceparent=""
    )  # fmt: skip
    return streams.of_event(told.type), msgspec.json.encode(told)


async def measured(arguments: Arguments, running: Held, folder: Path) -> dict[str, Any]:
    """Everything, on one platform."""
    settings = parse(AnalyticsSettings, running.environment(POD))
    database, queue = await Database.open(settings), await Queue.open(settings)
    try:
        async with aiohttp.ClientSession() as http:
            bench = Bench(running, database, queue, http)
            await bench.register()
            turns: dict[str, Callable[[], Awaitable[float]]] = {
                "queue": bench.by_queue,
                "http": bench.by_http,
                "copy": lambda: bench.by_copy(folder / "rows.csv"),
            }
            found = await interleaved(turns, rounds=arguments.rounds, said=say)
            say("freshness")
            fresh = [await bench.freshness_ms() for _ in range(SALES)]
    finally:
        await queue.close()
        await database.close()
    units = await running.units()
    pods = [unit for name, unit in units.items() if name.startswith(f"{SERVICE}-")]
    return {
        **{f"{name}_events_per_s": spread(rates) for name, rates in found.items()},
        "ratio_http_to_copy": spread(ratios(found["http"], found["copy"]), digits=3),
        "ratio_queue_to_copy": spread(ratios(found["queue"], found["copy"]), digits=4),
        "freshness_ms": spread(fresh),
        "pods": len(pods),
        "pod_rss_mib": round(max(rss_bytes(int(unit["pid"])) for unit in pods) / 2**20, 1),
    }


def main() -> None:
    arguments = read(__doc__ or "", seconds=1, rounds=5)
    with tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as folder, held(Path(folder), (SERVICE,)) as running:
        found = uvloop.run(measured(arguments, running, Path(folder)))
    units = {
        "events_per_s": "events/s kept",
        "freshness_ms": "ms from the queue to a replica's roll-up",
        "ratio": "ours / psql's COPY of as many rows, round by round",
        "pod_rss_mib": "MiB, the larger pod",
    }
    print(write("event_ingestion", figures=found, units=units, seed=arguments.seed, versions={}))


if __name__ == "__main__":
    main()
