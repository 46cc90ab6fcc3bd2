"""A purchase is paid once, on one page, for one price; what cannot be delivered goes back."""

import asyncio

import pytest
from tests.component.payment.driver import ETHER, Answer, World
from tests.support.stripe import BAD_CARD

from audifi.kernel import outbox
from audifi.local import knobs
from audifi.services.payment.sagas import working
from audifi.wire.events.nft import PurchaseExpired, PurchaseRefundDue

pytestmark = pytest.mark.asyncio(loop_scope="session")
PAYMENT = "SELECT id::text, status, amount_cents FROM payment.payments WHERE purchase_id = $1"


def _purchase_event(kind: type[PurchaseExpired | PurchaseRefundDue], purchase_id: str, user_id: str) -> object:
    return kind(
        purchase_id=purchase_id, user_id=user_id, master_id="m", artist_id="a", kind="PRIMARY",
        payment_method="STRIPE", quantity=1, total_wei="1", fee_wei="0",
    )  # fmt: skip


async def test_a_paid_page_reaches_the_purchase_and_the_history(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer, wei=35 * ETHER // 100)
    page = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    assert page.status == 201, page.body
    assert page.data["expiresAt"] == world.neighbours.purchases[purchase]["expiresAt"]
    assert await world.stripe.pay(page.data["url"]) == (
        200, {"id": page.data["sessionId"], "status": "complete", "payment_status": "paid"},
    )  # fmt: skip
    await world.settle()
    [payment] = await world.rows(PAYMENT, purchase)
    assert (payment["status"], payment["amount_cents"]) == ("SUCCEEDED", 87_500)
    told = {"paymentId": payment["id"], "amountCents": 87_500, "currency": "usd"}
    assert [body for each, body in world.neighbours.paid if each == purchase] == [told]
    [said] = await world.said("payment.succeeded", purchase)
    assert said["type"] == "NFT_MINT"
    history = (await buyer.get("/payments/history")).json
    assert [each["status"] for each in history["data"]] == ["SUCCEEDED"]
    assert history["pagination"]["total"] == 1
    again = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    assert (again.status, again.code) == (409, "CONFLICT")


async def test_a_hundred_asks_with_one_key_open_one_page_and_charge_once(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    answers = [
        answer
        for _ in range(5)
        for answer in await asyncio.gather(
            *(buyer.checkout(key="one", kind="PURCHASE", purchaseId=purchase) for _ in range(20))
        )
    ]
    pages = {answer.data["sessionId"] for answer in answers if answer.status == 201}
    assert len(pages) == 1
    assert {answer.code for answer in answers if answer.status != 201} <= {"REQUEST_IN_PROGRESS", "RATE_LIMITED"}
    url = next(answer.data["url"] for answer in answers if answer.status == 201)
    paid = await asyncio.gather(*(world.stripe.pay(url) for _ in range(10)))
    assert [status for status, _ in paid].count(200) == 1
    await knobs.replay_webhooks(world.stripe.control, 3)
    await world.settle()
    [payment] = await world.rows(PAYMENT, purchase)
    assert payment["status"] == "SUCCEEDED"
    assert len(await world.said("payment.succeeded", purchase)) == 1
    assert [each for each, _ in world.neighbours.paid].count(purchase) == 1


async def test_other_keys_get_the_same_page_and_another_body_is_refused(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    first, second = await asyncio.gather(*(buyer.checkout(kind="PURCHASE", purchaseId=purchase) for _ in range(2)))
    assert first.data == second.data
    await buyer.checkout(key="k", kind="PURCHASE", purchaseId=purchase)
    other = await buyer.checkout(key="k", kind="SUBSCRIPTION", plan="PRO", interval="MONTHLY")
    assert (other.status, other.code) == (409, "IDEMPOTENCY_KEY_REUSED")


async def test_a_refused_card_is_told_and_another_one_pays(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    page = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    status, refused = await world.stripe.pay(page.data["url"], BAD_CARD)
    assert (status, refused["error"]["code"]) == (402, "card_declined")
    await world.settle()
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["FAILED"]
    assert len(await world.said("payment.failed", purchase)) == 1
    assert (await world.stripe.pay(page.data["url"]))[0] == 200
    await world.settle()
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["SUCCEEDED"]


async def test_who_pays_for_a_reservation_that_is_gone_is_refunded_once(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    page = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    world.neighbours.purchases[purchase]["status"] = "EXPIRED"
    await world.stripe.pay(page.data["url"])
    await world.settle()
    async with world.parts.database.transaction() as tx:
        for kind in (PurchaseRefundDue, PurchaseExpired):
            await outbox.add(tx, _purchase_event(kind, purchase, buyer.id), aggregate_id=purchase)  # pyright: ignore[reportArgumentType]
    await world.settle()
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["REFUNDED"]
    assert len(await world.said("payment.refunded", purchase)) == 1
    assert world.neighbours.refunded.count(purchase) == 1
    [errand] = await world.rows("SELECT * FROM payment.errands WHERE kind = 'REFUND' AND subject = (SELECT id::text"
                                " FROM payment.payments WHERE purchase_id = $1)", purchase)  # fmt: skip
    assert errand["done_at"] is not None


async def test_a_page_closes_with_its_reservation(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer, minutes=10)
    page = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    world.clock.advance(minutes=11)
    await working.close_pages(world.parts)
    await world.settle()
    assert (await world.stripe.pay(page.data["url"]))[0] in (400, 410)
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["FAILED"]
    late = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    assert (late.status, late.code) == (410, "RESERVATION_EXPIRED")
    world.clock.advance(minutes=-11)


async def test_what_cannot_be_paid_by_card_is_refused_with_its_reason(world: World) -> None:
    buyer, stranger = await world.person(), await world.person()
    cases = [
        (buyer, world.purchase(buyer, wei=1), 400, "VALIDATION_ERROR"),
        (buyer, world.purchase(buyer, currency="SOL"), 400, "VALIDATION_ERROR"),
        (buyer, world.purchase(buyer, minutes=-1), 410, "RESERVATION_EXPIRED"),
        (buyer, world.purchase(buyer, status="COMPLETED"), 409, "INVALID_STATE"),
        (buyer, world.purchase(buyer, paymentMethod="WALLET"), 409, "INVALID_STATE"),
        (stranger, world.purchase(buyer), 404, "NOT_FOUND"),
        (buyer, buyer.id, 404, "NOT_FOUND"),
    ]
    for person, purchase, status, code in cases:
        answer = await person.checkout(kind="PURCHASE", purchaseId=purchase)
        assert (answer.status, answer.code) == (status, code), answer.body
    for body in ({"kind": "PURCHASE"}, {"kind": "SUBSCRIPTION", "plan": "PRO"}):
        assert (await buyer.checkout(**body)).status == 400
    assert (await buyer.post("/payments/checkout", {"kind": "PURCHASE", "purchaseId": buyer.id})).status == 400


async def test_a_stripe_that_is_away_is_a_502_and_nothing_is_half_done(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    await knobs.set_faults(world.stripe.control, down=True)
    refused = await buyer.checkout(key="k", kind="PURCHASE", purchaseId=purchase)
    assert (refused.status, refused.code) == (502, "PAYMENT_PROVIDER_ERROR")
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["PENDING"]
    await knobs.clear_faults(world.stripe.control)
    page = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    assert page.status == 201, page.body
    assert (await world.stripe.pay(page.data["url"]))[0] == 200
    await world.settle()
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["SUCCEEDED"]


async def test_answers_that_are_lost_on_the_way_do_no_harm(world: World) -> None:
    await knobs.set_faults(world.stripe.control, drop_after_rate=0.25, error_rate=0.1, seed=7)
    people = [await world.person() for _ in range(6)]
    purchases = [world.purchase(each) for each in people]
    for person, purchase in zip(people, purchases, strict=True):
        answers: list[Answer] = []
        while len(answers) < 8 and (not answers or answers[-1].status != 201):
            answers.append(await person.checkout(kind="PURCHASE", purchaseId=purchase))
        page = answers[-1]
        assert page.status == 201, page.body
        await knobs.clear_faults(world.stripe.control)
        assert (await world.stripe.pay(page.data["url"]))[0] == 200
        await knobs.set_faults(world.stripe.control, drop_after_rate=0.25, error_rate=0.1, seed=8)
    await knobs.clear_faults(world.stripe.control)
    await world.settle()
    for purchase in purchases:
        assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["SUCCEEDED"]


async def test_an_nft_service_that_is_away_hears_of_the_payment_later(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    page = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    world.neighbours.is_down = True
    await world.stripe.pay(page.data["url"])
    await world.settle()
    assert purchase not in [each for each, _ in world.neighbours.paid]
    world.neighbours.is_down = False
    await world.execute("UPDATE payment.errands SET next_attempt_at = now() WHERE done_at IS NULL")
    await world.settle()
    assert [each for each, _ in world.neighbours.paid].count(purchase) == 1
