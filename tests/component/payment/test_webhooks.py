"""Webhooks in any order, doubled, replayed, late or lost lead to one state; unsigned ones lead nowhere."""

import hashlib
import hmac
import itertools
import json
import random
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.component.payment.driver import World
from tests.support.stripe import SECRET

from audifi.kernel.ids import new_id
from audifi.local import knobs
from audifi.services.payment.alarms import COUNT, NAME
from audifi.services.payment.sagas import applying, catching_up, working

pytestmark = pytest.mark.asyncio(loop_scope="session")
_addresses = itertools.count(1)


def _signed(payload: bytes, *, secret: str = SECRET, age_s: int = 0) -> str:
    moment = int(time.time()) - age_s
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def _event(**more: Any) -> bytes:
    event = {"id": f"evt_{new_id()}", "object": "event", "type": "customer.created", "created": int(time.time())}
    return json.dumps({**event, "data": {"object": {}}, **more}).encode()


def _address() -> str:
    return f"192.0.2.{next(_addresses)}"


async def test_an_event_is_kept_once_and_acknowledged_every_time(world: World) -> None:
    payload = _event()
    for path in ("/webhooks/stripe", "/payments/webhook", "/webhooks/stripe"):
        head = {"stripe-signature": _signed(payload), "x-forwarded-for": _address()}
        answer = await world.send("POST", path, payload, head)
        assert (answer.status, answer.json) == (200, {"received": True})
    event_id = json.loads(payload)["id"]
    assert len(await world.rows("SELECT 1 FROM payment.webhook_events WHERE event_id = $1", event_id)) == 1
    await world.settle()
    [row] = await world.rows("SELECT status FROM payment.webhook_events WHERE event_id = $1", event_id)
    assert row["status"] == "SKIPPED"


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (_event(), ""),
        (_event(), "t=1,v1=00"),
        (_event(), "nonsense"),
        (_event(), "t=x,v1=\xe9"),
        (b"\xff\xfe", "t=1,v1=00"),
        (b"", "t=1,v1=00"),
        (_event(), _signed(b"something else")),
        (_event(), _signed(_event(), secret="whsec_other")),  # nobody's
    ],
)
async def test_what_was_not_signed_is_refused(world: World, payload: bytes, signature: str) -> None:
    answer = await world.webhook(payload, signature, address=_address())
    assert (answer.status, answer.code) == (400, "WEBHOOK_SIGNATURE_INVALID")


async def test_a_signature_counts_for_300_seconds(world: World) -> None:
    payload = _event()
    good = await world.webhook(payload, _signed(payload, age_s=290), address=_address())
    late = await world.webhook(payload, _signed(payload, age_s=310), address=_address())
    assert (good.status, late.status) == (200, 400)


async def test_signed_bytes_that_are_no_event_are_refused_as_such(world: World) -> None:
    for payload in (b"{}", b"[1]", b"nothing"):
        answer = await world.webhook(payload, _signed(payload), address=_address())
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


async def test_three_bad_signatures_close_an_address_and_nobody_else_s(world: World) -> None:
    address, payload = _address(), _event()
    answers = [await world.webhook(payload, "t=1,v1=00", address=address) for _ in range(COUNT)]
    assert {answer.status for answer in answers} == {400}
    closed = await world.webhook(payload, _signed(payload), address=address)
    assert (closed.status, closed.code) == (429, "RATE_LIMITED")
    assert 590 <= int(closed.head["retry-after"]) <= 600
    assert (await world.webhook(payload, _signed(payload), address=_address())).status == 200
    await world.settle()
    assert await world.said("security.event", NAME)


async def test_an_event_of_another_form_is_set_aside_and_hurts_nobody(world: World) -> None:
    for about in ({}, {"id": 5}, {"id": "cs_1", "mode": "payment", "metadata": {"paymentId": "x' OR 1=1"}}):
        payload = _event(type="checkout.session.completed", data={"object": about})
        assert (await world.webhook(payload, _signed(payload), address=_address())).status == 200
        await world.settle()
        [row] = await world.rows(
            "SELECT status FROM payment.webhook_events WHERE event_id = $1", json.loads(payload)["id"]
        )
        assert row["status"] == "SKIPPED"


