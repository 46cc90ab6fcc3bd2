"""Charge cards and give money back.

Between: checkout and billing (charge), server (routes for intents, charges, refunds), world.
Shape: one payment intent per purchase; every attempt is a charge.
Units: the smallest unit of the currency (cents).
Invariant: refunds of a charge never exceed it.
Source: docs.stripe.com/api/{payment_intents,charges,refunds}; docs.stripe.com/testing (the cards).
"""

from typing import Any, Final

from audifi.local.standins.stripe.forms import Json, section, whole
from audifi.local.standins.stripe.refusals import Refused, declined
from audifi.local.standins.stripe.world import Asked, World, listed

GOOD_CARD: Final = "4242424242424242"
LATER_BAD: Final = "4000000000000341"  # attaching succeeds, every charge after it fails
BAD_CARDS: Final = {
    "4000000000000002": "generic_decline",
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired_card",
}
REASONS: Final = {"duplicate", "fraudulent", "requested_by_customer"}


def make_card(world: World, number: str, customer: str | None) -> Json:
    """Make the payment method of a card; the number itself is not kept."""
    card = {"brand": "visa", "last4": number[-4:], "exp_month": 12, "exp_year": 2034, "funding": "credit"}
    return world.make("payment_method", "pm", type="card", card=card, customer=customer)


def refusal_of(number: str, *, later: bool = False) -> str | None:
    """Why the bank would refuse this card; None: it would not."""
    if later and number[-4:] == LATER_BAD[-4:]:
        return "generic_decline"
    return next((reason for bad, reason in BAD_CARDS.items() if bad[-4:] == number[-4:]), None)


def make_intent(world: World, amount: int, currency: str, **shown: Any) -> Json:
    """Make a payment intent that nobody tried to pay yet."""
    made = world.make(
        "payment_intent",
        "pi",
        amount=amount,
        amount_received=0,
        currency=currency,
        status="requires_payment_method",
        latest_charge=None,
        last_payment_error=None,
        payment_method=None,
        **{"customer": None, "metadata": {}, **shown},
    )
    world.tell("payment_intent.created", made)
    return made


def attempt(world: World, intent: Json, card: Json, *, refusal: str | None) -> bool:
    """Charge the card for the intent; says whether the bank agreed."""
    ok = refusal is None
    charge = world.make(
        "charge",
        "ch",
        amount=intent["amount"],
        amount_captured=intent["amount"] if ok else 0,
        amount_refunded=0,
        refunded=False,
        currency=intent["currency"],
        customer=intent["customer"],
        payment_intent=intent["id"],
        payment_method=card["id"],
        payment_method_details={"type": "card", "card": card["card"]},
        paid=ok,
        status="succeeded" if ok else "failed",
        failure_code=None if ok else "card_declined",
        metadata=dict(intent["metadata"]),
    )
    error = None if refusal is None else declined(refusal, payment_method=card["id"]).body()["error"]
    received = intent["amount"] if ok else 0
    status = "succeeded" if ok else "requires_payment_method"
    world.keep(
        intent,
        latest_charge=charge["id"],
        last_payment_error=error,
        status=status,
        amount_received=received,
        payment_method=card["id"] if ok else None,
    )
    world.tell("charge.succeeded" if ok else "charge.failed", charge)
    world.tell("payment_intent.succeeded" if ok else "payment_intent.payment_failed", intent)
    return ok


def get_intent(world: World, asked: Asked) -> Json:
    return world.find("payment_intent", asked.identity)


def list_intents(world: World, asked: Asked) -> Json:
    customer = asked.params.get("customer")
    found = world.records.where("payment_intent", lambda each: customer in (None, each["customer"]))
    return listed(found, asked.params, "/v1/payment_intents")


def get_charge(world: World, asked: Asked) -> Json:
    return world.find("charge", asked.identity)


def create_refund(world: World, asked: Asked) -> Json:
    """Give money back, all of it unless an amount is named."""
    params = asked.params
    charge = _charge_of(world, params)
    reason = params.get("reason")
    if reason is not None and reason not in REASONS:
        raise Refused(400, "parameter_invalid", f"Invalid reason: must be one of {sorted(REASONS)}", param="reason")
    if charge["refunded"]:
        raise Refused(400, "charge_already_refunded", f"Charge {charge['id']} has already been refunded.")
    left = charge["amount"] - charge["amount_refunded"]
    amount = whole(params, "amount", otherwise=left)
    if not 0 < amount <= left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise Refused(400, "amount_too_large", message, param="amount")
    refund = world.make(
        "refund",
        "re",
        amount=amount,
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        currency=charge["currency"],
        status="succeeded",
        reason=reason,
        metadata=section(params, "metadata"),
    )
    total = charge["amount_refunded"] + amount
    world.keep(charge, amount_refunded=total, refunded=total == charge["amount"])
    world.tell("refund.created", refund)
    world.tell("charge.refunded", charge)
    return refund


def _charge_of(world: World, params: Json) -> Json:
    if "charge" in params:
        return world.find("charge", params["charge"])
    if "payment_intent" not in params:
        raise Refused(400, "parameter_missing", "One of these should be provided: payment_intent, charge")
    intent = world.find("payment_intent", params["payment_intent"])
    if intent["status"] != "succeeded":
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise Refused(400, "payment_intent_unexpected_state", message, param="payment_intent")
    return world.find("charge", intent["latest_charge"])


def get_refund(world: World, asked: Asked) -> Json:
    return world.find("refund", asked.identity)


def list_refunds(world: World, asked: Asked) -> Json:
    intent = asked.params.get("payment_intent")
    found = world.records.where("refund", lambda each: intent in (None, each["payment_intent"]))
    return listed(found, asked.params, "/v1/refunds")
