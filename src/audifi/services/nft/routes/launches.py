"""Bring an offer to the chain, open it, close it, take it back: what its artist decides, after a second factor.

Between: the gateway (/masters/{id}/mint, …/ipo/launch, /cancel, /close), eligibility (other services' word),
sagas.offers (does it).
Shape: 202 and the offer as it is now; what the chain takes its time for goes on without the caller.
Invariant: what a launch needs is checked before anything is asked of a chain: LOCKED, rights confirmed, media pinned by
the primary provider, consents, plan, payout wallet past its grace.
Errors: MasterNotFound, IpoNotFound, Forbidden, InvalidState, NotEligible, PlanLimitReached, IpfsError.
Source: domain.md 2.2, 2.8 "Mint/launch", 9.55.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from audifi.clients.ipfs.content import Content, ContentError
from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Operation, Reply, StepUp
from audifi.services.nft import eligibility, journal
from audifi.services.nft.eligibility import Plan
from audifi.services.nft.errors import (
    Forbidden,
    InvalidState,
    IpfsError,
    IpoNotFound,
    MasterNotFound,
    MfaRequired,
    NotEligible,
    PlanLimitReached,
)
from audifi.services.nft.journal import Deed
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import ownership
from audifi.services.nft.routes.fields import MasterPath
from audifi.services.nft.routes.ipos import own_ipo, reply_of
from audifi.services.nft.routes.replies import IpoReply
from audifi.services.nft.routes.uploads import METADATA, described_by
from audifi.services.nft.rules import ipos as rules
from audifi.services.nft.rules import masters as master_rules
from audifi.services.nft.rules import metadata
from audifi.services.nft.sagas import ending, launch, offers, steps
from audifi.services.nft.sagas.steps import Saga
from audifi.services.nft.store import contents, contracts, ipos, masters
from audifi.services.nft.store.ipos import Beginning, Ipo
from audifi.services.nft.store.masters import Master
from audifi.wire.events.nft import IpoCancelled


class JobReply(Reply, kw_only=True):
    """What was begun; GET …/ipo tells how far it is."""

    job_id: str


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """What a deployment needs of others."""

    artist_wallet: str
    document: Content
    version: int  # of the offer that the document describes


async def mint(call: NftCall) -> JobReply:
    """Deploy the contracts and mint the artist's reserve; the sale stays closed."""
    master, ipo = await _own(call)
    prepared = await _prepared(call, master, ipo)
    async with call.deps.database.transaction() as tx:
        saga = await _locked(tx, call)
        await _begin(tx, saga, prepared, is_launch=False)
        await _audited(tx, call, saga, "ipo.mint_asked")
        await offers.advance(tx, call.deps, master.id)
        reply = JobReply(job_id=ipo.id)
        await call.settle(tx, reply)
    return reply


async def open_sale(call: NftCall) -> IpoReply:
    """Open the sale at startsAt, or at once; deploy first what is not there."""
    master, ipo = await _own(call)
    plan = await eligibility.plan_of(call.deps.peers, master.artist_id)
    prepared = await _prepared(call, master, ipo) if ipo.status == "DRAFT" else None
    async with call.deps.database.transaction() as tx:
        await masters.lock_artist(tx, master.artist_id)
        saga = await _locked(tx, call)
        await _require_month(tx, saga, plan)
        if prepared is not None:
            await _begin(tx, saga, prepared, is_launch=True)
        elif not await ipos.ask_launch(tx, master.id, saga.now):
            raise InvalidState(f"An offer that is {saga.ipo.status} is not launched (again).")
        await _audited(tx, call, saga, "ipo.launch_asked")
        return await _moved_on(tx, call, master)


async def cancel(call: NftCall) -> IpoReply:
    """Take back an offer of which nothing is sold and nothing reserved."""
    async with call.deps.database.transaction() as tx:
        saga = await _locked(tx, call)
        is_cancelled = await ipos.cancel(tx, saga.master.id, saga.now)
        if is_cancelled:
            await _cancelled(tx, saga)
        elif not await ipos.begin_cancelling(tx, saga.master.id, ending.FIRST, saga.now):
            sold = {"sharesSold": saga.ipo.shares_sold, "sharesReserved": saga.ipo.shares_reserved}
            raise InvalidState("It cannot be cancelled now.", details={"status": saga.ipo.status, **sold})
        await _audited(tx, call, saga, "ipo.cancelled" if is_cancelled else "ipo.cancel_asked")
        return await _moved_on(tx, call, saga.master)


async def close(call: NftCall) -> IpoReply:
    """End the sale: reservations still count, what is unsold is never made."""
    async with call.deps.database.transaction() as tx:
        saga = await _locked(tx, call)
        if not await ipos.begin_closing(tx, saga.master.id, ending.FIRST, saga.now):
            raise InvalidState("Only an offer that is LIVE can be closed.", details={"status": saga.ipo.status})
        await _audited(tx, call, saga, "ipo.close_asked")
        return await _moved_on(tx, call, saga.master)


async def _moved_on(tx: Connection, call: NftCall, master: Master) -> IpoReply:
    await offers.advance(tx, call.deps, master.id)
    reply = await reply_of(tx, await own_ipo(tx, master))
    await call.settle(tx, reply)
    return reply


async def _own(call: NftCall) -> tuple[Master, Ipo]:
    async with call.deps.database.read_primary() as connection:
        master = await ownership.own(connection, call)
        return master, await own_ipo(connection, master)


