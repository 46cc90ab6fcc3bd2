"""Keep customers, products and prices.

Between: server (routes) and world.
Invariant: a lookup key names at most one price; a price's amount never changes.
Source: docs.stripe.com/api/{customers,products,prices}.
"""

from typing import Final

from audifi.local.standins.stripe.forms import Json, needed, section, truth, whole
from audifi.local.standins.stripe.refusals import Refused
from audifi.local.standins.stripe.world import Asked, World, listed

INTERVALS: Final = {"day", "week", "month", "year"}
CENTS_MIN: Final = 50  # docs.stripe.com/currencies#minimum-and-maximum-charge-amounts (usd)


def create_customer(world: World, asked: Asked) -> Json:
    params = asked.params
    made = world.make(
        "customer",
        "cus",
        email=params.get("email"),
        name=params.get("name"),
        metadata=section(params, "metadata"),
        invoice_settings={"default_payment_method": None},
    )
    world.tell("customer.created", made)
    return made


def get_customer(world: World, asked: Asked) -> Json:
    return world.find("customer", asked.identity)


def update_customer(world: World, asked: Asked) -> Json:
    found = world.find("customer", asked.identity)
    for name in ("email", "name"):
        if name in asked.params:
            found[name] = asked.params[name]
    found["metadata"] |= section(asked.params, "metadata")
    return world.keep(found)


def create_product(world: World, asked: Asked) -> Json:
    params = asked.params
    if "id" in params and world.records.get(params["id"]) is not None:
        raise Refused(400, "resource_already_exists", f"Product already exists: {params['id']}", param="id")
    return world.make(
        "product",
        "prod",
        id=params.get("id"),
        name=needed(params, "name"),
        active=True,
        metadata=section(params, "metadata"),
    )


def get_product(world: World, asked: Asked) -> Json:
    return world.find("product", asked.identity)


def create_price(world: World, asked: Asked) -> Json:
    params = asked.params
    product = params.get("product")
    if product is None:
        told = section(params, "product_data")
        product = world.make("product", "prod", name=needed(told, "name"), active=True, metadata={})["id"]
    return make_price(world, params, world.find("product", product)["id"])


def make_price(world: World, params: Json, product: str) -> Json:
    """Make a price from what a call says of it."""
    key = params.get("lookup_key")
    for other in world.records.where("price", lambda each: key is not None and each["lookup_key"] == key):
        if not truth(params, "transfer_lookup_key"):
            message = f"A price (`{other['id']}`) already uses that lookup key."
            raise Refused(400, "resource_already_exists", message, param="lookup_key")
        world.keep(other, lookup_key=None)
    amount = whole(params, "unit_amount")
    if amount < 0:
        raise Refused(400, "parameter_invalid_integer", "Invalid non-negative integer", param="unit_amount")
    return world.make(
        "price",
        "price",
        currency=str(needed(params, "currency")).lower(),
        unit_amount=amount,
        product=product,
        lookup_key=key,
        active=True,
        type="recurring" if params.get("recurring") else "one_time",
        recurring=_recurring(params),
        metadata=section(params, "metadata"),
    )


def _recurring(params: Json) -> Json | None:
    told = section(params, "recurring")
    if not told:
        return None
    if told.get("interval") not in INTERVALS:
        message = f"Invalid recurring[interval]: must be one of {', '.join(sorted(INTERVALS))}"
        raise Refused(400, "parameter_invalid", message, param="recurring[interval]")
    return {"interval": told["interval"], "interval_count": whole(told, "interval_count", otherwise=1)}


def get_price(world: World, asked: Asked) -> Json:
    return world.find("price", asked.identity)


def list_prices(world: World, asked: Asked) -> Json:
    keys = asked.params.get("lookup_keys")
    active = truth(asked.params, "active", otherwise=True)
    found = world.records.where(
        "price", lambda each: each["active"] == active and (not keys or each["lookup_key"] in keys)
    )
    return listed(found, asked.params, "/v1/prices")
