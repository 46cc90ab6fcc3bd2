"""Offer a share for resale, take the offer back, look for offers.

Between: sdk.client and sdk.transport.
Errors: NotFound, Conflict (offered already), InvalidState, Forbidden (not the owner).
Source: domain.md 2.2 (marketplace), 2.8 (secondary sale).
"""

from urllib.parse import quote

from audifi.sdk.keys import new_key
from audifi.sdk.records.envelopes import Enveloped, Paged
from audifi.sdk.records.sales import Listing
from audifi.sdk.transport import Request, Transport


class Listings:
    """Everything below /marketplace/listings."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, **filters: str | int) -> Paged[Listing]:
        """List offers: `list(genre="Techno", sortBy="price-asc")`."""
        request = Request(method="GET", path="/marketplace/listings", query=filters)
        return await self._transport.call(request, Paged[Listing])

    async def find(self, listing_id: str) -> Listing:
        """Return one offer."""
        return (await self._transport.call(Request(method="GET", path=_path(listing_id)), Enveloped[Listing])).data

    async def create(
        self, master_id: str, token_id: int, price_wei: int, *, idempotency_key: str | None = None
    ) -> Listing:
        """Offer a share; its `transactions` are what the owner's wallet still has to send."""
        body = {"masterId": master_id, "tokenId": token_id, "priceWei": str(price_wei)}
        key = idempotency_key or new_key()
        request = Request(method="POST", path="/marketplace/listings", body=body, idempotency_key=key)
        return (await self._transport.call(request, Enveloped[Listing])).data

    async def cancel(self, listing_id: str) -> None:
        """Take the offer back."""
        await self._transport.answer(Request(method="DELETE", path=_path(listing_id)))


def _path(listing_id: str) -> str:
    return f"/marketplace/listings/{quote(listing_id, safe='')}"
