"""Let time do what it does to subscriptions: bill periods, end trials, try cards again, give up.

Between: checkout and subscriptions (start, change), control (moves the clock), world.
Shape: one item per subscription; its item tells the period; one invoice per period, one intent per invoice.
Units: seconds since the epoch; cents.
Invariant: what is due is done in order of time, each at its own moment; a paid invoice never changes.
Source: docs.stripe.com/billing/subscriptions/overview (life cycle), …/revenue-recovery/smart-retries (a schedule of
days stands in for the machine that chooses them); docs.stripe.com/billing/subscriptions/trials.
"""

import calendar
import datetime as dt
from collections.abc import Callable
from typing import Final

from audifi.local.standins.stripe import payments
from audifi.local.standins.stripe.records import Json
from audifi.local.standins.stripe.world import World, new_id

DAY_S: Final = 86_400
RETRIES_S: Final = (3 * DAY_S, 5 * DAY_S, 7 * DAY_S)  # after each failure; after the last the subscription is cancelled
LIVE: Final = {"trialing", "active", "past_due"}


class Billing:
    """Everything that happens to subscriptions by itself."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.declines: Callable[[], str | None] = lambda: None  # a knob: why every card is refused

    def start(self, customer: str, price: Json, card: Json | None, *, trial_days: int, metadata: Json) -> Json:
        """Make a subscription; the first period is paid at once unless it is a trial."""
        world, now = self._world, self._world.now()
        trial_end = now + trial_days * DAY_S if trial_days else None
        found = world.make(
            "subscription",
            "sub",
            customer=customer,
            status="trialing" if trial_end else "incomplete",
            items={"object": "list", "data": [_item(price, now, trial_end or added(now, price))]},
            metadata=metadata,
            default_payment_method=card["id"] if card else None,
            trial_start=now if trial_end else None,
            trial_end=trial_end,
            trial_settings={"end_behavior": {"missing_payment_method": "create_invoice"}},
            cancel_at_period_end=False,
            cancel_at=None,
            canceled_at=None,
            ended_at=None,
            latest_invoice=None,
            collection_method="charge_automatically",
            currency=price["currency"],
            next_try_at=None,
        )
        world.tell("customer.subscription.created", found)
        amount = 0 if trial_end else price["unit_amount"]
        if self.bill(found, amount, "subscription_create") and not trial_end:
            self.change(found, status="active")
        return found

    def bill(self, subscription: Json, amount: int, why: str) -> bool:
        """Make an invoice and try to have it paid."""
        world = self._world
        item = subscription["items"]["data"][0]
        invoice = world.make(
            "invoice",
            "in",
            customer=subscription["customer"],
            status="open",
            billing_reason=why,
            currency=subscription["currency"],
            amount_due=amount,
            amount_paid=0,
            amount_remaining=amount,
            total=amount,
            attempt_count=0,
            period_start=item["current_period_start"],
            period_end=item["current_period_end"],
            parent={
                "type": "subscription_details",
                "subscription_details": {
                    "subscription": subscription["id"],
                    "metadata": dict(subscription["metadata"]),
                },
            },
            intent=None,
        )
        world.keep(subscription, latest_invoice=invoice["id"])
        world.tell("invoice.created", invoice)
        world.tell("invoice.finalized", invoice)
        return self.collect(invoice, subscription)

    def collect(self, invoice: Json, subscription: Json) -> bool:
        """Try the card once."""
        if invoice["amount_due"] == 0:
            self._paid(invoice)
            return True
        refusal = self._refusal(subscription)
        intent = self._intent_of(invoice)
        card = self._world.records.get(subscription["default_payment_method"] or "")
        world = self._world
        world.keep(invoice, attempt_count=invoice["attempt_count"] + 1)
        ok = card is not None and payments.attempt(world, intent, card, refusal=refusal)
        if ok:
            self._paid(invoice)
        else:
            world.tell("invoice.payment_failed", invoice)
        return ok

    def would_refuse(self, subscription: Json) -> str | None:
        """Why the next charge would fail, asked before anything is changed."""
        return self._refusal(subscription)

    def _refusal(self, subscription: Json) -> str | None:
        card = self._world.records.get(subscription["default_payment_method"] or "")
        if card is None:
            return "no_payment_method"
        return self.declines() or payments.refusal_of(card["card"]["last4"].rjust(16, "4"), later=True)

    def _intent_of(self, invoice: Json) -> Json:
        held = self._world.records.get(invoice["intent"] or "")
        if held is not None:
            return held
        intent = payments.make_intent(
            self._world, invoice["amount_due"], invoice["currency"], customer=invoice["customer"]
        )
        self._world.keep(invoice, intent=intent["id"])
        return intent

    def _paid(self, invoice: Json) -> None:
        self._world.keep(invoice, status="paid", amount_paid=invoice["amount_due"], amount_remaining=0)
        self._world.tell("invoice.paid", invoice)
        self._world.tell("invoice.payment_succeeded", invoice)

    def change(self, subscription: Json, **parts: object) -> None:
        """Change a subscription and say so."""
        previous = {name: subscription.get(name) for name in parts}
        self._world.keep(subscription, **parts)
        self._world.tell("customer.subscription.updated", subscription, **previous)

    def end(self, subscription: Json) -> None:
        """Cancel now."""
        now = self._world.now()
        at = subscription["canceled_at"] or now
        self._world.keep(subscription, status="canceled", canceled_at=at, ended_at=now, next_try_at=None)
        self._world.tell("customer.subscription.deleted", subscription)

    def due(self) -> tuple[int, Json] | None:
        """What happens next, and when."""
        found = [(moment, each) for each in self._world.records.of_kind("subscription") if (moment := _moment(each))]
        return min(found, key=lambda pair: pair[0]) if found else None

    def happen(self, subscription: Json) -> None:
        """Let the moment of `due` pass."""
        if subscription["status"] == "past_due":
            self._try_again(subscription)
        elif subscription["cancel_at_period_end"]:
            self.end(subscription)
        else:
            self._renew(subscription)

    def _renew(self, subscription: Json) -> None:
        item = subscription["items"]["data"][0]
        start = item["current_period_end"]
        was_trial = subscription["status"] == "trialing"
        behaviour = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
        if was_trial and subscription["default_payment_method"] is None and behaviour == "pause":
            self.change(subscription, status="paused")
            self._world.tell("customer.subscription.paused", subscription)
            return
        item |= {"current_period_start": start, "current_period_end": added(start, item["price"])}
        if self.bill(subscription, item["price"]["unit_amount"], "subscription_cycle"):
            self.change(subscription, status="active", next_try_at=None)
        else:
            self.change(subscription, status="past_due", next_try_at=self._world.now() + RETRIES_S[0])

    def _try_again(self, subscription: Json) -> None:
        invoice = self._world.find("invoice", subscription["latest_invoice"])
        if self.collect(invoice, subscription):
            self.change(subscription, status="active", next_try_at=None)
        elif invoice["attempt_count"] > len(RETRIES_S):
            self.end(subscription)
        else:
            tries: int = invoice["attempt_count"]
            self._world.keep(subscription, next_try_at=self._world.now() + RETRIES_S[tries - 1])


def _moment(subscription: Json) -> int | None:
    if subscription["status"] == "past_due":
        return subscription["next_try_at"]
    if subscription["status"] in {"active", "trialing"}:
        return subscription["items"]["data"][0]["current_period_end"]
    return None


def _item(price: Json, start: int, end: int) -> Json:
    return {
        "id": new_id("si"),
        "object": "subscription_item",
        "price": price,
        "quantity": 1,
        "current_period_start": start,
        "current_period_end": end,
    }


def added(moment: int, price: Json) -> int:
    """One interval later, on the same day of the month where there is one."""
    every: Json = price["recurring"] or {"interval": "month", "interval_count": 1}
    days = {"day": 1, "week": 7}.get(every["interval"])
    if days is not None:
        return moment + days * every["interval_count"] * DAY_S
    months = every["interval_count"] * (12 if every["interval"] == "year" else 1)
    then = dt.datetime.fromtimestamp(moment, dt.UTC)
    year, month = divmod(then.year * 12 + then.month - 1 + months, 12)
    day = min(then.day, calendar.monthrange(year, month + 1)[1])
    return int(then.replace(year=year, month=month + 1, day=day).timestamp())
