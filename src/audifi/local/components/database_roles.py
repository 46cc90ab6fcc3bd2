"""Give every service its login role and schema in the database, and nothing else.

Between: components.postgres (runs it once per `up`, as superuser, past the pooler) and components.service (whose
migrations then create tables as the service's own role).
Shape: one database; per service one role that owns one schema of the same name.
Invariant: idempotent; nobody but the owner may use a schema; nobody may create schemas, temporary tables or objects
in `public`. Passwords reach the server only as SCRAM verifiers, so no log can hold them.
Units: time-outs in PostgreSQL's units.
Errors: NotReady while there is no primary.
Source: PostgreSQL 15, libpq PQencryptPasswordConn; time-outs: topology.links (2 s to the store, 10 s per service).
"""

from typing import Final

import psycopg
from psycopg import sql

from audifi.local.ports import LOOPBACK
from audifi.local.resolution import port, secret
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE, database_role, database_secret

# A request that waits longer than its deadline holds a connection for nobody; migrations raise theirs locally.
ROLE_SETTINGS: Final = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
}


async def create_roles(instance: Instance, topology: Topology) -> str:
    """Create what is missing, set what may have changed."""
    database = topology.stores.postgres.database
    try:
        async with await _connection(instance, topology, "postgres") as connection:
            await _create_database(connection, database)
        async with await _connection(instance, topology, database) as connection:
            await _close_to_others(connection, database)
            for component in WITH_DATABASE:
                password = secret(instance, topology, database_secret(component))
                await _create_role(connection, database_role(component), password)
                await _create_schema(connection, database, database_role(component))
    except psycopg.OperationalError as error:
        raise NotReady(f"no primary answers: {error}") from error
    return f"{len(WITH_DATABASE)} roles, each with its schema in {database}"


async def _connection(
    instance: Instance, topology: Topology, database: str
) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    return await psycopg.AsyncConnection.connect(
        host=LOOPBACK,
        port=port(instance, topology, "postgres-services-1", "writer"),
        dbname=database,
        user="postgres",
        password=secret(instance, topology, "postgres-superuser"),
        connect_timeout=3,
        autocommit=True,
    )


async def _exists(connection: "psycopg.AsyncConnection[tuple[object, ...]]", query: sql.SQL, name: str) -> bool:
    return await (await connection.execute(query, (name,))).fetchone() is not None


async def _create_database(connection: "psycopg.AsyncConnection[tuple[object, ...]]", name: str) -> None:
    if not await _exists(connection, sql.SQL("SELECT 1 FROM pg_database WHERE datname = %s"), name):
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


async def _close_to_others(connection: "psycopg.AsyncConnection[tuple[object, ...]]", database: str) -> None:
    await connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    await connection.execute(sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"))


async def _create_role(connection: "psycopg.AsyncConnection[tuple[object, ...]]", role: str, password: str) -> None:
    name = sql.Identifier(role)
    if not await _exists(connection, sql.SQL("SELECT 1 FROM pg_roles WHERE rolname = %s"), role):
        await connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    await connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier)))
    for setting, value in {**ROLE_SETTINGS, "search_path": role}.items():
        statement = sql.SQL("ALTER ROLE {} SET {} = {}")
        await connection.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))


async def _create_schema(connection: "psycopg.AsyncConnection[tuple[object, ...]]", database: str, role: str) -> None:
    name = sql.Identifier(role)
    await connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), name))
    await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(name, name))
