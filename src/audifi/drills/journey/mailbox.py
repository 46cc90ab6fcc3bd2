"""Read the mail people get: on one machine the mail stand-in keeps it.

Between: people (wait for a link) and the mail stand-in's HTTP interface.
Invariant: reads only; a token is a secret until used, so it is in no message and no error.
Units: *_s seconds.
Errors: TimedOut when nothing arrives.
Source: domain.md 4 (magic link).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec

from audifi.local.waiting import NotReady, wait_for

ARRIVES_WITHIN_S: Final = 30.0
VERIFY: Final = "/auth/verify?token="


@dataclass
class Mailbox:
    """Everybody's mail."""

    port: int
    http: aiohttp.ClientSession

    async def token(self, email: str, *, seen: Sequence[str] = ()) -> str:
        """The token of the newest link mailed to this address, as soon as there is one that was not seen before."""

        async def newest() -> str:
            fresh = [token for token in await self.tokens(email) if token not in seen]
            if not fresh:
                raise NotReady("no new link yet")
            return fresh[-1]

        return await wait_for(newest, within_s=ARRIVES_WITHIN_S, saying=f"a link is mailed to {email}")

    async def tokens(self, email: str) -> list[str]:
        """The tokens of all links mailed to this address, oldest first."""
        url = f"http://127.0.0.1:{self.port}/messages"
        try:
            async with self.http.get(url, params={"to": email}) as reply:
                mails: list[dict[str, Any]] = msgspec.json.decode(await reply.read())["data"]
        except aiohttp.ClientError as error:
            raise NotReady(f"the mail stand-in does not answer: {error}") from error
        links: list[str] = [link for mail in mails for link in mail["links"] if VERIFY in link]
        return [parse_qs(urlsplit(link).query)["token"][0] for link in links]
