"""Sign in by mail, renew, sign out: the happy path, every refusal, and the races."""

import asyncio
from typing import Any

import pytest
from tests.component.auth.driver import Client, World, new_email

from audifi.kernel import crypto
from audifi.services.auth import presence

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _link(world: World, email: str) -> str:
    await world.client().post("/auth/magic-link", {"email": email})
    await world.deliver()
    return world.mailbox.last_token(email)


async def test_a_link_signs_in_and_tells_who_it_is(world: World) -> None:
    email = new_email()
    client = await world.sign_in(email.upper())
    assert client.user["email"] == email
    assert client.user["displayName"] == email.partition("@")[0]
    assert client.user["roles"] == ["USER"]
    profile = await client.get("/user/profile")
    assert (profile.status, profile.data["id"]) == (200, client.user["id"])


async def test_the_refresh_cookie_is_hidden_host_only_and_strict(world: World) -> None:
    token = await _link(world, new_email())
    answer = await world.client().post("/auth/verify-magic-link", {"token": token})
    cookie = next(line for line in answer.cookies if line.startswith("refresh_token="))
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/", "max-age=604800"} <= attributes
    assert not any(attribute.startswith("domain") for attribute in attributes)
    csrf = next(line for line in answer.cookies if line.startswith("csrf_token="))
    assert "HttpOnly" not in csrf
    assert "Domain=audifi.localhost" in csrf


async def test_of_a_thousand_verifications_of_one_link_exactly_one_wins(world: World) -> None:
    token = await _link(world, new_email())
    clients = [world.client() for _ in range(1000)]
    answers = await asyncio.gather(*(each.post("/auth/verify-magic-link", {"token": token}) for each in clients))
    statuses = sorted(answer.status for answer in answers)
    assert statuses.count(200) == 1, {status: statuses.count(status) for status in statuses}
    assert statuses.count(401) == 999, {status: statuses.count(status) for status in statuses}


async def test_unknown_used_and_expired_links_look_alike(world: World) -> None:
    used, expired = await _link(world, new_email()), await _link(world, new_email())
    await world.client().post("/auth/verify-magic-link", {"token": used})
    world.clock.advance(minutes=15, seconds=1)
    answers = [
        await world.client().post("/auth/verify-magic-link", {"token": token})
        for token in (used, expired, crypto.new_token())
    ]
    bodies = [answer.json["error"] for answer in answers]
    assert [answer.status for answer in answers] == [401, 401, 401]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["code"] == "INVALID_TOKEN"


async def test_known_and_unknown_addresses_get_the_same_answer(world: World) -> None:
    known = await world.sign_in()
    first = await world.client().post("/auth/magic-link", {"email": known.user["email"]})
    second = await world.client().post("/auth/magic-link", {"email": new_email()})
    assert (first.status, first.json) == (second.status, second.json)


async def test_only_hashes_of_tokens_are_stored(world: World) -> None:
    email = new_email()
    token = await _link(world, email)
    rows = await world.rows("SELECT token_hash FROM auth.magic_link_tokens WHERE email = $1", email)
    assert [bytes(row["token_hash"]) for row in rows] == [crypto.token_hash(token)]
    kept = await world.rows("SELECT payload_enc FROM auth.mails WHERE kind = 'magic_link' AND payload_enc IS NOT NULL")
    assert all(token not in row["payload_enc"] for row in kept)


