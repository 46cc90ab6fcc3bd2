"""How fast does PostgreSQL come back to the moment of one transaction, when it holds a gigabyte?

Between: a PostgreSQL of three nodes with its backups, and results/benchmarks/restore_rate.json.

# What is measured
A table of about 1 GB of random text, which hardly compresses; a full backup of it, compressed and encrypted. Each round
writes rows one transaction at a time, takes the moment at which one in the middle was acknowledged, and restores to it
beside what runs: fetch, decrypt, decompress, replay of the log, a server that answers. `exact` counts rounds in which
the restored rows are those acknowledged until then, and no other. The peer, in turn: pg_basebackup of the same primary,
which is a copy over loopback without archive, key or moment: about the floor.

Units: s; MiB; MiB/s of the database's size.
Invariant: a restore that is not exact ends the benchmark.
Source: issue 6 "accurate to the transaction at 1 GB and the measured rate".
"""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from audifi.local.binaries import postgres_binaries
from audifi.local.files import remove_tree
from audifi.local.held import Held, held
from audifi.local.ports import LOOPBACK
from audifi.local.recovery import asking
from audifi.local.recovery.catalogue import How
from audifi.local.recovery.postgres import beside
from benchmarks.harness.arguments import Arguments, read, say
from benchmarks.harness.pairs import interleaved, ratios
from benchmarks.harness.result import ROOT, spread, write

ROWS = 500_000
DIGESTS = 32  # of each row, of 64 digits each
MARKS = 100  # transactions around the moment
MIB = 2**20
# Digests of numbers: the same in every run, and as dense as hexadecimal gets.
_FILL = """
INSERT INTO bulk
SELECT n, (SELECT string_agg(encode(sha256((n::text || '/' || k::text)::bytea), 'hex'), '')
             FROM generate_series(1, %(digests)s::int) AS k)
  FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""
_TABLES = (
    "CREATE TABLE bulk (id int PRIMARY KEY, body text NOT NULL)",
    "ALTER TABLE bulk ALTER body SET STORAGE EXTERNAL",
    "CREATE TABLE marks (number int PRIMARY KEY)",
)
_SIZE = "SELECT pg_database_size(current_database())"


@dataclass
class Restoring:
    """A gigabyte, and whoever brings it back."""

    running: Held
    folder: Path
    written: int = 0
    exact: int = 0
    size_mib: float = 0.0
    backup_s: float = 0.0
    fetched_s: list[float] = field(default_factory=list[float])

    async def filled(self) -> None:
        step = ROWS // 20
        async with self._primary() as primary:
            for statement in _TABLES:
                await primary.execute(statement.encode())
            for first in range(1, ROWS + 1, step):
                await primary.execute(_FILL.encode(), {"first": first, "last": first + step - 1, "digests": DIGESTS})
            await primary.execute("CHECKPOINT")
            self.size_mib = (await _one(primary, _SIZE)) / MIB
        say(f"{self.size_mib:.0f} MiB are there")
        began_s = time.monotonic()
        await asking.make(self.running.instance, "postgres", How.FULL)
        self.backup_s = time.monotonic() - began_s
        say(f"a full backup took {self.backup_s:.1f} s")

    async def ours(self) -> float:
        """Seconds until a server answers that is as old as the moment."""
        async with self._primary() as primary:
            await self._marked(primary)
            target_s, wanted = time.time(), self.written
            await self._marked(primary)
        began_s = time.monotonic()
        made = await beside.restore(self.running.instance, self.running.topology, target_s, say)
        took_s = time.monotonic() - began_s
        async with self._connected(made.port) as restored:
            found = await _one(restored, "SELECT count(*) FROM marks WHERE number < %s", wanted)
            later = await _one(restored, "SELECT count(*) FROM marks WHERE number >= %s", wanted)
            rows = await _one(restored, "SELECT count(*) FROM bulk")
        await beside.remove(self.running.instance)
        assert (found, later, rows) == (wanted, 0, ROWS), (
            f"not to the transaction: {found} of {wanted}, {later}, {rows}"
        )
        self.exact += 1
        return took_s

    async def peer(self) -> float:
        """Seconds of a copy over loopback."""
        target = self.folder / "basebackup"
        environment = {"PGPASSWORD": self.running.secret("postgres-superuser"), "PATH": os.defpath}
        asked = [
            *(str(postgres_binaries() / "pg_basebackup"), "-h", LOOPBACK, "-p", str(self._port())),
            *("-U", "postgres", "-D", str(target), "-X", "stream", "--checkpoint=fast"),
        ]
        began_s = time.monotonic()
        await asyncio.to_thread(subprocess.run, asked, env=environment, check=True, capture_output=True)
        took_s = time.monotonic() - began_s
        remove_tree(target)
        return took_s

    async def _marked(self, primary: "psycopg.AsyncConnection[tuple[Any, ...]]") -> None:
        for _ in range(MARKS):
            await primary.execute("INSERT INTO marks VALUES (%s)", (self.written,))
            self.written += 1

    def _port(self) -> int:
        return self.running.port("postgres-services-1", "writer")

    def _primary(self) -> "Any":
        return self._connected(self._port())

    @asynccontextmanager
    async def _connected(self, port: int) -> "AsyncGenerator[psycopg.AsyncConnection[tuple[Any, ...]]]":
        async with await psycopg.AsyncConnection.connect(
            host=LOOPBACK,
            port=port,
            user="postgres",
            dbname=self.running.topology.stores.postgres.database,
            password=self.running.secret("postgres-superuser"),
            autocommit=True,
        ) as connection:
            yield connection


async def _one(connection: "psycopg.AsyncConnection[tuple[Any, ...]]", query: str, *told: int) -> int:
    row = await (await connection.execute(query.encode(), told)).fetchone()
    assert row is not None, "an aggregate always has a row"
    return int(row[0])


async def measured(arguments: Arguments, running: Held, folder: Path) -> dict[str, Any]:
    restoring = Restoring(running, folder)
    await restoring.filled()
    found = await interleaved(
        {"ours": restoring.ours, "pg_basebackup": restoring.peer}, rounds=arguments.rounds, said=say
    )
    return {
        "database_mib": round(restoring.size_mib),
        "backup_s": round(restoring.backup_s, 1),
        "restore_s": spread(found["ours"]),
        "restore_mib_s": spread([restoring.size_mib / took_s for took_s in found["ours"]]),
        "pg_basebackup_s": spread(found["pg_basebackup"]),
        "ratio": spread(ratios(found["pg_basebackup"], found["ours"]), digits=3),
        "restores": restoring.exact,
        "exact": restoring.exact,
    }


def main() -> None:
    arguments = read(__doc__ or "", seconds=1, rounds=5)
    with (
        tempfile.TemporaryDirectory(dir=ROOT / ".audifi") as folder,
        held(Path(folder) / "run", ("pgbouncer", "backups")) as running,
    ):
        found = uvloop.run(measured(arguments, running, Path(folder)))
    units = {
        "restore_s": "s until a server answers that is as old as the chosen transaction",
        "restore_mib_s": "MiB/s of the database's size",
        "ratio": "pg_basebackup / ours, time, round by round",
        "exact": "restores whose rows are those acknowledged until the moment",
    }
    print(write("restore_rate", figures=found, units=units, seed=arguments.seed, versions={}))


if __name__ == "__main__":
    main()
