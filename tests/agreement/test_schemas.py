"""sql/schema.sql of a service describes exactly what its migrations make.

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

SERVICES = Path(audifi.__file__).parent / "services"

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
}
_ROWS = {"auth": "SELECT policy_type, version, effective_at FROM auth.policy_versions WHERE $1 = $1 ORDER BY 1, 2"}


# The role owns its schema but may not make another: what is in it goes, and comes back with the rollback.
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT oid::regclass::text FROM pg_class
                 WHERE relnamespace = current_user::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP
        EXECUTE 'DROP TABLE ' || name || ' CASCADE';
    END LOOP;
    FOR name IN SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = current_user::regnamespace LOOP
        EXECUTE 'DROP FUNCTION ' || name || ' CASCADE';
    END LOOP;
END $$
"""


async def _catalog(connection: Any, service: str, *scripts: str) -> dict[str, list[str]]:
    """Return the catalog the scripts make in an empty schema, and leave nothing behind."""
    queries = _CATALOG | ({"rows": _ROWS[service]} if service in _ROWS else {})
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(_EMPTY)
        for script in scripts:
            await connection.execute(script.replace("INDEX CONCURRENTLY", "INDEX"))  # nobody reads these tables
        return {
            name: [str(tuple(row)) for row in await connection.fetch(query, service)] for name, query in queries.items()
        }
    finally:
        await transaction.rollback()


@pytest.mark.parametrize(
    ("service", "pod"),
    [
        ("auth", "auth-service-1"),
        ("payment", "payment-service-1"),
        ("nft", "nft-service-1"),
        ("vstudio", "vstudio-service-1"),
        ("coin", "coin-service-1"),
        ("analytics", "analytics-service-1"),
        ("worker", "worker-1"),
    ],
)
async def test_the_schema_file_equals_the_replay_of_the_migrations(stores: Held, service: str, pod: str) -> None:
    environment = stores.environment(pod)
    connect: Any = getattr(asyncpg, "connect")  # noqa: B009  # untyped: the attribute's type is partly unknown
    connection = await connect(
        environment["DATABASE_WRITER_URL"], password=environment["DATABASE_PASSWORD"], statement_cache_size=0
    )
    try:
        own = [migration.sql for migration in migrations(service) if migration.name.startswith(f"{service}/")]
        replayed = await _catalog(connection, service, *own)
        described = await _catalog(
            connection, service, (SERVICES / service / "sql/schema.sql").read_text(encoding="utf-8")
        )
    finally:
        await connection.close()
    assert replayed["columns"]
    for name, lines in replayed.items():
        assert described[name] == lines, name
