"""The second factor: enrolment, sign-in, step-up, single use of steps and codes, the lock, the races."""

import asyncio
from typing import Any

import pytest
from pyotp.totp import TOTP
from tests.component.auth.driver import Client, World, new_email

pytestmark = pytest.mark.asyncio(loop_scope="session")


def code(world: World, secret: str, *, steps: int = 0) -> str:
    return TOTP(secret).at(int(world.clock.now().timestamp()) + 30 * steps)


async def enrolled(world: World, email: str | None = None) -> tuple[Client, dict[str, Any]]:
    """Return a signed-in person with an active factor, one step after its first use."""
    client = await world.sign_in(email)
    setup = (await client.post("/auth/2fa/setup")).data
    answer = await client.post("/auth/2fa/verify", {"code": code(world, setup["secret"])})
    assert answer.status == 200, answer.body
    client.took(answer)
    world.clock.advance(seconds=60)
    return client, setup


async def challenge(world: World, email: str) -> tuple[Client, str]:
    """Return a browser that has shown a link and owes a code."""
    await world.forget_limits(email)
    client = world.client()
    await client.post("/auth/magic-link", {"email": email})
    await world.deliver()
    answer = await client.post("/auth/verify-magic-link", {"token": world.mailbox.last_token(email)})
    assert answer.json["mfaRequired"] is True
    assert "accessToken" not in answer.json
    assert not answer.cookies
    return client, answer.json["mfaToken"]


async def test_enrolment_counts_from_the_first_right_code(world: World) -> None:
    client = await world.sign_in()
    setup = (await client.post("/auth/2fa/setup")).data
    assert len(setup["backupCodes"]) == 10
    assert setup["otpauthUrl"].startswith("otpauth://totp/AudiFi")
    assert (await client.get("/user/profile")).data["mfaEnabled"] is False
    answer = await client.post("/auth/2fa/verify", {"code": code(world, setup["secret"])})
    assert answer.json["user"]["mfaEnabled"] is True
    assert (await client.post("/auth/2fa/setup")).status == 409
    stored = await world.rows("SELECT secret_enc FROM auth.mfa_methods WHERE user_id = $1", client.user["id"])
    assert setup["secret"] not in stored[0]["secret_enc"]


async def test_a_sign_in_with_a_factor_needs_its_code(world: World) -> None:
    email = new_email()
    _, setup = await enrolled(world, email)
    client, token = await challenge(world, email)
    wrong = await client.post("/auth/2fa/verify", {"code": "000000", "mfaToken": token})
    assert (wrong.status, wrong.code) == (401, "INVALID_CODE")
    answer = await client.post("/auth/2fa/verify", {"code": code(world, setup["secret"]), "mfaToken": token})
    assert answer.status == 200
    client.took(answer)
    assert (await client.get("/auth/sessions")).data[0]["mfa"] is True
    again = await world.client().post("/auth/2fa/verify", {"code": code(world, setup["secret"]), "mfaToken": token})
    assert again.code == "INVALID_TOKEN"


async def test_an_mfa_token_ends_after_five_minutes(world: World) -> None:
    email = new_email()
    _, setup = await enrolled(world, email)
    client, token = await challenge(world, email)
    world.clock.advance(seconds=301)
    answer = await client.post("/auth/2fa/verify", {"code": code(world, setup["secret"]), "mfaToken": token})
    assert answer.code == "INVALID_TOKEN"


async def test_a_time_step_is_accepted_once_whatever_races(world: World) -> None:
    client, setup = await enrolled(world)
    same = code(world, setup["secret"])
    browsers = [client.moved() for _ in range(4)]
    answers = await asyncio.gather(*(browser.post("/auth/2fa/verify", {"code": same}) for browser in browsers))
    assert sorted(answer.status for answer in answers) == [200, 401, 401, 401]


async def test_a_backup_code_is_accepted_once(world: World) -> None:
    email = new_email()
    _, setup = await enrolled(world, email)
    client, token = await challenge(world, email)
    spare = setup["backupCodes"][0]
    body = {"code": f"{spare[:4].upper()}-{spare[4:]}", "mfaToken": token}
    assert (await client.post("/auth/2fa/verify", body)).status == 200
    other, token = await challenge(world, email)
    assert (await other.post("/auth/2fa/verify", {"code": spare, "mfaToken": token})).code == "INVALID_CODE"


async def test_five_wrong_codes_lock_the_factor_for_half_an_hour_and_mail(world: World) -> None:
    email = new_email()
    client, setup = await enrolled(world, email)
    answers = [await client.moved().post("/auth/2fa/verify", {"code": "000000"}) for _ in range(5)]
    assert [answer.status for answer in answers] == [401, 401, 401, 401, 423]
    right = await client.moved().post("/auth/2fa/verify", {"code": code(world, setup["secret"])})
    assert (right.status, right.code) == (423, "ACCOUNT_LOCKED")
    assert int(right.header("retry-after") or 0) == right.json["error"]["details"]["retryAfter"] > 1700
    await world.deliver()
    assert [mail["subject"] for mail in world.mailbox.of(email)].count("Your second factor is locked") == 1
    world.clock.advance(minutes=30, seconds=1)
    assert (await client.refresh()).status == 200
    again = await client.moved().post("/auth/2fa/verify", {"code": code(world, setup["secret"])})
    assert again.status == 200


async def test_guesses_in_parallel_are_all_counted(world: World) -> None:
    client, _ = await enrolled(world)
    answers = await asyncio.gather(*(client.moved().post("/auth/2fa/verify", {"code": f"{n:06}"}) for n in range(12)))
    statuses = [answer.status for answer in answers]
    assert statuses.count(401) == 4, statuses
    assert statuses.count(423) == 8, statuses


async def test_other_sessions_owe_the_code_from_the_enrolment_on(world: World) -> None:
    email = new_email()
    old = await world.sign_in(email)
    client, setup = await enrolled(world, email)
    assert (await old.get("/user/export")).code == "MFA_REQUIRED"
    assert (await client.get("/user/export")).status == 200
    assert (await old.post("/auth/2fa/verify", {"code": code(world, setup["secret"])})).status == 200
    assert (await old.get("/user/export")).status == 200


async def test_the_factor_is_removed_by_its_owner_with_a_code(world: World) -> None:
    client, setup = await enrolled(world)
    assert (await client.post("/auth/2fa/disable", {"code": "000000"})).code == "INVALID_CODE"
    assert (await client.post("/auth/2fa/disable", {"code": code(world, setup["secret"])})).status == 204
    assert (await client.get("/user/profile")).data["mfaEnabled"] is False
    assert (await client.post("/auth/2fa/disable", {"code": "000000"})).status == 409


async def test_a_role_that_needs_the_factor_keeps_it(world: World) -> None:
    client, setup = await enrolled(world)
    await client.post("/user/artist-profile", {"artistName": new_email().partition("@")[0], "consents": []})
    answer = await client.post("/auth/2fa/disable", {"code": code(world, setup["secret"])})
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


async def test_codes_without_a_factor_or_a_session_are_refused(world: World) -> None:
    client = await world.sign_in()
    assert (await client.post("/auth/2fa/verify", {"code": "123456"})).status == 409
    assert (await world.client().post("/auth/2fa/verify", {"code": "123456"})).status == 401
    forged = await world.client().post("/auth/2fa/verify", {"code": "123456", "mfaToken": "forged"})
    assert forged.code == "INVALID_TOKEN"
    assert (await client.post("/auth/2fa/verify", {"code": "12345x"})).status == 400
