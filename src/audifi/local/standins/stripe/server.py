"""Answer the API's port: who calls, once per key, in Stripe's frame; and the hosted pages.

Between: sockets and the handlers of catalog, payments, subscriptions, checkout.
Shape: form-encoded bodies, JSON answers; every answer has a Request-Id and the Stripe-Version it was made for.
Invariant: a POST with an Idempotency-Key is done once: its answer is kept with what was asked, refusals of a card
included; a refused form is not kept.
Errors: {"error": {…}} with Stripe's statuses.
Source: docs.stripe.com/api (authentication, versioning, request_ids, idempotent_requests).
"""

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from typing import Final

from aiohttp import web

from audifi.local.standins.keys import Keys
from audifi.local.standins.stripe import catalog, pages, payments
from audifi.local.standins.stripe.billing import Billing
from audifi.local.standins.stripe.checkout import Checkout
from audifi.local.standins.stripe.faults import Trouble, cut
from audifi.local.standins.stripe.forms import decoded, section
from audifi.local.standins.stripe.payments import BAD_CARDS, GOOD_CARD
from audifi.local.standins.stripe.records import Json
from audifi.local.standins.stripe.refusals import Refused
from audifi.local.standins.stripe.subscriptions import Subscriptions
from audifi.local.standins.stripe.world import API_VERSION, Asked, World, expanded, listed

Handler = Callable[[World, Asked], Json]
KEY_CHARS_MAX: Final = 255


class Server:
    """The API of one account."""

    def __init__(self, world: World, billing: Billing, checkout: Checkout, trouble: Trouble, keys: Keys) -> None:
        self._world, self._checkout, self._trouble, self._keys = world, checkout, trouble, keys
        billing.declines = lambda: trouble.faults.refuse or None
        subscriptions = Subscriptions(world, billing)
        self._routes = [
            (method, re.compile(path.replace("{id}", "([A-Za-z0-9_]+)")), handler)
            for method, path, handler in _table(checkout, subscriptions)
        ]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/v1/{path:.*}", self._api),
            web.get("/c/pay/{id}", self._page),
            web.post("/c/pay/{id}", self._pay),
            web.get("/p/session/{id}", self._portal),
        ]

    async def _api(self, request: web.Request) -> web.StreamResponse:
        self._trouble.counts[f"requests.{request.method}"] += 1
        if not await self._trouble.before(request):
            return cut(request)
        identity = f"req_{secrets.token_hex(8)}"
        headers = {"Request-Id": identity, "Stripe-Version": API_VERSION}
        try:
            self._authorize(request)
            self._refuse_by_chance()
            status, answer, more = await self._once(request, identity)
        except Refused as refused:
            return web.json_response(refused.body(), status=refused.status, headers=headers)
        if request.method != "GET" and self._trouble.happens("drop_after_rate"):
            return cut(request)
        return web.json_response(answer, status=status, headers=headers | more)

    def _authorize(self, request: web.Request) -> None:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self._keys.accept(shown):
            message = f"Invalid API Key provided: {shown[:3]}****"
            raise Refused(401, "api_key_invalid", message, kind="invalid_request_error")
        version = request.headers.get("Stripe-Version", API_VERSION)
        if version != API_VERSION:
            message = f"Invalid Stripe API version: {version}; this stand-in speaks {API_VERSION}"
            raise Refused(400, "invalid_version", message)

    def _refuse_by_chance(self) -> None:
        if self._trouble.happens("error_rate"):
            raise Refused(500, "api_error", "An unknown error occurred")
        if self._trouble.happens("rate_limit_rate"):
            raise Refused(429, "rate_limit", "Request rate limit exceeded.")

    async def _once(self, request: web.Request, identity: str) -> tuple[int, Json, dict[str, str]]:
        """Do what is asked, or repeat what was answered under the same key."""
        body = await request.text()
        key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
        if len(key) > KEY_CHARS_MAX:
            raise Refused(400, "idempotency_error", "The Idempotency-Key is too long", kind="idempotency_error")
        asked = hashlib.sha256(f"{request.path}\n{body}".encode()).hexdigest()
        kept = self._world.records.get(f"key:{key}") if key else None
        if kept is not None:
            if kept["asked"] != asked:
                message = (
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                    f"Try using a key other than '{key}' if you meant to execute a different request."
                )
                raise Refused(400, "idempotency_error", message, kind="idempotency_error")
            replayed = {"Idempotent-Replayed": "true", "Original-Request": kept["request"], "Idempotency-Key": key}
            return kept["status"], kept["answer"], replayed
        status, answer = self._done(request, body, {"id": identity, "idempotency_key": key or None})
        if key:
            kept = {"id": f"key:{key}", "object": "idempotency_key", "asked": asked, "status": status}
            self._world.records.put({**kept, "answer": json.loads(json.dumps(answer)), "request": identity})
        return status, answer, {"Idempotency-Key": key} if key else {}

    def _done(self, request: web.Request, body: str, cause: Json) -> tuple[int, Json]:
        """Run the handler; a refused card is an answer, any other refusal is raised."""
        params = decoded(request.query_string if request.method in {"GET", "DELETE"} and not body else body)
        expand = params.pop("expand", [])
        handler, identity = self._handler(request.method, request.path)
        self._world.cause = cause
        try:
            return 200, expanded(self._world, handler(self._world, Asked(params, identity, cause)), expand)
        except Refused as refused:
            if refused.status != 402:
                raise
            return refused.status, refused.body()
        finally:
            self._world.cause = {"id": None, "idempotency_key": None}

    def _handler(self, method: str, path: str) -> tuple[Handler, str]:
        for known, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if known == method and match is not None:
                return handler, match[1] if match.groups() else ""
        raise Refused(404, "url_unknown", f"Unrecognized request URL ({method}: {path}).")

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if not await self._trouble.before(request):
            return cut(request)
        session = self._session(request)
        if session["status"] == "open":
            return web.Response(text=pages.checkout(session), content_type="text/html")
        return web.Response(text=pages.closed(session), content_type="text/html", status=410)

    async def _pay(self, request: web.Request) -> web.StreamResponse:
        if not await self._trouble.before(request):
            return cut(request)
        session = self._session(request)
        wants_json = request.content_type == "application/json"
        try:
            card = await _card(request, wants_json=wants_json)
            paid = self._checkout.pay(session["id"], card)
        except Refused as refused:
            if wants_json:
                return web.json_response(refused.body(), status=refused.status)
            shown = pages.checkout(session, str(refused)) if session["status"] == "open" else pages.closed(session)
            return web.Response(text=shown, content_type="text/html", status=refused.status)
        if wants_json:
            return web.json_response({name: paid[name] for name in ("id", "status", "payment_status")})
        raise web.HTTPSeeOther(pages.back(paid))

    async def _portal(self, request: web.Request) -> web.StreamResponse:
        session = self._world.records.get(request.match_info["id"])
        if session is None or session["object"] != "billing_portal.session":
            raise web.HTTPNotFound
        return web.Response(text=pages.portal(session), content_type="text/html")

    def _session(self, request: web.Request) -> Json:
        self._checkout.expire_due()
        session = self._world.records.get(request.match_info["id"])
        if session is None or session["object"] != "checkout.session":
            raise web.HTTPNotFound
        return session


