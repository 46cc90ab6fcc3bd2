"""A pod that dies between any two steps leaves nothing half done: the next ask, or the next pod, goes on.

Shape: each step outside (Stripe's call, the transaction after it) is made to die once; then everything runs on.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.component.payment.driver import World

from audifi.services.payment.sagas import applying, catching_up, errands, opening, working
from audifi.services.payment.store.errands import Errand

pytestmark = pytest.mark.asyncio(loop_scope="session")
PAYMENT = "SELECT status FROM payment.payments WHERE purchase_id = $1"


class Died(Exception):
    """The process is gone."""


def _dying_after(real: Callable[..., Awaitable[Any]], on_call: int) -> Callable[..., Awaitable[Any]]:
    """Do what is asked, and die at the end of the n-th call: what was done outside is done."""
    calls = 0

    async def called(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        answer = await real(*arguments, **named)
        if calls == on_call:
            raise Died
        return answer

    return called


@pytest.mark.parametrize("step", ["customer", "open_payment"])
async def test_a_death_after_a_call_of_stripe_s_opens_one_page(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    stripe = world.parts.stripe
    with monkeypatch.context() as dying:
        dying.setattr(stripe, step, _dying_after(getattr(stripe, step), 1))
        with pytest.raises(Died):
            await opening.for_purchase(world.parts, buyer.id, purchase)
    page = await opening.for_purchase(world.parts, buyer.id, purchase)
    again = await opening.for_purchase(world.parts, buyer.id, purchase)
    assert page == again
    assert (await world.stripe.pay(page.url))[0] == 200
    await world.settle()
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["SUCCEEDED"]
    customers = await world.rows("SELECT 1 FROM payment.customers WHERE user_id = $1", buyer.id)
    assert len(customers) == 1


async def test_a_death_after_the_page_was_asked_for_is_healed_when_stripe_s_end_is_near(world: World) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer, minutes=90)
    first = await opening.for_purchase(world.parts, buyer.id, purchase)
    await world.execute(  # as if we had died before the answer was written down, an hour ago
        """UPDATE payment.checkouts SET status = 'OPENING', stripe_session_id = NULL, url = NULL,
                  closes_at = now() + interval '5 minutes' WHERE purchase_id = $1""",
        purchase,
    )
    second = await opening.for_purchase(world.parts, buyer.id, purchase)
    assert first.url != second.url  # nobody was ever told the first
    assert (await world.stripe.pay(second.url))[0] == 200
    await world.settle()
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["SUCCEEDED"]


@pytest.mark.parametrize("kind", ["PAID", "REFUND", "EXPIRE"])
async def test_an_errand_done_twice_has_one_effect(world: World, kind: str) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    page = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    if kind != "EXPIRE":
        world.neighbours.purchases[purchase]["status"] = "EXPIRED" if kind == "REFUND" else "RESERVED"
        await world.stripe.pay(page.data["url"])
    [row] = await world.rows(
        "SELECT id::text, payment_id::text FROM payment.checkouts WHERE purchase_id = $1", purchase
    )
    await world.settle()
    subject = row["id"] if kind == "EXPIRE" else row["payment_id"]
    errand = Errand(id=row["id"], kind=kind, subject=subject, attempts=1)  # pyright: ignore[reportArgumentType]
    for _ in range(3):
        await errands.do(world.parts, errand)  # its end was never written down
    await world.settle()
    expected = {"PAID": "SUCCEEDED", "REFUND": "REFUNDED", "EXPIRE": "FAILED"}[kind]
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == [expected]
    assert len(await world.said("payment.succeeded", purchase)) == (kind != "EXPIRE")
    assert len(await world.said("payment.refunded", purchase)) == (kind == "REFUND")


@pytest.mark.parametrize("dies_at", ["claim", "effect"])
async def test_a_death_while_an_event_is_applied_applies_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    buyer = await world.person()
    purchase = world.purchase(buyer)
    page = await buyer.checkout(kind="PURCHASE", purchaseId=purchase)
    await world.stripe.pay(page.data["url"])
    await world.delivered()
    rows = await world.rows(
        """SELECT id::text FROM payment.webhook_events WHERE status = 'PENDING'
            AND type IN ('checkout.session.completed', 'payment_intent.succeeded')"""
    )
    where = applying if dies_at == "claim" else applying.money
    name = "_applied" if dies_at == "claim" else "paid"
    for row in rows:
        with monkeypatch.context() as dying:
            dying.setattr(where, name, _dying_after(_nothing if dies_at == "claim" else applying.money.paid, 1))
            with pytest.raises(Died):
                await applying.apply(world.parts, row["id"])
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["PENDING"]
    world.clock.advance(seconds=61)  # the dead pod's leases end
    while await working.apply_due(world.parts):
        pass
    await world.settle()
    world.clock.advance(seconds=-61)
    assert [each["status"] for each in await world.rows(PAYMENT, purchase)] == ["SUCCEEDED"]
    assert len(await world.said("payment.succeeded", purchase)) == 1
    assert [each for each, _ in world.neighbours.paid].count(purchase) == 1


async def test_a_death_while_catching_up_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.clock.advance(seconds=120)
    await world.execute("UPDATE payment.event_cursors SET leased_until = now() - interval '1 hour'")
    before = await world.rows("SELECT read_until FROM payment.event_cursors")
    with monkeypatch.context() as dying:
        dying.setattr(world.parts.stripe, "events", _dying_after(world.parts.stripe.events, 1))
        with pytest.raises(Died):
            await catching_up.catch_up(world.parts)
    assert await world.rows("SELECT read_until FROM payment.event_cursors") == (before or await _cursor(world))
    world.clock.advance(seconds=-120)


async def _cursor(world: World) -> list[Any]:
    return await world.rows("SELECT read_until FROM payment.event_cursors")


async def _nothing(*_arguments: Any) -> None:
    """The death comes first."""
