"""Read what happened: totals of masters, artists and the platform.

Between: sdk.client and sdk.transport.
Errors: Forbidden, MasterNotFound, RateLimited (100 a minute).
Source: domain.md 2.6.
"""

from urllib.parse import quote

from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.records.reports import Dashboard, MasterReport
from audifi.sdk.transport import Request, Transport


class Analytics:
    """Everything below /analytics."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def dashboard(self, *, period: str = "all_time") -> Dashboard:
        """Return the artist's own totals; an admin sees the platform's."""
        request = Request(method="GET", path="/analytics/dashboard", query={"period": period})
        return (await self._transport.call(request, Enveloped[Dashboard])).data

    async def master(self, master_id: str, *, period: str = "all_time") -> MasterReport:
        """Return what became of one master; the public sees a part of it."""
        path = f"/analytics/masters/{quote(master_id, safe='')}"
        request = Request(method="GET", path=path, query={"period": period})
        return (await self._transport.call(request, Enveloped[MasterReport])).data
