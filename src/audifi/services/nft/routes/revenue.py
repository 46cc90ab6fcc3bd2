"""Record what masters earn, verify it, and send it to the holders.

Between: the gateway (/masters/{id}/revenue, /revenue), store.revenue, store.distributions, sagas.dividend.
Who: an artist says what the own master earned (or an administrator does); only administrators verify and distribute.
Invariant: a reference of a source counts once per master; what nobody verified pays nobody; each of the three is
audited in its own transaction.
Errors: MasterNotFound, NotFound, Forbidden, InvalidState, Conflict.
Source: domain.md 2.2 "Revenue event lifecycle"; 4 (second factor for revenue, must-log actions).
"""

from datetime import date
from typing import Final, Literal
from uuid import UUID

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Page, Paging, StepUp
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.services.nft.errors import Conflict, Forbidden, Invalid, InvalidState, MasterNotFound, NotFound
from audifi.services.nft.journal import Deed, audited
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes.fields import MasterPath, Note, Title, Wei
from audifi.services.nft.routes.revenue_replies import (
    RevenueReply,
    Status,
    SummaryReply,
    revenue_reply,
    summary_reply,
)
from audifi.services.nft.rules.masters import HIDDEN
from audifi.services.nft.sagas import dividend as saga
from audifi.services.nft.store import distributions, revenue
from audifi.services.nft.store.distributions import Payer
from audifi.services.nft.store.revenue import NewRevenue, Revenue
from audifi.wire.amounts import PRICE_WEI_MAX, parsed, wei
from audifi.wire.events.nft import RevenueRecorded, RevenueVerified

ON_CHAIN: Final = ("MINTED", "LISTED", "SOLD")
Source = Literal[
    "STREAMING", "SYNC", "DOWNLOAD", "PHYSICAL", "LICENSE", "MERCHANDISE", "RESALE_ROYALTY", "MANUAL", "OTHER"
]


class RevenueBody(Body, kw_only=True):
    """What a master earned, and the statement that proves it."""

    source: Source
    amount_wei: Wei
    external_reference: Title  # any line of text of at most 200 characters
    period_start: date | None = None
    period_end: date | None = None
    note: Note | None = None


class RevenueQuery(Paging, kw_only=True):
    """Which of a master's revenues."""

    status: Status | None = None


class RevenuePath(Body):
    """Which revenue."""

    id: UUID


async def record(call: NftCall, body: RevenueBody) -> RevenueReply:
    """Write down what somebody says that a master earned."""
    amount = parsed(body.amount_wei)
    if not 0 < amount <= PRICE_WEI_MAX:
        raise Invalid(details={"amountWei": f"must be 1 to {PRICE_WEI_MAX}"})
    if body.period_start and body.period_end and body.period_end < body.period_start:
        raise Invalid(details={"periodEnd": "is before periodStart"})
    async with call.deps.database.transaction() as tx:
        payer = await _own_payer(call, tx)
        if payer.status not in ON_CHAIN or payer.currency is None:
            raise InvalidState("Revenue is recorded once the master's contracts are on the chain.")
        new = _new(call, body, amount)
        if not await revenue.insert(tx, new):
            raise Conflict("This reference of this source is recorded already.")
        told = RevenueRecorded(new.id, payer.master_id, payer.artist_id, new.source, wei(amount))
        await outbox.add(tx, told, aggregate_id=new.id, actor_id=new.recorded_by)
        await _audit(tx, call, "revenue.recorded", new.id, {"amountWei": wei(amount), "source": new.source})
        found = await revenue.find(tx, new.id)
        assert found is not None, "it was just written"
        reply = revenue_reply(found, payer.currency, None)
        await call.settle(tx, reply)
    return reply


async def list_revenue(call: NftCall, query: RevenueQuery) -> Page[RevenueReply]:
    """List what a master earned."""
    async with call.deps.database.read() as connection:
        payer = await _own_payer(call, connection)
        found, total = await revenue.of_master(
            connection, payer.master_id, status=query.status, limit=query.limit, offset=query.offset
        )
        begun = await distributions.of_revenues(connection, [each.id for each in found])
    replies = [revenue_reply(each, payer.currency or "", begun.get(each.id)) for each in found]
    return Page(replies, total, query)


async def summary(call: NftCall) -> SummaryReply:
    """Add up what a master earned, and what became of it."""
    async with call.deps.database.read() as connection:
        payer = await _own_payer(call, connection)
        by_source = await revenue.totals(connection, payer.master_id)
        paid_out = await distributions.totals(connection, payer.master_id)
    return summary_reply(payer.currency, by_source, paid_out)


