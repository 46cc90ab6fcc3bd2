"""See and change one's plan.

Between: sdk.client and sdk.transport; a plan is first bought with `payments.checkout_plan`.
Errors: SubscriptionNotFound, InvalidState, MfaRequired, PaymentProviderError.
Source: domain.md 2.4 (subscription lifecycle).
"""

from audifi.sdk.keys import new_key
from audifi.sdk.records.billing import Subscription
from audifi.sdk.records.envelopes import Enveloped
from audifi.sdk.transport import Request, Transport


class Subscriptions:
    """Everything below /subscriptions."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def current(self) -> Subscription:
        """Return what the user is on: FREE when nothing was ever bought."""
        return (await self._transport.call(Request(method="GET", path="/subscriptions"), Enveloped[Subscription])).data

    async def cancel(self, *, immediately: bool = False) -> Subscription:
        """End it, now or when what was paid for is over."""
        return await self._change("POST", "/cancel", {"immediately": immediately})

    async def reactivate(self) -> Subscription:
        """Take a cancellation back before it took effect."""
        return await self._change("POST", "/reactivate")

    async def change(self, plan: str, *, interval: str = "MONTHLY") -> Subscription:
        """Move to another plan."""
        return await self._change("PATCH", "", {"plan": plan, "interval": interval})

    async def _change(self, method: str, below: str, body: dict[str, object] | None = None) -> Subscription:
        path = f"/subscriptions{below}"
        request = Request(method=method, path=path, body=body, idempotency_key=new_key())
        return (await self._transport.call(request, Enveloped[Subscription])).data
