"""Offer the calls of Stripe's API that payment-service makes.

Between: payment-service and asking (patience), objects (types), the SDK (encoding, versions, errors).
Invariant: `key` is the Idempotency-Key: the same key with the same arguments changes something once, for the 24 hours
Stripe keeps keys; callers derive it from the row the call belongs to.
Units: amounts in cents; moments in seconds since the epoch.
Errors: those of asking.
Source: docs.stripe.com/api, API_VERSION.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import aiohttp
import msgspec
import stripe

from audifi.clients.stripe.asking import CONNECT_S, FIRST_PAUSE_S, READ_S, Asking
from audifi.clients.stripe.errors import RequestRefused
from audifi.clients.stripe.objects import API_VERSION, Event, Refund, Session, Subscription
from audifi.kernel.settings import Secret

Call = Callable[..., Awaitable[Any]]
EVENTS_PAGE: Final = 100
_WITH_CARD: Final = ["default_payment_method"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recurring price, named by its lookup key."""

    lookup_key: str
    product: str  # our own id of the product
    name: str
    cents: int
    currency: str
    interval: str  # month | year


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where the hosted page leads, and how long it is open."""

    success_url: str
    cancel_url: str
    expires_at: int


class StripeApi:
    """Stripe, asynchronously."""

    def __init__(self, *, url: str, secret_key: Secret, pause_first_s: float = FIRST_PAUSE_S) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S)
        self._http = stripe.AIOHTTPClient(timeout=timeout)
        self._client = stripe.StripeClient(
            secret_key.reveal(),
            stripe_version=API_VERSION,
            base_addresses={"api": url.rstrip("/")},
            http_client=self._http,
            max_network_retries=0,
        )
        self._asking = Asking(pause_first_s=pause_first_s)

    async def close(self) -> None:
        await self._http.close_async()

    async def customer(self, user_id: str, *, key: str) -> str:
        """Make the customer of a user; returns its id."""
        params: Any = {"metadata": {"userId": user_id}}
        made = await self._change("customers.create", self._v1.customers.create_async, params, key=key)
        return str(made["id"])

    async def forget_customer(self, customer: str) -> None:
        """Delete a customer; its subscriptions end at once. One that is gone is gone."""
        try:
            await self._change("customers.delete", self._v1.customers.delete_async, customer, None, key=None)
        except RequestRefused as refused:
            if not refused.is_missing:
                raise

    async def price(self, plan: Plan) -> str:
        """Return the id of a plan's price, made when nobody made it yet."""
        params: Any = {"lookup_keys": [plan.lookup_key], "limit": 1}
        found = await self._read("prices.list", self._v1.prices.list_async, params)
        if found["data"]:
            return str(found["data"][0]["id"])
        await self._product(plan)
        wanted: Any = {
            "product": plan.product,
            "unit_amount": plan.cents,
            "currency": plan.currency,
            "recurring": {"interval": plan.interval},
            "lookup_key": plan.lookup_key,
        }
        key = f"price:{plan.lookup_key}:{plan.cents}"
        made = await self._change("prices.create", self._v1.prices.create_async, wanted, key=key)
        return str(made["id"])

    async def _product(self, plan: Plan) -> None:
        params: Any = {"id": plan.product, "name": plan.name}
        try:
            await self._change("products.create", self._v1.products.create_async, params, key=None)
        except RequestRefused as refused:
            if refused.reason != "resource_already_exists":
                raise

    async def open_payment(
        self, *, customer: str, cents: int, currency: str, name: str, payment_id: str, way: Way, key: str
    ) -> Session:
        """Open a hosted page for one payment."""
        metadata = {"paymentId": payment_id}
        line = {"price_data": {"currency": currency, "unit_amount": cents, "product_data": {"name": name}}}
        params: Any = {
            **_page(customer, way),
            "mode": "payment",
            "line_items": [{**line, "quantity": 1}],
            "client_reference_id": payment_id,
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata},
        }
        return await self._open(params, key)

    async def open_subscription(
        self, *, customer: str, price: str, trial_days: int, user_id: str, way: Way, key: str
    ) -> Session:
        """Open a hosted page for a subscription."""
        metadata = {"userId": user_id}
        data: Any = {"metadata": metadata, **({"trial_period_days": trial_days} if trial_days else {})}
        params: Any = {
            **_page(customer, way),
            "mode": "subscription",
            "line_items": [{"price": price, "quantity": 1}],
            "client_reference_id": user_id,
            "metadata": metadata,
            "subscription_data": data,
        }
        return await self._open(params, key)

    async def _open(self, params: Any, key: str) -> Session:
        made = await self._change("checkout.create", self._v1.checkout.sessions.create_async, params, key=key)
        return msgspec.convert(made, Session)

    async def session(self, session_id: str) -> Session:
        sessions = self._v1.checkout.sessions
        found = await self._read("checkout.retrieve", sessions.retrieve_async, session_id)
        return msgspec.convert(found, Session)

    async def expire(self, session_id: str) -> Session:
        """Close a page; one that is closed already is returned as it is."""
        sessions = self._v1.checkout.sessions
        key = f"expire:{session_id}"
        try:
            return msgspec.convert(
                await self._change("checkout.expire", sessions.expire_async, session_id, None, key=key),
                Session,
            )
        except RequestRefused:
            return await self.session(session_id)

    async def subscription(self, subscription_id: str) -> Subscription:
        subscriptions, params = self._v1.subscriptions, cast("Any", {"expand": _WITH_CARD})
        found = await self._read("subscriptions.retrieve", subscriptions.retrieve_async, subscription_id, params)
        return msgspec.convert(found, Subscription)

    async def cancel(self, subscription_id: str) -> None:
        """End a subscription now; one that is over is over."""
        subscriptions = self._v1.subscriptions
        try:
            await self._change("subscriptions.cancel", subscriptions.cancel_async, subscription_id, None, key=None)
        except RequestRefused as refused:
            if not refused.is_missing:
                raise

    async def end_with_period(self, subscription_id: str, *, ends: bool, key: str) -> Subscription:
        """Let a subscription end with its period, or go on after all."""
        return await self._update(subscription_id, {"cancel_at_period_end": ends}, key)

    async def change_price(self, subscription_id: str, item_id: str, price: str, *, key: str) -> Subscription:
        """Move to another plan now; what is paid already is credited, a payment that fails changes nothing."""
        items = [{"id": item_id, "price": price}]
        behaviour = {"proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"}
        return await self._update(subscription_id, {"items": items, **behaviour}, key)

    async def _update(self, subscription_id: str, params: Any, key: str) -> Subscription:
        subscriptions, wanted = self._v1.subscriptions, {**params, "expand": _WITH_CARD}
        changed = await self._change(
            "subscriptions.update", subscriptions.update_async, subscription_id, cast("Any", wanted), key=key
        )
        return msgspec.convert(changed, Subscription)

    async def portal(self, customer: str, return_url: str) -> str:
        """Open the billing portal; returns its address."""
        params: Any = {"customer": customer, "return_url": return_url}
        sessions = self._v1.billing_portal.sessions
        made = await self._change("portal.create", sessions.create_async, params, key=None)
        return str(made["url"])

    async def refund(self, payment_intent: str, *, key: str) -> Refund | None:
        """Give a payment back, wholly; None when somebody did already."""
        params: Any = {"payment_intent": payment_intent, "reason": "requested_by_customer"}
        try:
            made = await self._change("refunds.create", self._v1.refunds.create_async, params, key=key)
        except RequestRefused as refused:
            if refused.reason == "charge_already_refunded":
                return None
            raise
        return msgspec.convert(made, Refund)

    async def events(self, *, since: int, until: int, types: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return what happened between two moments, oldest first, each as a webhook would have told it."""
        found: list[dict[str, Any]] = []
        after: dict[str, Any] = {}
        while True:
            bounds = {"created": {"gte": since, "lte": until}, "types": list(types), "limit": EVENTS_PAGE}
            params: Any = {**bounds, **after}
            page = await self._read("events.list", self._v1.events.list_async, params)
            found += page["data"]
            if not page["has_more"]:
                return found[::-1]
            after = {"starting_after": page["data"][-1]["id"]}

    @property
    def _v1(self) -> stripe.V1Services:
        return self._client.v1

    async def _read(self, what: str, call: Call, *arguments: Any) -> dict[str, Any]:
        async def asked() -> dict[str, Any]:
            return _plain(await call(*arguments))

        return await self._asking.ask(what, asked, changes=False)

    async def _change(self, what: str, call: Call, *arguments: Any, key: str | None) -> dict[str, Any]:
        """Change something; without a key it must be such that doing it twice is doing it once."""
        options = {"idempotency_key": key} if key is not None else {}

        async def asked() -> dict[str, Any]:
            return _plain(await call(*arguments, options))

        return await self._asking.ask(what, asked, changes=True)


def event_of(told: dict[str, Any]) -> Event:
    return msgspec.convert(told, Event)


def _page(customer: str, way: Way) -> dict[str, Any]:
    return {
        "customer": customer,
        "success_url": way.success_url,
        "cancel_url": way.cancel_url,
        "expires_at": way.expires_at,
    }


def _plain(answered: Any) -> dict[str, Any]:
    """The SDK's object as plain JSON."""
    return cast("dict[str, Any]", answered.to_dict(for_json=True))
