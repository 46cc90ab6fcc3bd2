"""Buy shares: reserve, pay by wallet or card, see them arrive.

    reserve ──► payment {to, data, valueWei} ──► the wallet sends it ──► confirm(txHash) ──► COMPLETED
           └──► payments.checkout(purchase) ──► the card is charged ──────────────────────► COMPLETED

Between: sdk.client and sdk.transport.
Invariant: a reservation holds its shares for 30 minutes; the key makes a repeated reservation the same one.
Errors: SoldOut, InsufficientSupply, NotEligible, ReservationExpired, RateLimited (10 an hour).
Source: domain.md 2.2 (purchase lifecycle), 2.8.
"""

from typing import Any
from urllib.parse import quote

from audifi.sdk.keys import new_key
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.records.sales import Purchase
from audifi.sdk.transport import Request, Transport


class Purchases:
    """/marketplace/purchase and /purchases."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def reserve(self, *, idempotency_key: str | None = None, **order: Any) -> Purchase:
        """Hold shares; the order is named as in JSON: `reserve(kind="PRIMARY", masterId=…, quantity=2, …)`."""
        key = idempotency_key or new_key()
        request = Request(method="POST", path="/marketplace/purchase", body=order, idempotency_key=key)
        return (await self._transport.call(request, Enveloped[Purchase])).data

    async def confirm(self, purchase_id: str, tx_hash: str, *, idempotency_key: str | None = None) -> Purchase:
        """Say with which transaction the wallet paid."""
        path = f"/marketplace/purchase/{quote(purchase_id, safe='')}/confirm"
        key = idempotency_key or new_key()
        request = Request(method="POST", path=path, body={"txHash": tx_hash}, idempotency_key=key)
        return (await self._transport.call(request, Enveloped[Purchase])).data

    async def find(self, purchase_id: str) -> Purchase:
        """Return one of one's own purchases."""
        request = Request(method="GET", path=f"/purchases/{quote(purchase_id, safe='')}")
        return (await self._transport.call(request, Enveloped[Purchase])).data
