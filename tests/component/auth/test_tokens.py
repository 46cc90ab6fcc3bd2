"""Access tokens: forged ones are refused, keys rotate without a gap, the plan follows payment-service."""

import asyncio
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from tests.component.auth.driver import CALLER, Client, World

from audifi.kernel.encoding import base64url, unbase64url
from audifi.services.auth import consumers
from audifi.services.auth.signing import SigningKeys
from audifi.wire.events import Event

pytestmark = pytest.mark.asyncio(loop_scope="session")


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, payload, _ = token.split(".")
    return msgspec.json.decode(unbase64url(head)), msgspec.json.decode(unbase64url(payload))


def compact(head: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{base64url(msgspec.json.encode(head))}.{base64url(msgspec.json.encode(claims))}"


def by_our_key(world: World, head: dict[str, Any], claims: dict[str, Any]) -> str:
    """Sign anything with the service's own key: what only a bug of ours could do."""
    (key, *_) = world.parts.signing._loaded  # pyright: ignore[reportPrivateUsage]
    signed = compact(head, claims)
    return f"{signed}.{base64url(key.private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def forgeries(world: World, token: str) -> dict[str, str]:
    head, claims = parts(token)
    now = int(world.clock.now().timestamp())
    (key, *_) = world.parts.signing._loaded  # pyright: ignore[reportPrivateUsage]
    pem = key.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    confused = compact({**head, "alg": "HS256"}, claims)
    mac = hmac.new(pem, confused.encode(), hashlib.sha256).digest()
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signed = compact(head, claims)
    return {
        "alg none": compact({**head, "alg": "none"}, claims) + ".",
        "HS256 with the public key": f"{confused}.{base64url(mac)}",
        "another key": f"{signed}.{base64url(foreign.sign(signed.encode(), PKCS1v15(), SHA256()))}",
        "unknown kid": by_our_key(world, {**head, "kid": "unknown"}, claims),
        "wrong audience": by_our_key(world, head, {**claims, "aud": "https://evil.example"}),
        "wrong issuer": by_our_key(world, head, {**claims, "iss": "https://evil.example"}),
        "expired": by_our_key(world, head, {**claims, "iat": now - 2000, "exp": now - 60}),
        "from the future": by_our_key(world, head, {**claims, "iat": now + 600}),
        "more roles": f"{compact(head, {**claims, 'roles': ['ADMIN']})}.{token.split('.')[2]}",
        "a session that is not": by_our_key(world, head, {**claims, "sid": str(uuid4())}),
        "another user": by_our_key(world, head, {**claims, "sub": str(uuid4())}),
        "no token": "x",
    }


async def test_forged_tokens_are_refused_and_look_alike(world: World) -> None:
    client = await world.sign_in()
    assert (await client.get("/user/profile")).status == 200
    for name, forged in forgeries(world, client.token or "").items():
        attacker = world.client()
        attacker.token = forged
        answer = await attacker.get("/user/profile")
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED"), name
    bare: Client = world.client()
    assert (await bare.get("/user/profile")).status == 401
    assert (await bare.get("/user/profile", authorization="Basic eDp5", x_user_id=client.user["id"])).status == 401


async def test_a_token_carries_what_services_need_and_no_address(world: World) -> None:
    client = await world.sign_in()
    head, claims = parts(client.token or "")
    assert head["alg"] == "RS256"
    assert (claims["sub"], claims["plan"], claims["roles"]) == (client.user["id"], "FREE", ["USER"])
    assert claims["exp"] - claims["iat"] == 900
    assert client.user["email"] not in msgspec.json.encode(claims).decode()


async def test_an_access_token_ends_after_fifteen_minutes(world: World) -> None:
    client = await world.sign_in()
    world.clock.advance(minutes=15, seconds=31)
    assert (await client.get("/user/profile")).status == 401
    assert (await client.refresh()).status == 200


async def test_of_many_pods_starting_at_once_one_creates_the_first_key(world: World) -> None:
    await world.execute("DELETE FROM auth.signing_keys")
    settings = world.settings
    pods = [
        SigningKeys(
            database=world.parts.database,
            seal=world.parts.seal,
            clock=world.clock,
            issuer=settings.token_issuer,
            audience=settings.token_audience,
        )
        for _ in range(6)
    ]
    await asyncio.gather(*(pod.ready() for pod in pods))
    assert len({tuple(await pod.keys()) for pod in pods}) == 1
    assert len(await world.rows("SELECT 1 FROM auth.signing_keys")) == 1
    await world.parts.signing.reload()


async def test_a_rotation_publishes_ahead_and_overlaps_a_day(world: World) -> None:
    client = await world.sign_in()
    (old,) = [parts(client.token or "")[0]["kid"]]
    answer = await world.client().post("/internal/v1/keys/rotate", x_internal_token=CALLER.mint("auth-service"))
    assert answer.status == 200, answer.body
    fresh = answer.data["kid"]
    published = (await world.client().get("/.well-known/jwks.json")).json["keys"]
    assert {fresh, old} <= {key["kid"] for key in published}
    assert all("d" not in key and key["alg"] == "RS256" for key in published)
    await client.refresh()
    assert parts(client.token or "")[0]["kid"] == old, "published, not yet signing"
    world.clock.advance(minutes=10, seconds=1)
    await client.refresh()
    assert parts(client.token or "")[0]["kid"] == fresh
    assert (await client.get("/user/profile")).status == 200
    world.clock.advance(hours=23)
    await world.parts.signing.reload()
    assert old in await world.parts.signing.keys()
    world.clock.advance(hours=2)
    await world.parts.signing.reload()
    assert old not in await world.parts.signing.keys()


def plan_event(user_id: str, plan: str, at: datetime) -> Event:
    data = {"userId": user_id, "plan": plan, "status": "ACTIVE"}
    return Event(
        id=uuid4(), type="subscription.updated", version=1, occurred_at=at, producer="payment-service",
        aggregate_id=user_id, request_id="req_test0000", traceparent="", data=data,
    )  # fmt: skip


async def test_the_plan_claim_follows_the_newest_event(world: World) -> None:
    client = await world.sign_in()
    handle = consumers.handlers(world.parts)["subscription.updated"]
    user_id = client.user["id"]
    for plan, hour in (("PRO", 2), ("FREE", 1)):
        async with world.parts.database.transaction() as tx:
            await handle(tx, plan_event(user_id, plan, datetime(2026, 1, 1, hour, tzinfo=UTC)))
    await client.refresh()
    assert parts(client.token or "")[1]["plan"] == "PRO"


async def test_the_tombstones_of_a_pod_that_died_are_written_by_the_consumer(world: World) -> None:
    client = await world.sign_in()
    sid = parts(client.token or "")[1]["sid"]
    event = Event(
        id=uuid4(), type="auth.session_revoked", version=1, occurred_at=datetime.now(UTC), producer="auth-service",
        aggregate_id=client.user["id"], request_id="req_test0000", traceparent="",
        data={"userId": client.user["id"], "sessionIds": [sid], "reason": "TEST"},
    )  # fmt: skip
    async with world.parts.database.transaction() as tx:
        await consumers.handlers(world.parts)["auth.session_revoked"](tx, event)
    assert (await client.get("/user/profile")).status == 401
