"""Drive auth-service's application in this process, over real stores, as one of many clients.

Between: tests of this folder, kernel.http (the ASGI application), the stores fixture.
Shape: a Client is one browser: an address, a user agent, cookies, perhaps an access token.
Why in process: a test decides the time, the address of each client, and may run the mail relay step by step.
"""

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.support.clock import MovableClock

from audifi.kernel.encoding import base64url
from audifi.kernel.internal import InternalTokens
from audifi.kernel.queue import Queue
from audifi.kernel.server import Service
from audifi.services.auth.parts import Parts
from audifi.services.auth.settings import AuthSettings
from audifi.wire import channels

_caller_key = Ed25519PrivateKey.from_private_bytes(bytes(32))
_public = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "nft-service",
    "x": base64url(_caller_key.public_key().public_bytes_raw()),
}
CALLER = InternalTokens(
    service="nft-service",
    signing_key_jwk=msgspec.json.encode({**_public, "d": base64url(_caller_key.private_bytes_raw())}).decode(),
    caller_keys_jwks='{"keys": []}',
)
CALLER_KEYS = msgspec.json.encode({"keys": [_public]}).decode()
_addresses = itertools.count(int.from_bytes(os.urandom(2), "big") << 8)
_names = itertools.count(1)
_LINK = r"{path}\?token=([A-Za-z0-9_-]+)"


@dataclass
class Mailbox:
    """What the SMTP stand-in took, and how it behaves."""

    mails: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    answer: str | None = None  # e.g. "550 no": refuse every mail

    def of(self, address: str) -> list[dict[str, str]]:
        return [mail for mail in self.mails if mail["to"] == address.lower()]

    def last_token(self, address: str, path: str = "/auth/verify") -> str:
        link = re.compile(_LINK.format(path=path))
        found = [match[1] for mail in self.of(address) if (match := link.search(mail["text"]))]
        assert found, f"no mail with a link for {address}; subjects: {[mail['subject'] for mail in self.of(address)]}"
        return found[-1]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    head: Sequence[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body) if self.body else None

    @property
    def data(self) -> Any:
        return self.json["data"]

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.head if key == name.lower()), None)

    @property
    def cookies(self) -> list[str]:
        return [value for key, value in self.head if key == "set-cookie"]


class World:
    """The running service with its stores, clock and mailbox."""

    def __init__(self, service: Service, application: Any, clock: MovableClock, mailbox: Mailbox, queue: Queue) -> None:
        self.service = service
        self.application = application
        self.clock = clock
        self.mailbox = mailbox
        self.queue = queue

    @property
    def parts(self) -> Parts:
        parts: Parts = self.service.kernel.deps
        return parts

    @property
    def settings(self) -> AuthSettings:
        return self.parts.settings

    def client(self) -> "Client":
        number = next(_addresses)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return Client(self, address)

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Look into the database."""
        async with self.parts.database.read_primary() as connection:
            return list(await connection.fetch(query, *arguments))

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Change the database behind the service's back."""
        async with self.parts.database.transaction() as tx:
            await tx.execute(statement, *arguments)

    async def forget_limits(self, email: str) -> None:
        """Forget the links this person asked for: Redis counts by its own clock, which no test moves."""
        await self.parts.cache.delete(channels.rate_limit("value", email.lower(), "magic-link-email"))
        await self.parts.cache.delete(channels.rate_limit("all", "all", "magic-link-all"))

    async def deliver(self) -> None:
        """Send every promised mail now."""
        while await self.parts.postman.deliver_due():
            pass

    async def sign_in(self, email: str | None = None) -> "Client":
        """Return a browser that is signed in."""
        client = self.client()
        email = email or new_email()
        await self.forget_limits(email)
        asked = await client.post("/auth/magic-link", {"email": email})
        assert asked.status == 200, asked.body
        await self.deliver()
        answer = await client.post("/auth/verify-magic-link", {"token": self.mailbox.last_token(email)})
        assert answer.status == 200, answer.body
        client.took(answer)
        return client


def new_email() -> str:
    return f"person-{next(_names)}-{datetime.now(UTC).timestamp():.6f}@example.org".replace(".", "-", 1)


class Client:
    """One browser."""

    def __init__(self, world: World, address: str) -> None:
        self.world = world
        self.address = address
        self.agent = "Test/1.0"
        self.cookies: dict[str, str] = {}
        self.token: str | None = None
        self.csrf: str | None = None
        self.user: dict[str, Any] = {}

    def took(self, answer: Answer) -> None:
        """Keep the tokens of a token answer."""
        self.token = answer.json["accessToken"]
        self.csrf = answer.json.get("csrfToken", self.csrf)
        self.user = answer.json["user"]

    def moved(self) -> "Client":
        """The same person and tokens at another address: keeps tests out of each other's limits."""
        other = self.world.client()
        other.cookies, other.token, other.csrf, other.user = dict(self.cookies), self.token, self.csrf, self.user
        return other

    async def get(self, path: str, **head: str) -> Answer:
        return await self.send("GET", path, None, **head)

    async def post(self, path: str, body: Any = None, **head: str) -> Answer:
        return await self.send("POST", path, body, **head)

    async def delete(self, path: str, **head: str) -> Answer:
        return await self.send("DELETE", path, None, **head)

    async def refresh(self, **head: str) -> Answer:
        given = {"origin": self.world.settings.app_origin, "x_csrf_token": self.csrf or "", **head}
        bare = self.moved()
        bare.token = None
        answer = await bare.post("/auth/refresh", {}, **given)
        if answer.status == 200:
            self.cookies = bare.cookies
            self.took(answer)
        return answer

    async def send(self, method: str, path: str, body: Any, **head: str) -> Answer:
        data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        answer = await _exchanged(self.world.application, self._scope(method, path, data, head), data)
        self._keep(answer)
        return answer

    def _scope(self, method: str, path: str, data: bytes, head: dict[str, str]) -> dict[str, Any]:
        raw_path, _, query = path.partition("?")
        named = {"user-agent": self.agent, "x-forwarded-for": self.address}
        if data:
            named |= {"content-type": "application/json", "content-length": str(len(data))}
        if self.token:
            named["authorization"] = f"Bearer {self.token}"
        if self.cookies:
            named["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        named |= {name.replace("_", "-"): value for name, value in head.items()}
        return {
            "type": "http",
            "method": method,
            "path": raw_path,
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items() if value],
            "client": ("127.0.0.1", 1),
            "http_version": "1.1",
            "scheme": "http",
        }

    def _keep(self, answer: Answer) -> None:
        for line in answer.cookies:
            jar: SimpleCookie = SimpleCookie(line)
            for name, morsel in jar.items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


async def _exchanged(application: Any, scope: dict[str, Any], data: bytes) -> Answer:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    head = [(name.decode(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    return Answer(sent[0]["status"], head, b"".join(message.get("body", b"") for message in sent[1:]))