async def test_a_fourth_link_within_the_hour_is_refused(world: World) -> None:
    email = new_email()
    statuses = [(await world.client().post("/auth/magic-link", {"email": email})).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


async def test_an_eleventh_credential_call_a_minute_from_one_address_is_refused(world: World) -> None:
    client = world.client()
    statuses = [(await client.post("/auth/magic-link", {"email": new_email()})).status for _ in range(11)]
    assert statuses == [200] * 10 + [429]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "no address"},
        {"email": "a@b"},
        {"email": "a@b.example\r\nBcc: c@d.example"},
        {"email": "a@b.example", "redirectPath": "//evil.example"},
        {"email": "a@b.example", "redirectPath": "https://evil.example"},
        {"email": "a@b.example", "surprise": 1},
        {"email": ["a@b.example"]},
        {"email": "a\u0000@b.example"},
    ],
)
async def test_malformed_requests_are_refused_with_reasons(world: World, body: dict[str, Any]) -> None:
    await world.forget_limits(str(body.get("email", "")))
    answer = await world.client().post("/auth/magic-link", body)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.json["error"]["details"]


async def test_a_refresh_rotates_and_the_grace_repeats_the_same_pair(world: World) -> None:
    client = await world.sign_in()
    spent = client.moved()
    first = await client.refresh()
    assert first.status == 200
    assert client.cookies["refresh_token"] != spent.cookies["refresh_token"]
    again = await spent.refresh()
    assert again.status == 200
    assert spent.cookies["refresh_token"] == client.cookies["refresh_token"]


async def test_two_refreshes_at_once_both_end_with_the_current_token(world: World) -> None:
    client = await world.sign_in()
    tabs = [client.moved() for _ in range(8)]
    answers = await asyncio.gather(*(tab.refresh() for tab in tabs))
    assert [answer.status for answer in answers] == [200] * 8
    assert len({tab.cookies["refresh_token"] for tab in tabs}) == 1
    assert (await tabs[3].refresh()).status == 200


async def test_a_replayed_refresh_token_kills_the_whole_family(world: World) -> None:
    client = await world.sign_in()
    stolen = client.moved()
    await client.refresh()
    world.clock.advance(seconds=11)
    assert (await stolen.refresh()).code == "INVALID_REFRESH_TOKEN"
    assert (await client.refresh()).code == "INVALID_REFRESH_TOKEN"
    assert (await client.get("/user/profile")).status == 401
    events = await world.rows(
        "SELECT severity FROM auth.security_events WHERE user_id = $1 AND severity = 'critical'",
        client.user["id"],
    )
    assert len(events) == 1


async def test_a_token_spent_two_rotations_ago_is_recognised_even_within_the_grace(world: World) -> None:
    client = await world.sign_in()
    stolen = client.moved()
    await client.refresh()
    await client.refresh()
    assert (await stolen.refresh()).status == 401
    assert (await client.refresh()).status == 401


async def test_a_refresh_ends_with_the_seven_days_and_with_the_cap(world: World) -> None:
    client = await world.sign_in()
    for _ in range(4):
        world.clock.advance(days=6)
        assert (await client.refresh()).status == 200
    world.clock.advance(days=6, seconds=1)
    assert (await client.refresh()).status == 401, "30 days are over"
    idle = await world.sign_in()
    world.clock.advance(days=7, seconds=1)
    assert (await idle.refresh()).status == 401


@pytest.mark.parametrize(
    "head",
    [
        {"origin": "https://evil.example"},
        {"x_csrf_token": "wrong"},
        {"x_csrf_token": ""},
        {"origin": "", "sec_fetch_site": "cross-site"},
        {"origin": ""},
    ],
)
async def test_a_refresh_from_elsewhere_is_refused_and_rotates_nothing(world: World, head: dict[str, str]) -> None:
    client = await world.sign_in()
    answer = await client.refresh(**head)
    assert (answer.status, answer.code) == (403, "CSRF_FAILED")
    assert (await client.refresh()).status == 200
    assert (await client.refresh(origin="", sec_fetch_site="same-site")).status == 200