async def test_a_story_told_in_any_order_ends_the_same(world: World) -> None:
    """A trial, payments, an end taken back, another plan, a purchase refunded: told again in four other orders."""
    told: list[bytes] = []
    world.before_webhook = told.append
    person = await world.person()
    await knobs.set_faults(world.stripe.control, webhooks={"hold": True})
    await person.checkout(kind="SUBSCRIPTION", plan="PRO", interval="MONTHLY")
    page = await person.checkout(kind="SUBSCRIPTION", plan="PRO", interval="MONTHLY")
    await world.stripe.pay(page.data["url"])
    await world.advance(days=15)
    await knobs.clear_faults(world.stripe.control)
    await world.settle()
    assert (await person.post("/subscriptions/cancel", {})).status == 200
    assert (await person.post("/subscriptions/reactivate")).status == 200
    assert (await person.patch("/subscriptions", {"plan": "ENTERPRISE", "interval": "MONTHLY"})).status == 200
    await world.advance(days=31)
    purchase = world.purchase(person)
    page = await person.checkout(kind="PURCHASE", purchaseId=purchase)
    world.neighbours.purchases[purchase]["status"] = "EXPIRED"
    await world.stripe.pay(page.data["url"])
    await world.settle()
    world.before_webhook = lambda _: None
    expected = await _state(world, person.id)
    assert expected["subscriptions"][0]["status"] == "ACTIVE"
    assert {each["status"] for each in expected["payments"]} == {"SUCCEEDED", "REFUNDED"}
    dice = random.Random(7)  # noqa: S311  # dice
    mine = [each for each in told if person.id.encode() in each or _is_about(each, expected)]
    assert len(mine) >= 12
    for _ in range(4):
        await _forget(world, person.id)
        order = mine * dice.choice((1, 2))
        dice.shuffle(order)
        await _retell(world, order)
        assert await _state(world, person.id) == expected


async def test_hypothesis_finds_no_order_that_ends_differently(world: World) -> None:
    told: list[bytes] = []
    world.before_webhook = told.append
    person = await world.person()
    await person.subscribed("ENTERPRISE")
    await person.post("/subscriptions/cancel", {})
    await world.settle()
    await person.post("/subscriptions/cancel", {"immediately": True})
    await world.settle()
    world.before_webhook = lambda _: None
    expected = await _state(world, person.id)
    assert [each["status"] for each in expected["subscriptions"]] == ["CANCELLED"]
    mine = [each for each in told if person.id.encode() in each or _is_about(each, expected)]
    failures: list[tuple[list[int], Any]] = []
    chosen: list[list[int]] = []

    @settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
    @given(st.lists(st.integers(0, len(mine) - 1), max_size=6), st.permutations(range(len(mine))))
    def choose(repeated: list[int], order: list[int]) -> None:
        chosen.append([*repeated, *order])

    choose()
    for order in chosen:
        await _forget(world, person.id)
        await _retell(world, [mine[index] for index in order])
        if (state := await _state(world, person.id)) != expected:
            failures.append((order, state))
    assert not failures, failures[0]


async def test_two_subscriptions_in_one_second_are_told_apart_by_looking(world: World) -> None:
    """An immediate end and a new beginning, told the wrong way round: the new one is not taken for a second one."""
    person = await world.person()
    await person.subscribed()
    told: list[bytes] = []
    await knobs.set_faults(world.stripe.control, webhooks={"hold": True})
    [row] = await world.rows("SELECT * FROM payment.subscriptions WHERE user_id = $1", person.id)
    await world.parts.stripe.cancel(row["stripe_subscription_id"])
    await world.execute(  # as if the page had been opened after the end was told
        "UPDATE payment.subscriptions SET status = 'UNPAID' WHERE user_id = $1", person.id
    )
    page = await person.checkout(kind="SUBSCRIPTION", plan="PRO", interval="YEARLY")
    await world.execute("UPDATE payment.subscriptions SET status = 'ACTIVE' WHERE user_id = $1", person.id)
    await world.stripe.pay(page.data["url"])
    world.before_webhook = told.append
    await knobs.set_faults(world.stripe.control, webhooks={"shuffle_s": 0.2}, seed=3)
    await world.settle()
    found = await person.subscription()
    assert (found["plan"], found["interval"], found["status"]) == ("PRO", "YEARLY", "ACTIVE")
    rows = await world.rows("SELECT status FROM payment.subscriptions WHERE user_id = $1", person.id)
    assert sorted(each["status"] for each in rows) == ["ACTIVE", "CANCELLED"]


async def test_doubled_late_and_shuffled_webhooks_charge_once(world: World) -> None:
    faults = {"duplicates": 4, "shuffle_s": 0.3, "late_s": 0.1}
    await knobs.set_faults(world.stripe.control, webhooks=faults, seed=11)
    people = [await world.person() for _ in range(8)]
    purchases = [world.purchase(each) for each in people]
    for person, purchase in zip(people, purchases, strict=True):
        page = await person.checkout(kind="PURCHASE", purchaseId=purchase)
        await world.stripe.pay(page.data["url"])
    await world.settle()
    for purchase in purchases:
        assert len(await world.said("payment.succeeded", purchase)) == 1
        assert [each for each, _ in world.neighbours.paid].count(purchase) == 1


