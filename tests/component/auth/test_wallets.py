"""Wallets: proof by signature, nonces that work once, one owner per address, the primary, the cancel link."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from tests.component.auth.driver import Answer, Client, World, new_email
from tests.component.auth.test_mfa import enrolled

pytestmark = pytest.mark.asyncio(loop_scope="session")


def new_wallet() -> Any:
    return Account.create()


def signed(wallet: Any, text: str) -> str:
    return "0x" + wallet.sign_message(encode_defunct(text=text)).signature.hex().removeprefix("0x")


async def nonce(client: Client, wallet: Any, chain_id: int = 1) -> dict[str, Any]:
    answer = await client.moved().post("/auth/wallet/nonce", {"address": wallet.address, "chainId": chain_id})
    assert answer.status == 200, answer.body
    return answer.data


def proof(wallet: Any, message: str, chain_id: int = 1, by: Any = None) -> dict[str, Any]:
    signature = signed(by or wallet, message)
    return {"address": wallet.address, "chainId": chain_id, "message": message, "signature": signature}


async def link(client: Client, wallet: Any, chain_id: int = 1) -> Answer:
    message = (await nonce(client, wallet, chain_id))["message"]
    return await client.moved().post("/auth/wallet/link", proof(wallet, message, chain_id))


async def test_a_signed_message_links_a_wallet_and_mails_a_cancel_link(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    answer = await link(client, wallet)
    assert answer.status == 200
    (linked,) = answer.data
    assert (linked["address"], linked["chainId"], linked["isPrimary"]) == (wallet.address, 1, True)
    enabled_in = datetime.fromisoformat(linked["payoutEnabledAt"]) - datetime.fromisoformat(linked["verifiedAt"])
    assert enabled_in.total_seconds() == pytest.approx(86_400)
    await world.deliver()
    token = world.mailbox.last_token(client.user["email"], "/wallet/cancel")
    assert (await world.client().post("/auth/wallet/cancel", {"token": token})).status == 200
    assert (await client.get("/user/wallet")).data == []
    assert (await world.client().post("/auth/wallet/cancel", {"token": token})).code == "INVALID_TOKEN"


async def test_the_first_wallet_is_named_by_the_token_after_a_refresh(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    await link(client, wallet)
    await client.refresh()
    principal = await world.parts.verifier.verify(client.token or "")
    assert principal.wallet == wallet.address.lower()


async def test_a_nonce_works_once_whatever_races(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    body = proof(wallet, (await nonce(client, wallet))["message"])
    answers = await asyncio.gather(*(client.moved().post("/auth/wallet/link", body) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7
    assert {answer.code for answer in answers if answer.status == 400} == {"NONCE_INVALID"}


async def test_of_two_people_with_one_wallet_one_gets_it(world: World) -> None:
    wallet = new_wallet()
    people = [await world.sign_in() for _ in range(4)]
    bodies = [proof(wallet, (await nonce(person, wallet))["message"]) for person in people]
    answers = await asyncio.gather(
        *(person.moved().post("/auth/wallet/link", body) for person, body in zip(people, bodies, strict=True))
    )
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    assert {answer.code for answer in answers if answer.status == 409} == {"WALLET_ALREADY_LINKED"}


async def test_another_persons_nonce_is_refused(world: World) -> None:
    one, other, wallet = await world.sign_in(), await world.sign_in(), new_wallet()
    body = proof(wallet, (await nonce(one, wallet))["message"])
    assert (await other.post("/auth/wallet/link", body)).code == "NONCE_INVALID"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("{domain} wants", "evil.example wants"), "INVALID_SIGNATURE"),
        (("URI: https://{domain}", "URI: https://evil.example"), "INVALID_SIGNATURE"),
        (("Chain ID: 1\n", "Chain ID: 137\n"), "INVALID_SIGNATURE"),
        (("Version: 1", "Version: 2"), "INVALID_SIGNATURE"),
        (("Nonce: ", "Nonce: x"), "NONCE_INVALID"),
    ],
)
async def test_a_message_for_something_else_is_refused(world: World, change: tuple[str, str], expected: str) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    message = (await nonce(client, wallet))["message"]
    before = change[0].format(domain=world.settings.app_domain)
    assert before in message
    answer = await client.post("/auth/wallet/link", proof(wallet, message.replace(before, change[1])))
    assert (answer.status, answer.code) == (400, expected)


async def test_a_signature_by_another_key_is_refused_and_spends_the_nonce(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    message = (await nonce(client, wallet))["message"]
    forged = await client.post("/auth/wallet/link", proof(wallet, message, by=new_wallet()))
    assert forged.code == "INVALID_SIGNATURE"
    assert (await client.post("/auth/wallet/link", proof(wallet, message))).code == "NONCE_INVALID"


async def test_an_expired_message_is_refused(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    message = (await nonce(client, wallet))["message"]
    world.clock.advance(seconds=301)
    assert (await client.post("/auth/wallet/link", proof(wallet, message))).status == 400


async def test_a_message_written_by_the_client_counts_if_its_fields_fit(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    issued = await nonce(client, wallet)
    now = world.clock.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    site = world.settings.app_domain
    message = (
        f"https://{site} wants you to sign in with your Ethereum account:\n{wallet.address}\n\n\n"
        f"URI: https://{site}/settings\nVersion: 1\nChain ID: 1\nNonce: {issued['nonce']}\n"
        f"Issued At: {now}"
    )
    assert (await client.post("/user/wallet", proof(wallet, message))).status == 200


async def test_a_wrong_checksum_or_chain_is_refused(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    swapped = "0x" + wallet.address[2:].swapcase()
    assert (await client.post("/auth/wallet/nonce", {"address": swapped, "chainId": 1})).status == 400
    assert (await client.post("/auth/wallet/nonce", {"address": wallet.address.lower(), "chainId": 1})).status == 200
    assert (await client.post("/auth/wallet/nonce", {"address": wallet.address, "chainId": 5})).status == 400


async def test_removing_the_primary_promotes_the_oldest_other(world: World) -> None:
    client, wallets = await world.sign_in(), [new_wallet() for _ in range(3)]
    for wallet in wallets:
        await link(client, wallet)
        world.clock.advance(seconds=1)
    answer = await client.delete(f"/user/wallet/{wallets[0].address}?chainId=1")
    assert [(each["address"], each["isPrimary"]) for each in answer.data] == [
        (wallets[1].address, True),
        (wallets[2].address, False),
    ]
    assert (await client.delete(f"/user/wallet/{wallets[0].address}?chainId=1")).status == 404
    chosen = await client.post("/user/wallet/primary", {"address": wallets[2].address, "chainId": 1})
    assert chosen.data[0]["address"] == wallets[2].address
    assert [each["isPrimary"] for each in chosen.data] == [True, False]
    assert (await client.post("/user/wallet/primary", {"address": wallets[0].address, "chainId": 1})).status == 404


async def test_with_a_factor_removal_needs_it(world: World) -> None:
    email = new_email()
    old = await world.sign_in(email)
    wallet = new_wallet()
    await link(old, wallet)
    client, _ = await enrolled(world, email)
    path = f"/user/wallet/{wallet.address}?chainId=1"
    assert (await old.delete(path)).code == "MFA_REQUIRED"
    assert (await client.delete(path)).status == 200


async def test_one_wallet_may_serve_on_several_chains(world: World) -> None:
    client, wallet = await world.sign_in(), new_wallet()
    for chain_id in (1, 137, 8453):
        assert (await link(client, wallet, chain_id)).status == 200
    listed = (await client.get("/user/wallet")).data
    assert sorted(each["chainId"] for each in listed) == [1, 137, 8453]
