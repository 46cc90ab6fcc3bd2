"""Run nft-service in this process over real stores, and stand for its neighbours: auth, payment, the worker.

Between: tests of this folder and the `stores` fixture.
Shape: `wanted` is what the service asked of chains since the last look, `settle` says what became of it, as the queue
would deliver it; a Person is somebody signed in with a browser of their own.
Why no chain here: a test decides when, how often and in which order the worker answers. tests/component/chain and
/contracts have real ones.
"""

import itertools
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from tests.support.clock import MovableClock

from audifi.clients.chain.mirroring.messages import Batch
from audifi.kernel.encoding import base64url
from audifi.kernel.http import application
from audifi.kernel.identity import Claims, Mfa
from audifi.kernel.internal import InternalTokens
from audifi.kernel.jwks import rsa_jwk
from audifi.kernel.server import Service
from audifi.kernel.sessions import SessionRecord
from audifi.services.nft import consumers
from audifi.services.nft.parts import Parts
from audifi.services.nft.routes import OPERATIONS
from audifi.services.nft.store import masters
from audifi.services.nft.store.masters import Description
from audifi.wire.events import EventData, envelope
from audifi.wire.events.chain import ChainSettled, ChainWanted, ContentPinned

CHAIN: Final = 137
KID: Final = "test"
DEPLOYS: Final = ("deploy_market", "deploy_master", "deploy_dividend")
TERMS: Final = {
    "totalShares": 1000, "artistReserve": 900, "priceWei": "500000000000000000", "currency": "MATIC",
    "chainId": CHAIN, "holdersBps": 4000,
}  # fmt: skip
_key = generate_private_key(65537, 2048)
_addresses = itertools.count(int.from_bytes(uuid4().bytes[:2], "big") << 8)
_blocks = itertools.count(1000)
_caller_key = Ed25519PrivateKey.from_private_bytes(bytes(32))
_public = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "vstudio-service",
    "x": base64url(_caller_key.public_key().public_bytes_raw()),
}
CALLER: Final = InternalTokens(
    service="vstudio-service",
    signing_key_jwk=msgspec.json.encode({**_public, "d": base64url(_caller_key.private_bytes_raw())}).decode(),
    caller_keys_jwks='{"keys": []}',
)
CALLER_KEYS: Final = msgspec.json.encode({"keys": [_public]}).decode()


def address(number: int) -> str:
    """Return an address nobody else has."""
    return f"0x{uuid4().hex}{number:08x}"


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
        assert self.status < 400, self.body
        return self.json["data"]

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    @property
    def details(self) -> Any:
        return self.json["error"]["details"]


@dataclass
class Neighbours:
    """What auth-service and payment-service say of everybody, unless a test says otherwise of somebody."""

    plans: dict[str, dict[str, int | None]] = field(default_factory=dict[str, dict[str, int | None]])
    missing: dict[str, list[dict[str, str]]] = field(default_factory=dict[str, list[dict[str, str]]])
    wallets: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    is_away: bool = False

    def application(self) -> web.Application:
        served = web.Application()
        served.router.add_get("/.well-known/jwks.json", self._keys)
        served.router.add_get("/internal/v1/users/{id}/plan", self._plan)
        served.router.add_get("/internal/v1/users/{id}/consents", self._consents)
        served.router.add_get("/internal/v1/users/{id}/wallets", self._wallets)
        served.router.add_get("/internal/v1/users/{id}/artist", self._artist)
        return served

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [rsa_jwk(KID, _key.public_key())]})

    async def _plan(self, request: web.Request) -> web.Response:
        limits = self.plans.get(request.match_info["id"], {"masters": None, "iposPerMonth": None})
        return self._say({"plan": "PRO", "status": "ACTIVE", "limits": limits})

    async def _consents(self, request: web.Request) -> web.Response:
        missing = self.missing.get(request.match_info["id"], [])
        return self._say({"hasAllRequired": not missing, "missing": missing})

    async def _wallets(self, request: web.Request) -> web.Response:
        user_id = request.match_info["id"]
        return self._say(self.wallets.get(user_id, [wallet("0x" + user_id.replace("-", "") + "abcdef01")]))

    async def _artist(self, _request: web.Request) -> web.Response:
        return self._say({"artistName": "Alex Rivera", "slug": "alex-rivera"})

    def _say(self, data: Any) -> web.Response:
        return web.Response(status=503) if self.is_away else web.json_response({"data": data})


def wallet(address: str, *, enabled_in: timedelta = timedelta(), is_primary: bool = True) -> dict[str, Any]:
    """Return a wallet as auth-service shows it."""
    at = (datetime.now(UTC) + enabled_in).isoformat().replace("+00:00", "Z")
    return {"address": address, "chainId": 1, "isPrimary": is_primary, "label": None, "verifiedAt": at,
            "payoutEnabledAt": at}  # fmt: skip


