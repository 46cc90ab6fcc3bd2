"""Transactions, reads that see their own write, and what the driver's errors become, through PgBouncer."""

import asyncio

import asyncpg
import pytest

from audifi.kernel import context
from audifi.kernel.database import Database, savepoint
from audifi.wire.problems import Invalid, UpstreamTimedOut

pytestmark = pytest.mark.asyncio

INSERT = "INSERT INTO things (id, name) VALUES ($1, $2)"


async def count(database: Database) -> int:
    async with database.read_primary() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM things"))


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  # it must pass through the transaction
        async with database.transaction() as tx:
            await tx.execute(INSERT, 1, "lost")
            raise ZeroDivisionError
    async with database.transaction() as tx:
        await tx.execute(INSERT, 2, "kept")
    assert await count(database) == 1


async def test_a_savepoint_undoes_only_its_part(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(INSERT, 1, "first")
        with pytest.raises(asyncpg.UniqueViolationError):
            async with savepoint(tx):
                await tx.execute(INSERT, 1, "again")
        await tx.execute(INSERT, 2, "second")
    assert await count(database) == 2


async def test_a_read_with_the_writers_token_sees_the_write_every_time(database: Database) -> None:
    for number in range(50):
        async with database.transaction() as tx:
            await tx.execute(INSERT, number, "written")
        token = await database.written_lsn()
        async with database.read(after=token) as connection:
            assert await connection.fetchval("SELECT count(*) FROM things") == number + 1


async def test_reads_without_a_token_go_to_a_replica_and_cannot_write(database: Database) -> None:
    async with database.read() as connection:
        assert await connection.fetchval("SELECT pg_is_in_recovery()")
    row = await database.row("SELECT pg_is_in_recovery() AS replica")
    assert row is not None
    assert row["replica"]
    with pytest.raises(AssertionError, match="a write inside a read"):
        async with database.read_primary() as connection:
            await connection.execute(INSERT, 1, "no")


async def test_a_token_nobody_gave_out_is_the_callers_mistake(database: Database) -> None:
    for token in ("nonsense", "0/0; DROP TABLE things", "FFFFFFFFF/0", ""):
        with pytest.raises(Invalid):
            async with database.read(after=token):
                pass


async def test_values_no_column_holds_are_the_callers_mistake(database: Database) -> None:
    for value in (2**40, "text", None):
        with pytest.raises((Invalid, asyncpg.NotNullViolationError)):
            async with database.transaction() as tx:
                await tx.execute(INSERT, value, "name")
    with pytest.raises(Invalid):
        async with database.transaction() as tx:
            await tx.execute(INSERT, 1, "nul \0 inside")
    with pytest.raises(Invalid):
        await database.row("SELECT 1 FROM things WHERE id = $1", 2**40)


async def test_a_statement_ends_with_its_requests_deadline(database: Database) -> None:
    token = context.enter(context.Context(deadline=asyncio.get_running_loop().time() + 0.6))
    with pytest.raises(UpstreamTimedOut):
        async with database.transaction() as tx:
            await tx.execute("SELECT pg_sleep(20)")
    context.leave(token)
    assert await count(database) == 0


async def test_a_cancelled_request_leaves_a_usable_pool(database: Database) -> None:
    async def slow() -> None:
        async with database.transaction() as tx:
            await tx.execute(INSERT, 1, "lost")
            await tx.execute("SELECT pg_sleep(20)")

    tasks = [asyncio.create_task(slow()) for _ in range(10)]
    await asyncio.wait(tasks, timeout=0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await count(database) == 0


async def test_many_at_once_never_mix_their_statements(database: Database) -> None:
    async def one(number: int) -> None:
        row = await database.row("SELECT $1::int AS given", number)
        assert row is not None
        assert row["given"] == number
        async with database.transaction() as tx:
            assert await tx.fetchval("SELECT $1::text", str(number)) == str(number)

    await asyncio.gather(*(one(number) for number in range(300)))


async def test_the_primary_answers_ping(database: Database) -> None:
    await database.ping()
