"""The stores come up empty and closed: roles, schemas, databases, slots.

Between: tests and one set of real servers (fixture `stores`).
"""

import psycopg
import pytest
from redis.asyncio.cluster import RedisCluster

from audifi.local.held import Held


def _connection(stores: Held, database: str, role: str = "auth") -> "psycopg.Connection[tuple[object, ...]]":
    login = stores.login(f"{role}-service")
    return psycopg.connect(
        host="127.0.0.1",
        port=stores.port("pgbouncer-1", "pgbouncer"),
        dbname=database,
        user=login.user,
        password=login.password,
    )


def test_the_writer_database_reaches_the_primary_and_the_reader_a_replica(stores: Held) -> None:
    found: dict[str, object] = {}
    for database in ("audifi", "audifi_ro"):
        with _connection(stores, database) as connection:
            row = connection.execute("SELECT pg_is_in_recovery(), current_database()").fetchone()
            assert row is not None
            found[database], name = row
            assert name == "audifi_dev"
    assert found == {"audifi": False, "audifi_ro": True}


def test_a_role_owns_its_schema_and_may_not_touch_another(stores: Held) -> None:
    with _connection(stores, "audifi") as connection:
        connection.execute("CREATE TABLE auth.mine (id int)")
        connection.execute("DROP TABLE auth.mine")
    with _connection(stores, "audifi") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE payment.theirs (id int)")
    with _connection(stores, "audifi") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE public.everybodys (id int)")
    with _connection(stores, "audifi") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE SCHEMA another")


def test_a_role_has_time_outs(stores: Held) -> None:
    with _connection(stores, "audifi") as connection:
        for setting, value in (("statement_timeout", "5s"), ("lock_timeout", "2s"), ("search_path", "auth")):
            row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
            assert row == (value,)


def test_the_superuser_has_no_way_in_through_the_pooler(stores: Held) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host="127.0.0.1",
            port=stores.port("pgbouncer-1", "pgbouncer"),
            dbname="audifi",
            user="postgres",
            password=stores.secret("postgres-superuser"),
        )


@pytest.mark.asyncio
async def test_each_use_has_a_pair_of_nodes_to_itself(stores: Held) -> None:
    """Other tests kill masters: whichever of a pair serves, it serves the slots of its use."""
    nodes = stores.environment("auth-service-1")["REDIS_NODES"].split(",")
    host, _, number = nodes[0].partition(":")
    client = RedisCluster(host=host, port=int(number), password=stores.secret("redis-cluster-password"))
    try:
        await client.initialize()
        for tags in stores.topology.stores.redis_cluster.tags:
            of_pair = (tags.master, tags.master + stores.topology.stores.redis_cluster.masters)
            pair = {stores.port(f"redis-cluster-{number}", "redis") for number in of_pair}
            for tag in tags.tags:
                node = client.get_node_from_key(f"{{{tag}}}:key")
                assert node is not None
                assert node.port in pair, f"{tag} is not on the pair of master {tags.master}"
    finally:
        await client.aclose()


@pytest.mark.asyncio
async def test_only_the_owner_may_open_the_control_channel(stores: Held) -> None:
    assert (stores.instance.path / "control.sock").stat().st_mode & 0o777 == 0o600
    assert (stores.instance.path / "secrets").stat().st_mode & 0o777 == 0o700
    for secret in (stores.instance.path / "secrets").iterdir():
        assert secret.stat().st_mode & 0o777 == 0o600, secret
    units = await stores.units()
    assert {unit["state"] for unit in units.values()} == {"ready", "done"}
