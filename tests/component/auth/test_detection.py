"""What guessing leads to: an address closed for a while, operators and owners told once, honest people let alone."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.component.auth.driver import Client, World, new_email
from tests.component.auth.test_mfa import challenge, enrolled
from tests.component.auth.test_profile import admin

from audifi.kernel import crypto
from audifi.kernel.cache import Cache
from audifi.kernel.database import Database
from audifi.kernel.http import application
from audifi.local.ports import LOOPBACK
from audifi.services.auth.app import Stores, service
from audifi.services.auth.routes import OPERATIONS
from audifi.services.auth.rules.detection import BLOCK_S
from audifi.wire import channels

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOBODY = f"{LOOPBACK}:1"  # tcpmux: no machine of ours serves it


async def guesses(client: Client, count: int) -> list[int]:
    answers = [await client.post("/auth/verify-magic-link", {"token": crypto.new_token()}) for _ in range(count)]
    return [answer.status for answer in answers]


async def link(world: World, email: str) -> str:
    await world.forget_limits(email)
    await world.client().post("/auth/magic-link", {"email": email})
    await world.deliver()
    return world.mailbox.last_token(email)


async def events(world: World, name: str, address: str) -> list[Any]:
    query = "SELECT severity, details FROM auth.security_events WHERE name = $1 AND host(ip) = $2"
    return await world.rows(query, name, address)


async def test_five_failed_sign_ins_close_an_address_for_a_quarter_of_an_hour(world: World) -> None:
    client, token = world.client(), await link(world, new_email())
    assert await guesses(client, 5) == [401] * 5
    refused = await client.post("/auth/verify-magic-link", {"token": token})
    assert (refused.status, refused.code) == (429, "RATE_LIMITED")
    assert BLOCK_S - 30 < int(refused.header("retry-after") or 0) <= BLOCK_S
    assert (await client.post("/auth/magic-link", {"email": new_email()})).status == 429
    assert [row["severity"] for row in await events(world, "security.brute_force.detected", client.address)] == ["high"]
    assert (await world.client().post("/auth/verify-magic-link", {"token": token})).status == 200, "it was not spent"


async def test_four_failures_close_nothing_and_who_is_signed_in_goes_on(world: World) -> None:
    four, person = world.client(), await world.sign_in()
    await guesses(four, 4)
    assert (await four.post("/auth/verify-magic-link", {"token": await link(world, new_email())})).status == 200
    await guesses(person, 5)
    assert (await person.post("/auth/verify-magic-link", {"token": crypto.new_token()})).status == 429
    assert (await person.get("/user/profile")).status == 200
    assert (await person.send("PATCH", "/user/profile", {"bio": "still here"})).status == 200


async def test_an_address_is_open_again_when_its_pause_is_over(world: World) -> None:
    client = world.client()
    await guesses(client, 5)
    # Redis' clock is not ours to move; what it does at the end of the time is done by hand.
    assert await world.parts.cache.delete(channels.pause("ip", client.address))
    assert (await client.post("/auth/verify-magic-link", {"token": await link(world, new_email())})).status == 200


async def test_malformed_bodies_are_not_guesses(world: World) -> None:
    client = world.client()
    for _ in range(6):
        assert (await client.post("/auth/verify-magic-link", {"token": 1})).status == 400
    assert (await client.post("/auth/verify-magic-link", {"token": await link(world, new_email())})).status == 200


async def test_a_link_used_many_times_at_once_from_one_address_has_one_winner(world: World) -> None:
    client, token = world.client(), await link(world, new_email())
    answers = await asyncio.gather(*(client.post("/auth/verify-magic-link", {"token": token}) for _ in range(100)))
    statuses = [answer.status for answer in answers]
    assert statuses.count(200) == 1, statuses
    assert set(statuses) == {200, 401, 429}, statuses


async def test_wrong_codes_close_an_address_and_three_of_them_alarm(world: World) -> None:
    email = new_email()
    client, _ = await enrolled(world, email)
    browser = client.moved()
    answers = [await browser.post("/auth/2fa/verify", {"code": "000000"}) for _ in range(5)]
    assert [answer.status for answer in answers] == [401, 401, 401, 401, 423]
    assert (await browser.post("/auth/2fa/verify", {"code": "000000"})).status == 429
    failures = await events(world, "auth.2fa.failure", browser.address)
    assert [row["severity"] for row in failures] == ["medium", "medium", "high", "high", "high"]
    told = await world.rows(
        "SELECT 1 FROM auth.outbox WHERE stream = 'events:security' AND convert_from(payload, 'UTF8') LIKE $1",
        f"%{client.user['id']}%",
    )
    assert len(told) >= 3, "grave events reach the queue"


async def test_ten_failures_within_the_hour_are_mailed_to_the_owner_once(world: World) -> None:
    email = new_email()
    await world.sign_in(email)
    used = world.mailbox.last_token(email)
    await asyncio.gather(*(world.client().post("/auth/verify-magic-link", {"token": used}) for _ in range(25)))
    await world.deliver()
    assert [mail["subject"] for mail in world.mailbox.of(email)].count("Failed sign-ins to your AudiFi account") == 1


async def test_links_and_codes_count_together_for_their_owner(world: World) -> None:
    email = new_email()
    await enrolled(world, email)
    used = world.mailbox.last_token(email)
    browser, token = await challenge(world, email)
    for _ in range(4):
        await browser.moved().post("/auth/2fa/verify", {"code": "000000", "mfaToken": token})
    for _ in range(6):
        await world.client().post("/auth/verify-magic-link", {"token": used})
    await world.deliver()
    assert [mail["subject"] for mail in world.mailbox.of(email)].count("Failed sign-ins to your AudiFi account") == 1


async def test_ten_limit_hits_close_an_address(world: World) -> None:
    client = world.client()
    statuses = [(await client.post("/auth/magic-link", {"email": new_email()})).status for _ in range(20)]
    assert statuses == [200] * 10 + [429] * 10
    (event,) = await events(world, "security.rate_limit.hit", client.address)
    assert event["severity"] == "high"
    assert await world.parts.watch.paused_s(client.address) > BLOCK_S - 30
    assert (await guesses(client, 15)) == [429] * 15
    assert len(await events(world, "security.rate_limit.hit", client.address)) == 1


async def test_a_users_own_limit_says_nothing_of_the_address(world: World) -> None:
    person = await world.sign_in()
    statuses = [(await person.get("/user/profile")).status for _ in range(45)]
    assert statuses.count(429) >= 10
    assert await world.parts.watch.paused_s(person.address) == 0


async def test_every_administrators_call_is_an_event_even_one_that_is_refused(world: World) -> None:
    boss, person = await admin(world), await world.sign_in()
    user = f"/admin/users/{person.user['id']}"
    await boss.get("/admin/users?limit=1")
    await boss.post(f"{user}/roles", {"role": "USER", "action": "REVOKE"})
    await boss.send("PATCH", user, {"status": "SUSPENDED"})
    rows = await world.rows(
        "SELECT severity FROM auth.security_events WHERE name = 'authz.admin.called' AND user_id = $1", boss.user["id"]
    )
    assert [row["severity"] for row in rows] == ["high"] * 3


async def test_without_redis_people_sign_in_and_guessing_is_still_bounded(world: World) -> None:
    token = await link(world, new_email())
    cache = await Cache.open(replace(world.settings, redis_nodes=(NOBODY,)))
    try:
        stranded = on_other_stores(world, cache=cache)
        honest, guesser = Client(stranded, world.client().address), Client(stranded, world.client().address)
        assert await guesses(honest, 2) == [401] * 2
        # Without Redis a session cannot be published; that the link is accepted is what counts here.
        assert (await honest.post("/auth/verify-magic-link", {"token": token})).status in (200, 503)
        assert await guesses(guesser, 8) == [401] * 4 + [429] * 4, "10 an hour, shared by three pods"
    finally:
        await cache.close()


async def test_an_unhealthy_platform_says_which_check_fails(world: World) -> None:
    nowhere = f"postgresql://auth@{NOBODY}/audifi"
    database = await Database.open(
        replace(world.settings, database_writer_url=nowhere, database_reader_url=nowhere)
    )  # fmt: skip
    try:
        answer = await Client(on_other_stores(world, database=database), world.client().address).get("/health/platform")
    finally:
        await database.close()
    assert answer.status == 503, answer.body
    assert answer.json["status"] == "unhealthy"
    checks = {name: check["status"] for name, check in answer.json["checks"].items()}
    assert checks == {"database": "unhealthy", "redis": "healthy"}
    healthy = await world.client().get("/health/platform")
    assert (healthy.status, healthy.json["status"]) == (200, "healthy")


def on_other_stores(world: World, *, database: Database | None = None, cache: Cache | None = None) -> World:
    """The same service with a store that is not there."""
    kernel = world.service.kernel
    held_database, held_cache = kernel.database, kernel.cache
    assert held_database is not None
    assert held_cache is not None
    stores = Stores(database or held_database, cache or held_cache, world.queue)
    built = service(world.settings, stores, clock=world.clock)
    made = application(OPERATIONS, kernel=built.kernel, title="auth", version="test")
    return World(built, made, world.clock, world.mailbox, world.queue)
