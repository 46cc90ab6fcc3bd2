"""sql/schema.sql of auth-service describes exactly what its migrations make.

Shape: both are loaded into schemas of their own role in one database, and the catalogs are compared as text.
"""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

import audifi
from audifi.kernel.migrate import migrations
from audifi.local.held import Held

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = Path(audifi.__file__).parent / "services/auth/sql/schema.sql"

_CATALOG = {
    "columns": """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
                   WHERE table_schema = $1 ORDER BY 1, ordinal_position""",
    "constraints": """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
                       WHERE connamespace = $1::regnamespace ORDER BY 1, 2""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = $1 ORDER BY 1, 2",
    "functions": """SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = $1::regnamespace
                     AND prokind = 'f' ORDER BY 1""",
    "triggers": """SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
                    WHERE NOT tgisinternal
                      AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = $1::regnamespace)
                    ORDER BY 1, 2""",
    "rows": "SELECT policy_type, version, effective_at FROM auth.policy_versions WHERE $1 = $1 ORDER BY 1, 2",
}


# The role owns its schema but may not make another: what is in it goes, and comes back with the rollback.
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT oid::regclass::text FROM pg_class
                 WHERE relnamespace = 'auth'::regnamespace AND relkind = 'r' LOOP
        EXECUTE 'DROP TABLE ' || name || ' CASCADE';
    END LOOP;
    FOR name IN SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'auth'::regnamespace LOOP
        EXECUTE 'DROP FUNCTION ' || name || ' CASCADE';
    END LOOP;
END $$
"""


async def _catalog(connection: Any, *scripts: str) -> dict[str, list[str]]:
    """Return the catalog the scripts make in an empty schema, and leave nothing behind."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(_EMPTY)
        for script in scripts:
            await connection.execute(script)
        return {
            name: [str(tuple(row)) for row in await connection.fetch(query, "auth")] for name, query in _CATALOG.items()
        }
    finally:
        await transaction.rollback()


async def test_the_schema_file_equals_the_replay_of_the_migrations(stores: Held) -> None:
    environment = stores.environment("auth-service-1")
    connect: Any = getattr(asyncpg, "connect")  # noqa: B009  # untyped: the attribute's type is partly unknown
    connection = await connect(
        environment["DATABASE_WRITER_URL"], password=environment["DATABASE_PASSWORD"], statement_cache_size=0
    )
    try:
        own = [migration.sql for migration in migrations("auth") if migration.name.startswith("auth/")]
        replayed = await _catalog(connection, *own)
        described = await _catalog(connection, SCHEMA.read_text(encoding="utf-8"))
    finally:
        await connection.close()
    assert replayed["columns"]
    for name, lines in replayed.items():
        assert described[name] == lines, name