class World:
    """The running service and everybody around it."""

    def __init__(self, service: Service, clock: MovableClock, neighbours: Neighbours) -> None:
        self.service = service
        self.clock = clock
        self.neighbours = neighbours
        self.application = application(OPERATIONS, kernel=service.kernel, title="nft", version="test")
        self.handlers = consumers.handlers(self.parts)

    @property
    def parts(self) -> Parts:
        parts: Parts = self.service.kernel.deps
        return parts

    async def artist(self, *, mfa: Mfa = Mfa.PASSED) -> "Person":
        return await self.person("ARTIST", mfa=mfa)

    async def person(self, *roles: str, mfa: Mfa = Mfa.PASSED) -> "Person":
        """Somebody who is signed in."""
        user_id, session_id, now = str(uuid4()), str(uuid4()), int(time.time())
        held = ("USER", *roles)
        record = SessionRecord(user_id=user_id, roles=held, mfa=mfa, created_s=now, expires_s=now + 900, plan="PRO")
        await self.parts.sessions.put(session_id, record, ttl_s=900)
        settings = self.parts.settings
        claims = Claims(
            iss=settings.token_issuer, aud=settings.token_audience, sub=user_id, sid=session_id, jti=str(uuid4()),
            iat=now, exp=now + 86_400, roles=held, mfa=mfa,
        )  # fmt: skip
        head = base64url(msgspec.json.encode({"alg": "RS256", "kid": KID, "typ": "JWT"}))
        signed = f"{head}.{base64url(msgspec.json.encode(claims))}"
        token = f"{signed}.{base64url(_key.sign(signed.encode(), PKCS1v15(), SHA256()))}"
        return Person(self, user_id, {"authorization": f"Bearer {token}"})

    def guest(self) -> "Person":
        return Person(self, "", {})

    def studio(self) -> "Person":
        """V Studio, calling over the internal routes."""
        return Person(self, "", {"x-internal-token": CALLER.mint("nft-service")})

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Look into the database."""
        async with self.parts.database.read_primary() as connection:
            return list(await connection.fetch(query, *arguments))

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Change the database behind the service's back."""
        async with self.parts.database.transaction() as tx:
            await tx.execute(statement, *arguments)

    async def locked_master(self, person: "Person", **terms: Any) -> str:
        """A master that could be launched now, and its drafted offer."""
        master_id = str(uuid4())
        now = self.clock.now()
        said = Description(title="Midnight Pulse", type="TRACK", genre="Deep House", bpm=124)
        cids = await self.pinned_content(2)
        async with self.parts.database.transaction() as tx:
            await masters.insert(tx, master_id, person.user_id, said, now)
            await masters.set_content(
                tx, master_id, audio_cid=cids[0], cover_cid=cids[1], metadata_cid=cids[1], now=now
            )
            await masters.confirm_rights(tx, master_id, now)
            await masters.move(tx, master_id, ("DRAFT",), "LOCKED", now)
        answer = await person.post(f"/masters/{master_id}/ipo", {**TERMS, **terms})
        assert answer.status == 201, answer.body
        return master_id

    async def pinned_content(self, count: int) -> list[str]:
        found = [await self.parts.shelf.add(uuid4().bytes, name="test") for _ in range(count)]
        for each in found:
            await self.execute(
                "INSERT INTO nft.contents VALUES ($1, $2, $3, 'audio/wav', now(), now())",
                each.cid, each.sha256, each.size_bytes,
            )  # fmt: skip
        return [each.cid for each in found]

    async def deliver(self, data: EventData) -> None:
        """Handle an event as the consumer does, in one transaction."""
        said = envelope(
            data, event_id=uuid4(), producer="worker", aggregate_id="test", request_id="", traceparent="",
            occurred_at=self.clock.now(),
        )  # fmt: skip
        async with self.parts.database.transaction() as tx:
            await self.handlers[said.type](tx, said)

    async def wanted(self) -> list[ChainWanted]:
        """Take what was asked of chains since the last look."""
        return [msgspec.convert(each, ChainWanted) for each in await self.told("chain.wanted")]

    async def told(self, event_type: str, master_id: str | None = None) -> list[dict[str, Any]]:
        """Take what was said of this type since the last look."""
        async with self.parts.database.transaction() as tx:
            rows = await tx.fetch(
                """DELETE FROM outbox WHERE convert_from(payload, 'UTF8')::jsonb ->> 'type' = $1
                      AND ($2::text IS NULL OR convert_from(payload, 'UTF8')::jsonb ->> 'aggregateId' = $2)
                   RETURNING position, payload""",
                event_type,
                master_id,
            )
        return [msgspec.json.decode(bytes(row["payload"]))["data"] for row in sorted(rows, key=lambda r: r["position"])]

    async def settle(self, asked: Iterable[ChainWanted], state: str = "CONFIRMED", error: str | None = None) -> None:
        """Say what became of commands."""
        for each in asked:
            await self.deliver(self.settled(each, state, error))

    def settled(self, asked: ChainWanted, state: str = "CONFIRMED", error: str | None = None) -> ChainSettled:
        is_mined = state in ("CONFIRMED", "FINAL")
        is_deploy = msgspec.to_builtins(asked.command)["call"] in DEPLOYS
        return ChainSettled(
            key=asked.key,
            chain_id=asked.chain_id,
            state=state,
            tx_hash="0x" + uuid4().hex * 2 if is_mined else None,
            block_number=next(_blocks) if is_mined else None,
            contract=address(1).upper().replace("0X", "0x") if is_mined and is_deploy else None,
            error=error,
        )

    async def pin(self, cid: str) -> None:
        await self.deliver(ContentPinned(cid=cid))

    async def mirror_up_to(self, block: int) -> None:
        """Let the indexer bring empty blocks."""
        async with self.parts.database.transaction() as tx:
            known = await self.parts.mirror.watched(tx, CHAIN)
            assert known.checkpoint is not None, "nothing is watched yet"
            if known.checkpoint.block < block:
                place = msgspec.structs.replace(known.checkpoint, block=block, hash="0x" + uuid4().hex * 2)
                batch = Batch(
                    after=known.checkpoint, watches=len(known.addresses), first=known.next_block, checkpoint=place,
                    logs=(),
                )  # fmt: skip
                await self.parts.mirror.apply(tx, CHAIN, batch)

    async def status(self, master_id: str) -> tuple[str, str, str | None]:
        """Return the states of a master, its offer, and the step."""
        [row] = await self.rows(
            """SELECT m.status AS master, i.status AS ipo, i.step FROM nft.masters m
                 JOIN nft.ipos i ON i.master_id = m.id WHERE m.id = $1""",
            master_id,
        )
        return row["master"], row["ipo"], row["step"]

    async def metadata_pinned(self, master_id: str) -> None:
        """Let the worker pin the document the shares will point at."""
        [row] = await self.rows("SELECT metadata_cid FROM nft.masters WHERE id = $1", master_id)
        await self.pin(row["metadata_cid"])

    async def work(self, master_id: str, state: str = "CONFIRMED") -> list[str]:
        """Be the worker until nothing is asked any more; return what was done, in order."""
        done: list[str] = []
        await self.metadata_pinned(master_id)
        while asked := await self.wanted():
            done += [msgspec.to_builtins(each.command)["call"] for each in asked]
            await self.settle(asked, state)
        return done


