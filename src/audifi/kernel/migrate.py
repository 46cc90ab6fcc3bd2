"""Bring a service's schema up to date: `python -m audifi.kernel.migrate auth [--phase pre|post|all]`.

Between: the supervisor or the release job (runs it before the pods, with the service's environment) and the files
`kernel/sql/migrations/` (first: outbox, idempotency_keys, processed_events; services do not create these) and
`services/<service>/sql/migrations/NNNN_pre|post_what.sql`. Unqualified names land in the schema of the role, which has
the role's name. Everything goes through PgBouncer like all other traffic.

Each file runs once, in one transaction with the row that records it, under an advisory lock of that transaction: two
migrators at the same time do every file once. A file with `CREATE INDEX CONCURRENTLY` (alone in it) cannot be in a
transaction: it runs on one connection while another holds the lock; an invalid index that a failed try left is dropped.
*pre* files fit the running code and come before the new one, *post* files come after it. Lock time-outs are retried, so
that a migration never queues behind a long reader with all writers queueing behind it.
Invariant: a file that was applied does not change; a different checksum is refused before anything runs.
Errors: exit 1 with one line saying which file and why; exit 2 for wrong usage or settings.
Source: style.md "SQL"; PostgreSQL 15 "CREATE INDEX", section "Building Indexes Concurrently".
"""

import argparse
import asyncio
import contextlib
import hashlib
import re
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg

import audifi.wire.environment as names
from audifi.kernel.settings import Env, Secret, parse_or_exit

PACKAGE: Final = Path(__file__).parents[1]
_NAME: Final = re.compile(r"\d{4}_(?P<phase>pre|post)_[a-z0-9_]+\.sql")
_CONCURRENTLY: Final = re.compile(r"^\s*(CREATE|DROP)\s+(UNIQUE\s+)?INDEX\s+CONCURRENTLY", re.IGNORECASE | re.MULTILINE)
LOCK_TIMEOUT_S: Final = 5
TRIES_MAX: Final = 12
CONNECT_S: Final = 30.0

_RECORD: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtext('audifi.migrate'), hashtext(current_user))"
_INVALID: Final = """
SELECT indexrelid::regclass::text AS name FROM pg_index
  JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE nspname = current_user AND NOT indisvalid
"""


class MigrationError(Exception):
    """The schema cannot be brought up to date."""


@dataclass(frozen=True, kw_only=True)
class MigrateSettings:
    """What the migrator is told: the service's own environment."""

    database_writer_url: Annotated[str, Env(names.DATABASE_WRITER_URL)]
    database_password: Annotated[Secret, Env(names.DATABASE_PASSWORD)]


@dataclass(frozen=True)
class Migration:
    """One file."""

    name: str  # auth/0001_pre_users.sql
    phase: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def is_concurrent(self) -> bool:
        return _CONCURRENTLY.search(self.sql) is not None


def migrations(service: str) -> list[Migration]:
    """Return the files of the kernel, then of the service, each in order of their numbers."""
    name = service.removesuffix("-service")
    found = folder("kernel", PACKAGE / "kernel/sql/migrations")
    return found + folder(name, PACKAGE / f"services/{name}/sql/migrations")


async def migrate(settings: MigrateSettings, wanted: list[Migration]) -> list[str]:
    """Apply what is missing; return the names of what was applied."""
    applied: list[str] = []
    async with _connected(settings) as connection:
        await _prepare(connection)
        _refuse_drift(wanted, await _recorded(connection))
        for migration in wanted:
            runner = _apply_concurrently if migration.is_concurrent else _apply
            if await _patiently(runner, settings, connection, migration):
                applied.append(migration.name)
    return applied


def folder(owner: str, path: Path) -> list[Migration]:
    """Return the migrations in a directory, in order."""
    if not path.is_dir():
        raise MigrationError(f"{path} does not exist: no such service, or it has no migrations")
    found: list[Migration] = []
    for file in sorted(path.glob("*.sql")):
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise MigrationError(f"{file}: name it NNNN_pre_what.sql or NNNN_post_what.sql")
        found.append(Migration(f"{owner}/{file.name}", match["phase"], file.read_text(encoding="utf-8")))
    return found


