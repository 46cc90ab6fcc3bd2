"""sql/schema.sql of the worker describes exactly what its migrations make.

Shape: both are loaded into the emptied schema of the worker's role, in transactions that are rolled back, and the
catalogs are compared as text.
"""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

import audifi
from audifi.kernel.migrate import migrations
from audifi.local.held import Held

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = Path(audifi.__file__).parent / "services/worker/sql/schema.sql"
_CATALOG = {
    "columns": """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
                   WHERE table_schema = 'worker' ORDER BY 1, ordinal_position""",
    "constraints": """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
                       WHERE connamespace = 'worker'::regnamespace ORDER BY 1, 2""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'worker' ORDER BY 1, 2",
}
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT oid::regclass::text FROM pg_class
                 WHERE relnamespace = 'worker'::regnamespace AND relkind = 'r' LOOP
        EXECUTE 'DROP TABLE ' || name || ' CASCADE';
    END LOOP;
END $$
"""


async def _catalog(connection: Any, *scripts: str) -> dict[str, list[str]]:
    transaction = connection.transaction()
    await transaction.start()
    try:
        for script in (_EMPTY, *scripts):
            await connection.execute(script)
        return {name: [str(tuple(row)) for row in await connection.fetch(query)] for name, query in _CATALOG.items()}
    finally:
        await transaction.rollback()


async def test_the_schema_file_equals_the_replay_of_the_migrations(stores: Held) -> None:
    environment = stores.environment("worker-1")
    connect: Any = getattr(asyncpg, "connect")  # noqa: B009  # untyped: the attribute's type is partly unknown
    connection = await connect(
        environment["DATABASE_WRITER_URL"], password=environment["DATABASE_PASSWORD"], statement_cache_size=0
    )
    try:
        own = [migration.sql for migration in migrations("worker") if migration.name.startswith("worker/")]
        replayed = await _catalog(connection, *own)
        described = await _catalog(connection, SCHEMA.read_text(encoding="utf-8"))
    finally:
        await connection.close()
    assert any("contents" in line for line in replayed["columns"])
    for name, lines in replayed.items():
        assert described[name] == lines, name