async def _card(request: web.Request, *, wants_json: bool) -> str:
    """The card's number; a button means one of the known ones."""
    if wants_json:
        told = json.loads(await request.text() or "{}")
        return str(told.get("card", GOOD_CARD))
    form = await request.post()
    return GOOD_CARD if form.get("action") == "pay" else next(iter(BAD_CARDS))


def _get_event(world: World, asked: Asked) -> Json:
    return world.find("event", asked.identity)


def _list_events(world: World, asked: Asked) -> Json:
    """Newest first, narrowed by types and by when they were made."""
    params = asked.params
    types = params.get("types") or ([params["type"]] if "type" in params else None)
    bounds = section(params, "created")
    since, until = int(bounds.get("gte", 0)), int(bounds.get("lte", 1 << 62))

    def matches(each: Json) -> bool:
        return (types is None or each["type"] in types) and since <= each["created"] <= until

    return listed(world.records.where("event", matches), params, "/v1/events")


def _table(checkout: Checkout, subscriptions: Subscriptions) -> list[tuple[str, str, Handler]]:
    return [
        ("POST", "/v1/customers", catalog.create_customer),
        ("GET", "/v1/customers/{id}", catalog.get_customer),
        ("POST", "/v1/customers/{id}", catalog.update_customer),
        ("DELETE", "/v1/customers/{id}", subscriptions.forget_customer),
        ("POST", "/v1/products", catalog.create_product),
        ("GET", "/v1/products/{id}", catalog.get_product),
        ("POST", "/v1/prices", catalog.create_price),
        ("GET", "/v1/prices", catalog.list_prices),
        ("GET", "/v1/prices/{id}", catalog.get_price),
        ("POST", "/v1/checkout/sessions", checkout.create),
        ("GET", "/v1/checkout/sessions", checkout.list),
        ("GET", "/v1/checkout/sessions/{id}", checkout.get),
        ("POST", "/v1/checkout/sessions/{id}/expire", checkout.expire),
        ("GET", "/v1/payment_intents", payments.list_intents),
        ("GET", "/v1/payment_intents/{id}", payments.get_intent),
        ("GET", "/v1/charges/{id}", payments.get_charge),
        ("POST", "/v1/refunds", payments.create_refund),
        ("GET", "/v1/refunds", payments.list_refunds),
        ("GET", "/v1/refunds/{id}", payments.get_refund),
        ("POST", "/v1/subscriptions", subscriptions.create),
        ("GET", "/v1/subscriptions", subscriptions.list),
        ("GET", "/v1/subscriptions/{id}", subscriptions.get),
        ("POST", "/v1/subscriptions/{id}", subscriptions.update),
        ("DELETE", "/v1/subscriptions/{id}", subscriptions.cancel),
        ("POST", "/v1/subscriptions/{id}/resume", subscriptions.resume),
        ("GET", "/v1/invoices", subscriptions.list_invoices),
        ("GET", "/v1/invoices/{id}", subscriptions.get_invoice),
        ("POST", "/v1/invoices/{id}/pay", subscriptions.pay_invoice),
        ("POST", "/v1/billing_portal/sessions", subscriptions.open_portal),
        ("GET", "/v1/events", _list_events),
        ("GET", "/v1/events/{id}", _get_event),
    ]
