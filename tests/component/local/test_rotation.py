"""A password is replaced step by step, each of which may be the last before a crash, and nobody is refused."""

import psycopg
import pytest

from audifi.local.components.redis_server import ask
from audifi.local.errors import LocalError
from audifi.local.held import Held
from audifi.local.logins import Login
from audifi.local.recovery.secrets import listing, rotation
from audifi.local.waiting import NotReady


class Crashed(Exception):
    """What a crash between two steps is to whoever asked for the rotation."""


async def _one_step(stores: Held, name: str) -> None:
    """Take one step of the rotation and crash."""

    def crash(said: str) -> None:
        raise Crashed(said)

    with pytest.raises(Crashed):
        await rotation.rotate(stores.instance, stores.topology, name, tell=crash, who="ada")


async def _finish(stores: Held, name: str) -> None:
    await rotation.rotate(stores.instance, stores.topology, name, tell=lambda _: None)
    assert not listing.under_way(stores.instance, name).exists()


async def _acts_as(stores: Held, login: Login) -> str:
    """Sign in anew, as a pod that opens another connection does."""
    connection = await psycopg.AsyncConnection.connect(
        host="127.0.0.1",
        port=stores.port("pgbouncer-1", "pgbouncer"),
        dbname="audifi",
        user=login.user,
        password=login.password,
        connect_timeout=5,
        autocommit=True,
        prepare_threshold=None,
    )
    async with connection:
        row = await (await connection.execute("SELECT current_user::text")).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.asyncio
async def test_a_database_login_in_use_is_never_refused(stores: Held) -> None:
    name, old = "database-coin", stores.login("coin-service")
    for _ in rotation.STEPS:
        assert await _acts_as(stores, old) == "coin"
        assert await _acts_as(stores, stores.login("coin-service")) == "coin"
        await _one_step(stores, name)
    await _finish(stores, name)
    fresh = stores.login("coin-service")
    assert {old.user, fresh.user} == {"coin_a", "coin_b"}
    assert await _acts_as(stores, fresh) == "coin"
    with pytest.raises(psycopg.OperationalError):
        await _acts_as(stores, old)
    told = [(change.what, change.who) for change in stores.instance.history.changes(name)]
    assert told[-3:] == [("accepted as well", "ada"), ("in use", "ada"), ("old one withdrawn", "ada")]


@pytest.mark.asyncio
async def test_a_redis_password_in_use_is_never_refused(stores: Held) -> None:
    name, old = "redis-queue-password", stores.secret("redis-queue-password")
    ports = [stores.port(pod, "redis") for pod in ("redis-queue-1", "redis-queue-2")]
    for _ in rotation.STEPS:
        for number in ports:
            assert await ask(number, old, "PING")
            assert await ask(number, stores.secret(name), "PING")
        await _one_step(stores, name)
    await _finish(stores, name)
    for number in ports:
        assert await ask(number, stores.secret(name), "PING")
        with pytest.raises(NotReady, match=r"WRONGPASS|invalid username-password"):
            await ask(number, old, "PING")


@pytest.mark.asyncio
async def test_what_no_program_may_replace_is_refused_with_the_reason(stores: Held) -> None:
    with pytest.raises(LocalError, match=r"chain-signer-key is not replaced by this command: it is an account"):
        await rotation.rotate(stores.instance, stores.topology, "chain-signer-key", tell=lambda _: None)
