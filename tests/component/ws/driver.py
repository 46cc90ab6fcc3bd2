"""Run one gateway process over a real Redis, with this file in vstudio-service's and auth-service's place.

Between: the tests of this folder, the `stores` fixture, client.
Shape: `Pod` is the process (`python -m audifi.gateways.ws`), told what the topology tells it except for ports and the
two neighbours; `Neighbours` answers the internal routes of wire.live.calls and keeps what it was asked.
Invariant: what a pod logs as an error fails the test that made it, unless the test expects it.
"""

import asyncio
import re
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from tests.component.ws import client
from tests.component.ws.client import Socket

from audifi.kernel.cache import Cache
from audifi.kernel.crypto import new_token, token_hash
from audifi.kernel.encoding import base64url
from audifi.kernel.identity import Claims, Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.jwks import rsa_jwk
from audifi.kernel.sessions import SessionRecord, Sessions
from audifi.local.waiting import NotReady, wait_for
from audifi.wire import channels
from audifi.wire import environment as names
from audifi.wire.live import protocol
from audifi.wire.live.calls import (
    Admission,
    Asking,
    Chats,
    Command,
    Events,
    Outcome,
    Outcomes,
    Pulse,
    Pulsed,
    Snapshot,
    Ticket,
    Votes,
    You,
)

KID: Final = "test"
_key = generate_private_key(65537, 2048)


def admission(session_id: str, user_id: str | None, *, role: str = "viewer", sid: str | None = None) -> Admission:
    return Admission(
        session_id=session_id, user_id=user_id, display_name="Ada", you=You(role=role, eligible=True), sid=sid
    )


async def ticket_for(cache: Cache, session_id: str, user_id: str | None = None, **about: Any) -> str:
    """As vstudio-service makes one."""
    ticket = new_token()
    held = Ticket(admission=admission(session_id, user_id or str(new_id()), **about))
    key = channels.ws_ticket(token_hash(ticket).hex())
    await cache.set(key, msgspec.json.encode(held), ttl_s=protocol.TICKET_S)
    return ticket


@dataclass
class Neighbours:
    """vstudio-service's internal routes, and auth-service's keys."""

    asked: list[Asking] = field(default_factory=list[Asking])
    votes: list[Votes] = field(default_factory=list[Votes])
    chats: list[Chats] = field(default_factory=list[Chats])
    commands: list[Command] = field(default_factory=list[Command])
    refusal: tuple[int, str] | None = None  # status and code of what every route answers
    failures: int = 0  # so many answers are 503 first, but to pulses, which come when they like
    held: asyncio.Event | None = None  # votes wait for it
    truth: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # a session's events, from number 1
    reads: Counter[str] = field(default_factory=Counter[str])  # of snapshots and of missed events
    pulses: list[Pulse] = field(default_factory=list[Pulse])

    def application(self) -> web.Application:
        served = web.Application()
        served.router.add_get("/.well-known/jwks.json", self._keys)
        below = "/internal/v1/sessions/{id}"
        served.router.add_post(f"{below}/admission", self._admit)
        served.router.add_post(f"{below}/votes", self._vote)
        served.router.add_post(f"{below}/chat", self._chat)
        served.router.add_post(f"{below}/commands", self._command)
        served.router.add_post(f"{below}/pulse", self._pulse)
        served.router.add_get(f"{below}/snapshot", self._snapshot)
        served.router.add_get(f"{below}/events", self._events)
        return served

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [rsa_jwk(KID, _key.public_key())]})

    async def _admit(self, request: web.Request) -> web.Response:
        asking = msgspec.json.decode(await request.read(), type=Asking)
        self.asked.append(asking)
        role = "guest" if asking.user_id is None else "viewer"
        return self._answer(admission(request.match_info["id"], asking.user_id, role=role, sid=asking.sid))

    async def _vote(self, request: web.Request) -> web.Response:
        batch = msgspec.json.decode(await request.read(), type=Votes)
        self.votes.append(batch)
        if self.held is not None:
            await self.held.wait()
        return self._answer(
            Outcomes(
                outcomes=[
                    Outcome(request_id=vote.request_id, id=str(new_id()), weight=1000)
                    if vote.choice != "late"
                    else Outcome(request_id=vote.request_id, code=protocol.Code.DECISION_CLOSED, message="Closed.")
                    for vote in batch.votes
                ]
            )
        )

    async def _chat(self, request: web.Request) -> web.Response:
        batch = msgspec.json.decode(await request.read(), type=Chats)
        self.chats.append(batch)
        return self._answer(Outcomes(outcomes=[Outcome(request_id=line.request_id, id="c") for line in batch.lines]))

    async def _command(self, request: web.Request) -> web.Response:
        command = msgspec.json.decode(await request.read(), type=Command)
        self.commands.append(command)
        return self._answer(Outcome(request_id=command.request_id, decision_id="d"))

    async def _pulse(self, request: web.Request) -> web.Response:
        self.pulses.append(msgspec.json.decode(await request.read(), type=Pulse))
        return self._answer(Pulsed(viewers=self.pulses[-1].viewers), stumbles=False)

    async def _snapshot(self, request: web.Request) -> web.Response:
        self.reads["snapshot"] += 1
        newest = len(self.truth.get(request.match_info["id"], ()))
        return self._answer(Snapshot(seq=newest, status="ACTIVE", state={"status": "ACTIVE"}))

    async def _events(self, request: web.Request) -> web.Response:
        self.reads["events"] += 1
        events = list(enumerate(self.truth.get(request.match_info["id"], ()), start=1))
        after = int(request.query["after"])
        return self._answer(Events(events=events[after:], complete=True, newest=len(events)))

    def _answer(self, value: msgspec.Struct, *, stumbles: bool = True) -> web.Response:
        if stumbles and self.failures:
            self.failures -= 1
            return web.Response(status=503)
        if self.refusal is not None:
            status, code = self.refusal
            return web.json_response({"error": {"code": code, "message": "No."}}, status=status)
        return web.Response(body=b'{"data":%b}' % msgspec.json.encode(value), content_type="application/json")