@contextlib.asynccontextmanager
async def _connected(settings: MigrateSettings) -> AsyncGenerator[Any, None]:
    connect: Any = getattr(asyncpg, "connect")  # noqa: B009  # untyped: the attribute's type is partly unknown
    deadline = asyncio.get_running_loop().time() + CONNECT_S
    while True:
        try:
            password = settings.database_password.reveal()
            connection = await connect(
                settings.database_writer_url, password=password, statement_cache_size=0, timeout=5
            )
            break
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.ProtocolViolationError, TimeoutError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise MigrationError(f"no connection within {CONNECT_S:g} s: {error}") from error
            await asyncio.sleep(0.5)
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _locked(connection: Any) -> AsyncGenerator[None, None]:
    # Asking again instead of waiting in the server: a statement that waits has a snapshot, and the winner's
    # CREATE INDEX CONCURRENTLY would wait for it in turn.
    while True:
        async with connection.transaction():
            if await connection.fetchval(_TRY_LOCK):
                yield
                return
        await asyncio.sleep(0.2)


async def _prepare(connection: Any) -> None:
    async with _locked(connection):
        if not await connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = current_user"):
            role = await connection.fetchval("SELECT quote_ident(current_user)")
            await connection.execute(f"CREATE SCHEMA {role}")
        await connection.execute(_RECORD)


async def _recorded(connection: Any) -> dict[str, str]:
    async with connection.transaction(readonly=True):
        rows = await connection.fetch("SELECT name, checksum FROM schema_migrations")
    return {row["name"]: row["checksum"] for row in rows}


def _refuse_drift(wanted: list[Migration], recorded: dict[str, str]) -> None:
    changed = [each.name for each in wanted if recorded.get(each.name, each.checksum) != each.checksum]
    if changed:
        raise MigrationError(f"changed after they were applied: {', '.join(changed)}; write a new migration instead")


async def _patiently(runner: Any, settings: MigrateSettings, connection: Any, migration: Migration) -> bool:
    for attempt in range(1, TRIES_MAX + 1):
        try:
            return await runner(settings, connection, migration)
        except asyncpg.LockNotAvailableError as error:
            if attempt == TRIES_MAX:
                raise MigrationError(f"{migration.name}: a lock was not free within {TRIES_MAX} tries") from error
            await asyncio.sleep(1)
        except asyncpg.PostgresError as error:
            raise MigrationError(f"{migration.name}: {error}") from error
    raise AssertionError("the last try returns or raises")


async def _apply(_: MigrateSettings, connection: Any, migration: Migration) -> bool:
    async with _locked(connection):
        if await _is_recorded(connection, migration):
            return False
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'; SET LOCAL statement_timeout = 0")
        await connection.execute(migration.sql)
        await _record(connection, migration)
    return True


async def _apply_concurrently(settings: MigrateSettings, connection: Any, migration: Migration) -> bool:
    async with _connected(settings) as builder, _locked(connection):
        if await _is_recorded(connection, migration):
            return False
        for row in await connection.fetch(_INVALID):
            await builder.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {row['name']}")
        # The transaction only holds the lock. A fetched portal keeps its snapshot until the next one replaces it,
        # and the build waits for older snapshots: a statement by the simple protocol leaves none behind.
        await connection.execute("SELECT 1")
        await builder.execute(migration.sql)
        await _record(connection, migration)
    return True


async def _is_recorded(connection: Any, migration: Migration) -> bool:
    return bool(await connection.fetchval("SELECT 1 FROM schema_migrations WHERE name = $1", migration.name))


async def _record(connection: Any, migration: Migration) -> None:
    sql = "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)"
    await connection.execute(sql, migration.name, migration.checksum)


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m audifi.kernel.migrate", description=(__doc__ or "").split(":")[0])
    parser.add_argument("service", help="a folder of audifi/services that has sql/migrations, e.g. auth")
    parser.add_argument("--phase", choices=("pre", "post", "all"), default="all")
    chosen = parser.parse_args(arguments)
    settings = parse_or_exit(MigrateSettings)
    try:
        wanted = [each for each in migrations(chosen.service) if chosen.phase in ("all", each.phase)]
        applied = asyncio.run(migrate(settings, wanted))
    except MigrationError as error:
        sys.stderr.write(f"migrate: {error}\n")
        raise SystemExit(1) from None
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "nothing to do\n")


if __name__ == "__main__":
    main()
