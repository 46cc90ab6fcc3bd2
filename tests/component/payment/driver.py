"""Drive payment-service in this process: real stores, a real Stripe stand-in, and this file in nft-service's place.

Between: the tests here, the `stores` fixture, tests.support.stripe.
Shape: webhooks come over a socket and are handed to the application; `settle` relays, consumes and does errands until
nothing is left to do. A test decides when, and in which order.
Why in process: a test moves both clocks, counts what nft-service was told, and dies between two lines.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from tests.support.clock import MovableClock
from tests.support.stripe import StandIn

from audifi.kernel.clock import iso
from audifi.kernel.encoding import base64url
from audifi.kernel.http import application
from audifi.kernel.identity import Claims, Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.internal import InternalTokens
from audifi.kernel.jwks import rsa_jwk
from audifi.kernel.outbox import Relay
from audifi.kernel.queue import Consumer
from audifi.kernel.sessions import SessionRecord, Sessions
from audifi.local import knobs
from audifi.local.waiting import NotReady, wait_for
from audifi.services.payment import consumers
from audifi.services.payment.app import Stores, service
from audifi.services.payment.parts import Parts
from audifi.services.payment.routes import OPERATIONS
from audifi.services.payment.sagas import working
from audifi.services.payment.settings import PaymentSettings
from audifi.wire.headers import INTERNAL_TOKEN

KID: Final = "test"
ETHER: Final = 10**18
_key = generate_private_key(65537, 2048)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    head: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def data(self) -> Any:
        return self.json["data"]

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass
class Neighbours:
    """What nft-service says of purchases, and what it was told; the keys of auth-service."""

    purchases: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    paid: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    refunded: list[str] = field(default_factory=list[str])
    is_down: bool = False

    def application(self) -> web.Application:
        served = web.Application()
        served.router.add_get("/.well-known/jwks.json", self._keys)
        served.router.add_get("/internal/v1/purchases/{id}", self._find)
        served.router.add_post("/internal/v1/purchases/{id}/paid", self._paid)
        served.router.add_post("/internal/v1/purchases/{id}/refunded", self._refunded)
        return served

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [rsa_jwk(KID, _key.public_key())]})

    async def _find(self, request: web.Request) -> web.Response:
        found = self.purchases.get(request.match_info["id"])
        if self.is_down:
            return web.Response(status=503)
        if found is None:
            return web.json_response({"error": {"code": "NOT_FOUND", "message": "no"}}, status=404)
        return web.json_response({"data": found})

    async def _paid(self, request: web.Request) -> web.Response:
        if self.is_down:
            return web.Response(status=503)
        found = self.purchases[request.match_info["id"]]
        body = await request.json()
        self.paid.append((found["id"], body))
        taken = found["status"] == "RESERVED" or found.get("paymentId") == body["paymentId"]
        if found["status"] == "RESERVED":
            found |= {"status": "PAID", "paymentId": body["paymentId"]}
        elif not taken:
            found["status"] = "REFUND_DUE"
        return web.json_response({"data": {**found, "refundDue": not taken}})

    async def _refunded(self, request: web.Request) -> web.Response:
        self.refunded.append(request.match_info["id"])
        return web.json_response({"data": self.purchases[request.match_info["id"]]})


class World:
    """The running service, Stripe and nft-service."""

    def __init__(
        self, settings: PaymentSettings, stores: Stores, stripe: StandIn, neighbours: Neighbours, nft: InternalTokens
    ) -> None:
        self.clock = MovableClock()
        self.stores = stores
        self.stripe = stripe
        self.neighbours = neighbours
        built = service(settings, stores, clock=self.clock)
        self.application = application(OPERATIONS, kernel=built.kernel, title="payment", version="test")
        self.parts: Parts = built.kernel.deps
        self._relay = Relay(stores.database, stores.queue)
        self._consumer = Consumer(
            stores.queue, stores.database, group=f"payment-test-{new_id()}", handlers=consumers.handlers(self.parts)
        )
        self._nft = nft
        self.before_webhook: Callable[[bytes], None] = lambda _: None

    async def start(self) -> None:
        await self._consumer.create_groups()

    async def person(self, mfa: Mfa = Mfa.NONE) -> "Person":
        """Somebody who is signed in."""
        user_id, session_id, now = str(new_id()), str(new_id()), int(time.time())
        record = SessionRecord(
            user_id=user_id, roles=("USER",), mfa=mfa, created_s=now, expires_s=now + 900, plan="FREE"
        )
        await Sessions(self.stores.cache).put(session_id, record, ttl_s=900)
        return Person(self, user_id, session_id, mfa)

    def token(self, user_id: str, session_id: str, mfa: Mfa) -> str:
        settings, now = self.parts.settings, int(self.clock.now_s())
        claims = Claims(
            iss=settings.token_issuer, aud=settings.token_audience, sub=user_id, sid=session_id, jti=str(new_id()),
            iat=now, exp=now + 900, roles=("USER",), mfa=mfa,
        )  # fmt: skip
        head = base64url(msgspec.json.encode({"alg": "RS256", "kid": KID, "typ": "JWT"}))
        signed = f"{head}.{base64url(msgspec.json.encode(claims))}"
        return f"{signed}.{base64url(_key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    def purchase(self, buyer: "Person", *, wei: int = ETHER // 20, minutes: float = 30, **more: Any) -> str:
        """Reserve shares at nft-service."""
        purchase_id = str(new_id())
        expires_at = self.clock.now() + timedelta(minutes=minutes)
        self.neighbours.purchases[purchase_id] = {
            "id": purchase_id, "status": "RESERVED", "totalWei": str(wei), "currency": "ETH", "chainId": 8453,
            "userId": buyer.id, "expiresAt": iso(expires_at), "quantity": 1, "masterId": str(new_id()),
            "paymentMethod": "STRIPE", **more,
        }  # fmt: skip
        return purchase_id

    async def internal(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask as nft-service does."""
        token = self._nft.mint("payment-service")
        return await self.send(method, path, body, {INTERNAL_TOKEN.lower(): token})

    async def webhook(self, payload: bytes, signature: str, *, address: str = "10.9.9.9") -> Answer:
        head = {"stripe-signature": signature, "x-forwarded-for": address}
        return await self.send("POST", "/webhooks/stripe", payload, head)

    async def send(self, method: str, path: str, body: Any, head: dict[str, str]) -> Answer:
        """One request to the application."""
        data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        raw_path, _, query = path.partition("?")
        named = {"user-agent": "Test/1.0", "content-length": str(len(data)), **head}
        if data:
            named["content-type"] = "application/json"
        scope = {
            "type": "http", "method": method, "path": raw_path, "raw_path": raw_path.encode(),
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        }  # fmt: skip
        return await _exchanged(self.application, scope, data)

    async def take_webhook(self, request: web.Request) -> web.Response:
        """Hand what Stripe sends over its socket to the application."""
        payload = await request.read()
        self.before_webhook(payload)
        answer = await self.webhook(payload, request.headers.get("Stripe-Signature", ""), address=_somewhere())
        return web.Response(status=answer.status, body=answer.body)

    async def delivered(self) -> None:
        """Wait until Stripe has nothing left to deliver."""

        async def probe() -> None:
            waiting = await knobs.webhooks_waiting(self.stripe.control)
            if waiting:
                raise NotReady(f"{waiting} webhooks wait")

        await wait_for(probe, within_s=30, saying="every webhook is delivered", every_s=0.02)

    async def settle(self) -> None:
        """Do everything there is to do, until there is nothing."""
        await self.delivered()
        while await self.step() or await knobs.webhooks_waiting(self.stripe.control):
            await self.delivered()

    async def step(self) -> int:
        """Relay, consume, run errands, try again: one round of what the loops of a pod do."""
        moved = await self._relay.step()
        moved += await self._consumer.step(0.01)
        moved += await working.do_errands(self.parts)
        return moved + await working.apply_due(self.parts)

    async def advance(self, **parts: float) -> None:
        """Let time pass here and at Stripe."""
        ahead = timedelta(**parts)
        self.clock.ahead += ahead
        await knobs.advance(self.stripe.control, ahead.total_seconds())

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        async with self.parts.database.read_primary() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def execute(self, statement: str, *arguments: Any) -> None:
        async with self.parts.database.transaction() as tx:
            await tx.execute(statement, *arguments)

    async def said(self, kind: str, about: str) -> list[Any]:
        """Events of this type on the queue that name this user, payment or purchase."""
        entries = await self.stores.queue.client.xrange(f"events:{kind.partition('.')[0]}")
        events = [msgspec.json.decode(each[b"event"]) for _, each in entries]
        return [each["data"] for each in events if each["type"] == kind and about in each["data"].values()]

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock.ahead


