"""Every call of the SDK is one an operation takes, its answer is one the SDK can read, and a write can be tried again.

Between: sdk's areas (named by what they ask), wire.routes and the services' tables of operations.
Shape: the requests are caught before anything is sent.
"""

import importlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import msgspec
import pytest
from msgspec import UnsetType

from audifi.kernel.http import Operation
from audifi.sdk import Audifi
from audifi.sdk.transport import Answer, Request
from audifi.wire.routes import WRITE_METHODS, match

ID = "0192d1a7-8f5b-7cc2-a9ad-7a7b4b4e0a11"
WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TERMS: dict[str, Any] = {
    "totalShares": 10, "artistReserve": 1, "priceWei": "7", "currency": "ETH", "chainId": 1, "holdersBps": 4000,
}  # fmt: skip
CALLS: dict[str, Callable[[Audifi], Awaitable[Any]]] = {
    "masters.create": lambda a: a.masters.create(title="Night Bus", type="TRACK", genre="Techno"),
    "masters.find": lambda a: a.masters.find(ID),
    "masters.list": lambda a: a.masters.list(status="LISTED"),
    "masters.update": lambda a: a.masters.update(ID, title="Day Bus"),
    "masters.upload": lambda a: a.masters.upload(ID, audio=Path("take.wav"), cover=Path("cover.png")),
    "masters.confirm_rights": lambda a: a.masters.confirm_rights(ID, {"RIGHTS_DECLARATION": "1.0"}),
    "masters.lock": lambda a: a.masters.lock(ID),
    "masters.shares": lambda a: a.masters.shares(ID),
    "ipos.find": lambda a: a.ipos.find(ID),
    "ipos.create": lambda a: a.ipos.create(ID, **TERMS),
    "ipos.update": lambda a: a.ipos.update(ID, totalShares=20),
    "ipos.launch": lambda a: a.ipos.launch(ID),
    "ipos.close": lambda a: a.ipos.close(ID),
    "ipos.cancel": lambda a: a.ipos.cancel(ID),
    "ipos.mint_preview": lambda a: a.ipos.mint_preview(ID, 2),
    "purchases.reserve": lambda a: a.purchases.reserve(
        kind="PRIMARY", masterId=ID, quantity=1, wallet=WALLET, paymentMethod="WALLET"
    ),
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
    "revenue.record": lambda a: a.revenue.record(ID, source="SYNC", amountWei="7", externalReference="r-1"),
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
    "vstudio.sessions": lambda a: a.vstudio.sessions(live="true"),
    "vstudio.create": lambda a: a.vstudio.create(masterId=ID, title="Night Bus"),
    "vstudio.find": lambda a: a.vstudio.find(ID),
    "vstudio.update": lambda a: a.vstudio.update(ID, title="Day Bus"),
    "vstudio.start": lambda a: a.vstudio.start(ID),
    "vstudio.end": lambda a: a.vstudio.end(ID),
    "vstudio.cancel": lambda a: a.vstudio.cancel(ID),
    "vstudio.lock": lambda a: a.vstudio.lock(ID),
    "vstudio.eligibility": lambda a: a.vstudio.eligibility(ID),
    "vstudio.recap": lambda a: a.vstudio.recap(ID),
    "vstudio.decisions": lambda a: a.vstudio.decisions(ID),
    "vstudio.create_decision": lambda a: a.vstudio.create_decision(
        ID, type="BINARY", question="Which hook?", options=[{"label": "A"}, {"label": "B"}]
    ),
    "vstudio.open_decision": lambda a: a.vstudio.open_decision(ID, ID),
    "vstudio.close_decision": lambda a: a.vstudio.close_decision(ID, ID),
    "vstudio.finalize_decision": lambda a: a.vstudio.finalize_decision(ID, ID, winner="a"),
    "vstudio.vote": lambda a: a.vstudio.vote(ID, ID, choice="a"),
    "vstudio.stats": lambda a: a.vstudio.stats(ID, ID),
    "vstudio.votes": lambda a: a.vstudio.votes(ID, ID),
    "vstudio.contribute": lambda a: a.vstudio.contribute(ID, ID, label="Hook C", text="Hum it twice."),
    "vstudio.judge": lambda a: a.vstudio.judge(ID, ID, ID, status="ACCEPTED"),
    "vstudio.chat": lambda a: a.vstudio.chat(ID, "Louder!"),
    "vstudio.react": lambda a: a.vstudio.react(ID, "🔥"),
    "vstudio.ticket": lambda a: a.vstudio.ticket(ID, role="viewer"),
    "events.tell": lambda a: a.events.tell([{"type": "play", "masterId": ID}]),
}
AREAS = ("masters", "ipos", "purchases", "listings", "portfolio", "dividends", "revenue", "payments", "subscriptions",
         "coins", "analytics", "events", "vstudio")  # fmt: skip


