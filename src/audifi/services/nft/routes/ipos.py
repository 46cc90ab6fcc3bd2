"""Describe the offer of a master's shares, show it, and say what shares cost.

Between: the gateway (/masters/{id}/ipo…) and store.ipos. What happens to an offer afterwards is in routes.launches.
Shape: PUT changes the fields it names. A draft is seen by its artist alone.
Units: wei as decimal strings; basis points; hours of early access.
Invariant: holders + artist + platform + collaborators are the whole; terms change only in DRAFT, by the statement.
Errors: MasterNotFound, IpoNotFound, Forbidden, Conflict (there is one), InvalidState, Invalid.
Source: domain.md 2.2.
"""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Reply
from audifi.kernel.ids import new_id
from audifi.services.nft import journal
from audifi.services.nft.errors import (
    Conflict,
    ContentUnavailable,
    Forbidden,
    InvalidState,
    IpoNotFound,
    MasterNotFound,
)
from audifi.services.nft.journal import Deed
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import ownership
from audifi.services.nft.routes.fields import ChainId, MasterPath, Wei
from audifi.services.nft.routes.replies import IpoReply, ipo_reply
from audifi.services.nft.rules import ipos as rules
from audifi.services.nft.rules import masters as master_rules
from audifi.services.nft.rules import money
from audifi.services.nft.rules.ipos import Terms
from audifi.services.nft.store import contracts
from audifi.services.nft.store import ipos as store
from audifi.services.nft.store.ipos import Ipo
from audifi.services.nft.store.masters import Master
from audifi.wire.amounts import parsed, wei
from audifi.wire.events.nft import IpoConfigured

Shares = Annotated[int, Meta(ge=1, le=1_000_000)]
Reserve = Annotated[int, Meta(ge=0, le=999_999)]
HoldersBps = Annotated[int, Meta(ge=1_000, le=8_000)]
Hours = Annotated[int, Meta(ge=0, le=72)]
Moment = Annotated[datetime, Meta(tz=True)]
Currency = Literal["ETH", "MATIC"]


class IpoBody(Body, kw_only=True):
    """An offer."""

    total_shares: Shares
    artist_reserve: Reserve
    price_wei: Wei
    currency: Currency
    chain_id: ChainId
    holders_bps: HoldersBps
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    early_access_hours: Hours = 0


class IpoChange(Body, kw_only=True):
    """What of an offer changes."""

    total_shares: Shares | UnsetType = UNSET
    artist_reserve: Reserve | UnsetType = UNSET
    price_wei: Wei | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    chain_id: ChainId | UnsetType = UNSET
    holders_bps: HoldersBps | UnsetType = UNSET
    starts_at: Moment | UnsetType | None = UNSET
    ends_at: Moment | UnsetType | None = UNSET
    early_access_hours: Hours | UnsetType = UNSET


class QuantityQuery(Body, kw_only=True):
    """How many shares."""

    quantity: Annotated[int, Meta(ge=1, le=10)] = 1


class PreviewReply(Reply, kw_only=True):
    """What so many shares cost by wallet; gas is an estimate, paid on top."""

    price_wei: Wei
    total_wei: Wei
    platform_fee_wei: Wei
    estimated_gas: int
    currency: str


async def create(call: NftCall, body: IpoBody) -> IpoReply:
    """Describe the offer of a master."""
    said: dict[str, Any] = {**msgspec.structs.asdict(body), "price_wei": parsed(body.price_wei)}
    terms = Terms(**said)
    _require(call, terms)
    async with call.deps.database.transaction() as tx:
        master = await ownership.own(tx, call)
        if master.status not in (*master_rules.EDITABLE, "LOCKED"):
            raise InvalidState(f"A master that is {master.status} gets no new offer.")
        left = rules.artist_bps(terms.holders_bps, master_rules.splits_bps(master.collaborators))
        if not await store.insert(tx, str(new_id()), master.id, terms, left):
            raise Conflict("This master has an offer already.")
        ipo = await own_ipo(tx, master)
        await _configured(tx, master, ipo)
        deed = Deed(action="ipo.created", category="ipo", target_id=ipo.id, after=_audited(terms))
        await journal.audited(tx, call, deed)
        reply = await reply_of(tx, ipo)
        await call.settle(tx, reply)
    return reply


