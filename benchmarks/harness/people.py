"""Make people who can sign in, and the requests they will send.

Between: http_path and a running platform's database.
Shape: people are rows in auth.users; a link is a row in auth.magic_link_tokens whose token we know. Requests are whole
HTTP/1.1 texts, prepared before the round so that the load generator does nothing but send.
Why rows and not the mail: the benchmark measures the sign-in, not how fast a mailbox is read; a link made here is the
same row that POST /auth/magic-link makes.
Invariant: everyone stays below the platform's own limits: one address makes at most REQUESTS_PER_ADDRESS sign-ins
(domain.md 5.5: 10 per address and hour), one person at most 30 profile reads a minute.
"""

import asyncio
import hashlib
import json
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import aiohttp
import psycopg

REQUESTS_PER_ADDRESS = 8
SEPARATOR = b"\x1e\n"
LINK_LIFE = timedelta(hours=1)
USER_AGENT = "audifi-bench"
AT_ONCE = 16


@dataclass
class People:
    """Everyone the benchmark plays."""

    connection: psycopg.AsyncConnection
    emails: list[str] = field(default_factory=list[str])
    tokens: list[str] = field(default_factory=list[str])  # access tokens, for reads
    _links: int = 0

    async def settle(self, count: int, seed: int) -> None:
        """Insert `count` accounts."""
        now = datetime.now(UTC)
        ids = [uuid.UUID(bytes=hashlib.sha256(f"{seed}/{number}".encode()).digest()[:16]) for number in range(count)]
        self.emails = [f"bench-{each}@example.org" for each in ids]
        users = [(each, email, "Bench", True, now, now) for each, email in zip(ids, self.emails, strict=True)]
        await self._insert("auth.users (id, email, display_name, email_verified, created_at, updated_at)", users)
        await self._insert("auth.user_roles (user_id, role, assigned_at)", [(each, "USER", now) for each in ids])

    async def links(self, count: int) -> list[str]:
        """Issue `count` sign-in links, one person after the other, and return their tokens."""
        now = datetime.now(UTC)
        numbers = range(self._links, self._links + count)
        self._links += count
        tokens = [
            urlsafe_b64encode(hashlib.sha256(f"{self.emails[0]}/{number}".encode()).digest()).rstrip(b"=").decode()
            for number in numbers
        ]
        rows = [
            (hashlib.sha256(token.encode()).digest(), self.emails[number % len(self.emails)], now + LINK_LIFE, now)
            for token, number in zip(tokens, numbers, strict=True)
        ]
        await self._insert("auth.magic_link_tokens (token_hash, email, expires_at, created_at)", rows)
        return tokens

    async def _insert(self, table: LiteralString, rows: Sequence[tuple[object, ...]]) -> None:
        async with (
            self.connection.transaction(),
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY {table} FROM STDIN") as copy,
        ):
            for row in rows:
                await copy.write_row(row)

    async def sign_in(self, url: str, count: int) -> None:
        """Sign `count` people in, through the service itself."""
        waiting = list(enumerate(await self.links(count)))
        self.tokens = []
        async with aiohttp.ClientSession(headers={"User-Agent": USER_AGENT}) as http:

            async def work() -> None:
                while waiting:
                    number, token = waiting.pop()
                    sent = {"X-Forwarded-For": address(number + 9_000_000)}
                    async with http.post(f"{url}/auth/verify-magic-link", json={"token": token}, headers=sent) as reply:
                        body = await reply.read()
                        if reply.status != 200:
                            raise RuntimeError(f"sign-in answered {reply.status}: {body[:300]!r}")
                        self.tokens.append(json.loads(body)["accessToken"])

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))


@asynccontextmanager
async def people(told: dict[str, str]) -> AsyncGenerator[People]:
    """Connect as the service does, through PgBouncer."""
    connection = await psycopg.AsyncConnection.connect(
        told["DATABASE_WRITER_URL"], password=told["DATABASE_PASSWORD"], prepare_threshold=None, autocommit=True
    )
    try:
        yield People(connection)
    finally:
        await connection.close()


def address(number: int) -> str:
    """One of ten million addresses of a private network."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def reads(tokens: Sequence[str], *, prefix: str, host: str) -> list[bytes]:
    """GET /user/profile by each of these people."""
    return [
        (
            f"GET {prefix}/user/profile HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\n"
            f"X-Forwarded-For: {address(number)}\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode()
        for number, token in enumerate(tokens)
    ]


def sign_ins(tokens: Sequence[str], *, prefix: str, host: str, first: int) -> list[bytes]:
    """POST /auth/verify-magic-link with each of these links; `first` keeps addresses apart between rounds."""
    found: list[bytes] = []
    for number, token in enumerate(tokens, start=first):
        body = f'{{"token":"{token}"}}'
        found.append(
            (
                f"POST {prefix}/auth/verify-magic-link HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\n"
                f"Accept: */*\r\nX-Forwarded-For: {address(number // REQUESTS_PER_ADDRESS)}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )
    return found


def prepare(path: Path, requests: Sequence[bytes]) -> Path:
    """Write them for wrk (load/requests.lua)."""
    path.write_bytes(b"".join(each + SEPARATOR for each in requests))
    return path