@dataclass(frozen=True)
class Caught(Exception):  # not an error: what would have been asked
    """The request that would have been made, and what its answer would have been read as."""

    request: Request
    reply: Any = None


async def caught(name: str) -> Caught:
    audifi = Audifi("https://api.audifi.localhost")

    async def call(request: Request, reply: Any) -> Any:
        raise Caught(request, reply)

    async def answer(request: Request) -> Answer:
        raise Caught(request)

    audifi.transport.call, audifi.transport.answer = call, answer
    with pytest.raises(Caught) as found:
        await CALLS[name](audifi)
    return found.value


def operation_of(request: Request) -> Operation:
    """The operation of a service that would answer it."""
    row = match(request.method, request.path)
    assert row is not None, f"{request.method} {request.path} is not served"
    routes = importlib.import_module(f"audifi.services.{row.service.removesuffix('-service')}.routes")
    found = [each for each in routes.OPERATIONS if each.method == request.method and _fits(each.path, request.path)]
    # "/coins/{id}" and "/coins/pool" both fit "/coins/pool": the one with fewer names is meant.
    assert found, f"{row.service} has no {request.method} {request.path}"
    return min(found, key=lambda each: each.path.count("{"))


def _fits(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        one == other or one.startswith("{") for one, other in zip(wanted, given, strict=True)
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("name", CALLS)
async def test_a_call_is_what_its_operation_takes(name: str) -> None:
    request = (await caught(name)).request
    operation = operation_of(request)
    if request.method in WRITE_METHODS:
        assert request.is_repeatable, f"{name} cannot be tried again"
    if request.body is not None:
        assert operation.body is not None, f"{operation.name} takes no body"
        msgspec.convert(request.body, operation.body)
    if request.query:
        assert operation.query is not None, f"{operation.name} takes no query"
        msgspec.convert(dict(request.query), operation.query, strict=False)
    if request.files:
        assert operation.streamed is not None, f"{operation.name} takes no files"


@pytest.mark.asyncio
@pytest.mark.parametrize("name", CALLS)
async def test_an_answer_is_read_as_what_its_operation_gives(name: str) -> None:
    told = await caught(name)
    if told.reply is not None:
        assert list(unread(_item(told.reply), operation_of(told.request).reply)) == []


def unread(record: Any, reply: Any, path: str = "") -> Iterator[str]:
    """What the SDK reads and no answer has, or may be absent though the SDK needs it."""
    record, reply = _item(record), _item(reply)
    if not (_is_struct(record) and _is_struct(reply)):
        return
    given = {each.encode_name: each for each in msgspec.structs.fields(reply)}
    for each in msgspec.structs.fields(record):
        name = f"{path}.{each.encode_name}"
        if each.encode_name not in given:
            yield f"{name} is in no answer"
            continue
        kind = given[each.encode_name].type
        if each.required and UnsetType in get_args(kind):
            yield f"{name} may be absent"
        if each.required and NoneType in get_args(kind) and NoneType not in get_args(each.type):
            yield f"{name} may be null"
        yield from unread(each.type, kind, name)


def _item(kind: Any) -> Any:
    """The struct inside `Enveloped[tuple[X, ...]]`, `list[X]`, `X | None`."""
    inner = [each for each in get_args(kind) if each not in {NoneType, UnsetType, Ellipsis}]
    return _item(inner[0]) if inner and not _is_struct(kind) else kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def test_every_call_is_looked_at() -> None:
    audifi = Audifi("https://api.audifi.localhost")
    offered = {f"{area}.{name}" for area in AREAS for name in dir(getattr(audifi, area)) if not name.startswith("_")}
    assert offered == set(CALLS)
