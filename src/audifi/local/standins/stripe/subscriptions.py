"""Show, change and end subscriptions and their invoices, and open the billing portal.

Between: server (routes), billing (what a change costs and causes), world.
Invariant: with payment_behavior=error_if_incomplete a change whose payment fails changes nothing.
Source: docs.stripe.com/api/{subscriptions,invoices,customer_portal}; …/billing/subscriptions/prorations.
"""

from audifi.local.standins.stripe.billing import LIVE, Billing, added
from audifi.local.standins.stripe.forms import Json, needed, section, truth
from audifi.local.standins.stripe.refusals import Refused, declined, missing
from audifi.local.standins.stripe.world import Asked, World, listed


class Subscriptions:
    """The routes about subscriptions."""

    def __init__(self, world: World, billing: Billing) -> None:
        self._world, self._billing = world, billing

    def get(self, world: World, asked: Asked) -> Json:
        return world.find("subscription", asked.identity)

    def list(self, world: World, asked: Asked) -> Json:
        customer, status = asked.params.get("customer"), asked.params.get("status")

        def matches(each: Json) -> bool:
            wanted = each["status"] != "canceled" if status is None else status in ("all", each["status"])
            return wanted and customer in (None, each["customer"])

        return listed(world.records.where("subscription", matches), asked.params, "/v1/subscriptions")

    def create(self, world: World, asked: Asked) -> Json:
        """Subscribe a customer that has a card."""
        params = asked.params
        customer = world.find("customer", needed(params, "customer"))
        price = world.find("price", needed(needed(params, "items")[0], "price"))
        card = world.records.get(customer["invoice_settings"]["default_payment_method"] or "")
        if card is None:
            message = "This customer has no attached payment source or default payment method."
            raise Refused(400, "resource_missing", message)
        days = int(params.get("trial_period_days", 0))
        metadata = section(params, "metadata")
        return self._billing.start(customer["id"], price, card, trial_days=days, metadata=metadata)

    def update(self, world: World, asked: Asked) -> Json:
        """Change the plan, or whether it ends with its period."""
        found, params = self._live(world, asked), asked.params
        parts: Json = {}
        if "cancel_at_period_end" in params:
            ends = truth(params, "cancel_at_period_end")
            end = found["items"]["data"][0]["current_period_end"] if ends else None
            parts = {"cancel_at_period_end": ends, "cancel_at": end, "canceled_at": world.now() if ends else None}
        if "metadata" in params:
            parts["metadata"] = found["metadata"] | section(params, "metadata")
        if "items" in params:
            self._change_price(found, params)
        if parts or "items" in params:
            self._billing.change(found, **parts)
        return found

    def _change_price(self, found: Json, params: Json) -> None:
        """Move to another price; what is left of the paid period is credited."""
        world, told = self._world, needed(params, "items")[0]
        item = found["items"]["data"][0]
        if told.get("id") not in (None, item["id"]):
            raise missing("subscription item", str(told["id"]))
        new, old, now = world.find("price", needed(told, "price")), item["price"], world.now()
        if new["id"] == old["id"]:
            return
        period = (item["current_period_start"], item["current_period_end"])
        left = max(period[1] - now, 0) / max(period[1] - period[0], 1)
        same = new["recurring"] == old["recurring"]
        cost = new["unit_amount"] * (left if same else 1) - old["unit_amount"] * left
        due = 0 if found["status"] == "trialing" else max(int(cost), 0)
        must_be_paid = params.get("payment_behavior") == "error_if_incomplete"
        if due and must_be_paid and (why := self._billing.would_refuse(found)):
            raise declined(why)
        item["price"] = new
        if not same and found["status"] != "trialing":
            item |= {"current_period_start": now, "current_period_end": added(now, new)}
        if due and params.get("proration_behavior") == "always_invoice":
            self._billing.bill(found, due, "subscription_update")

    def cancel(self, world: World, asked: Asked) -> Json:
        found = self._live(world, asked)
        self._billing.end(found)
        return found

    def resume(self, world: World, asked: Asked) -> Json:
        found = world.find("subscription", asked.identity)
        if found["status"] != "paused":
            raise Refused(400, "resource_invalid_state", "Only a paused subscription can be resumed.")
        self._billing.change(found, status="active")
        world.tell("customer.subscription.resumed", found)
        return found

    def _live(self, world: World, asked: Asked) -> Json:
        found = world.find("subscription", asked.identity)
        if found["status"] in {"canceled", "incomplete_expired"}:
            raise missing("subscription", asked.identity)
        return found

    def forget_customer(self, world: World, asked: Asked) -> Json:
        """Delete a customer: what it subscribed to ends now."""
        customer = world.find("customer", asked.identity)
        for each in world.records.where("subscription", lambda one: one["customer"] == customer["id"]):
            if each["status"] in LIVE or each["status"] == "paused":
                self._billing.end(each)
        world.keep(customer, deleted=True, email=None, name=None)
        world.tell("customer.deleted", customer)
        return {"id": customer["id"], "object": "customer", "deleted": True}

    def get_invoice(self, world: World, asked: Asked) -> Json:
        return world.find("invoice", asked.identity)

    def list_invoices(self, world: World, asked: Asked) -> Json:
        customer = asked.params.get("customer")
        found = world.records.where("invoice", lambda each: customer in (None, each["customer"]))
        return listed(found, asked.params, "/v1/invoices")

    def pay_invoice(self, world: World, asked: Asked) -> Json:
        """Try an open invoice again, as its customer would from the mail about it."""
        invoice = world.find("invoice", asked.identity)
        if invoice["status"] != "open":
            raise Refused(400, "invoice_not_editable", "Invoice is already paid")
        subscription = world.find("subscription", invoice["parent"]["subscription_details"]["subscription"])
        if not self._billing.collect(invoice, subscription):
            raise declined("generic_decline")
        if subscription["status"] in {"past_due", "unpaid", "incomplete"}:
            self._billing.change(subscription, status="active", next_try_at=None)
        return invoice

    def open_portal(self, world: World, asked: Asked) -> Json:
        customer = world.find("customer", needed(asked.params, "customer"))
        made = world.make(
            "billing_portal.session",
            "bps",
            customer=customer["id"],
            return_url=asked.params.get("return_url"),
        )
        return world.keep(made, url=f"{world.public_url}/p/session/{made['id']}")
