"""Play people who use the platform from outside: each from an address of its own, each with a mailbox.

Between: system tests, the SDK (public endpoints only) and the mail stand-in's HTTP interface.
Shape: `Visitors` makes clients; addresses are 127.a.b.c, so that the limits per address count each person apart.
Invariant: nothing here reaches behind the edge but to read mail.
Units: *_s seconds.
"""

import asyncio
import itertools
import json
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
from pyotp.totp import TOTP

from audifi.local.certificates import authority_directory
from audifi.local.console import run
from audifi.local.held import Held
from audifi.local.waiting import NotReady, wait_for
from audifi.sdk import Audifi, RetryPolicy, SignedIn

ONCE = RetryPolicy(attempts=1)  # what a client without our SDK's patience sees
MAIL_WITHIN_S = 15.0
_numbers = itertools.count(os.getpid() % 200 * 254)


def new_address() -> str:
    """A loopback address nobody used in this run."""
    number = next(_numbers)
    return f"127.{10 + number // (254 * 254) % 200}.{1 + number // 254 % 254}.{1 + number % 254}"


def new_email() -> str:
    return f"visitor-{secrets.token_hex(6)}@example.org"


@dataclass
class Visitors:
    """Makes people, and closes their connections at the end."""

    platform: Held
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    used: set[str] = field(default_factory=set[str])

    @property
    def api_url(self) -> str:
        return self.platform.public_url("api")

    @property
    def ca_file(self) -> Path:
        return authority_directory(self.platform.instance.path) / "ca.pem"

    async def guest(self, *, retries: RetryPolicy | None = None, address: str | None = None) -> Audifi:
        """Someone who is not signed in."""
        client = Audifi(self.api_url, ca_file=self.ca_file, retries=retries, local_address=address or new_address())
        return await self.stack.enter_async_context(client)

    async def signed_in(
        self, *, retries: RetryPolicy | None = None, email: str | None = None, address: str | None = None
    ) -> Audifi:
        """Someone who followed the link in the mail."""
        client = await self.guest(retries=retries, address=address)
        address = email or new_email()
        await client.auth.request_link(address)
        outcome = await client.auth.verify(await self.token_for(address))
        assert isinstance(outcome, SignedIn), "a new account has no second factor"
        return client

    async def with_second_factor(self, *, address: str | None = None) -> Audifi:
        """Someone who enrolled an authenticator and showed a code in this session."""
        client = await self.signed_in(address=address)
        enrolment = await client.auth.enrol()
        await client.auth.confirm(TOTP(enrolment.secret).now())
        return client

    async def artist(self) -> Audifi:
        """Someone with an artist's profile and a second factor."""
        client = await self.with_second_factor()
        missing = (await client.consents.check("ARTIST")).missing
        agreed = [{"policyType": each["policyType"], "policyVersion": each["policyVersion"]} for each in missing]
        await client.user.become_artist(f"Artist {secrets.token_hex(4)}", consents=agreed)
        return client

    async def all_powerful(self) -> Audifi:
        """An artist who is an administrator too."""
        client = await self.artist()
        await self.grant(client, "ADMIN")
        return client

    async def grant(self, client: Audifi, role: str) -> None:
        """Give a role as an operator does."""
        told = self.platform.environment("auth-service-1")
        email = (await client.user.profile()).email
        arguments = ["grant", email, role]
        await asyncio.to_thread(run, "audifi.services.auth.console", arguments, told, on_progress=lambda _: None)

    async def token_for(self, email: str) -> str:
        """The token of a link mailed to this address that was not asked for before."""
        token = await wait_for(lambda: self._fresh_token(email), within_s=MAIL_WITHIN_S, saying=f"a link to {email}")
        self.used.add(token)
        return token

    async def _fresh_token(self, email: str) -> str:
        url = f"http://127.0.0.1:{self.platform.port('mail-1', 'http')}/messages"
        async with aiohttp.ClientSession() as http, http.get(url, params={"to": email}) as reply:
            mails = json.loads(await reply.read())["data"]
        links: list[str] = [link for mail in mails for link in mail["links"] if "/auth/verify?token=" in link]
        fresh = [token for link in links if (token := parse_qs(urlsplit(link).query)["token"][0]) not in self.used]
        if not fresh:
            raise NotReady(f"{len(mails)} mails, none with a new link")
        return fresh[-1]


@asynccontextmanager
async def visitors(platform: Held) -> AsyncGenerator[Visitors]:
    made = Visitors(platform)
    async with made.stack:
        yield made
