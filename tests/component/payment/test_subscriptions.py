"""From a page to a plan: trials, renewals, unpaid periods, changes, ends, and what everybody is told of them."""

import asyncio

import pytest
from tests.component.payment.driver import World
from tests.support.stripe import LATER_BAD_CARD

from audifi.kernel import outbox
from audifi.kernel.identity import Mfa
from audifi.local import knobs
from audifi.services.payment.sagas import working
from audifi.wire.events.auth import UserDeleted

pytestmark = pytest.mark.asyncio(loop_scope="session")
UNLIMITED = {"masters": None, "iposPerMonth": None, "sessions": None, "decisionsPerSession": None}
ONE = {"masters": 1, "iposPerMonth": 1, "sessions": 1, "decisionsPerSession": 1}


async def test_the_price_list_is_the_specified_one(world: World) -> None:
    answer = await world.send("GET", "/payments/plans", None, {"x-forwarded-for": "10.7.7.7"})
    listed = [(each["slug"], each["priceCents"], each["trialDays"]) for each in answer.data]
    assert listed == [
        ("FREE", 0, 0),
        ("PRO_MONTHLY", 1500, 14),
        ("PRO_YEARLY", 15_000, 14),
        ("ENTERPRISE_MONTHLY", 19_900, 0),
        ("ENTERPRISE_YEARLY", 199_000, 0),
    ]
    assert [each["limits"] for each in answer.data] == [ONE, *[UNLIMITED] * 4]


async def test_who_never_subscribed_is_on_free(world: World) -> None:
    person = await world.person()
    assert (await person.subscription())["plan"] == "FREE"
    told = (await world.internal("GET", f"/internal/v1/users/{person.id}/plan")).data
    assert told == {"plan": "FREE", "status": "NONE", "limits": ONE}
    for answer in (await person.post("/subscriptions/cancel", {}), await person.post("/subscriptions/reactivate")):
        assert (answer.status, answer.code) == (404, "SUBSCRIPTION_NOT_FOUND")
    assert (await world.send("GET", f"/internal/v1/users/{person.id}/plan", None, {})).status == 401


async def test_a_trial_becomes_a_paid_plan(world: World) -> None:
    person = await world.person()
    await person.subscribed()
    found = await person.subscription()
    assert (found["plan"], found["status"], found["limits"]) == ("PRO", "TRIALING", UNLIMITED)
    assert found["trialEnd"] == found["currentPeriodEnd"]
    assert (await world.internal("GET", f"/internal/v1/users/{person.id}/plan")).data["plan"] == "PRO"
    assert [each["status"] for each in await world.said("subscription.updated", person.id)] == ["TRIALING"]
    assert len(await world.said("subscription.created", person.id)) == 1
    [card] = await world.rows("SELECT brand, last4 FROM payment.payment_methods WHERE user_id = $1", person.id)
    assert card == {"brand": "visa", "last4": "4242"}
    again = await person.checkout(kind="SUBSCRIPTION", plan="PRO", interval="MONTHLY")
    assert (again.status, again.code) == (409, "CONFLICT")
    await world.advance(days=15)
    await world.settle()
    assert (await person.subscription())["status"] == "ACTIVE"
    entries = (await person.get("/payments/history")).json["data"]
    assert sorted((each["kind"], each["amountCents"], each["status"]) for each in entries) == [
        ("INVOICE", 0, "PAID"),
        ("INVOICE", 1500, "PAID"),
        ("PAYMENT", 1500, "SUCCEEDED"),
    ]
    assert [each["amountCents"] for each in await world.said("invoice.paid", person.id)] == [0, 1500]