class Person:
    """Somebody with a token."""

    def __init__(self, world: World, user_id: str, session_id: str, mfa: Mfa) -> None:
        self.world = world
        self.id = user_id
        self._session_id = session_id
        self._mfa = mfa

    async def get(self, path: str) -> Answer:
        return await self._send("GET", path, None)

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        return await self._send("POST", path, body, key)

    async def patch(self, path: str, body: Any) -> Answer:
        return await self._send("PATCH", path, body)

    async def checkout(self, *, key: str | None = None, **body: Any) -> Answer:
        return await self.post("/payments/checkout", body, key=key or str(new_id()))

    async def subscribed(self, plan: str = "PRO", interval: str = "MONTHLY", *, card: str = "4242424242424242") -> None:
        """Subscribe on the hosted page, and let everything come of it."""
        page = await self.checkout(kind="SUBSCRIPTION", plan=plan, interval=interval)
        assert page.status == 201, page.body
        status, told = await self.world.stripe.pay(page.data["url"], card)
        assert status == 200, told
        await self.world.settle()

    async def subscription(self) -> Any:
        answer = await self.get("/subscriptions")
        assert answer.status == 200, answer.body
        return answer.data

    async def _send(self, method: str, path: str, body: Any, key: str | None = None) -> Answer:
        token = self.world.token(self.id, self._session_id, self._mfa)
        head = {"authorization": f"Bearer {token}", "x-forwarded-for": _somewhere()}
        if key is not None:
            head["idempotency-key"] = key
        return await self.world.send(method, path, body, head)


def _somewhere() -> str:
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def _exchanged(called: Any, scope: dict[str, Any], data: bytes) -> Answer:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await called(scope, receive, send)
    head = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], head, b"".join(message.get("body", b"") for message in sent[1:]))
