"""Mail: promised with the change, sent once, sent again by another pod after a crash, dropped when its time is over."""

import asyncio

import pytest
from tests.component.auth.driver import World, new_email

from audifi.services.auth.store import mails

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def asked(world: World) -> str:
    email = new_email()
    assert (await world.client().post("/auth/magic-link", {"email": email})).status == 200
    return email


async def test_a_pod_that_dies_after_the_commit_leaves_the_mail_to_another(world: World) -> None:
    email = await asked(world)  # the pod "dies" here: its postman never runs
    assert world.mailbox.of(email) == []
    await world.deliver()
    assert len(world.mailbox.of(email)) == 1


async def test_a_pod_that_dies_while_sending_is_succeeded_with_the_same_message_id(world: World) -> None:
    await world.deliver()
    email = await asked(world)
    async with world.parts.database.transaction() as tx:
        (claimed,) = await mails.claim(tx, now=world.clock.now(), limit=10)  # claimed, then silence
    await world.deliver()
    assert world.mailbox.of(email) == [], "the lease holds"
    world.clock.advance(seconds=mails.LEASE_S + 1)
    await world.deliver()
    assert [mail["id"] for mail in world.mailbox.of(email)] == [claimed.message_id]


async def test_many_postmen_send_each_mail_once(world: World) -> None:
    emails = [await asked(world) for _ in range(10)]
    while any(await asyncio.gather(*(world.parts.postman.deliver_due() for _ in range(4)))):
        pass
    assert [len(world.mailbox.of(email)) for email in emails] == [1] * 10


async def test_a_server_that_is_away_is_tried_again_later(world: World) -> None:
    await world.deliver()
    email = await asked(world)
    world.mailbox.answer = "451 try later"
    await world.deliver()
    world.mailbox.answer = None
    await world.deliver()
    assert world.mailbox.of(email) == []
    world.clock.advance(seconds=3)
    await world.deliver()
    assert len(world.mailbox.of(email)) == 1


async def test_a_refusal_is_final_and_erases_the_mail(world: World) -> None:
    await world.deliver()
    email = await asked(world)
    world.mailbox.answer = "550 no such person"
    await world.deliver()
    world.mailbox.answer = None
    world.clock.advance(minutes=10)
    await world.deliver()
    assert world.mailbox.of(email) == []
    (row,) = await world.rows("SELECT payload_enc, last_error FROM auth.mails ORDER BY id DESC LIMIT 1")
    assert (row["payload_enc"], row["last_error"]) == (None, "SMTP 550")


async def test_a_link_that_is_over_is_not_sent(world: World) -> None:
    email = await asked(world)
    world.clock.advance(minutes=15, seconds=1)
    await world.deliver()
    assert world.mailbox.of(email) == []