async def test_webhooks_that_never_come_are_read_from_stripe_s_list(world: World) -> None:
    person = await world.person()
    purchase = world.purchase(person)
    page = await person.checkout(kind="PURCHASE", purchaseId=purchase)
    await knobs.set_faults(world.stripe.control, webhooks={"hold": True})
    await world.stripe.pay(page.data["url"])
    world.clock.advance(seconds=90)
    await world.execute("UPDATE payment.event_cursors SET leased_until = now()")
    assert await catching_up.catch_up(world.parts) > 0
    assert await catching_up.catch_up(world.parts) == 0  # another pod holds the lease
    await _step_without_webhooks(world)
    [payment] = await world.rows("SELECT status FROM payment.payments WHERE purchase_id = $1", purchase)
    assert payment["status"] == "SUCCEEDED"
    await knobs.clear_faults(world.stripe.control)
    await world.settle()
    assert len(await world.said("payment.succeeded", purchase)) == 1
    world.clock.advance(seconds=-90)


async def test_an_event_that_the_queue_lost_is_applied_from_its_row(world: World) -> None:
    payload = _event(type="charge.refunded")
    await world.webhook(payload, _signed(payload), address=_address())
    await world.execute("DELETE FROM outbox")
    assert await working.apply_due(world.parts) == 0
    world.clock.advance(seconds=31)
    assert await working.apply_due(world.parts) == 1
    world.clock.advance(seconds=-31)


async def test_a_worker_that_died_lets_go_and_one_that_woke_up_late_commits_nothing(world: World) -> None:
    payload = _event()
    await world.webhook(payload, _signed(payload), address=_address())
    [row] = await world.rows(
        "SELECT id::text FROM payment.webhook_events WHERE event_id = $1", json.loads(payload)["id"]
    )
    await world.execute(
        "UPDATE payment.webhook_events SET status = 'PROCESSING', next_attempt_at = $2 WHERE id = $1",
        row["id"],
        world.clock.now() + timedelta(minutes=1),
    )
    assert not await applying.apply(world.parts, row["id"])
    world.clock.advance(seconds=61)
    assert await applying.apply(world.parts, row["id"])
    assert not await applying.apply(world.parts, row["id"])
    world.clock.advance(seconds=-61)


async def _step_without_webhooks(world: World) -> None:
    while await world.step():
        pass


def _is_about(payload: bytes, state: dict[str, Any]) -> bool:
    known = [each["stripe_subscription_id"] for each in state["subscriptions"]]
    known += [each["id"] for each in state["payments"]]
    return any(str(each).encode() in payload for each in known)


async def _state(world: World, user_id: str) -> dict[str, Any]:
    """What the service knows of somebody, without what differs between two tellings."""
    queries = {
        "subscriptions": """SELECT plan_slug, status, period_start, period_end, trial_end, cancel_at_period_end,
                canceled_at, stripe_subscription_id FROM payment.subscriptions WHERE user_id = $1
                ORDER BY period_start""",
        "entitlements": "SELECT plan, status FROM payment.entitlements WHERE user_id = $1",
        "invoices": """SELECT stripe_invoice_id, status, amount_due_cents, amount_paid_cents FROM payment.invoices
                WHERE user_id = $1 ORDER BY stripe_invoice_id""",
        "payments": """SELECT CASE WHEN purchase_id IS NULL THEN NULL ELSE id::text END AS id, type, status,
                amount_cents, stripe_invoice_id FROM payment.payments WHERE user_id = $1
                ORDER BY stripe_invoice_id NULLS FIRST""",
    }
    return {name: await world.rows(query, user_id) for name, query in queries.items()}


async def _forget(world: World, user_id: str) -> None:
    """As if Stripe had never told us anything of this person."""
    await world.execute("DELETE FROM payment.subscriptions WHERE user_id = $1", user_id)
    await world.execute("DELETE FROM payment.entitlements WHERE user_id = $1", user_id)
    await world.execute("DELETE FROM payment.invoices WHERE user_id = $1", user_id)
    await world.execute("DELETE FROM payment.payments WHERE user_id = $1 AND purchase_id IS NULL", user_id)
    await world.execute(
        """UPDATE payment.payments SET status = 'PENDING', succeeded_at = NULL, refunded_at = NULL, failed_at = NULL,
                  stripe_payment_intent = NULL WHERE user_id = $1""",
        user_id,
    )


async def _retell(world: World, order: list[bytes]) -> None:
    ids = list({json.loads(payload)["id"] for payload in order})
    await world.execute("DELETE FROM payment.webhook_events WHERE event_id = ANY($1::text[])", ids)
    for payload in order:
        assert (await world.webhook(payload, _signed(payload))).status == 200
        if random.Random(payload).random() < 0.5:  # noqa: S311  # dice
            await world.step()
    await world.settle()