@dataclass
class Pod:
    """A running gateway."""

    process: asyncio.subprocess.Process
    environment: dict[str, str]
    cache: Cache
    neighbours: Neighbours
    http: aiohttp.ClientSession
    said: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    received_before: int = 0
    streams: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    @property
    def port(self) -> int:
        return int(self.environment[names.HTTP_PORT])

    # Tickets and tokens.

    async def ticket(self, session_id: str, user_id: str | None = None, **about: Any) -> str:
        return await ticket_for(self.cache, session_id, user_id, **about)

    async def signed_in(self) -> tuple[str, str]:
        """A user's id and sign-in session."""
        user_id, sid, now = str(new_id()), str(new_id()), int(time.time())
        record = SessionRecord(user_id=user_id, roles=("USER",), mfa=Mfa.NONE, created_s=now, expires_s=now + 900)
        await Sessions(self.cache).put(sid, record, ttl_s=900)
        return user_id, sid

    def token(self, user_id: str, sid: str, *, age_s: int = 0) -> str:
        now = int(time.time()) - age_s
        claims = Claims(
            iss=self.environment[names.TOKEN_ISSUER], aud=self.environment[names.TOKEN_AUDIENCE], sub=user_id, sid=sid,
            jti=str(new_id()), iat=now, exp=now + 900, roles=("USER",), mfa=Mfa.NONE,
        )  # fmt: skip
        head = base64url(msgspec.json.encode({"alg": "RS256", "kid": KID, "typ": "JWT"}))
        signed = f"{head}.{base64url(msgspec.json.encode(claims))}"
        return f"{signed}.{base64url(_key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    # Connections.

    async def connect(self, path: str, *, source: str | None = None, **headers: str | None) -> Socket:
        reader, writer = await self.raw(source)
        return await client.upgraded(reader, writer, client.handshake(path, **headers))

    async def raw(self, source: str | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which nothing was said yet."""
        here = (source or client.somewhere(), 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=here)
        self.streams.append(writer)
        return reader, writer

    async def part(self) -> None:
        """End every connection there was."""
        while self.streams:
            writer = self.streams.pop()
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def open(self, session_id: str | None = None, *, user_id: str | None = None, **about: Any) -> Socket:
        """A viewer with a ticket."""
        session_id = session_id or str(new_id())
        ticket = await self.ticket(session_id, user_id, **about)
        socket = await self.connect(f"/vstudio/{session_id}?ticket={ticket}")
        assert socket.status == 101
        return socket

    # What it says of itself.

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(f"http://127.0.0.1:{self.port}{path}") as reply:
            return reply.status, msgspec.json.decode(await reply.read())

    async def metrics(self) -> Counter[str]:
        """Every sample without labels of its own, summed."""
        async with self.http.get(f"http://127.0.0.1:{self.environment[names.METRICS_PORT]}/metrics") as reply:
            text = await reply.text()
        found: Counter[str] = Counter()
        for name, labels, value in re.findall(r"^(ws_\w+)(\{[^}]*\})? ([0-9.e+]+)$", text, re.MULTILINE):
            found[name] += int(float(value))
            found[name + labels] += int(float(value)) if labels else 0
        return found

    async def active(self, count: int) -> None:
        """Wait until so many connections are open."""

        async def probe() -> None:
            found = (await self.metrics())["ws_connections_active"]
            if found != count:
                raise NotReady(f"{found} are")

        await wait_for(probe, within_s=10, saying=f"{count} connections are open", every_s=0.05)

    async def has_received(self, more: int) -> None:
        """Wait until so many messages came since the test began."""

        async def probe() -> None:
            found = (await self.metrics())["ws_messages_received_total"] - self.received_before
            if found < more:
                raise NotReady(f"{found} came")

        await wait_for(probe, within_s=5, saying=f"{more} messages came", every_s=0.02)

    def memory_kib(self) -> int:
        """Resident, without what is shared."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"RssAnon:\s+(\d+) kB", text)
        assert found is not None
        return int(found[1])

    def descriptors(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def alarms(self) -> list[dict[str, Any]]:
        return [line for line in self.said if line["level"] in ("error", "critical", "warn")]

    async def is_ready(self) -> None:
        assert self.process.returncode is None, f"it ended: {self.said}"
        try:
            status, body = await self.get("/ready")
        except aiohttp.ClientError as error:
            raise NotReady(str(error)) from error
        if status != 200:
            raise NotReady(str(body))

    async def listen(self) -> None:
        assert self.process.stdout is not None, "a pipe was asked for"
        async for line in self.process.stdout:
            self.said.append(msgspec.json.decode(line))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)


async def started(
    environment: dict[str, str], cache: Cache, neighbours: Neighbours, http: aiohttp.ClientSession
) -> Pod:
    """A pod that is not ready yet."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "audifi.gateways.ws", env=environment, stdout=asyncio.subprocess.PIPE
    )
    return Pod(process, environment, cache, neighbours, http)