async def test_a_forged_or_missing_refresh_cookie_is_refused(world: World) -> None:
    for cookie in ("", "x", "a.b", ".", "a" * 500 + ".b"):
        client = world.client()
        client.cookies["refresh_token"] = cookie
        client.csrf = presence.RefreshToken("a", "b").csrf
        answer = await client.post("/auth/refresh", {}, origin=world.settings.app_origin, x_csrf_token=client.csrf)
        assert answer.status in (401, 403), cookie
    forged = world.client()
    token = presence.RefreshToken("forged", "token")
    forged.cookies["refresh_token"], forged.csrf = token.text, token.csrf
    assert (await forged.refresh()).code == "INVALID_REFRESH_TOKEN"


async def test_logout_ends_the_session_at_once(world: World) -> None:
    client = await world.sign_in()
    answer = await client.post("/auth/logout")
    assert answer.status == 204
    assert any(line.startswith("refresh_token=") and "Max-Age=0" in line for line in answer.cookies)
    assert (await client.get("/user/profile")).status == 401


async def test_logout_by_cookie_needs_the_csrf_token(world: World) -> None:
    client = await world.sign_in()
    bare = client.moved()
    bare.token = None
    assert (await bare.post("/auth/logout", origin=world.settings.app_origin)).code == "CSRF_FAILED"
    assert (
        await bare.post("/auth/logout", origin=world.settings.app_origin, x_csrf_token=bare.csrf or "")
    ).status == 204
    assert (await client.refresh()).status == 401
    assert (await world.client().post("/auth/logout")).status == 401


async def test_logout_everywhere_ends_every_session(world: World) -> None:
    email = new_email()
    one, other = await world.sign_in(email), await world.sign_in(email)
    assert (await one.post("/auth/logout-all")).status == 204
    assert [(await each.get("/user/profile")).status for each in (one, other)] == [401, 401]


async def test_an_eleventh_session_evicts_the_oldest(world: World) -> None:
    email = new_email()
    oldest = newest = await world.sign_in(email)
    for _ in range(10):
        newest = await world.sign_in(email)
    listed = (await newest.get("/auth/sessions")).data
    assert len(listed) == 10
    assert sum(session["current"] for session in listed) == 1
    assert (await oldest.refresh()).status == 401


async def test_a_session_can_be_revoked_by_its_owner_only(world: World) -> None:
    email = new_email()
    mine, lost, stranger = await world.sign_in(email), await world.sign_in(email), await world.sign_in()
    sid = next(each["id"] for each in (await lost.get("/auth/sessions")).data if each["current"])
    assert (await stranger.delete(f"/auth/sessions/{sid}")).status == 404
    assert (await mine.delete(f"/auth/sessions/{sid}")).status == 204
    assert (await mine.delete(f"/auth/sessions/{sid}")).status == 404
    assert (await mine.delete("/auth/sessions/not-an-id")).status == 400
    assert (await lost.get("/user/profile")).status == 401
    assert (await mine.get("/user/profile")).status == 200


async def test_two_first_sign_ins_of_one_address_make_one_account(world: World) -> None:
    email = new_email()
    tokens = [await _link(world, email) for _ in range(2)]
    clients: list[Client] = [world.client() for _ in tokens]
    answers = await asyncio.gather(
        *(
            client.post("/auth/verify-magic-link", {"token": token})
            for client, token in zip(clients, tokens, strict=True)
        )
    )
    assert [answer.status for answer in answers] == [200, 200]
    assert len({answer.json["user"]["id"] for answer in answers}) == 1
    created = await world.rows(
        "SELECT 1 FROM auth.security_events WHERE name = 'user.created' AND user_id = $1",
        answers[0].json["user"]["id"],
    )  # fmt: skip
    assert len(created) == 1


async def test_a_new_device_is_told_of_by_mail(world: World) -> None:
    email = new_email()
    await world.sign_in(email)
    token = await _link(world, email)
    other = world.client()
    other.agent = "Other/2.0"
    await other.post("/auth/verify-magic-link", {"token": token})
    await world.deliver()
    assert [mail["subject"] for mail in world.mailbox.of(email)].count("New sign-in to your AudiFi account") == 1
