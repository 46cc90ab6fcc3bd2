"""Profiles, artists, consents, export and deletion, administration, internal answers."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.component.auth.driver import CALLER, Client, World, new_email
from tests.component.auth.test_mfa import enrolled
from tests.component.auth.test_wallets import link, new_wallet

from audifi.services.auth import housekeeping
from audifi.services.auth.store import audit

pytestmark = pytest.mark.asyncio(loop_scope="session")


def new_name() -> str:
    return f"Artist {uuid4().hex[:12]}"


async def admin(world: World) -> Client:
    """Return an administrator with a second factor, as an operator's SQL and two sign-ins make one."""
    email = new_email()
    client, _ = await enrolled(world, email)
    await world.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'ADMIN')", client.user["id"])
    assert (await client.refresh()).status == 200
    return client


async def test_a_profile_changes_only_where_it_is_told_to(world: World) -> None:
    client = await world.sign_in()
    body = {"displayName": "Ada", "bio": "one\ntwo", "socialLinks": {"website": "https://ada.example"}}
    changed = await client.send("PUT", "/user/profile", body)
    assert changed.status == 200, changed.body
    patched = (await client.send("PATCH", "/user/profile", {"bio": None})).data
    assert (patched["displayName"], patched["bio"]) == ("Ada", None)
    assert patched["socialLinks"] == {"website": "https://ada.example"}
    assert (await client.send("PATCH", "/user/profile", {})).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"displayName": ""},
        {"displayName": "   "},
        {"displayName": "<b>Ada</b>"},
        {"displayName": "x" * 101},
        {"displayName": None},
        {"avatarUrl": "http://plain.example"},
        {"avatarUrl": "javascript:alert(1)"},
        {"avatarUrl": "https://user:pass@host.example"},
        {"socialLinks": {"website": "ftp://x.example"}},
        {"socialLinks": {"myspace": "https://x.example"}},
        {"roles": ["ADMIN"]},
        {"email": "other@example.org"},
    ],
)
async def test_unacceptable_profiles_are_refused(world: World, body: dict[str, Any]) -> None:
    client = await world.sign_in()
    answer = await client.send("PUT", "/user/profile", body)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR"), answer.body


async def test_a_profile_grants_artist_at_once_and_is_public(world: World) -> None:
    client, name = await world.sign_in(), new_name()
    consents = [{"policyType": "ARTIST_AGREEMENT", "policyVersion": "1.0"}]
    answer = await client.post("/user/artist-profile", {"artistName": name, "genre": "Techno", "consents": consents})
    assert answer.status == 201, answer.body
    slug = answer.data["slug"]
    assert slug == name.lower().replace(" ", "-")
    assert (await client.get("/user/profile")).data["roles"] == ["ARTIST", "USER"]
    public = await world.client().get(f"/artists/{slug}")
    assert public.data["artistName"] == name
    assert "email" not in public.data
    assert (await client.post("/user/artist-profile", {"artistName": new_name(), "consents": []})).status == 409
    assert (await world.client().get("/artists/nobody-at-all")).status == 404


async def test_of_many_artists_with_one_name_each_gets_an_address(world: World) -> None:
    people, name = [await world.sign_in() for _ in range(5)], new_name()
    answers = await asyncio.gather(
        *(person.post("/user/artist-profile", {"artistName": name, "consents": []}) for person in people)
    )
    assert [answer.status for answer in answers] == [201] * 5
    plain = name.lower().replace(" ", "-")
    assert {answer.data["slug"] for answer in answers} == {plain, *(f"{plain}-{number}" for number in range(2, 6))}


async def test_a_name_without_letters_or_with_an_unknown_policy_is_refused(world: World) -> None:
    client = await world.sign_in()
    assert (await client.post("/user/artist-profile", {"artistName": "!!!", "consents": []})).status == 400
    body = {"artistName": new_name(), "consents": [{"policyType": "TERMS", "policyVersion": "99"}]}
    assert (await client.post("/user/artist-profile", body)).status == 400
    assert (await client.get("/user/profile")).data["artist"] is None


