"""The stand-in speaks Stripe's protocol: the official SDK, a browser and a webhook endpoint find what they expect."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import stripe
from aiohttp import web
from tests.support.stripe import BAD_CARD, KEY, LATER_BAD_CARD, SECRET, StandIn, standin

from audifi.local import knobs
from audifi.local.waiting import NotReady, wait_for

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Ear:
    """A webhook endpoint that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, str]] = []
        self.refusals = 0  # so many deliveries are answered 500

    async def hear(self, request: web.Request) -> web.Response:
        if self.refusals > 0:
            self.refusals -= 1
            return web.Response(status=500)
        self.heard.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response()

    def types(self) -> list[str]:
        return [stripe.Webhook.construct_event(body, head, SECRET).type for body, head in self.heard]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ear() -> AsyncGenerator[tuple[Ear, str]]:
    """An endpoint on a socket."""
    found, served = Ear(), web.Application()
    served.router.add_post("/hook", found.hear)
    runner = web.AppRunner(served)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    yield found, f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outside(tmp_path_factory: pytest.TempPathFactory, ear: tuple[Ear, str]) -> AsyncGenerator[StandIn]:
    directory: Path = tmp_path_factory.mktemp("stripe")
    async with standin(directory, webhook=ear[1]) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def account(outside: StandIn, ear: tuple[Ear, str]) -> AsyncGenerator[stripe.V1Services]:
    """The official SDK, as anybody would set it up."""
    await knobs.clear_faults(outside.control)
    await _quiet(outside)
    ear[0].heard.clear()
    http = stripe.AIOHTTPClient()
    client = stripe.StripeClient(KEY, base_addresses={"api": outside.url}, http_client=http)
    yield client.v1
    await knobs.clear_faults(outside.control)
    await http.close_async()


async def _quiet(outside: StandIn) -> None:
    async def probe() -> None:
        if waiting := await knobs.webhooks_waiting(outside.control):
            raise NotReady(f"{waiting} wait")

    await wait_for(probe, within_s=20, saying="everything is delivered", every_s=0.02)


async def _price(account: stripe.V1Services, cents: int = 1500) -> str:
    product = await account.products.create_async({"name": "PRO"})
    made = await account.prices.create_async(
        {"product": product.id, "unit_amount": cents, "currency": "usd", "recurring": {"interval": "month"}}
    )
    return made.id


async def _subscribed(
    account: stripe.V1Services, outside: StandIn, card: str = "4242424242424242", *, trial_days: int = 0
) -> Any:
    params: Any = {
        "mode": "subscription",
        "line_items": [{"price": await _price(account), "quantity": 1}],
        "success_url": "https://shop.example/done?id={CHECKOUT_SESSION_ID}",
        **({"subscription_data": {"trial_period_days": trial_days}} if trial_days else {}),
    }
    page = await account.checkout.sessions.create_async(params)
    assert page.url is not None
    assert (await outside.pay(page.url, card))[0] == 200
    page = await account.checkout.sessions.retrieve_async(page.id, {"expand": ["subscription"]})
    assert isinstance(page.subscription, stripe.Subscription)
    return page.subscription


async def _payment_page(account: stripe.V1Services, cents: int = 1234, **more: Any) -> stripe.checkout.Session:
    line: Any = {"price_data": {"currency": "usd", "unit_amount": cents, "product_data": {"name": "x"}}, "quantity": 1}
    params: Any = {"mode": "payment", "line_items": [line], "success_url": "https://shop.example/done", **more}
    return await account.checkout.sessions.create_async(params)


async def test_one_key_is_one_object_and_another_body_is_refused(account: stripe.V1Services) -> None:
    first, again = [await account.customers.create_async({"name": "A"}, {"idempotency_key": "k1"}) for _ in range(2)]
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"  # pyright: ignore[reportOptionalMemberAccess, reportUnknownMemberType, reportAttributeAccessIssue]
    with pytest.raises(stripe.IdempotencyError):
        await account.customers.create_async({"name": "B"}, {"idempotency_key": "k1"})


async def test_errors_have_stripe_s_shapes(account: stripe.V1Services, outside: StandIn) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await account.subscriptions.retrieve_async("sub_none")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert str(missing.value.request_id).startswith("req_")
    with pytest.raises(stripe.InvalidRequestError, match="30 minutes"):
        await _payment_page(account, expires_at=1)
    with pytest.raises(stripe.InvalidRequestError) as small:
        await _payment_page(account, cents=49)
    assert small.value.code == "amount_too_small"
    stranger = stripe.StripeClient(
        "sk_test_other", base_addresses={"api": outside.url}, http_client=stripe.AIOHTTPClient()
    )
    with pytest.raises(stripe.AuthenticationError):
        await stranger.v1.customers.create_async({})
    await stranger._requestor._client.close_async()  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]


