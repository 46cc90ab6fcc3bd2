"""PostgreSQL comes back to a second, beside and in place; what would come back wrong is refused and nothing is touched.

Between: tests, local.recovery.postgres and a cluster of their own.
Units: *_s seconds since the epoch.
Source: domain.md 7; issue 6 (a restore under sabotage is refused or detected, never silently wrong).
"""

import os
import stat
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.support.instances import instance

from audifi.local.errors import LocalError
from audifi.local.held import Held
from audifi.local.recovery import asking, keys
from audifi.local.recovery.catalogue import Catalogue, How
from audifi.local.recovery.postgres import beside, in_place
from audifi.local.recovery.postgres.pgbackrest import nobody
from audifi.local.recovery.postgres.settings import KEY, repository, settings
from audifi.local.waiting import NotReady, wait_for

ROWS = 40
FIRST_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> Generator[Held]:
    """PostgreSQL, its pooler and the process that makes backups."""
    with instance(request, "postgres-restore", ("pgbouncer", "backups")) as running:
        yield running


@contextmanager
def replaced(path: Path, content: bytes | None) -> Generator[None]:
    """The file is lost, or another one, for a while."""
    before, owner = path.read_bytes(), path.stat()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)

        os.chown(path, owner.st_uid, owner.st_gid)
        path.chmod(stat.S_IMODE(owner.st_mode))


async def insert(database: Held, numbers: range) -> float:
    """Insert rows; the moment at which the last was acknowledged."""
    async with await connected(database, database.port("postgres-services-1", "writer")) as primary:
        await primary.execute("CREATE TABLE IF NOT EXISTS kept (number int PRIMARY KEY)")
        for number in numbers:
            await primary.execute("INSERT INTO kept VALUES (%s)", (number,))
        return time.time()


async def rows(database: Held, port: int) -> int:
    async with await connected(database, port) as server:
        row = await (await server.execute("SELECT count(*) FROM kept")).fetchone()
    assert row is not None
    return int(str(row[0]))


async def connected(database: Held, port: int) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    return await psycopg.AsyncConnection.connect(
        host="127.0.0.1",
        port=port,
        user="postgres",
        dbname=database.topology.stores.postgres.database,
        password=database.secret("postgres-superuser"),
        autocommit=True,
    )


async def first_backup(database: Held) -> None:
    async def made() -> None:
        if not Catalogue.of(database.instance).entries("postgres"):
            raise NotReady(f"{await asking.facts(database.instance)}")

    await wait_for(made, within_s=FIRST_WITHIN_S, saying="the first backup, which nobody asked for")


@pytest.mark.asyncio
async def test_postgres_comes_back_to_the_second(database: Held) -> None:
    instance_, topology = database.instance, database.topology
    await first_backup(database)
    private = settings(instance_, "postgres-1")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    moment_s = await insert(database, range(ROWS))
    await insert(database, range(ROWS, 2 * ROWS))

    made = await beside.restore(instance_, topology, moment_s, nobody)
    assert await rows(database, made.port) == ROWS
    assert await rows(database, database.port("postgres-services-1", "writer")) == 2 * ROWS
    with pytest.raises(LocalError, match="is there already"):
        await beside.restore(instance_, topology, moment_s, nobody)
    assert await beside.remove(instance_)
    assert Catalogue.of(instance_).entries("postgres")[-1].restore_proven_at_s

    await refusals(database, moment_s)

    done = await in_place.restore(instance_, topology, moment_s, nobody)
    assert done.is_open, done.problems
    assert await rows(database, database.port("postgres-services-1", "writer")) == ROWS
    assert {unit["state"] for unit in (await database.units()).values()} <= {"ready", "done"}
    # What was taken back is still there, as it was then.
    made = await beside.restore(instance_, topology, moment_s + 0.5 * (time.time() - moment_s - done.took_s), nobody)
    assert await rows(database, made.port) == 2 * ROWS
    assert await beside.remove(instance_)


async def refusals(database: Held, moment_s: float) -> None:
    """Each is refused, and nothing is left behind."""
    instance_, topology = database.instance, database.topology
    for wrong_s, why in ((time.time() + 60, "in the future"), (moment_s - 86_400, "before the oldest backup")):
        with pytest.raises(LocalError, match=why):
            await in_place.restore(instance_, topology, wrong_s, nobody)
    segment = min(each for each in repository(instance_).rglob("*.zst") if each.stat().st_mtime > moment_s)
    for content in (None, b"X" * 4096):
        with replaced(segment, content), pytest.raises(LocalError, match=r"missing|does not reach"):
            await beside.restore(instance_, topology, moment_s, nobody)
    bundle = next(each for each in repository(instance_).rglob("bundle/*") if each.stat().st_size > 100_000)
    with replaced(bundle, bundle.read_bytes()[:50_000] + b"X" * 16 + bundle.read_bytes()[50_016:]):
        assert await asking.verify(instance_, "postgres")
    assert not await asking.verify(instance_, "postgres")
    with (
        replaced(keys.directory(instance_) / KEY, b"another"),
        pytest.raises(LocalError, match="the key does not open"),
    ):
        await beside.restore(instance_, topology, moment_s, nobody)
    assert not instance_.data(beside.POD).exists()


@pytest.mark.asyncio
async def test_the_schedule_follows_its_clock(database: Held) -> None:
    await first_backup(database)
    before = len(Catalogue.of(database.instance).entries("postgres"))

    async def another() -> None:
        entries = Catalogue.of(database.instance).entries("postgres")
        if len(entries) == before or entries[-1].how is not How.INCREMENTAL:
            raise NotReady(f"{[entry.label for entry in entries]}")

    await asking.move_clock(database.instance, 3600)
    await wait_for(another, within_s=60, saying="an hour later there is another")
    await asking.move_clock(database.instance, 0)