async def test_consents_are_missing_until_accepted_and_again_when_withdrawn(world: World) -> None:
    client = await world.sign_in()
    assert len((await client.get("/consents/check?flow=SIGNUP")).data["missing"]) == 2
    body = {"policyType": "TERMS", "policyVersion": "1.0", "action": "ACCEPTED", "flow": "SIGNUP"}
    assert (await client.post("/consents", body)).status == 201
    assert (await client.post("/consents", {**body, "policyType": "PRIVACY"})).status == 201
    assert (await client.get("/consents/check?flow=SIGNUP")).data == {"hasAllRequired": True, "missing": []}
    await client.post("/consents", {**body, "action": "WITHDRAWN"})
    missing = (await client.get("/consents/check?flow=SIGNUP")).data["missing"]
    assert missing == [{"policyType": "TERMS", "policyVersion": "1.0"}]
    assert (await client.post("/consents", {**body, "policyVersion": "0.1"})).status == 400
    assert (await client.get("/consents/check?flow=NONE")).status == 400


async def test_a_consent_with_an_idempotency_key_is_recorded_once(world: World) -> None:
    client = await world.sign_in()
    body = {"policyType": "TERMS", "policyVersion": "1.0", "action": "ACCEPTED", "flow": "SIGNUP"}
    answers = [await client.post("/consents", body, idempotency_key="key-1") for _ in range(2)]
    assert answers[0].body == answers[1].body
    rows = await world.rows("SELECT 1 FROM auth.policy_consents WHERE user_id = $1", client.user["id"])
    assert len(rows) == 1


async def test_a_profile_shows_every_face_of_its_owner(world: World) -> None:
    client = await world.sign_in()
    bare = (await client.get("/user/profile")).data
    assert (bare["artist"], bare["producer"], bare["wallets"]) == (None, None, [])
    await client.post("/user/artist-profile", {"artistName": new_name(), "consents": []})
    await produces(world, client.user["id"])
    await link(client, new_wallet())
    shown = (await client.get("/user/profile")).data
    assert shown["artist"]["artistName"].startswith("Artist ")
    assert (shown["producer"]["producerName"], shown["producer"]["specialty"]) == ("Prod", "mixing")
    assert len(shown["wallets"]) == 1


async def produces(world: World, user_id: str) -> None:
    """Make someone a producer, as an administrator's grant and a row will until producers have an endpoint."""
    await world.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'PRODUCER')", user_id)
    await world.execute(
        "INSERT INTO auth.producers (user_id, producer_name, slug, specialty) VALUES ($1, 'Prod', $2, 'mixing')",
        user_id,
        f"prod-{user_id}",
    )


async def test_an_export_holds_what_is_kept_and_no_secret(world: World) -> None:
    client, _ = await enrolled(world)
    wallet, user_id = new_wallet(), client.user["id"]
    await link(client, wallet)
    await client.post("/user/artist-profile", {"artistName": new_name(), "consents": []})
    await produces(world, user_id)
    consent = {"policyType": "TERMS", "policyVersion": "1.0", "action": "ACCEPTED", "flow": "SIGNUP"}
    await client.post("/consents", consent)
    boss = await admin(world)
    await boss.post(f"/admin/users/{user_id}/roles", {"role": "PRODUCER", "action": "REVOKE"})
    await client.refresh()
    answer = await client.get("/user/export")
    assert answer.status == 200, answer.body
    kept = answer.data
    assert kept["account"][0]["email"] == client.user["email"]
    assert [each["address"] for each in kept["wallets"]] == [wallet.address.lower()]
    assert [each["policy_type"] for each in kept["consents"]] == ["TERMS"]
    assert {"2fa.enabled", "wallet.linked", "role.changed"} <= {each["action"] for each in kept["auditLog"]}
    full = {name for name, rows in kept.items() if rows}
    assert set(kept) - full == {"follows"}, "every part of the account has rows but the one no endpoint writes"
    assert b"secret" not in answer.body
    assert b"hash" not in answer.body
    assert boss.user["id"].encode() not in answer.body