async def test_a_person_pays_by_the_buttons_of_the_page(account: stripe.V1Services) -> None:
    page = await _payment_page(account)
    assert page.url is not None
    async with aiohttp.ClientSession() as browser:
        async with browser.get(page.url) as shown:
            text = await shown.text()
            assert "12.34 USD" in text
            assert 'value="pay"' in text
        async with browser.post(page.url, data={"action": "decline"}) as declined:
            assert (declined.status, "declined" in await declined.text()) == (402, True)
        async with browser.post(page.url, data={"action": "pay"}, allow_redirects=False) as paid:
            assert (paid.status, paid.headers["Location"]) == (303, "https://shop.example/done")
        async with browser.get(page.url) as closed:
            assert closed.status == 410
    found = await account.checkout.sessions.retrieve_async(page.id)
    assert (found.status, found.payment_status) == ("complete", "paid")


async def test_money_goes_back_once(account: stripe.V1Services, outside: StandIn) -> None:
    page = await _payment_page(account)
    await outside.pay(str(page.url))
    found = await account.checkout.sessions.retrieve_async(page.id)
    intent = str(found.payment_intent)
    refund = await account.refunds.create_async({"payment_intent": intent})
    assert (refund.status, refund.amount) == ("succeeded", 1234)
    with pytest.raises(stripe.InvalidRequestError) as twice:
        await account.refunds.create_async({"payment_intent": intent})
    assert twice.value.code == "charge_already_refunded"


async def test_time_renews_and_a_bad_card_ends_in_cancellation(account: stripe.V1Services, outside: StandIn) -> None:
    good, bad = await _subscribed(account, outside), await _subscribed(account, outside, LATER_BAD_CARD, trial_days=7)
    assert (good.status, bad.status) == ("active", "trialing")
    for _ in range(2):
        await knobs.advance(outside.control, 31 * 86_400)
    good, bad = [await account.subscriptions.retrieve_async(each.id) for each in (good, bad)]
    assert (good.status, bad.status) == ("active", "canceled")
    invoices = await account.invoices.list_async({"customer": str(good.customer)})
    assert [each.status for each in invoices.data] == ["paid"] * 3


async def test_webhooks_are_signed_and_sent_again_until_somebody_listens(
    account: stripe.V1Services, outside: StandIn, ear: tuple[Ear, str]
) -> None:
    ear[0].refusals = 2
    await account.customers.create_async({"name": "C"})
    await _quiet(outside)
    assert ear[0].types() == ["customer.created"]


async def test_knobs_double_hold_and_spoil_webhooks(
    account: stripe.V1Services, outside: StandIn, ear: tuple[Ear, str]
) -> None:
    await knobs.set_faults(outside.control, webhooks={"duplicates": 2, "hold": True})
    await account.customers.create_async({"name": "D"})
    assert await knobs.webhooks_waiting(outside.control) == 3
    await knobs.clear_faults(outside.control)
    await _quiet(outside)
    assert ear[0].types() == ["customer.created"] * 3
    await knobs.set_faults(outside.control, webhooks={"wrong_signature": True})
    await account.customers.create_async({"name": "E"})
    await _quiet(outside)
    with pytest.raises(stripe.SignatureVerificationError):
        ear[0].types()


async def test_a_down_stripe_cuts_and_a_lost_answer_was_done(account: stripe.V1Services, outside: StandIn) -> None:
    await knobs.set_faults(outside.control, down=True)
    with pytest.raises(stripe.APIConnectionError):
        await account.customers.create_async({})
    await knobs.set_faults(outside.control, drop_after_rate=1)
    with pytest.raises(stripe.APIConnectionError):
        await account.customers.create_async({"name": "F"}, {"idempotency_key": "lost"})
    await knobs.clear_faults(outside.control)
    found = await account.customers.create_async({"name": "F"}, {"idempotency_key": "lost"})
    assert found.last_response.headers["Idempotent-Replayed"] == "true"  # pyright: ignore[reportOptionalMemberAccess, reportUnknownMemberType, reportAttributeAccessIssue]


async def test_what_was_acknowledged_survives_a_kill(account: stripe.V1Services, outside: StandIn) -> None:
    made = await account.customers.create_async({"name": "G"}, {"idempotency_key": "before"})
    await outside.restart()
    assert (await account.customers.retrieve_async(made.id)).name == "G"
    again = await account.customers.create_async({"name": "G"}, {"idempotency_key": "before"})
    assert again.id == made.id


async def test_ten_cards_at_once_pay_one_page_once(account: stripe.V1Services, outside: StandIn) -> None:
    page = await _payment_page(account)
    answers = await asyncio.gather(*(outside.pay(str(page.url)) for _ in range(10)))
    assert [status for status, _ in answers].count(200) == 1
    refused = await _payment_page(account)
    status, told = await outside.pay(str(refused.url), BAD_CARD)
    assert (status, told["error"]["decline_code"]) == (402, "generic_decline")
