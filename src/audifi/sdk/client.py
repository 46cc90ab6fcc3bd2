"""One person's (or one program's) account at AudiFi.

    async with Audifi("https://api.audifi.localhost", ca_file=Path("ca.pem")) as audifi:
        await audifi.auth.request_link("ada@example.com")
        ...                                   # the mail arrives, its link carries the token
        await audifi.auth.verify(token)
        profile = await audifi.user.profile()

Between: callers and the areas of the API (`auth`, `masters`, `purchases`, …), one attribute each.
Invariant: tokens are kept in memory only; an expired access token is renewed once, by the refresh cookie.
Errors: Problems of `audifi.wire.problems`; ValueError for an address that is none.
"""

from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from audifi.sdk.admin import Admin
from audifi.sdk.analytics import Analytics
from audifi.sdk.artists import Artists
from audifi.sdk.auth import Auth
from audifi.sdk.coins import Coins
from audifi.sdk.consents import Consents
from audifi.sdk.dividends import Dividends
from audifi.sdk.events import Events
from audifi.sdk.ipos import Ipos
from audifi.sdk.listings import Listings
from audifi.sdk.live import Live
from audifi.sdk.masters import Masters
from audifi.sdk.payments import Payments
from audifi.sdk.portfolio import Portfolios
from audifi.sdk.purchases import Purchases
from audifi.sdk.retrying import RetryPolicy
from audifi.sdk.revenue import Revenues
from audifi.sdk.subscriptions import Subscriptions
from audifi.sdk.transport import Transport
from audifi.sdk.user import User
from audifi.sdk.vstudio import Vstudio

USER_AGENT = "audifi-sdk"


class Audifi:
    """The client: enter it with `async with`."""

    def __init__(
        self,
        base_url: str = "https://api.audifi.io",
        *,
        ca_file: Path | None = None,
        retries: RetryPolicy | None = None,
        origin: str | None = None,
        user_agent: str = USER_AGENT,
        local_address: str | None = None,
    ) -> None:
        """Take what differs from a program on the internet.

        `ca_file`: trust this authority instead of the system's. `origin`: which application we speak for.
        `local_address`: call from this address of the machine (limits count by address).
        """
        self.transport = Transport(
            base_url,
            ca_file=ca_file,
            policy=retries or RetryPolicy(),
            user_agent=user_agent,
            local_address=local_address,
        )
        self.auth = Auth(self.transport, origin=origin or application_origin(base_url))
        self.user = User(self.transport)
        self.artists = Artists(self.transport)
        self.consents = Consents(self.transport)
        self.admin = Admin(self.transport)
        self.masters = Masters(self.transport)
        self.ipos = Ipos(self.transport)
        self.purchases = Purchases(self.transport)
        self.listings = Listings(self.transport)
        self.portfolio = Portfolios(self.transport)
        self.dividends = Dividends(self.transport)
        self.revenue = Revenues(self.transport)
        self.payments = Payments(self.transport)
        self.subscriptions = Subscriptions(self.transport)
        self.coins = Coins(self.transport)
        self.analytics = Analytics(self.transport)
        self.events = Events(self.transport)
        self.vstudio = Vstudio(self.transport)

    async def __aenter__(self) -> Self:
        await self.transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.transport.__aexit__(kind, error, trace)

    def live(self, session_id: str, *, role: str | None = None, bare_url: str | None = None) -> Live:
        """Watch a V Studio session: `async with audifi.live(session_id) as live: async for event in live: …`.

        `role`: less than what one is. `bare_url`: connect there and say the token, instead of asking for a ticket.
        """
        return Live(self.transport, session_id, role=role, bare_url=bare_url)

    @property
    def is_signed_in(self) -> bool:
        return self.transport.access_token is not None


def application_origin(base_url: str) -> str:
    """Return the web application that belongs to this API: https://api.audifi.io → https://app.audifi.io."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{parts.scheme}://{'app.' + host.removeprefix('api.') if host.startswith('api.') else host}{port}"
