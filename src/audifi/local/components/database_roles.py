"""Give every service its role, its schema and its two users in the database, and nothing else.

Between: components.postgres (runs it once per `up`, as superuser, past the pooler) and components.service (whose
migrations then create tables as the service's own role).
Shape: one database; per service one role that owns one schema of the same name and cannot sign in, and two users who
act as it, in turns (docs/decisions/0048).
Invariant: idempotent; nobody but the owner may use a schema; nobody may create schemas, temporary tables or objects
in `public`. Passwords reach the server only as SCRAM verifiers, so no log can hold them.
Units: time-outs in PostgreSQL's units.
Errors: NotReady while there is no primary.
Source: PostgreSQL 15, libpq PQencryptPasswordConn; time-outs: topology.links (2 s to the store, 10 s per service).
"""

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg import sql

from audifi.local.logins import Login
from audifi.local.ports import LOOPBACK
from audifi.local.resolution import logins, port, secret
from audifi.local.state import Instance
from audifi.local.waiting import NotReady
from audifi.topology.model.whole import Topology
from audifi.topology.secrets import WITH_DATABASE, database_logins, database_role

Connection = psycopg.AsyncConnection[tuple[object, ...]]

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
        async with await connected(instance, topology, "postgres") as connection:
            await _create_database(connection, database)
        async with await connected(instance, topology, database) as connection:
            await _close_to_others(connection, database)
            for component in WITH_DATABASE:
                await _create_owner(connection, database_role(component))
                await _create_schema(connection, database, database_role(component))
                await set_logins(connection, component, logins(instance, topology, component))
    except psycopg.OperationalError as error:
        raise NotReady(f"no primary answers: {error}") from error
    return f"{len(WITH_DATABASE)} roles, each with its schema in {database}"


async def set_logins(connection: Connection, component: str, accepted: Sequence[Login]) -> None:
    """Let these users act as the component's role, and the other of its two not."""
    role = database_role(component)
    passwords = {login.user: login.password for login in accepted}
    for user in database_logins(component):
        name = sql.Identifier(user)
        if not await _exists(connection, sql.SQL("SELECT 1 FROM pg_roles WHERE rolname = %s"), user):
            await connection.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}").format(name, sql.Identifier(role)))
        # "role": what such a user creates belongs to the owner of the schema, whichever of the two it was.
        for setting, value in {**ROLE_SETTINGS, "search_path": role, "role": role}.items():
            statement = sql.SQL("ALTER ROLE {} SET {} = {}")
            await connection.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))
        await set_password(connection, user, passwords.get(user))


async def set_password(connection: Connection, user: str, password: str | None) -> None:
    """Let the user sign in with this password, or not at all."""
    verifier = None
    if password is not None:
        verifier = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode()
    await connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(verifier)))


async def connected(instance: Instance, topology: Topology, database: str, password: str | None = None) -> Connection:
    """As superuser to the primary, past the pooler."""
    return await psycopg.AsyncConnection.connect(
        host=LOOPBACK,
        port=port(instance, topology, "postgres-services-1", "writer"),
        dbname=database,
        user="postgres",
        password=password or secret(instance, topology, "postgres-superuser"),
        connect_timeout=3,
        autocommit=True,
    )


async def _exists(connection: Connection, query: sql.SQL, name: str) -> bool:
    return await (await connection.execute(query, (name,))).fetchone() is not None


async def _create_database(connection: Connection, name: str) -> None:
    if not await _exists(connection, sql.SQL("SELECT 1 FROM pg_database WHERE datname = %s"), name):
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


async def _close_to_others(connection: Connection, database: str) -> None:
    await connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    await connection.execute(sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"))


async def _create_owner(connection: Connection, role: str) -> None:
    name = sql.Identifier(role)
    if not await _exists(connection, sql.SQL("SELECT 1 FROM pg_roles WHERE rolname = %s"), role):
        await connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    await connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(name))


async def _create_schema(connection: Connection, database: str, role: str) -> None:
    name = sql.Identifier(role)
    await connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), name))
    await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(name, name))