async def test_an_unpaid_period_entitles_for_a_week_and_a_paid_one_again(world: World) -> None:
    person = await world.person()
    await person.subscribed(card=LATER_BAD_CARD)
    await world.advance(days=14, minutes=1)
    await world.settle()
    found = await person.subscription()
    assert (found["plan"], found["status"]) == ("PRO", "PAST_DUE")
    assert await world.said("invoice.failed", person.id)
    await world.advance(days=7)
    await world.settle()
    await working.end_graces(world.parts)
    await world.settle()
    assert ((await person.subscription())["plan"], (await person.subscription())["status"]) == ("FREE", "PAST_DUE")
    assert (await world.said("subscription.updated", person.id))[-1]["plan"] == "FREE"
    await world.advance(days=9)
    await world.settle()
    assert (await person.subscription())["status"] == "CANCELLED"
    assert len(await world.said("subscription.canceled", person.id)) == 1


async def test_an_end_with_the_period_keeps_the_plan_until_then_and_can_be_taken_back(world: World) -> None:
    person = await world.person()
    await person.subscribed("ENTERPRISE")
    ended = await person.post("/subscriptions/cancel", {})
    assert (ended.data["plan"], ended.data["cancelAtPeriodEnd"]) == ("ENTERPRISE", True)
    assert (await person.post("/subscriptions/cancel", {})).code == "INVALID_STATE"
    kept = await person.post("/subscriptions/reactivate")
    assert kept.data["cancelAtPeriodEnd"] is False
    assert (await person.post("/subscriptions/reactivate")).code == "INVALID_STATE"
    await world.settle()
    assert (await person.post("/subscriptions/cancel", {"immediately": False})).status == 200
    await world.advance(days=31)
    await world.settle()
    found = await person.subscription()
    assert (found["plan"], found["status"]) == ("FREE", "CANCELLED")
    assert len(await world.said("audit.recorded", person.id)) == 3


async def test_an_immediate_end_ends_now_and_a_second_trial_is_not_given(world: World) -> None:
    person = await world.person()
    await person.subscribed()
    ended = await person.post("/subscriptions/cancel", {"immediately": True})
    assert (ended.data["plan"], ended.data["status"]) == ("FREE", "CANCELLED")
    await world.settle()
    await person.subscribed()
    assert (await person.subscription())["status"] == "ACTIVE"
    [payment] = await world.rows("SELECT * FROM payment.payments WHERE user_id = $1", person.id)
    assert payment["amount_cents"] == 1500


async def test_a_change_of_plan_is_paid_at_once_or_does_not_happen(world: World) -> None:
    person = await world.person()
    await person.subscribed("ENTERPRISE")
    assert (await person.patch("/subscriptions", {"plan": "ENTERPRISE", "interval": "MONTHLY"})).code == "INVALID_STATE"
    assert (await person.patch("/subscriptions", {"plan": "FREE", "interval": "MONTHLY"})).status == 400
    await knobs.set_faults(world.stripe.control, refuse="insufficient_funds")
    refused = await person.patch("/subscriptions", {"plan": "ENTERPRISE", "interval": "YEARLY"})
    assert (refused.status, refused.code) == (502, "PAYMENT_PROVIDER_ERROR")
    await knobs.clear_faults(world.stripe.control)
    await world.settle()
    assert (await person.subscription())["interval"] == "MONTHLY"
    moved = await person.patch("/subscriptions", {"plan": "ENTERPRISE", "interval": "YEARLY"})
    assert moved.data["interval"] == "YEARLY", moved.body
    await world.settle()
    assert (await person.subscription())["interval"] == "YEARLY"
    sums = await world.rows(
        """SELECT (SELECT sum(amount_cents) FROM payment.payments WHERE user_id = $1) AS paid,
                  (SELECT sum(amount_paid_cents) FROM payment.invoices WHERE user_id = $1) AS billed""",
        person.id,
    )
    assert sums[0]["paid"] == sums[0]["billed"] > 19_900