async def test_an_administrators_export_tells_nothing_of_others(world: World) -> None:
    boss, person = await admin(world), await world.sign_in()
    await boss.post(f"/admin/users/{person.user['id']}/roles", {"role": "PRODUCER", "action": "GRANT"})
    answer = await boss.get("/user/export")
    rows = [each for each in answer.data["auditLog"] if each["action"] == "role.changed"]
    assert [(each["before"], each["after"]) for each in rows] == [(None, None)]
    assert all(person.user["id"] != each.get("target_id") for each in answer.data["auditLog"])


async def test_a_deleted_account_is_closed_at_once_and_anonymised_after_thirty_days(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    email, user_id = client.user["email"], client.user["id"]
    await link(client, wallet)
    assert (await client.delete("/user")).status == 204
    assert (await client.get("/user/profile")).status == 401
    await housekeeping.tidy(world.parts.database, world.clock)
    assert len(await world.rows("SELECT 1 FROM auth.users WHERE email = $1", email)) == 1
    world.clock.advance(days=30, seconds=1)
    assert user_id in await housekeeping.tidy(world.parts.database, world.clock)
    (row,) = await world.rows("SELECT email, display_name FROM auth.users WHERE id = $1", user_id)
    assert (row["email"], row["display_name"]) == (f"deleted-{user_id}@invalid", "Deleted user")
    other = await world.sign_in()
    assert (await link(other, wallet)).status == 200, "the wallet is free again"


async def test_who_signs_in_after_deletion_begins_anew(world: World) -> None:
    client = await world.sign_in()
    email, former = client.user["email"], client.user["id"]
    await client.post("/user/artist-profile", {"artistName": new_name(), "consents": []})
    assert (await client.delete("/user")).status == 204
    await world.forget_limits(email)
    tokens: list[str] = []
    for _ in range(2):
        await world.client().post("/auth/magic-link", {"email": email})
        await world.deliver()
        tokens.append(world.mailbox.last_token(email))
    browsers = [world.client() for _ in tokens]
    answers = await asyncio.gather(
        *(one.post("/auth/verify-magic-link", {"token": each}) for one, each in zip(browsers, tokens, strict=True))
    )
    assert [answer.status for answer in answers] == [200, 200]
    (user_id,) = {answer.json["user"]["id"] for answer in answers}
    assert user_id != former
    assert answers[0].json["user"]["roles"] == ["USER"]
    (row,) = await world.rows("SELECT email, status, anonymised_at FROM auth.users WHERE id = $1", former)
    assert (row["email"], row["status"]) == (f"deleted-{former}@invalid", "DELETED")
    assert row["anonymised_at"] is not None
    (face,) = await world.rows("SELECT artist_name FROM auth.artists WHERE user_id = $1", former)
    assert face["artist_name"] == "Deleted artist"


async def test_administration_needs_the_role_and_the_factor(world: World) -> None:
    stranger = await world.sign_in()
    assert (await stranger.get("/admin/users")).code == "FORBIDDEN"
    await world.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'ADMIN')", stranger.user["id"])
    await stranger.refresh()
    assert (await stranger.get("/admin/users")).code == "MFA_REQUIRED"
    boss = await admin(world)
    page = await boss.get(f"/admin/users?email={stranger.user['email']}&limit=5")
    assert page.status == 200, page.body
    assert page.json["pagination"]["total"] == 1
    assert page.json["data"][0]["id"] == stranger.user["id"]
    assert (await boss.get("/admin/users?limit=101")).status == 400


async def test_roles_are_granted_and_revoked_at_once_and_audited(world: World) -> None:
    boss, person = await admin(world), await world.sign_in()
    path = f"/admin/users/{person.user['id']}/roles"
    granted = await boss.post(path, {"role": "PRODUCER", "action": "GRANT"})
    assert granted.data["roles"] == ["PRODUCER", "USER"], granted.body
    assert (await boss.post(path, {"role": "PRODUCER", "action": "GRANT"})).status == 409
    assert (await boss.post(path, {"role": "USER", "action": "REVOKE"})).status == 409
    assert (await boss.post(path, {"role": "PRODUCER", "action": "REVOKE"})).data["roles"] == ["USER"]
    mine = f"/admin/users/{boss.user['id']}/roles"
    assert (await boss.post(mine, {"role": "ADMIN", "action": "REVOKE"})).status == 409
    assert (await boss.post(f"/admin/users/{uuid4()}/roles", {"role": "ADMIN", "action": "GRANT"})).status == 404
    rows = await world.rows(
        "SELECT action, before, after FROM auth.audit_logs WHERE target_id = $1 ORDER BY seq", person.user["id"]
    )
    assert [row["action"] for row in rows] == ["role.changed", "role.changed"]


