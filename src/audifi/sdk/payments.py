"""Pay by card: on the payment provider's page, never here.

Between: sdk.client and sdk.transport.
Invariant: the key makes a repeated checkout the same one.
Errors: Conflict (on an active paid plan), ReservationExpired, PlanNotFound, PaymentProviderError.
Source: domain.md 2.4.
"""

from typing import Any

from audifi.sdk.keys import new_key
from audifi.sdk.records.billing import Checkout, Payment, Plan, Portal
from audifi.sdk.records.envelopes import Enveloped, Paged
from audifi.sdk.transport import Request, Transport


class Payments:
    """Everything below /payments."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def plans(self) -> tuple[Plan, ...]:
        """List what can be subscribed to."""
        request = Request(method="GET", path="/payments/plans", signed_in=False)
        return (await self._transport.call(request, Enveloped[tuple[Plan, ...]])).data

    async def checkout_purchase(self, purchase_id: str, *, idempotency_key: str | None = None) -> Checkout:
        """Open a page on which a reservation is paid."""
        return await self._checkout({"kind": "PURCHASE", "purchaseId": purchase_id}, idempotency_key)

    async def checkout_plan(
        self, plan: str, *, interval: str = "MONTHLY", idempotency_key: str | None = None
    ) -> Checkout:
        """Open a page on which a plan is subscribed to."""
        return await self._checkout({"kind": "SUBSCRIPTION", "plan": plan, "interval": interval}, idempotency_key)

    async def portal(self) -> Portal:
        """Open a page on which cards and invoices are looked after."""
        request = Request(method="POST", path="/payments/portal", idempotency_key=new_key())
        return (await self._transport.call(request, Enveloped[Portal])).data

    async def history(self, *, page: int = 1, limit: int = 20) -> Paged[Payment]:
        """List one's payments, newest first."""
        request = Request(method="GET", path="/payments/history", query={"page": page, "limit": limit})
        return await self._transport.call(request, Paged[Payment])

    async def _checkout(self, body: dict[str, Any], key: str | None) -> Checkout:
        request = Request(method="POST", path="/payments/checkout", body=body, idempotency_key=key or new_key())
        return (await self._transport.call(request, Enveloped[Checkout])).data
