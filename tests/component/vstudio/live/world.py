"""Drive vstudio-service in this process over real stores, as browsers and as the WebSocket gateway do.

Between: tests of this folder, kernel.http (the ASGI application) and the `stores` fixture.
Shape: a Show is one live session of one artist; a Person has a browser; `gateway` asks as ws-gateway.
Why rows are written here: how a session comes to be live is judged elsewhere; here it is.
"""

import asyncio
import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from tests.support.clock import MovableClock

from audifi.kernel.encoding import base64url
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.internal import InternalTokens
from audifi.kernel.server import Service
from audifi.kernel.sessions import SessionRecord
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.sagas import deciding
from audifi.services.vstudio.store.decisions import Decision
from audifi.wire import headers
from audifi.wire.events import Event
from audifi.wire.live import feed
from audifi.wire.live.calls import Outcome, Outcomes, Vote, Votes

_KEY = generate_private_key(65537, 2048)
_CALLER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_PUBLIC = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "ws-gateway",
    "x": base64url(_CALLER_KEY.public_key().public_bytes_raw()),
}
CALLER_KEYS = msgspec.json.encode({"keys": [_PUBLIC]}).decode()
CALLER = InternalTokens(
    service="ws-gateway",
    signing_key_jwk=msgspec.json.encode({**_PUBLIC, "d": base64url(_CALLER_KEY.private_bytes_raw())}).decode(),
    caller_keys_jwks='{"keys": []}',
)
OPEN = '{"type": "OPEN"}'
OPTIONS = [{"id": "a", "label": "First"}, {"id": "b", "label": "Second"}, {"id": "c", "label": "Third"}]
_addresses = itertools.count(int.from_bytes(os.urandom(2), "big") << 8)


@dataclass
class Neighbours:
    """auth, nft, coin and payment, as far as they are asked; over HTTP."""

    names: dict[str, str] = field(default_factory=dict[str, str])
    roles: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    shares: dict[str, int] = field(default_factory=dict[str, int])
    plans: dict[str, str] = field(default_factory=dict[str, str])
    asked: list[str] = field(default_factory=list[str])
    is_away: bool = False

    def application(self) -> web.Application:
        served = web.Application()
        served.router.add_get("/.well-known/jwks.json", self._keys)
        served.router.add_get("/internal/v1/users/{id}", self._user)
        served.router.add_get("/internal/v1/users/{id}/plan", self._plan)
        served.router.add_get("/internal/v1/ownership", self._ownership)
        served.router.add_get("/internal/v1/balance", self._balance)
        return served

    async def _keys(self, _: web.Request) -> web.Response:
        numbers = _KEY.public_key().public_numbers()
        told = {
            name: base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))
            for name, value in (("n", numbers.n), ("e", numbers.e))
        }
        return web.json_response({"keys": [{"kty": "RSA", "kid": "tests", "alg": "RS256", "use": "sig", **told}]})

    async def _user(self, request: web.Request) -> web.Response:
        user_id = request.match_info["id"]
        told = {"displayName": self.names.get(user_id, "Somebody"), "roles": self.roles.get(user_id, ["USER"])}
        return self._answer(request, {"id": user_id, **told})

    async def _plan(self, request: web.Request) -> web.Response:
        return self._answer(request, {"plan": self.plans.get(request.match_info["id"], "FREE"), "limits": {}})

    async def _ownership(self, request: web.Request) -> web.Response:
        count = self.shares.get(request.query["userId"], 0)
        return self._answer(request, {"owns": count > 0, "count": count})

    async def _balance(self, request: web.Request) -> web.Response:
        return self._answer(request, {"balance": "0", "staked": "0", "bestMultiplierMilli": 1000})

    def _answer(self, request: web.Request, data: Mapping[str, Any]) -> web.Response:
        assert request.headers[headers.INTERNAL_TOKEN], "services prove who they are"
        self.asked.append(request.path)
        if self.is_away:
            return web.json_response({"error": {"code": "SERVICE_UNAVAILABLE", "message": "away"}}, status=503)
        return web.json_response({"data": data})


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def data(self) -> Any:
        assert self.status < 400, (self.status, self.body)
        return self.json["data"]

    @property
    def code(self) -> str:
        assert self.status >= 400, (self.status, self.body)
        return self.json["error"]["code"]


