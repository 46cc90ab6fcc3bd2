"""Drive vstudio-service in this process over real stores; this file stands in for its four neighbours.

Between: tests of this folder, kernel.http (the ASGI application), the `stores` fixture.
Shape: a Person has a browser; an artist has masters at nft-service. Loops and consumers run when a test says so.
Why neighbours in here: a test decides who holds what, who refuses, who answers nothing, and whose answer is lost.
"""

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from tests.support.clock import MovableClock

from audifi.kernel.encoding import base64url
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.jwks import rsa_jwk
from audifi.kernel.queue import Handler
from audifi.kernel.server import Service
from audifi.kernel.sessions import SessionRecord
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.sagas import deciding, wishes
from audifi.wire import headers
from audifi.wire.events import EventData, envelope

COIN = 10**18
_KEY = generate_private_key(65537, 2048)
_addresses = itertools.count(int.from_bytes(os.urandom(2), "big") << 8)


@dataclass
class Neighbours:
    """nft-service, coin-service, payment-service and auth-service, as far as we ask them."""

    masters: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    shares: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])  # user, master or artist
    coins: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    plans: dict[str, str] = field(default_factory=dict[str, str])
    producers: set[str] = field(default_factory=set[str])
    # What a verb of nft-service does instead, by master: away (nothing), lost (does it, answers nothing), refused.
    mischief: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    is_away: bool = False
    asked: list[str] = field(default_factory=list[str])
    locked: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])  # session → decisions
    took_part: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def application(self) -> web.Application:
        served = web.Application()
        served.router.add_get("/.well-known/jwks.json", self._keys)
        served.router.add_get("/internal/v1/masters/{id}", self._master)
        served.router.add_post("/internal/v1/masters/{id}/{verb}", self._change)
        served.router.add_post("/internal/v1/sessions/{id}/participants", self._participants)
        served.router.add_get("/internal/v1/ownership", self._ownership)
        served.router.add_get("/internal/v1/balance", self._balance)
        served.router.add_get("/internal/v1/users/{id}/plan", self._plan)
        served.router.add_get("/internal/v1/users/{id}", self._user)
        return served

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [rsa_jwk("tests", _KEY.public_key())]})

    async def _master(self, request: web.Request) -> web.Response:
        found = self.masters.get(request.match_info["id"])
        return self._answer(request, found, missing="MASTER_NOT_FOUND")

    async def _change(self, request: web.Request) -> web.Response:
        master_id, verb = request.match_info["id"], request.match_info["verb"]
        mischief = self.mischief.get((master_id, verb), "")
        if mischief == "away":
            self.asked.append(f"{verb} {master_id}")
            return web.json_response({"error": {"code": "SERVICE_UNAVAILABLE", "message": "away"}}, status=503)
        body = await request.json()
        master = self.masters[master_id]
        is_taken = mischief != "refused" and self._moved(master, verb, body)
        self.asked.append(f"{verb} {master_id}")
        if not is_taken:
            return web.json_response({"error": {"code": "INVALID_STATE", "message": "no"}}, status=409)
        if mischief == "lost":
            return web.json_response({"error": {"code": "SERVICE_UNAVAILABLE", "message": "lost"}}, status=503)
        return web.json_response({"data": master})

    def _moved(self, master: dict[str, Any], verb: str, body: dict[str, Any]) -> bool:
        """Do as nft-service does: conditional on the session that asks, and twice is once."""
        session_id = body["sessionId"]
        if body["artistId"] != master["artistId"]:
            return False
        is_ours = master["vstudioSessionId"] == session_id
        match verb:
            case "session-opened":
                if master["status"] == "DRAFT":
                    master |= {"status": "IN_VSTUDIO", "vstudioSessionId": session_id}
                    return True
                return is_ours and master["status"] == "IN_VSTUDIO"
            case "unlock":
                if is_ours and master["status"] == "IN_VSTUDIO":
                    master |= {"status": "DRAFT", "vstudioSessionId": None}
                return master["status"] == "DRAFT"
            case _:
                if is_ours and master["status"] == "IN_VSTUDIO":
                    master["status"] = "LOCKED"
                    self.locked.setdefault(session_id, []).append(body["decisions"])
                return is_ours and master["status"] == "LOCKED"

    async def _participants(self, request: web.Request) -> web.Response:
        self.took_part[request.match_info["id"]] = (await request.json())["userIds"]
        return web.Response(status=204)

    async def _ownership(self, request: web.Request) -> web.Response:
        whose = request.query.get("masterId") or request.query["artistId"]
        return self._answer(request, {"count": self.shares.get((request.query["userId"], whose), 0), "tokenIds": []})

    async def _balance(self, request: web.Request) -> web.Response:
        none = {"balance": "0", "staked": "0", "bestMultiplierMilli": 1000}
        return self._answer(request, self.coins.get(request.query["userId"], none))

    async def _plan(self, request: web.Request) -> web.Response:
        plan = self.plans.get(request.match_info["id"], "FREE")
        limits = {"sessions": 1, "decisionsPerSession": 1} if plan == "FREE" else {}
        return self._answer(request, {"plan": plan, "status": "ACTIVE", "limits": limits})

    async def _user(self, request: web.Request) -> web.Response:
        roles = ["USER", *(["PRODUCER"] if request.match_info["id"] in self.producers else [])]
        return self._answer(request, {"id": request.match_info["id"], "roles": roles})

    def _answer(self, request: web.Request, data: Any, *, missing: str = "NOT_FOUND") -> web.Response:
        assert request.headers[headers.INTERNAL_TOKEN], "services prove who they are"
        self.asked.append(request.path_qs)
        if self.is_away:
            return web.json_response({"error": {"code": "SERVICE_UNAVAILABLE", "message": "away"}}, status=503)
        if data is None:
            return web.json_response({"error": {"code": missing, "message": "none"}}, status=404)
        return web.json_response({"data": data})


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

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
        return str(self.json["error"]["code"])