async def test_another_page_replaces_the_first_and_one_plan_has_one_page(world: World) -> None:
    person = await world.person()
    monthly, again = await asyncio.gather(
        *(person.checkout(kind="SUBSCRIPTION", plan="PRO", interval="MONTHLY") for _ in range(2))
    )
    assert monthly.data["sessionId"] == again.data["sessionId"]
    yearly = await person.checkout(kind="SUBSCRIPTION", plan="PRO", interval="YEARLY")
    assert (await world.stripe.pay(monthly.data["url"]))[0] in (400, 410)
    assert (await world.stripe.pay(yearly.data["url"]))[0] == 200
    await world.settle()
    assert (await person.subscription())["interval"] == "YEARLY"


async def test_a_second_subscription_made_behind_our_back_is_cancelled(world: World) -> None:
    person = await world.person()
    await person.subscribed()
    [row] = await world.rows("SELECT * FROM payment.subscriptions WHERE user_id = $1", person.id)
    price = await world.rows("SELECT stripe_price_id FROM payment.plans WHERE slug = 'PRO_MONTHLY'")
    client = world.parts.stripe._v1  # pyright: ignore[reportPrivateUsage]  # an operator at Stripe's own console
    second = await client.subscriptions.create_async(
        {
            "customer": row["stripe_customer_id"],
            "items": [{"price": price[0]["stripe_price_id"]}],
            "metadata": {"userId": person.id},
        }
    )
    await world.settle()
    assert (await world.parts.stripe.subscription(second.id)).status == "canceled"
    assert (await person.subscription())["status"] == "TRIALING"


async def test_a_closed_account_is_forgotten_at_stripe_and_its_rows_about_money_stay(world: World) -> None:
    person = await world.person()
    await person.subscribed("ENTERPRISE")
    async with world.parts.database.transaction() as tx:
        await outbox.add(tx, UserDeleted(user_id=person.id), aggregate_id=person.id)
    await world.settle()
    assert (await person.subscription())["status"] == "CANCELLED"
    assert not await world.rows("SELECT 1 FROM payment.payment_methods WHERE user_id = $1", person.id)
    assert len(await world.rows("SELECT 1 FROM payment.payments WHERE user_id = $1", person.id)) == 1


async def test_the_portal_opens_and_changes_need_the_second_factor_where_there_is_one(world: World) -> None:
    person, careful = await world.person(), await world.person(mfa=Mfa.ENROLLED)
    portal = await person.post("/payments/portal")
    assert portal.status == 200
    assert portal.data["url"].startswith(world.stripe.url)
    refused = await careful.post("/subscriptions/cancel", {})
    assert (refused.status, refused.code) == (403, "MFA_REQUIRED")
    assert (await careful.get("/subscriptions")).status == 200


async def test_nft_service_asks_for_a_refund_once(world: World) -> None:
    person = await world.person()
    purchase = world.purchase(person)
    unpaid = await world.internal("POST", "/internal/v1/refunds", {"purchaseId": purchase})
    assert unpaid.status == 404
    page = await person.checkout(kind="PURCHASE", purchaseId=purchase)
    early = await world.internal("POST", "/internal/v1/refunds", {"purchaseId": purchase})
    assert (early.status, early.code) == (409, "INVALID_STATE")
    asked = "/internal/v1/purchases-paid?since=2026-01-01T00:00:00Z"
    assert purchase not in {each["purchaseId"] for each in (await world.internal("GET", asked)).data}
    await world.stripe.pay(page.data["url"])
    await world.settle()
    paid = {each["purchaseId"]: each["amountCents"] for each in (await world.internal("GET", asked)).data}
    assert paid[purchase] > 0
    wanted = {"purchaseId": purchase, "reason": "not minted in 24 h"}
    first = await world.internal("POST", "/internal/v1/refunds", wanted)
    await world.settle()
    second = await world.internal("POST", "/internal/v1/refunds", wanted)
    await world.settle()
    assert [(each.status, each.data["status"]) for each in (first, second)] == [(202, "SUCCEEDED"), (202, "REFUNDED")]
    assert len(await world.said("payment.refunded", purchase)) == 1
    assert len(await world.said("audit.recorded", first.data["paymentId"])) == 1