@dataclass
class World:
    """The service and what is around it."""

    service: Service
    application: Any
    clock: MovableClock
    neighbours: Neighbours

    @property
    def parts(self) -> Parts:
        return self.service.kernel.deps

    def someone(self, *roles: str, name: str = "Fan") -> "Person":
        person = Person(self, str(uuid4()), ("USER", *roles))
        self.neighbours.names[person.user_id] = name
        self.neighbours.roles[person.user_id] = list(person.roles)
        return person

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        async with self.parts.database.read_primary() as connection:
            return list(await connection.fetch(query, *arguments))

    async def value(self, query: str, *arguments: Any) -> Any:
        async with self.parts.database.read_primary() as connection:
            return await connection.fetchval(query, *arguments)

    async def change(self, statement: str, *arguments: Any) -> None:
        async with self.parts.database.transaction() as tx:
            await tx.execute(statement, *arguments)

    async def insert(self, table: str, columns: Mapping[str, Any]) -> None:
        places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
        statement = f"INSERT INTO vstudio.{table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  # our names
        await self.change(statement, *columns.values())

    async def published(self, kind: str, aggregate_id: str) -> list[dict[str, Any]]:
        """What was said to other services about something, oldest first."""
        query = (
            "SELECT payload FROM outbox WHERE position(convert_to($1, 'UTF8') in payload) > 0 ORDER BY outbox.position"
        )
        found = [msgspec.json.decode(bytes(row["payload"]), type=Event) for row in await self.rows(query, aggregate_id)]
        return [each.data for each in found if each.type == kind and each.aggregate_id == aggregate_id]

    async def show(self, **columns: Any) -> "Show":
        """A live session with its artist; `columns` of the session's row."""
        artist = self.someone("ARTIST", name="Artist")
        show = Show(self, str(uuid4()), artist)
        told: dict[str, Any] = {
            "id": show.id, "artist_id": artist.user_id, "master_id": show.master_id, "title": "A night",
            "slug": show.id, "status": "ACTIVE", "view_gating": OPEN, "vote_gating": OPEN,
            "started_at": self.clock.now(), **columns,
        }  # fmt: skip
        await self.insert("sessions", told)
        return show

    async def call(self, method: str, path: str, body: Any = None, head: Mapping[str, str] | None = None) -> Answer:
        """Make one request; every one comes from an address of its own."""
        data = b"" if body is None else msgspec.json.encode(body)
        return await _exchanged(self.application, scope_of(method, path, data, head or {}), data)

    async def gateway(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask an internal route as ws-gateway."""
        return await self.call(method, path, body, {headers.INTERNAL_TOKEN: CALLER.mint("vstudio-service")})


@dataclass
class Show:
    """One live session."""

    world: World
    id: str
    artist: "Person"
    master_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def path(self) -> str:
        return f"/vstudio/sessions/{self.id}"

    @property
    def internal(self) -> str:
        return f"/internal/v1/sessions/{self.id}"

    async def decision(self, type_: str = "POLL", *, open_: bool = True, **columns: Any) -> str:
        """A decision, open for a minute unless said; `columns` of its row."""
        now, decision_id = self.world.clock.now(), str(new_id())
        times = {"status": "OPEN", "opens_at": now, "closes_at": now + timedelta(minutes=1)} if open_ else {}
        shaped = {"slider": json.dumps({"min": 0, "max": 10, "step": 0.5})} if type_ == "SLIDER" else {}
        options = [] if type_ in ("SLIDER", "OPEN_TEXT") else OPTIONS
        told: dict[str, Any] = {
            "id": decision_id, "session_id": self.id, "type": type_, "question": "Which?", "display_order": 1,
            "options": json.dumps(options), **shaped, **times, **columns,
        }  # fmt: skip
        await self.world.insert("decisions", told)
        return decision_id

    async def close(self, decision_id: str) -> Decision:
        """Close a decision as its artist, or its time, would."""
        async with self.world.parts.database.transaction() as tx:
            both = await deciding.locked(tx, decision_id)
            return await deciding.close(tx, both, self.world.clock.now())

    async def votes(self, *votes: Vote) -> list[Outcome]:
        """Vote as the gateway does: many at once."""
        answer = await self.world.gateway("POST", f"{self.internal}/votes", Votes(votes=list(votes)))
        return msgspec.convert(answer.data, Outcomes).outcomes

    async def tally_shown(self, decision_id: str) -> dict[str, Any] | None:
        """The tally that followers were told last."""
        await self.world.parts.tallies.shown()
        kept = await self.world.parts.cache.command("HGET", feed.states(self.id), f"vote_update:{decision_id}")
        return None if kept is None else msgspec.json.decode(feed.parsed_state(kept)[3])

    async def counted(self, decision_id: str) -> dict[str, int]:
        """Votes by choice, as PostgreSQL has them."""
        rows = await self.world.rows(
            "SELECT choice, count(*) AS votes FROM vstudio.votes WHERE decision_id = $1 GROUP BY choice", decision_id
        )
        return {row["choice"]: row["votes"] for row in rows}

    async def events(self) -> list[dict[str, Any]]:
        """The session's live events in order."""
        rows = await self.world.rows(
            "SELECT seq, body FROM vstudio.live_events WHERE session_id = $1 ORDER BY seq", self.id
        )
        return [{**msgspec.json.decode(row["body"]), "seq": row["seq"]} for row in rows]


@dataclass
class Person:
    """Somebody with a browser."""

    world: World
    user_id: str
    roles: tuple[str, ...]

    async def ask(self, method: str, path: str, body: Any = None, **head: str) -> Answer:
        return await self.world.call(method, path, body, {"authorization": f"Bearer {await self.token()}", **head})

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any) -> Answer:
        return await self.ask("POST", path, body)

    def ballot(self, decision_id: str, choice: str | None = "a", **more: Any) -> Vote:
        return Vote(request_id=new_id().hex, user_id=self.user_id, decision_id=decision_id, choice=choice, **more)

    async def token(self) -> str:
        settings, session_id = self.world.parts.settings, new_id().hex
        now_s = int(self.world.clock.now_s())
        record = SessionRecord(
            user_id=self.user_id, roles=self.roles, mfa=Mfa.PASSED, created_s=now_s, expires_s=now_s + 900
        )
        await self.world.parts.sessions.put(session_id, record, ttl_s=900)
        claims = {
            "iss": settings.token_issuer, "aud": settings.token_audience, "sub": self.user_id, "sid": session_id,
            "jti": new_id().hex, "iat": now_s, "exp": now_s + 900, "roles": list(self.roles), "mfa": "passed",
        }  # fmt: skip
        head = base64url(json.dumps({"alg": "RS256", "kid": "tests", "typ": "JWT"}).encode())
        text = f"{head}.{base64url(json.dumps(claims).encode())}"
        return f"{text}.{base64url(_KEY.sign(text.encode(), PKCS1v15(), SHA256()))}"


def scope_of(method: str, path: str, data: bytes, head: Mapping[str, str]) -> dict[str, Any]:
    """Return a request as the server hands it on; every one comes from an address of its own."""
    number = next(_addresses)
    named = {
        "user-agent": "Test/1.0",
        "x-forwarded-for": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        **({"content-type": "application/json", "content-length": str(len(data))} if data else {}),
        **{name.lower(): value for name, value in head.items()},
    }
    raw_path, _, query = path.partition("?")
    return {
        "type": "http", "method": method, "path": raw_path, "raw_path": raw_path.encode(),
        "query_string": query.encode(), "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
    }  # fmt: skip


async def _exchanged(application: Any, scope: dict[str, Any], data: bytes) -> Answer:
    answered: list[dict[str, Any]] = []
    unread = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if unread:
            return unread.pop()
        await asyncio.Event().wait()  # nobody leaves
        raise AssertionError("never")

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    await application(scope, receive, send)
    head = {name.decode(): value.decode("latin-1") for name, value in answered[0]["headers"]}
    return Answer(answered[0]["status"], b"".join(message.get("body", b"") for message in answered[1:]), head)
