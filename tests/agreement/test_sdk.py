"""Every call the SDK can make has a row in the gateway's table, and every write can be tried again.

Between: sdk's areas (named by what they ask) and wire.routes.
Shape: the requests are caught before anything is sent.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from audifi.sdk import Audifi
from audifi.sdk.transport import Answer, Request
from audifi.wire.routes import WRITE_METHODS, match

ID = "0192d1a7-8f5b-7cc2-a9ad-7a7b4b4e0a11"
WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
CALLS: dict[str, Callable[[Audifi], Awaitable[Any]]] = {
    "masters.create": lambda a: a.masters.create(title="Night Bus", type="TRACK"),
    "masters.find": lambda a: a.masters.find(ID),
    "masters.list": lambda a: a.masters.list(status="LISTED"),
    "masters.update": lambda a: a.masters.update(ID, title="Day Bus"),
    "masters.upload": lambda a: a.masters.upload(ID, audio=Path("take.wav"), cover=Path("cover.png")),
    "masters.confirm_rights": lambda a: a.masters.confirm_rights(ID, {"RIGHTS_DECLARATION": "1.0"}),
    "masters.lock": lambda a: a.masters.lock(ID),
    "masters.shares": lambda a: a.masters.shares(ID),
    "ipos.find": lambda a: a.ipos.find(ID),
    "ipos.create": lambda a: a.ipos.create(ID, totalShares=10),
    "ipos.update": lambda a: a.ipos.update(ID, totalShares=20),
    "ipos.launch": lambda a: a.ipos.launch(ID),
    "ipos.close": lambda a: a.ipos.close(ID),
    "ipos.cancel": lambda a: a.ipos.cancel(ID),
    "ipos.mint_preview": lambda a: a.ipos.mint_preview(ID, 2),
    "purchases.reserve": lambda a: a.purchases.reserve(kind="PRIMARY", masterId=ID, quantity=1),
    "purchases.confirm": lambda a: a.purchases.confirm(ID, "0x" + "00" * 32),
    "purchases.find": lambda a: a.purchases.find(ID),
    "listings.list": lambda a: a.listings.list(sortBy="newest"),
    "listings.find": lambda a: a.listings.find(ID),
    "listings.create": lambda a: a.listings.create(ID, 1, 7),
    "listings.cancel": lambda a: a.listings.cancel(ID),
    "portfolio.overview": lambda a: a.portfolio.overview(),
    "portfolio.holdings": lambda a: a.portfolio.holdings(),
    "dividends.list": lambda a: a.dividends.list(),
    "dividends.claim": lambda a: a.dividends.claim(WALLET, [ID]),
    "revenue.record": lambda a: a.revenue.record(ID, source="SYNC", amountWei="7"),
    "revenue.list": lambda a: a.revenue.list(ID),
    "revenue.summary": lambda a: a.revenue.summary(ID),
    "revenue.verify": lambda a: a.revenue.verify(ID),
    "revenue.distribute": lambda a: a.revenue.distribute(ID),
    "payments.plans": lambda a: a.payments.plans(),
    "payments.checkout_purchase": lambda a: a.payments.checkout_purchase(ID),
    "payments.checkout_plan": lambda a: a.payments.checkout_plan("PRO"),
    "payments.portal": lambda a: a.payments.portal(),
    "payments.history": lambda a: a.payments.history(),
    "subscriptions.current": lambda a: a.subscriptions.current(),
    "subscriptions.cancel": lambda a: a.subscriptions.cancel(),
    "subscriptions.reactivate": lambda a: a.subscriptions.reactivate(),
    "subscriptions.change": lambda a: a.subscriptions.change("ENTERPRISE"),
    "coins.list": lambda a: a.coins.list(),
    "coins.find": lambda a: a.coins.find(ID),
    "coins.balance": lambda a: a.coins.balance(ID, WALLET),
    "coins.stake": lambda a: a.coins.stake(ID, 1000),
    "coins.unstake": lambda a: a.coins.unstake(ID, ID),
    "coins.stakes": lambda a: a.coins.stakes(ID),
    "coins.open_pool": lambda a: a.coins.open_pool(ID, poolType="UNISWAP_V2", ethWei="7", feeBps=30),
    "coins.swap_quote": lambda a: a.coins.swap_quote(ID, "BUY", 7),
    "analytics.dashboard": lambda a: a.analytics.dashboard(),
    "analytics.master": lambda a: a.analytics.master(ID),
    "events.tell": lambda a: a.events.tell([{"type": "play", "masterId": ID}]),
}
AREAS = ("masters", "ipos", "purchases", "listings", "portfolio", "dividends", "revenue", "payments", "subscriptions",
         "coins", "analytics", "events")  # fmt: skip


class Caught(Exception):
    """The request that would have been made."""

    def __init__(self, request: Request) -> None:
        self.request = request


async def caught(call: Callable[[Audifi], Awaitable[Any]]) -> Request:
    audifi = Audifi("https://api.audifi.localhost")

    async def answer(request: Request) -> Answer:
        raise Caught(request)

    audifi.transport.answer = answer
    with pytest.raises(Caught) as found:
        await call(audifi)
    return found.value.request


@pytest.mark.asyncio
@pytest.mark.parametrize("name", CALLS)
async def test_a_call_has_a_row_and_a_write_has_a_key(name: str) -> None:
    request = await caught(CALLS[name])
    row = match(request.method, request.path)
    assert row is not None, f"{request.method} {request.path} is not served"
    if request.method in WRITE_METHODS:
        assert request.is_repeatable, f"{name} cannot be tried again"


def test_every_call_is_looked_at() -> None:
    audifi = Audifi("https://api.audifi.localhost")
    offered = {f"{area}.{name}" for area in AREAS for name in dir(getattr(audifi, area)) if not name.startswith("_")}
    assert offered == set(CALLS)
