"""Drive analytics-service in this process, over real stores: tell it events through the queue, ask it as people do.

Between: tests of this folder, kernel.http (the ASGI application), kernel.queue, the stores fixture.
Shape: a Person has an id, roles and an address; the Story is what one artist's master goes through, as events say it.
"""

import itertools
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from tests.support.clock import MovableClock

from audifi.kernel.database import Database
from audifi.kernel.encoding import base64url
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.internal import InternalTokens
from audifi.kernel.queue import Consumer, Queue
from audifi.kernel.server import Service
from audifi.kernel.sessions import SessionRecord
from audifi.services.analytics import rolling
from audifi.services.analytics.parts import Parts
from audifi.wire import streams
from audifi.wire.events import Event, EventData, envelope

_KEY = generate_private_key(65537, 2048)
_CALLER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_PUBLIC = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "vstudio-service",
    "x": base64url(_CALLER_KEY.public_key().public_bytes_raw()),
}
CALLER_KEYS = msgspec.json.encode({"keys": [_PUBLIC]}).decode()
CALLER = InternalTokens(
    service="vstudio-service",
    signing_key_jwk=msgspec.json.encode({**_PUBLIC, "d": base64url(_CALLER_KEY.private_bytes_raw())}).decode(),
    caller_keys_jwks='{"keys": []}',
)
_addresses = itertools.count(int.from_bytes(os.urandom(2), "big") << 8)
ROLLUPS = ("daily_master_stats", "daily_artist_stats", "session_stats", "artist_summaries", "holdings")


class Keys:
    """Where the public key of the tests' tokens is."""

    async def keys(self, *, refresh: bool = False) -> dict[str, RSAPublicKey]:
        del refresh
        return {"tests": _KEY.public_key()}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    head: Sequence[tuple[str, str]]
    body: bytes

    @property
    def data(self) -> Any:
        return msgspec.json.decode(self.body)["data"]

    @property
    def code(self) -> str:
        return str(msgspec.json.decode(self.body)["error"]["code"])

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.head if key == name.lower()), None)


@dataclass
class World:
    """The running service without its loops: tests run those step by step."""

    service: Service
    application: Any
    consumer: Consumer
    queue: Queue
    clock: MovableClock

    @property
    def parts(self) -> Parts:
        return self.service.kernel.deps

    @property
    def database(self) -> Database:
        return self.parts.database

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Look into the database."""
        async with self.database.read_primary() as connection:
            return list(await connection.fetch(query, *arguments))

    async def value(self, query: str, *arguments: Any) -> Any:
        found = await self.rows(query, *arguments)
        return next(iter(dict(found[0]).values()))

    async def execute(self, statement: str, *arguments: Any) -> str:
        """Change the database behind the service's back."""
        async with self.database.transaction() as tx:
            return await tx.execute(statement, *arguments)

    async def tell(self, *events: Event) -> None:
        """Put events into the queue and let the service read them all."""
        await self.queue.append([(streams.of_event(each.type), msgspec.json.encode(each)) for each in events])
        await self.consumer.create_groups()
        while await self.consumer.step(wait_s=0.01):
            pass
        for stream in {streams.of_event(each.type) for each in events}:
            pending = await self.queue.client.xpending(stream, "analytics-service")
            assert not pending["pending"], f"{stream}: {pending['pending']} events were not handled; see the log"

    async def forget_deliveries(self) -> None:
        """Forget which events were handled, as the kernel does after 30 days."""
        await self.execute("DELETE FROM processed_events")

    async def roll(self) -> int:
        """Roll every day that has a mark, due or not; return how many."""
        await self.execute("UPDATE analytics.dirty_days SET due_at = '-infinity'")
        total = 0
        while rolled := await rolling.roll_due(self.database, self.clock):
            total += rolled
        return total

    async def pictured(self, artist_id: UUID) -> dict[str, list[str]]:
        """Return every roll-up of an artist as text, to the byte."""
        return {
            table: sorted(
                str(row["line"])
                for row in await self.rows(
                    f"SELECT t::text AS line FROM analytics.{table} t WHERE artist_id = $1",  # noqa: S608  # a constant
                    artist_id,
                )
            )
            for table in ROLLUPS
        }

    async def replicated(self) -> None:
        """Return when the replicas, which answer reads, have all that was written."""
        token = await self.database.written_lsn()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            row = await self.database.row(
                "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, true) AS there", token
            )
            if row is not None and row["there"]:
                return
        raise AssertionError(f"no replica replayed {token} within 10 s")


@dataclass
class Person:
    """Somebody with a browser; a guest without an id."""

    world: World
    user_id: UUID | None = None
    roles: tuple[str, ...] = ("USER",)
    mfa: Mfa = Mfa.NONE
    token: str | None = None
    head: dict[str, str] = field(default_factory=dict[str, str])

    async def signed_in(self) -> "Person":
        """Give the person a session and a token."""
        assert self.user_id is not None, "a guest has no session"
        settings, session_id, now_s = self.world.parts.settings, new_id().hex, int(time.time())
        record = SessionRecord(
            user_id=str(self.user_id), roles=self.roles, mfa=self.mfa, created_s=now_s, expires_s=now_s + 900
        )
        await self.world.parts.sessions.put(session_id, record, ttl_s=900)
        claims = {
            "iss": settings.token_issuer, "aud": settings.token_audience, "sub": str(self.user_id), "sid": session_id,
            "jti": new_id().hex, "iat": now_s, "exp": now_s + 900, "roles": list(self.roles), "mfa": self.mfa.value,
        }  # fmt: skip
        header = base64url(json.dumps({"alg": "RS256", "kid": "tests", "typ": "JWT"}).encode())
        text = f"{header}.{base64url(json.dumps(claims).encode())}"
        self.token = f"{text}.{base64url(_KEY.sign(text.encode(), PKCS1v15(), SHA256()))}"
        return self

    async def get(self, path: str, **head: str) -> Answer:
        await self.world.replicated()
        return await self.send("GET", path, None, **head)

    async def post(self, path: str, body: Any, **head: str) -> Answer:
        return await self.send("POST", path, body, **head)

    async def send(self, method: str, path: str, body: Any, **head: str) -> Answer:
        data = b"" if body is None else msgspec.json.encode(body)
        number = next(_addresses)
        named = {
            "user-agent": "Test/1.0",
            "x-forwarded-for": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            **({"content-type": "application/json", "content-length": str(len(data))} if data else {}),
            **({"authorization": f"Bearer {self.token}"} if self.token else {}),
            **self.head,
            **{name.replace("_", "-"): value for name, value in head.items()},
        }
        raw_path, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": raw_path, "raw_path": raw_path.encode(),
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        }  # fmt: skip
        return await _exchanged(self.world.application, scope, data)


async def _exchanged(application: Any, scope: dict[str, Any], data: bytes) -> Answer:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    head = [(name.decode(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    return Answer(sent[0]["status"], head, b"".join(message.get("body", b"") for message in sent[1:]))


def said(data: EventData, at: datetime, event_id: UUID | None = None) -> Event:
    """An event as its service would publish it."""
    return envelope(
        data,
        event_id=event_id or new_id(),
        producer="tests",
        aggregate_id="x",
        request_id="req_tests",
        traceparent="",
        occurred_at=at,
    )


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def tx_hash() -> str:
    return "0x" + os.urandom(32).hex()


def now() -> datetime:
    return datetime.now(UTC)


def midday(days_ago: int) -> datetime:
    """The middle of a past day, so that no test depends on the hour it runs at."""
    return now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
