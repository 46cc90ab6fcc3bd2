"""Who is gone is noticed, and who signed out: the gateway in this process, with its heart beaten by the test."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from tests.component.ws import client
from tests.component.ws.client import PING, PONG, Socket
from tests.component.ws.conftest import ORIGIN, POD, settings_of
from tests.component.ws.driver import ticket_for

from audifi.gateways.ws import app
from audifi.gateways.ws.gateway import Gateway
from audifi.kernel.cache import Cache
from audifi.kernel.health import Health
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.sessions import SessionRecord, Sessions
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for
from audifi.wire.live import protocol
from audifi.wire.live.protocol import Code

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Own:
    """A gateway that nobody runs."""

    def __init__(self, gateway: Gateway, cache: Cache, port: int) -> None:
        self.gateway, self.cache, self.port = gateway, cache, port

    async def open(self, sid: str | None = None) -> Socket:
        session_id = str(new_id())
        ticket = await ticket_for(self.cache, session_id, sid=sid)
        streams = await asyncio.open_connection("127.0.0.1", self.port)
        found = await client.upgraded(*streams, client.handshake(f"/vstudio/{session_id}?ticket={ticket}"))
        await found.say("ping")
        await found.heard("pong")
        return found

    async def heard_all(self) -> None:
        """Wait until what was sent to it was read: nothing is heard in the past."""

        async def probe() -> None:
            late = [each for each in self.gateway.connections if each.heard_at < self.gateway.heart.second]
            if late:
                raise NotReady(f"{len(late)} were not heard")

        await wait_for(probe, within_s=5, saying="the answer was read", every_s=0.005)


@pytest_asyncio.fixture(loop_scope="session")
async def own(stores: Held) -> AsyncGenerator[Own]:
    """A gateway in this process."""
    async with AsyncExitStack() as stack:
        settings = settings_of(stores.environment(POD), "http://127.0.0.1:9")
        cache = await Cache.open(settings)
        stack.push_async_callback(cache.close)
        gateway = await stack.enter_async_context(app.opened(settings, cache))
        listening = app.listening("127.0.0.1", 0)
        server = await app.sockets(app.Front(gateway, Health({}), frozenset({ORIGIN})), listening)
        stack.callback(server.close)
        yield Own(gateway, cache, listening.getsockname()[1])
        for connection in list(gateway.connections):
            connection.close(1001)
        await wait_for(lambda: _nobody(gateway), within_s=5, saying="nobody is connected", every_s=0.01)


async def _nobody(gateway: Gateway) -> None:
    if gateway.connections:
        raise NotReady(f"{len(gateway.connections)} are")


async def test_who_does_not_answer_two_pings_is_closed_with_4008(own: Own) -> None:
    silent = await own.open()
    for _ in range(protocol.PING_S * 3):
        await own.gateway.heart.beat()
    pings = 0
    while (got := await silent.receive()).opcode == PING:
        pings += 1
    assert got.json["code"] == Code.HEARTBEAT_LOST
    assert (await silent.receive()).code == Code.HEARTBEAT_LOST
    assert pings == protocol.MISSES_MAX
    silent.writer.close()


async def test_who_answers_stays(own: Own) -> None:
    lively = await own.open()
    for _ in range(protocol.PING_S * 4):
        await own.gateway.heart.beat()
        if own.gateway.heart.second % 9 == 0:
            await lively.send(PONG)
            await own.heard_all()
    await lively.say("ping", requestId="r")
    assert (await lively.heard("pong"))["requestId"] == "r"
    await lively.leave()


async def test_a_connection_that_vanished_without_a_word_is_cut(own: Own) -> None:
    """As behind a cut cable: the other side's kernel says nothing."""
    frozen = await own.open()
    held: socket.socket = frozen.writer.get_extra_info("socket")
    assert held.fileno() >= 0
    transport: Any = frozen.writer.transport  # asyncio's read, too
    transport.pause_reading()
    for _ in range(protocol.PING_S * 3):
        await own.gateway.heart.beat()
    await wait_for(lambda: _nobody(own.gateway), within_s=1, saying="it is cut at once", every_s=0.01)
    frozen.writer.transport.abort()


async def test_a_session_that_was_revoked_ends_within_fifteen_minutes(own: Own) -> None:
    sids = [str(new_id()), str(new_id())]
    now = int(time.time())
    for sid in sids:
        record = SessionRecord(user_id="u", roles=("USER",), mfa=Mfa.NONE, created_s=now, expires_s=now + 900)
        await Sessions(own.cache).put(sid, record, ttl_s=900)
    kept, revoked, guest = await own.open(sids[0]), await own.open(sids[1]), await own.open()
    await Sessions(own.cache).revoke(sids[1], tombstone_s=60)
    for _ in range(protocol.RECHECK_S):
        await own.gateway.heart.beat()
        if own.gateway.heart.second % 9 == 0:
            for each in (kept, revoked, guest):
                await each.send(PONG)
            await own.heard_all()
    assert (await revoked.heard("error"))["code"] == Code.SESSION_REVOKED
    assert await revoked.closed() == Code.SESSION_REVOKED
    for each in (kept, guest):
        await each.say("ping")
        await each.heard("pong")
        await each.leave()
