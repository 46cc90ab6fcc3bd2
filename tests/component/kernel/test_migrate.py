"""Migrations on the real server: once each, by several at once, never changed afterwards."""

import asyncio
from pathlib import Path

import pytest

from audifi.kernel import migrate
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.kernel.migrate import MigrateSettings, Migration, MigrationError

from .conftest import StoreSettings

pytestmark = pytest.mark.asyncio


def settings(told: StoreSettings) -> MigrateSettings:
    return MigrateSettings(database_writer_url=told.database_writer_url, database_password=told.database_password)


def own(*statements: str) -> list[Migration]:
    """Migrations in a set of this test's own, with one table of its own."""
    name = f"t{new_id().hex}"
    return [
        Migration(f"{name}/{number:04}_pre_x.sql", "pre", sql.replace("TABLE_NAME", name))
        for number, sql in enumerate(statements, start=1)
    ]


async def test_several_migrators_at_once_run_each_file_once(told: StoreSettings, database: Database) -> None:
    wanted = own(
        "CREATE TABLE TABLE_NAME (id int)",
        "INSERT INTO TABLE_NAME VALUES (1)",
        "CREATE INDEX CONCURRENTLY TABLE_NAME_id ON TABLE_NAME (id)",
    )
    results = await asyncio.gather(*(migrate.migrate(settings(told), wanted) for _ in range(4)))
    assert sorted(name for result in results for name in result) == [each.name for each in wanted]
    table = wanted[0].name.partition("/")[0]
    row = await database.row(f"SELECT count(*) AS rows FROM {table}", primary=True)  # noqa: S608
    assert row is not None
    assert row["rows"] == 1


async def test_a_file_that_changed_is_refused_before_anything_runs(told: StoreSettings, database: Database) -> None:
    wanted = own("CREATE TABLE TABLE_NAME (id int)")
    await migrate.migrate(settings(told), wanted)
    changed = [Migration(wanted[0].name, "pre", "SELECT 1"), *own("CREATE TABLE TABLE_NAME (id int)")]
    with pytest.raises(MigrationError, match="changed after"):
        await migrate.migrate(settings(told), changed)
    table = changed[1].name.partition("/")[0]
    row = await database.row("SELECT to_regclass($1) IS NULL AS absent", table, primary=True)
    assert row is not None
    assert row["absent"]


async def test_a_failing_file_leaves_nothing_and_says_which(told: StoreSettings, database: Database) -> None:
    wanted = own("CREATE TABLE TABLE_NAME (id int); SELECT nonsense")
    with pytest.raises(MigrationError, match="0001_pre_x"):
        await migrate.migrate(settings(told), wanted)
    row = await database.row("SELECT to_regclass($1) IS NULL AS absent", wanted[0].name.split("/")[0], primary=True)
    assert row is not None
    assert row["absent"]


COLUMNS = """SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
               FROM information_schema.columns
              WHERE table_schema = current_schema() AND table_name = ANY($1) ORDER BY 1, 2"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ANY($1) ORDER BY 1"
SHOWN = ["outbox", "idempotency_keys", "processed_events"]


async def described(tx: Connection) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for sql in (COLUMNS, INDEXES) for row in await tx.fetch(sql, SHOWN)]


async def test_the_kernels_tables_are_what_kernel_sql_shows(database: Database) -> None:
    shown = (Path(migrate.__file__).parent / "sql/kernel.sql").read_text(encoding="utf-8")
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  # it must pass through the transaction
        async with database.transaction() as tx:
            replayed = await described(tx)
            await tx.execute(f"DROP TABLE {', '.join(SHOWN)}")
            await tx.execute(shown)
            assert await described(tx) == replayed
            assert len(replayed) > len(SHOWN)
            raise ZeroDivisionError  # rolls back: the other tests need the tables
