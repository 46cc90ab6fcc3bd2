"""Sell by hosted pages: checkout sessions, paid or declined by a person or a program.

Between: server (routes of the API and the pages), payments and billing (what paying causes), world.
Shape: a session is open until it is complete, expired by a call, or its time is over.
Units: seconds; cents.
Invariant: a session is completed at most once; what it costs is fixed when it is made.
Errors: Refused in Stripe's words; a declined card leaves the session open.
Source: docs.stripe.com/api/checkout/sessions: `expires_at` lies 30 minutes to 24 hours ahead; the intent of a payment
exists only once somebody tries to pay.
"""

from typing import Any, Final

from audifi.local.standins.stripe import payments
from audifi.local.standins.stripe.billing import Billing
from audifi.local.standins.stripe.catalog import CENTS_MIN, make_price
from audifi.local.standins.stripe.forms import Json, needed, section, whole
from audifi.local.standins.stripe.refusals import Refused, declined
from audifi.local.standins.stripe.world import Asked, World, listed

KIND: Final = "checkout.session"
SOONEST_S: Final = 30 * 60
LATEST_S: Final = 24 * 3600
SKEW_S: Final = 30  # a request is under way for a moment
MODES: Final = {"payment", "subscription"}


class Checkout:
    """The routes about checkout sessions."""

    def __init__(self, world: World, billing: Billing) -> None:
        self._world, self._billing = world, billing

    def create(self, world: World, asked: Asked) -> Json:
        """Open a session."""
        params = asked.params
        mode = needed(params, "mode")
        if mode not in MODES:
            raise Refused(400, "parameter_invalid", "Invalid mode: must be payment or subscription", param="mode")
        needed(params, "success_url")
        customer = world.find("customer", params["customer"])["id"] if "customer" in params else None
        expires_at = self._expiry(params)
        price, quantity = self._line(needed(params, "line_items"), mode)
        total = price["unit_amount"] * quantity
        if mode == "payment" and total < CENTS_MIN:
            message = "The Checkout Session's total amount due must add up to at least $0.50 usd"
            raise Refused(400, "amount_too_small", message)
        told = section(params, f"{'payment_intent' if mode == 'payment' else 'subscription'}_data")
        made = world.make(
            KIND,
            "cs_test",
            mode=mode,
            status="open",
            payment_status="unpaid",
            customer=customer,
            client_reference_id=params.get("client_reference_id"),
            metadata=section(params, "metadata"),
            amount_total=total,
            currency=price["currency"],
            expires_at=expires_at,
            success_url=params["success_url"],
            cancel_url=params.get("cancel_url"),
            payment_intent=None,
            subscription=None,
            price=price["id"],
            data=told,
        )
        return world.keep(made, url=f"{world.public_url}/c/pay/{made['id']}")

    def _expiry(self, params: Json) -> int:
        now = self._world.now()
        expires_at = whole(params, "expires_at", otherwise=now + LATEST_S)
        if not now + SOONEST_S - SKEW_S <= expires_at <= now + LATEST_S + SKEW_S:
            message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
            raise Refused(400, "parameter_invalid", message, param="expires_at")
        return expires_at

    def _line(self, lines: list[Json], mode: str) -> tuple[Json, int]:
        world = self._world
        if len(lines) != 1:
            raise Refused(400, "parameter_invalid", "this stand-in sells one line per session", param="line_items")
        line = lines[0]
        if "price" in line:
            price = world.find("price", line["price"])
        else:
            told = needed(line, "price_data")
            product = world.make("product", "prod", name=needed(section(told, "product_data"), "name"), metadata={})
            price = make_price(world, told, product["id"])
        if (mode == "subscription") != (price["type"] == "recurring"):
            message = f"You specified `{mode}` mode but passed a {price['type']} price."
            raise Refused(400, "parameter_invalid", message, param="line_items")
        return price, whole(line, "quantity", otherwise=1)

    def get(self, world: World, asked: Asked) -> Json:
        return world.find(KIND, asked.identity)

    def list(self, world: World, asked: Asked) -> Json:
        params = asked.params

        def matches(each: Json) -> bool:
            return all(
                params.get(name) in (None, each[name]) for name in ("customer", "payment_intent", "subscription")
            )

        return listed(world.records.where(KIND, matches), params, "/v1/checkout/sessions")

    def expire(self, world: World, asked: Asked) -> Json:
        found = world.find(KIND, asked.identity)
        if found["status"] != "open":
            message = f"Only open Checkout Sessions can be expired. This one is {found['status']}."
            raise Refused(400, "resource_invalid_state", message)
        self.close(found)
        return found

    def close(self, session: Json) -> None:
        """Its time is over."""
        self._world.keep(session, status="expired", url=None)
        self._world.tell("checkout.session.expired", session)

    def expire_due(self) -> None:
        """Close what nobody paid in time."""
        now = self._world.now()
        for each in self._world.records.where(KIND, lambda one: one["status"] == "open" and one["expires_at"] <= now):
            self.close(each)

    def pay(self, identity: str, number: str) -> Json:
        """Try a card on the hosted page."""
        world = self._world
        self.expire_due()
        session = world.find(KIND, identity)
        if session["status"] != "open":
            raise Refused(400, "resource_invalid_state", f"This session is {session['status']}.")
        customer = session["customer"] or world.make("customer", "cus", metadata={}, invoice_settings={})["id"]
        session["customer"] = customer
        refusal = self._billing.declines() or payments.refusal_of(number)
        if session["mode"] == "payment":
            self._pay_once(session, number, refusal)
        else:
            self._subscribe(session, number, refusal)
        world.tell("checkout.session.completed", session)
        return session

    def _pay_once(self, session: Json, number: str, refusal: str | None) -> None:
        world = self._world
        intent = world.records.get(session["payment_intent"] or "")
        if intent is None:
            metadata = section(session["data"], "metadata")
            shown: dict[str, Any] = {"customer": session["customer"], "metadata": metadata}
            intent = payments.make_intent(world, session["amount_total"], session["currency"], **shown)
            world.keep(session, payment_intent=intent["id"])
        card = payments.make_card(world, number, session["customer"])
        if not payments.attempt(world, intent, card, refusal=refusal):
            raise declined(refusal or "generic_decline")
        world.keep(session, status="complete", payment_status="paid", url=None)

    def _subscribe(self, session: Json, number: str, refusal: str | None) -> None:
        world, told = self._world, session["data"]
        trial_days = whole(told, "trial_period_days", otherwise=0)
        if not trial_days:
            refusal = refusal or payments.refusal_of(number, later=True)  # it is charged at once
        if refusal is not None:
            raise declined(refusal)
        card = payments.make_card(world, number, session["customer"])
        customer = world.find("customer", session["customer"])
        world.keep(customer, invoice_settings={"default_payment_method": card["id"]})
        price = world.find("price", session["price"])
        made = self._billing.start(
            session["customer"], price, card, trial_days=trial_days, metadata=section(told, "metadata")
        )
        paid = "no_payment_required" if trial_days else "paid"
        world.keep(session, status="complete", payment_status=paid, subscription=made["id"], url=None)
