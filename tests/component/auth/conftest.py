"""Open auth-service over real stores once per session: its schema migrated, a clock to move, a mailbox to read.

Between: tests of this folder and the `stores` fixture.
Why one schema for all tests: every test uses people and addresses nobody else uses, so they cannot meet.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any, cast

import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope
from tests.component.auth import driver
from tests.component.auth.driver import Mailbox, MovableClock, World

from audifi.kernel.cache import Cache
from audifi.kernel.database import Database
from audifi.kernel.http import application
from audifi.kernel.migrate import MigrateSettings, migrate, migrations
from audifi.kernel.queue import Queue
from audifi.kernel.settings import parse
from audifi.local.held import Held
from audifi.services.auth.app import Stores, service
from audifi.services.auth.routes import OPERATIONS
from audifi.services.auth.settings import AuthSettings

POD = "auth-service-1"


class _Sink:
    """An SMTP server's way of taking mail."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        if self._mailbox.answer is not None:
            return self._mailbox.answer
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self._mailbox.mails.append(
            {
                "to": str(mail["To"]),
                "subject": str(mail["Subject"]),
                "id": str(mail["Message-ID"]),
                "text": str(mail.get_content()),
            }
        )
        return "250 OK"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mailbox() -> AsyncGenerator[tuple[Mailbox, str]]:
    """A mailbox and the URL of the server that fills it."""
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(_Sink(box)), "127.0.0.1", 0)
    try:
        yield box, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def settings(stores: Held, mailbox: tuple[Mailbox, str]) -> AuthSettings:
    """What the first pod is told, with our mailbox."""
    settings = parse(AuthSettings, stores.environment(POD))
    # The grace of production: on one machine there is none.
    told = {"mail_url": mailbox[1], "internal_caller_keys": driver.CALLER_KEYS, "payout_grace_s": 86_400}
    return replace(settings, **told)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(stores: Held) -> MigrateSettings:
    """The schema, up to date."""
    settings = parse(MigrateSettings, stores.environment(POD))
    await migrate(settings, migrations("auth"))
    return settings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    settings: AuthSettings, migrated: MigrateSettings, mailbox: tuple[Mailbox, str]
) -> AsyncGenerator[World]:
    """The service, without its loops: tests run those step by step."""
    clock = MovableClock()
    database, cache, queue = await Database.open(settings), await Cache.open(settings), await Queue.open(settings)
    built = service(settings, Stores(database, cache, queue), clock=clock)
    running = World(
        built, application(OPERATIONS, kernel=built.kernel, title="auth", version="test"), clock, mailbox[0], queue
    )
    await running.parts.signing.ready()
    try:
        yield running
    finally:
        await queue.close()
        await cache.close()
        await database.close()
