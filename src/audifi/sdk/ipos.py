"""Offer a master's shares, open and end the sale.

Between: sdk.client and sdk.transport.
Shape: `launch` answers at once (202): contracts are deployed by the platform; `find` shows how far it is.
Errors: IpoNotFound, InvalidState, MfaRequired, PlanLimitReached, BlockchainError.
Source: domain.md 2.2 (IPO lifecycle), 2.8 (mint/launch).
"""

from typing import Any
from urllib.parse import quote

from audifi.sdk.keys import new_key
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.records.masters import Ipo, MintPreview
from audifi.sdk.transport import Request, Transport


class Ipos:
    """Everything below /masters/{id}/ipo."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def find(self, master_id: str) -> Ipo:
        """Return a master's offer."""
        return (await self._transport.call(Request(method="GET", path=_path(master_id)), Enveloped[Ipo])).data

    async def create(self, master_id: str, *, idempotency_key: str | None = None, **terms: Any) -> Ipo:
        """Describe the offer; terms are named as in JSON: `create(id, totalShares=100, priceWei="1000", …)`."""
        request = Request(
            method="POST", path=_path(master_id), body=terms, idempotency_key=idempotency_key or new_key()
        )
        return (await self._transport.call(request, Enveloped[Ipo])).data

    async def update(self, master_id: str, **terms: Any) -> Ipo:
        """Change the terms, while nothing was launched."""
        request = Request(method="PUT", path=_path(master_id), body=terms)
        return (await self._transport.call(request, Enveloped[Ipo])).data

    async def launch(self, master_id: str, *, idempotency_key: str | None = None) -> Ipo:
        """Deploy the contracts and open the sale."""
        return await self._act(master_id, "launch", idempotency_key)

    async def close(self, master_id: str, *, idempotency_key: str | None = None) -> Ipo:
        """End the sale early: what is unsold is never made."""
        return await self._act(master_id, "close", idempotency_key)

    async def cancel(self, master_id: str, *, idempotency_key: str | None = None) -> Ipo:
        """Take the offer back, while nothing is sold or reserved."""
        return await self._act(master_id, "cancel", idempotency_key)

    async def mint_preview(self, master_id: str, quantity: int) -> MintPreview:
        """Say what so many shares would cost now."""
        request = Request(method="GET", path=_path(master_id, "/mint-preview"), query={"quantity": quantity})
        return (await self._transport.call(request, Enveloped[MintPreview])).data

    async def _act(self, master_id: str, verb: str, key: str | None) -> Ipo:
        request = Request(method="POST", path=_path(master_id, f"/{verb}"), idempotency_key=key or new_key())
        return (await self._transport.call(request, Enveloped[Ipo])).data


def _path(master_id: str, below: str = "") -> str:
    return f"/masters/{quote(master_id, safe='')}/ipo{below}"
