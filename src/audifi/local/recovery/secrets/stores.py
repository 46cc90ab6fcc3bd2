"""Tell the stores which passwords they accept.

Between: recovery.secrets.overlaps and PostgreSQL, PgBouncer and Redis themselves.
Invariant: each tells the store exactly what the secret's file says now, so that it may be repeated.
PostgreSQL's own users (superuser, replication) have one password each: open connections stay, and Patroni, which alone
opens new ones, learns the new password in the same second and tries again until then.
Units: *_s seconds.
Errors: NotReady while a store does not answer; TimedOut when the pooler does not take it over.
Source: redis.io ACL SETUSER (a user may have several passwords); PostgreSQL 15 ALTER ROLE; pgbouncer.org (SIGHUP).
"""

from typing import Final

import psycopg

from audifi.local import resolution
from audifi.local.components.database_roles import connected, set_logins, set_password
from audifi.local.components.redis_server import ask
from audifi.local.errors import LocalError
from audifi.local.ports import LOOPBACK
from audifi.local.recovery.secrets.world import World
from audifi.local.waiting import NotReady, wait_for

POSTGRES_USERS: Final = {
    "postgres-superuser": "postgres",
    "postgres-replication": "replicator",
    "postgres-rewind": "rewinder",
}
LEARNED_WITHIN_S: Final = 10.0


async def set_users(world: World, component: str) -> None:
    """Let exactly the accepted logins act as the component's role."""
    async with await connected(world.instance, world.topology, "postgres") as connection:
        await set_logins(connection, component, resolution.logins(world.instance, world.topology, component))


async def until_pooler_accepts(world: World, component: str) -> None:
    """PgBouncer reads its users in its own time after SIGHUP."""
    logins = resolution.logins(world.instance, world.topology, component)

    async def signs_in() -> None:
        for login in logins:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    host=LOOPBACK,
                    port=resolution.port(world.instance, world.topology, "pgbouncer-1", "pgbouncer"),
                    dbname=world.topology.stores.pooler.writer_database,
                    user=login.user,
                    password=login.password,
                    connect_timeout=3,
                )
            except psycopg.Error as error:
                raise NotReady(str(error)) from error
            await connection.close()

    await wait_for(signs_in, within_s=LEARNED_WITHIN_S, saying=f"PgBouncer accepts {component}'s logins")


async def tell_postgres(world: World, name: str) -> None:
    """Set the password of one of the servers' own users, and let Patroni read it."""
    fresh = resolution.secret(world.instance, world.topology, name)
    async with await _as_superuser(world) as connection:
        await set_password(connection, POSTGRES_USERS[name], fresh)
    await world.reload("postgres")


async def _as_superuser(world: World) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    """Which of the accepted passwords counts, the server knows: its own may be the one that is being replaced."""
    refused: Exception | None = None
    for password in resolution.accepted(world.instance, world.topology, "postgres-superuser"):
        try:
            return await connected(world.instance, world.topology, "postgres", password)
        except psycopg.OperationalError as error:
            refused = error
    raise LocalError(f"the primary lets no superuser in: {refused}") from refused


async def tell_redis(world: World, name: str) -> None:
    """Let every node accept exactly these passwords; the next start of a node reads the same from its file."""
    component = name.removesuffix("-password")
    accepted = resolution.accepted(world.instance, world.topology, name)
    for pod in await world.rewrite(component):
        rules = ("resetpass", *(f">{password}" for password in accepted))
        await _ask_redis(world, pod, name, "ACL", "SETUSER", "default", *rules)


async def tell_replicas(world: World, name: str) -> None:
    """Let every node show the password in use to its primary from now on."""
    fresh = resolution.secret(world.instance, world.topology, name)
    for pod in await world.rewrite(name.removesuffix("-password")):
        await _ask_redis(world, pod, name, "CONFIG", "SET", "masterauth", fresh)


async def _ask_redis(world: World, pod: str, name: str, *question: str) -> None:
    number = resolution.port(world.instance, world.topology, pod, "redis")
    refused: Exception | None = None
    for password in resolution.accepted(world.instance, world.topology, name):  # a node may know one of them only
        try:
            await ask(number, password, *question)
        except NotReady as error:
            refused = error
        else:
            return
    raise LocalError(f"{pod} takes none of the passwords of {name}: {refused}") from refused
