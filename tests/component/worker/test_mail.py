"""Mail by events: to the account's present address, once, whoever dies; nothing to accounts that are closed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from typing import Any, cast
from uuid import uuid4

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope
from tests.component.worker.served import served
from tests.component.worker.world import World, said

from audifi.clients.mail import MailClient
from audifi.kernel.cache import Cache
from audifi.kernel.clock import SystemClock
from audifi.kernel.database import Database
from audifi.kernel.http import application
from audifi.kernel.internal import InternalTokens
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.peers import Peers
from audifi.kernel.queue import Queue
from audifi.kernel.settings import parse
from audifi.local.held import Held
from audifi.services.auth.app import Stores, service
from audifi.services.auth.routes import OPERATIONS
from audifi.services.auth.settings import AuthSettings
from audifi.services.auth.store import users
from audifi.services.worker import consumers
from audifi.services.worker.postman import Postman
from audifi.services.worker.store import mails
from audifi.wire.events.auth import UserCreated
from audifi.wire.events.nft import DividendDistributed

pytestmark = pytest.mark.asyncio


@dataclass
class Mailbox:
    """An SMTP server's memory, and how it behaves."""

    taken: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])  # to, Message-ID, text
    answer: str = "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.taken.append((str(mail["To"]), str(mail["Message-ID"]), str(mail.get_content())))
        return self.answer

    def of(self, to: str) -> list[tuple[str, str]]:
        return [(message_id, text) for where, message_id, text in self.taken if where == to]


@dataclass
class Scene:
    """The worker's world with auth-service beside it."""

    world: World
    auth: Database
    mailbox: Mailbox
    postman: Postman

    async def account(self) -> tuple[str, str]:
        email = f"{uuid4().hex}@example.org"
        async with self.auth.transaction() as tx:
            user_id, _ = await users.insert_or_find(
                tx, user_id=str(uuid4()), email=email, display_name="Ada", now=SystemClock().now()
            )
        return user_id, email

    async def deliver(self) -> None:
        while await self.postman.deliver_due():
            pass


@pytest_asyncio.fixture
async def scene(world: World, stores: Held) -> AsyncIterator[Scene]:
    environment = stores.environment("auth-service-1")
    await migrate(parse(MigrateSettings, environment), migrations("auth"))
    told = parse(AuthSettings, environment)
    database, cache, queue = await Database.open(told), await Cache.open(told), await Queue.open(told)
    auth = service(told, Stores(database, cache, queue), clock=SystemClock())
    mailbox = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), "127.0.0.1", 0)
    smtp = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with served(application(OPERATIONS, kernel=auth.kernel, title="auth", version="test")) as address:
        own = world.parts.settings
        peers = Peers(
            {"auth-service": [address]},
            InternalTokens(
                service=own.service,
                signing_key_jwk=own.internal_signing_key.reveal(),
                caller_keys_jwks=own.internal_caller_keys,
            ),
        )
        postman = Postman(
            database=world.parts.database,
            client=MailClient(url=smtp, sender=own.mail_from, password=None),
            peers=peers,
            clock=world.clock,
            app_url=own.app_url,
        )
        parts = replace(world.parts, postman=postman)
        yield Scene(replace(world, parts=parts, handlers=consumers.handlers(parts)), database, mailbox, postman)
        await peers.close()
    server.close()
    await server.wait_closed()
    for store in (queue, cache, database):
        await store.close()


async def test_a_mail_is_sent_once_however_often_its_event_comes(scene: Scene) -> None:
    user_id, email = await scene.account()
    for _ in range(3):
        await scene.world.deliver(said(UserCreated(user_id=user_id), producer="auth-service"))
    await asyncio.gather(*(scene.postman.deliver_due() for _ in range(4)))
    await scene.deliver()
    await scene.world.deliver(said(UserCreated(user_id=user_id), producer="auth-service"))
    await scene.deliver()
    [(_, text)] = scene.mailbox.of(email)
    assert "Welcome to AudiFi" in text


async def test_a_postman_that_dies_while_sending_is_succeeded_with_the_same_message_id(scene: Scene) -> None:
    user_id, email = await scene.account()
    await scene.world.deliver(said(UserCreated(user_id=user_id)))
    async with scene.world.parts.database.transaction() as tx:
        claimed = await mails.claim(tx, now=scene.world.clock.now(), limit=100)  # claimed, then silence
    await scene.deliver()
    assert scene.mailbox.of(email) == [], "the lease holds"
    scene.world.clock.advance(mails.LEASE_S + 1)
    await scene.deliver()
    [(message_id, _)] = scene.mailbox.of(email)
    assert message_id in [each.message_id for each in claimed]
    scene.world.clock.advance(mails.LEASE_S + 1)
    await scene.deliver()
    assert len(scene.mailbox.of(email)) == 1


async def test_a_server_that_is_away_is_tried_later_and_a_refusal_is_final(scene: Scene) -> None:
    user_id, email = await scene.account()
    await scene.world.deliver(said(UserCreated(user_id=user_id)))
    scene.mailbox.answer = "451 later"
    await scene.deliver()
    scene.mailbox.answer = "250 OK"
    scene.world.clock.advance(10)
    await scene.deliver()
    assert len({message_id for message_id, _ in scene.mailbox.of(email)}) == 1
    other, address = await scene.account()
    await scene.world.deliver(said(UserCreated(user_id=other)))
    scene.mailbox.answer = "550 never"
    await scene.deliver()
    scene.world.clock.advance(3600)
    await scene.deliver()
    assert len(scene.mailbox.of(address)) == 1


async def test_closed_and_unknown_accounts_get_nothing(scene: Scene) -> None:
    user_id, email = await scene.account()
    async with scene.auth.transaction() as tx:
        await users.set_status(tx, user_id=user_id, before="ACTIVE", after="SUSPENDED", now=scene.world.clock.now())
    unknown = str(uuid4())
    for each in (user_id, unknown):
        await scene.world.deliver(said(UserCreated(user_id=each)))
    await scene.deliver()
    assert scene.mailbox.of(email) == []
    sql = "SELECT last_error FROM mails WHERE user_id = ANY($1::text[]) ORDER BY last_error"
    rows = await scene.world.parts.database.rows(sql, [user_id, unknown], primary=True)
    assert [row["last_error"] for row in rows] == ["the account is SUSPENDED", "there is no such account"]


async def test_an_artist_gets_one_report_a_day(scene: Scene) -> None:
    artist, email = await scene.account()

    async def distributed() -> None:
        data = DividendDistributed(
            distribution_id=str(uuid4()), revenue_id="r", master_id="m", artist_id=artist, gross_wei="100",
            holders_wei="50", artist_wei="50", platform_wei="0", collaborators_wei="0", wallets=2,
        )  # fmt: skip
        await scene.world.deliver(said(data))

    await distributed()
    await distributed()
    await scene.deliver()
    assert scene.mailbox.of(email) == [], "the day is not over"
    scene.world.clock.advance(days=1)
    await scene.deliver()
    [(_, text)] = scene.mailbox.of(email)
    assert text.count("  earned") == 2
    await distributed()
    scene.world.clock.advance(days=1)
    await scene.deliver()
    assert len(scene.mailbox.of(email)) == 2