async def verify(call: NftCall) -> RevenueReply:
    """Note that an administrator saw the proof."""
    async with call.deps.database.transaction() as tx:
        found, payer = await _any(call, tx)
        if not await revenue.verify(tx, found.id, by=call.user().user_id, now=call.deps.clock.now()):
            raise InvalidState(f"A revenue that is {found.status} is not verified.")
        told = RevenueVerified(found.id, payer.master_id, payer.artist_id, found.source, wei(found.amount_wei))
        await outbox.add(tx, told, aggregate_id=found.id, actor_id=call.user().user_id)
        return await _changed(tx, call, "revenue.verified", found, payer)


async def distribute(call: NftCall) -> RevenueReply:
    """Send a verified revenue to the holders."""
    async with call.deps.database.transaction() as tx:
        found, payer = await _any(call, tx)
        await saga.begin(tx, found, payer)
        return await _changed(tx, call, "revenue.distributed", found, payer)


async def _changed(tx: Connection, call: NftCall, action: str, before: Revenue, payer: Payer) -> RevenueReply:
    after = await revenue.find(tx, before.id)
    assert after is not None, "a revenue is never deleted"
    await _audit(tx, call, action, before.id, {"status": after.status, "amountWei": wei(after.amount_wei)})
    begun = await distributions.of_revenues(tx, [before.id])
    reply = revenue_reply(after, payer.currency or "", begun.get(before.id))
    await call.settle(tx, reply)
    return reply


async def _any(call: NftCall, tx: Connection) -> tuple[Revenue, Payer]:
    """The revenue an administrator names, held."""
    found = await revenue.find(tx, str(call.parameters.id), lock=True)
    if found is None:
        raise NotFound
    payer = await distributions.payer(tx, found.master_id)
    assert payer is not None, "a revenue has a master"
    return found, payer


async def _own_payer(call: NftCall, connection: Connection) -> Payer:
    """The master, for its artist or an administrator; to others it is hidden, or refused."""
    user = call.user()
    payer = await distributions.payer(connection, str(call.parameters.id))
    if payer is None:
        raise MasterNotFound
    is_admin = "ADMIN" in user.roles and user.mfa is Mfa.PASSED
    if payer.artist_id != user.user_id and not is_admin:
        raise MasterNotFound if payer.status in HIDDEN else Forbidden
    return payer


def _new(call: NftCall, body: RevenueBody, amount: int) -> NewRevenue:
    return NewRevenue(
        id=str(new_id()),
        master_id=str(call.parameters.id),
        source=body.source,
        amount_wei=amount,
        external_reference=body.external_reference,
        period_start=body.period_start,
        period_end=body.period_end,
        note=body.note,
        recorded_by=call.user().user_id,
        now=call.deps.clock.now(),
    )


async def _audit(tx: Connection, call: NftCall, action: str, revenue_id: str, after: dict[str, str]) -> None:
    await audited(tx, call, Deed(action=action, category="revenue", target_id=revenue_id, after=after))


_TAG: Final = "revenue"

OPERATIONS: Final = (
    Operation(
        method="POST", path="/masters/{id}/revenue", handler=record, summary="Record what a master earned", tag=_TAG,
        access=Access.USER, step_up=StepUp.ALWAYS, parameters=MasterPath, body=RevenueBody, reply=RevenueReply,
        status=201, errors=(MasterNotFound, Forbidden, InvalidState, Conflict), idempotent=True,
        idempotency_required=True,
        example={"source": "STREAMING", "amountWei": "4000000000000000000", "externalReference": "spotify-2026-10"},
    ),
    Operation(
        method="GET", path="/masters/{id}/revenue", handler=list_revenue, summary="List what a master earned", tag=_TAG,
        access=Access.USER, parameters=MasterPath, query=RevenueQuery, reply=RevenueReply, listed=True,
        errors=(MasterNotFound, Forbidden),
    ),
    Operation(
        method="GET", path="/masters/{id}/revenue/summary", handler=summary, summary="Add up what a master earned",
        tag=_TAG, access=Access.USER, parameters=MasterPath, reply=SummaryReply, errors=(MasterNotFound, Forbidden),
    ),
    Operation(
        method="POST", path="/revenue/{id}/verify", handler=verify, summary="Confirm that a revenue is real", tag=_TAG,
        access=Access.ADMIN, parameters=RevenuePath, reply=RevenueReply, status=202, errors=(NotFound, InvalidState),
        idempotent=True,
    ),
    Operation(
        method="POST", path="/revenue/{id}/distribute", handler=distribute, summary="Send a revenue to the holders",
        tag=_TAG, access=Access.ADMIN, parameters=RevenuePath, reply=RevenueReply, status=202,
        errors=(NotFound, InvalidState), idempotent=True,
    ),
)  # fmt: skip
