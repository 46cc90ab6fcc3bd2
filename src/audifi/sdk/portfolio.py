"""See what one owns, over all linked wallets.

Between: sdk.client and sdk.transport.
Errors: Unauthorized.
Source: domain.md 2.2 (GET /user/holdings, GET /portfolio).
"""

from audifi.sdk.records.envelopes import Enveloped, Paged
from audifi.sdk.records.holdings import Holding, Portfolio
from audifi.sdk.transport import Request, Transport


class Portfolios:
    """/portfolio and /user/holdings."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def overview(self) -> Portfolio:
        """Return shares, coins and votes."""
        return (await self._transport.call(Request(method="GET", path="/portfolio"), Enveloped[Portfolio])).data

    async def holdings(self, *, master_id: str = "", page: int = 1, limit: int = 100) -> Paged[Holding]:
        """List one's shares, of one master if it is named."""
        query: dict[str, str | int] = {"page": page, "limit": limit} | ({"masterId": master_id} if master_id else {})
        request = Request(method="GET", path="/user/holdings", query=query)
        return await self._transport.call(request, Paged[Holding])