async def change(call: NftCall, body: IpoChange) -> IpoReply:
    """Change a drafted offer."""
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    async with call.deps.database.transaction() as tx:
        master = await ownership.own(tx, call)
        before = await own_ipo(tx, master, for_update=True)
        terms = _changed(before.terms, changes)
        _require(call, terms)
        left = rules.artist_bps(terms.holders_bps, master_rules.splits_bps(master.collaborators))
        if not await store.update_draft(tx, master.id, terms, left):
            raise InvalidState(f"An offer that is {before.status} does not change any more.")
        ipo = await own_ipo(tx, master)
        await _configured(tx, master, ipo)
        deed = Deed(
            action="ipo.changed", category="ipo", target_id=ipo.id, before=_audited(before.terms),
            after=_audited(terms),
        )  # fmt: skip
        await journal.audited(tx, call, deed)
        return await reply_of(tx, ipo)


async def find(call: NftCall) -> IpoReply:
    """Show the offer of a master."""
    database = call.deps.database
    async with database.read() if call.principal is None else database.read_primary() as connection:
        master, ipo = await _visible(connection, call)
        deployed = await contracts.of_master(connection, master.id)
    return ipo_reply(ipo, deployed, is_own=ownership.is_own(call, master))


async def preview(call: NftCall, query: QuantityQuery) -> PreviewReply:
    """Say what shares cost."""
    async with call.deps.database.read() as connection:
        _, ipo = await _visible(connection, call)
    total = ipo.price_wei * query.quantity
    return PreviewReply(
        price_wei=wei(ipo.price_wei),
        total_wei=wei(total),
        platform_fee_wei=wei(money.primary_fee(total)),
        estimated_gas=rules.estimated_gas(query.quantity),
        currency=ipo.currency,
    )


async def own_ipo(connection: Connection, master: Master, *, for_update: bool = False) -> Ipo:
    """Return the offer of a master, or refuse."""
    ipo = await store.one(connection, master.id, for_update=for_update)
    if ipo is None:
        raise IpoNotFound
    return ipo


async def reply_of(connection: Connection, ipo: Ipo) -> IpoReply:
    """Return an offer as its artist sees it."""
    return ipo_reply(ipo, await contracts.of_master(connection, ipo.master_id), is_own=True)


async def _visible(connection: Connection, call: NftCall) -> tuple[Master, Ipo]:
    master = await ownership.visible(connection, call)
    ipo = await own_ipo(connection, master)
    if ipo.status == "DRAFT" and not ownership.is_own(call, master):
        raise IpoNotFound
    return master, ipo


def _changed(terms: Terms, changes: dict[str, Any]) -> Terms:
    if "price_wei" in changes:
        changes["price_wei"] = parsed(changes["price_wei"])
    return replace(terms, **changes)


def _require(call: NftCall, terms: Terms) -> None:
    rules.require_terms(terms, call.deps.clock.now(), tuple(call.deps.chains))


async def _configured(tx: Connection, master: Master, ipo: Ipo) -> None:
    event = IpoConfigured(master_id=master.id, artist_id=master.artist_id, ipo_id=ipo.id)
    await outbox.add(tx, event, aggregate_id=master.id, actor_id=master.artist_id)


def _audited(terms: Terms) -> dict[str, str]:
    named = ("total_shares", "artist_reserve", "price_wei", "currency", "chain_id", "holders_bps")
    return {name: str(getattr(terms, name)) for name in named}


_TAG: Final = "ipos"
_EXAMPLE: Final = {
    "totalShares": 1000, "artistReserve": 100, "priceWei": "500000000000000000", "currency": "ETH", "chainId": 1,
    "holdersBps": 4000,
}  # fmt: skip

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/masters/{id}/ipo", handler=create, summary="Describe the offer of a master", tag=_TAG,
        access=Access.ARTIST, parameters=MasterPath, body=IpoBody, reply=IpoReply, status=201, idempotent=True,
        errors=(MasterNotFound, Forbidden, InvalidState, Conflict), example=_EXAMPLE,
    ),
    Operation(
        method="PUT", path="/masters/{id}/ipo", handler=change, summary="Change a drafted offer", tag=_TAG,
        access=Access.ARTIST, parameters=MasterPath, body=IpoChange, reply=IpoReply,
        errors=(MasterNotFound, IpoNotFound, Forbidden, InvalidState), example={"priceWei": "600000000000000000"},
    ),
    Operation(
        method="GET", path="/masters/{id}/ipo", handler=find, summary="Show the offer of a master", tag=_TAG,
        access=Access.OPTIONAL, parameters=MasterPath, reply=IpoReply,
        errors=(MasterNotFound, IpoNotFound, ContentUnavailable),
    ),
    Operation(
        method="GET", path="/masters/{id}/ipo/mint-preview", handler=preview, summary="Say what shares cost", tag=_TAG,
        access=Access.OPTIONAL, parameters=MasterPath, query=QuantityQuery, reply=PreviewReply,
        errors=(MasterNotFound, IpoNotFound, ContentUnavailable),
    ),
)  # fmt: skip