async def _locked(tx: Connection, call: NftCall) -> Saga:
    master = await ownership.own(tx, call)
    saga = await steps.load(tx, call.deps, master.id)
    if saga is None:
        raise IpoNotFound
    return saga


async def _prepared(call: NftCall, master: Master, ipo: Ipo) -> _Prepared:
    """Check what a deployment needs, and write the document that the shares will point at."""
    await _require_ready(call, master, ipo)
    peers, artist_id = call.deps.peers, master.artist_id
    await eligibility.require_consents(peers, artist_id, "MINT")
    wallet = await eligibility.payout_wallet(call, artist_id)
    assert master.audio_cid is not None, "checked with its pin"
    assert master.cover_cid is not None, "checked with its pin"
    artist = await eligibility.artist_name(peers, artist_id)
    described = replace(
        described_by(master, artist, audio_cid=master.audio_cid, cover_cid=master.cover_cid),
        total_shares=ipo.total_shares,
        public_supply=ipo.public_supply,
        chain_id=ipo.chain_id,
    )
    try:
        document = await call.deps.shelf.add(metadata.document(described), name=f"{master.id}/metadata.json")
    except ContentError as error:
        raise IpfsError(f"The content directory did not take the metadata: {error}") from error
    return _Prepared(artist_wallet=wallet, document=document, version=ipo.version)


async def _require_ready(call: NftCall, master: Master, ipo: Ipo) -> None:
    if ipo.status != "DRAFT" or master.status != "LOCKED":
        states = {"masterStatus": master.status, "ipoStatus": ipo.status}
        raise InvalidState("Only the drafted offer of a locked master can be deployed.", details=states)
    if master.rights_confirmed_at is None:
        raise InvalidState("Confirm the rights first.", details={"missing": "rightsConfirmedAt"})
    cids = [cid for cid in (master.audio_cid, master.cover_cid) if cid is not None]
    if len(cids) < 2:
        raise InvalidState("Upload audio and cover first.", details={"missing": "content"})
    rules.require_terms(ipo.terms, call.deps.clock.now(), tuple(call.deps.chains))
    async with call.deps.database.read_primary() as connection:
        missing = await contents.unpinned(connection, cids)
    if missing:
        raise InvalidState("The media is still being pinned: try again shortly.", details={"notPinned": missing})


async def _require_month(tx: Connection, saga: Saga, plan: Plan) -> None:
    month = saga.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    used = await ipos.count_launched(tx, saga.master.artist_id, month)
    eligibility.require_within(plan.limits.ipos_per_month, used, "iposPerMonth", plan)


async def _begin(tx: Connection, saga: Saga, prepared: _Prepared, *, is_launch: bool) -> None:
    beginning = Beginning(
        artist_wallet=prepared.artist_wallet,
        artist_bps=rules.artist_bps(saga.ipo.holders_bps, master_rules.splits_bps(saga.master.collaborators)),
        step=launch.FIRST,
        launch_asked_at=saga.now if is_launch else None,
    )
    is_same = saga.master.status == "LOCKED" and saga.ipo.version == prepared.version
    if not is_same or not await ipos.begin(tx, saga.master.id, beginning):
        raise InvalidState("The offer was changed meanwhile: look at it again.")
    await contents.want(tx, prepared.document, METADATA)
    await masters.set_metadata_cid(tx, saga.master.id, prepared.document.cid, saga.now)


async def _cancelled(tx: Connection, saga: Saga) -> None:
    """Tell everybody, and end the sale on the chain too, if there is a contract: it never opens then."""
    master = saga.master
    event = IpoCancelled(master_id=master.id, artist_id=master.artist_id, ipo_id=saga.ipo.id)
    await outbox.add(tx, event, aggregate_id=master.id, actor_id=master.artist_id)
    if await contracts.of_master(tx, master.id):
        await steps.is_done(tx, saga, "CLOSE", [("", await ending.close_sale(tx, saga))])


async def _audited(tx: Connection, call: NftCall, saga: Saga, action: str) -> None:
    deed = Deed(
        action=action, category="ipo", target_id=saga.ipo.id, before={"status": saga.ipo.status},
        after={"masterId": saga.master.id},
    )  # fmt: skip
    await journal.audited(tx, call, deed)


_ERRORS: Final = (MasterNotFound, IpoNotFound, Forbidden, InvalidState, MfaRequired)
_PREPARING: Final = (*_ERRORS, NotEligible, IpfsError)


def _row(verb: str, handler: Callable[[NftCall], Awaitable[IpoReply]], summary: str) -> Operation:
    return Operation(
        method="POST", path=f"/masters/{{id}}/ipo/{verb}", handler=handler, summary=summary, tag="ipos",
        access=Access.ARTIST, step_up=StepUp.ALWAYS, parameters=MasterPath, reply=IpoReply, status=202,
        idempotent=True, errors=_ERRORS,
    )  # fmt: skip


OPERATIONS: Final[tuple[Operation, ...]] = (
    replace(
        _row("launch", open_sale, "Open the sale, at startsAt or at once"),
        idempotency_required=True,
        errors=(*_PREPARING, PlanLimitReached),
    ),
    _row("cancel", cancel, "Take back an offer of which nothing is sold"),
    _row("close", close, "End the sale before everything is sold"),
    Operation(
        method="POST", path="/masters/{id}/mint", handler=mint, summary="Deploy the contracts, mint the reserve",
        tag="ipos", access=Access.ARTIST, step_up=StepUp.ALWAYS, parameters=MasterPath, reply=JobReply, status=202,
        idempotent=True, idempotency_required=True, errors=_PREPARING,
    ),
)  # fmt: skip