class Person:
    """Somebody with a browser."""

    def __init__(self, world: World, user_id: str, head: dict[str, str]) -> None:
        self.world = world
        self.user_id = user_id
        self.head = head

    async def get(self, path: str) -> Answer:
        return await self.send("GET", path)

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        return await self.send("POST", path, body, key=key)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.send("PUT", path, body)

    async def launch(self, master_id: str) -> Answer:
        return await self.post(f"/masters/{master_id}/ipo/launch", key=uuid4().hex)

    async def send(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        data = b"" if body is None else msgspec.json.encode(body)
        head = {"content-type": "application/json", "content-length": str(len(data))} if data else {}
        if key is not None:
            head["idempotency-key"] = key
        return await self.stream(method, path, _once(data), head)

    async def upload(self, path: str, pieces: AsyncIterator[bytes | None], boundary: str) -> Answer:
        """Send a form; None cuts the connection."""
        return await self.stream("POST", path, pieces, {"content-type": f"multipart/form-data; boundary={boundary}"})

    async def stream(self, method: str, path: str, pieces: AsyncIterator[bytes | None], head: dict[str, str]) -> Answer:
        raw_path, _, query = path.partition("?")
        number = next(_addresses)
        named = {**self.head, **head, "x-forwarded-for": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
        scope = {
            "type": "http", "method": method, "path": raw_path, "raw_path": raw_path.encode(),
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        }  # fmt: skip
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            async for piece in pieces:
                if piece is None:
                    return {"type": "http.disconnect"}
                return {"type": "http.request", "body": piece, "more_body": True}
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.world.application(scope, receive, send)
        if not sent:
            return Answer(499, b"")
        return Answer(sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]))


async def _once(data: bytes) -> AsyncIterator[bytes | None]:
    yield data


def calls(asked: Sequence[ChainWanted]) -> list[str]:
    """Return the names of commands."""
    return [msgspec.to_builtins(each.command)["call"] for each in asked]