async def test_a_role_that_expires_is_gone(world: World) -> None:
    boss, person = await admin(world), await world.sign_in()
    ends = (world.clock.now() + timedelta(hours=1)).isoformat()
    path = f"/admin/users/{person.user['id']}/roles"
    answer = await boss.post(path, {"role": "PRODUCER", "action": "GRANT", "expiresAt": ends})
    assert "PRODUCER" in answer.data["roles"]
    world.clock.advance(hours=1, seconds=1)
    await person.refresh()
    assert person.user["roles"] == ["USER"]


async def test_a_suspension_ends_every_session_and_can_be_lifted(world: World) -> None:
    boss, person = await admin(world), await world.sign_in()
    path = f"/admin/users/{person.user['id']}"
    assert (await boss.send("PATCH", path, {"status": "SUSPENDED", "reason": "test"})).data["status"] == "SUSPENDED"
    assert (await person.get("/user/profile")).status == 401
    assert (await person.refresh()).status == 401
    await world.forget_limits(person.user["email"])
    await person.moved().post("/auth/magic-link", {"email": person.user["email"]})
    await world.deliver()
    token = world.mailbox.last_token(person.user["email"])
    assert (await world.client().post("/auth/verify-magic-link", {"token": token})).code == "ACCOUNT_SUSPENDED"
    assert (await boss.send("PATCH", path, {"status": "ACTIVE"})).status == 200
    await world.sign_in(person.user["email"])
    own = f"/admin/users/{boss.user['id']}"
    assert (await boss.send("PATCH", own, {"status": "SUSPENDED"})).status == 409


async def test_other_services_may_ask_and_nobody_else(world: World) -> None:
    person, wallet = await world.sign_in(), new_wallet()
    await link(person, wallet)
    service, token = world.client(), CALLER.mint("auth-service")
    seen = await service.post("/internal/v1/tokens/introspect", {"token": person.token}, x_internal_token=token)
    assert (seen.data["active"], seen.data["sub"]) == (True, person.user["id"])
    path = f"/internal/v1/users/{person.user['id']}"
    assert (await service.get(path, x_internal_token=token)).data["email"] == person.user["email"]
    wallets = await service.get(f"{path}/wallets", x_internal_token=token)
    assert wallets.data[0]["address"] == wallet.address
    owner = await service.get(f"/internal/v1/wallets/{wallet.address}", x_internal_token=token)
    assert owner.data == {"userId": person.user["id"]}
    assert (await service.get(f"/internal/v1/users/{uuid4()}", x_internal_token=token)).code == "USER_NOT_FOUND"
    await person.post("/auth/logout")
    gone = await service.post("/internal/v1/tokens/introspect", {"token": person.token}, x_internal_token=token)
    assert gone.data == {"active": False}
    for wrong in ("", "nonsense", CALLER.mint("nft-service")):
        assert (await service.get(path, x_internal_token=wrong)).status == 401
    assert (await person.get(path)).status == 401


async def test_the_audit_log_refuses_change_and_shows_tampering(world: World) -> None:
    await link(await world.sign_in(), new_wallet())
    async with world.parts.database.read_primary() as connection:
        assert await audit.first_broken_link(connection) is None
    for statement in (
        "UPDATE auth.audit_logs SET action = 'x'",
        "DELETE FROM auth.audit_logs",
        "TRUNCATE auth.audit_logs",
    ):
        with pytest.raises(Exception, match=r"permission denied|append-only"):
            await world.execute(statement)


async def test_entries_written_at_once_form_one_chain(world: World) -> None:
    people = [await world.sign_in() for _ in range(6)]
    await asyncio.gather(*(link(person, new_wallet()) for person in people))
    async with world.parts.database.read_primary() as connection:
        assert await audit.first_broken_link(connection) is None