@dataclass
class World:
    """One pod without its loops, and its neighbours."""

    built: Service
    application: Any
    handlers: dict[str, Handler]
    clock: MovableClock
    neighbours: Neighbours

    @property
    def parts(self) -> Parts:
        return self.built.kernel.deps

    def someone(self, *roles: str) -> "Person":
        return Person(self, str(new_id()), ("USER", *roles))

    def artist(self, plan: str = "PRO") -> "Person":
        person = self.someone("ARTIST")
        self.neighbours.plans[person.user_id] = plan
        return person

    def master(self, artist: "Person", status: str = "DRAFT") -> str:
        master_id = str(new_id())
        self.neighbours.masters[master_id] = {
            "id": master_id, "artistId": artist.user_id, "status": status, "vstudioSessionId": None,
        }  # fmt: skip
        return master_id

    async def close_due(self) -> None:
        """Do what the timer does, until nothing is due."""
        while await deciding.close_due(self.parts):
            pass

    async def carry_out(self) -> None:
        """Do what the loop of wishes does, once, whenever they are due."""
        await self.execute("UPDATE vstudio.sessions SET wish_due_at = now() - interval '1 day' WHERE wish IS NOT NULL")
        await wishes.carry_out_due(self.parts)

    async def hears(self, data: EventData) -> None:
        """Deliver an event of another service."""
        event = envelope(data, event_id=uuid4(), producer="tests", aggregate_id="x", request_id="", traceparent="")
        async with self.parts.database.transaction() as tx:
            await self.handlers[event.type](tx, event)

    async def said(self, kind: str, about: str) -> list[dict[str, Any]]:
        """Return what waits in the outbox of this type and about this id."""
        rows = await self.rows("SELECT payload FROM outbox ORDER BY position")
        events = [msgspec.json.decode(row["payload"]) for row in rows]
        return [each["data"] for each in events if each["type"] == kind and about in each["data"].values()]

    async def live(self, session_id: str) -> list[dict[str, Any]]:
        """Return a session's live events, whose numbers have no gap."""
        query = "SELECT seq, body FROM vstudio.live_events WHERE session_id = $1 ORDER BY seq"
        rows = await self.rows(query, session_id)
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        return [json.loads(row["body"]) for row in rows]

    async def vote(
        self, decision_id: str, choice: str, *, weight_milli: int = 1000, user_id: str | None = None
    ) -> None:
        """Write a vote, as the path of votes does."""
        await self.execute(
            """INSERT INTO vstudio.votes (id, decision_id, session_id, user_id, choice, weight_milli)
               SELECT $1, id, session_id, $3, $4, $5 FROM vstudio.decisions WHERE id = $2""",
            str(new_id()), decision_id, user_id or str(new_id()), choice, weight_milli,
        )  # fmt: skip

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        async with self.parts.database.read_primary() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def execute(self, statement: str, *arguments: Any) -> None:
        async with self.parts.database.transaction() as tx:
            await tx.execute(statement, *arguments)


HOOK = {"type": "BINARY", "question": "Which hook?", "options": [{"label": "A"}, {"label": "B"}]}


@dataclass
class Person:
    """Somebody with a browser."""

    world: World
    user_id: str
    roles: tuple[str, ...]

    async def get(self, path: str) -> Answer:
        return await self.send("GET", path)

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        return await self.send("POST", path, body, key)

    async def patch(self, path: str, body: Any) -> Answer:
        return await self.send("PATCH", path, body)

    async def plans(self, **more: Any) -> Any:
        """Plan a session around a new draft."""
        body = {"masterId": self.world.master(self), "title": "Electric Dreams", **more}
        answer = await self.post("/vstudio/sessions", body)
        assert answer.status == 201, answer.body
        return answer.data

    async def goes_live(self, **more: Any) -> Any:
        """Plan a session with one decision, and start it."""
        session = await self.plans(**{"decisions": [HOOK], **more})
        started = await self.post(f"/vstudio/sessions/{session['id']}/start")
        assert started.status == 200, started.body
        return started.data

    async def does(self, verb: str, decision: Any, body: Any = None) -> Any:
        """Take a decision one step on."""
        if verb == "finalize" and body is None:
            body = {}
        answer = await self.post(f"/vstudio/sessions/{decision['sessionId']}/decisions/{decision['id']}/{verb}", body)
        return answer.data

    async def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        head = {"authorization": f"Bearer {await self._token()}", **({"idempotency-key": key} if key else {})}
        return await sent(self.world, method, path, body, head)

    async def _token(self) -> str:
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


async def sent(world: World, method: str, path: str, body: Any, head: Mapping[str, str]) -> Answer:
    """Make one request; every one comes from an address of its own."""
    data = b"" if body is None else msgspec.json.encode(body)
    number = next(_addresses)
    named = {
        "user-agent": "Test/1.0",
        "x-forwarded-for": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        **({"content-type": "application/json", "content-length": str(len(data))} if data else {}),
        **{name.lower(): value for name, value in head.items()},
    }
    raw_path, _, query = path.partition("?")
    scope = {
        "type": "http", "method": method, "path": raw_path, "raw_path": raw_path.encode(),
        "query_string": query.encode(), "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
    }  # fmt: skip
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    await world.application(scope, receive, send)
    return Answer(answered[0]["status"], b"".join(message.get("body", b"") for message in answered[1:]))
