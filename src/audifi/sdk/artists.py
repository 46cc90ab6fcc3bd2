"""Read what artists show to everyone.

Between: sdk.client and sdk.transport.
Errors: NotFound.
Source: domain.md 2.1 (public artist fields only).
"""

from urllib.parse import quote

from audifi.sdk.records.accounts import Artist
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.transport import Request, Transport


class Artists:
    """Everything below /artists."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def find(self, slug: str) -> Artist:
        """Return one artist."""
        request = Request(method="GET", path=f"/artists/{quote(slug, safe='')}", signed_in=False)
        return (await self._transport.call(request, Enveloped[Artist])).data
