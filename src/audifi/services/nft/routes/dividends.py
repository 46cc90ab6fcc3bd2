"""List what wallets were given of revenue, and pay it out when asked.

Between: the gateway (/portfolio/dividends), auth-service (whose wallets, and may they be paid), store.claims,
sagas.dividend.
Shape: a claim answers 202: the platform pays the gas, the chain the wallet; the dividend goes PENDING → CLAIMED on its
own. At most CLAIMS_MAX are asked for at once: say `all` again for the rest.
Invariant: money goes to the wallet that held the shares at the snapshot, and nowhere else; it is asked for once.
Errors: AlreadyClaimed, InvalidState, NotFound, Invalid; Unavailable while auth-service does not answer.
Source: domain.md 2.2 (lifecycle of a claim), 4 (a new wallet is paid after its grace; step-up if enrolled).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Body, Operation, Page, Paging, Reply, StepUp
from audifi.services.nft.errors import AlreadyClaimed, Invalid, InvalidState, NotFound
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes.fields import Address
from audifi.services.nft.sagas import dividend as saga
from audifi.services.nft.store import claims, portfolio
from audifi.services.nft.store.claims import Dividend
from audifi.wire.amounts import Wei, wei

CLAIMS_MAX: Final = 100
ClaimStatus = Literal["AVAILABLE", "PENDING", "CLAIMED", "FAILED"]


class DividendsQuery(Paging, kw_only=True):
    """Which dividends."""

    status: ClaimStatus | None = None


class ClaimBody(Body, kw_only=True):
    """What to claim: these, or everything; of one wallet, or of all."""

    dividend_ids: Annotated[tuple[UUID, ...], Meta(max_length=CLAIMS_MAX)] = ()
    all: bool = False
    wallet: Address | None = None


class DividendReply(Reply, kw_only=True):
    """What one distribution holds for one wallet."""

    id: str
    master_id: str
    master_title: str
    wallet: str
    chain_id: int
    amount_wei: Wei
    currency: str
    status: str  # AVAILABLE | PENDING | CLAIMED | FAILED
    claim_tx: str | None
    distributed_at: str | None
    claimed_at: str | None


class LinkedWallet(msgspec.Struct, rename="camel"):
    """A wallet as auth-service tells it."""

    address: str
    payout_enabled_at: datetime


async def list_dividends(call: NftCall, query: DividendsQuery) -> Page[DividendReply]:
    """List the dividends of everybody's own wallets."""
    async with call.deps.database.read() as connection:
        owned_by = await portfolio.wallets(connection, call.user().user_id)
        found, total = await claims.of_wallets(
            connection, owned_by, status=query.status, limit=query.limit, offset=query.offset
        )
    return Page([_reply(each) for each in found], total, query)


async def claim(call: NftCall, body: ClaimBody) -> list[DividendReply]:
    """Ask the chain to pay."""
    if body.all == bool(body.dividend_ids):
        raise Invalid(details={"dividendIds": "name some, or say all: one of the two"})
    payable = await _payable(call, body.wallet)
    ids = None if body.all else [str(each) for each in body.dividend_ids]
    user_id = call.user().user_id
    async with call.deps.database.transaction() as tx:
        found = await claims.lock(tx, payable, ids, limit=CLAIMS_MAX)
        if ids is not None:
            _require_claimable(found, ids)
        asked = [each for each in found if await saga.claim(tx, each, by=user_id)]
        reply = [_reply(each, status="PENDING") for each in asked]
        await call.settle(tx, reply)
    return reply


async def _payable(call: NftCall, wallet: str | None) -> list[str]:
    """The caller's wallets that may be paid, or the one that was named; auth-service says so, now."""
    user_id = call.user().user_id
    linked = await call.deps.peers.get("auth-service", f"/internal/v1/users/{user_id}/wallets", list[LinkedWallet])
    now = call.deps.clock.now()
    payable = {each.address.lower() for each in linked if each.payout_enabled_at <= now}
    if wallet is None:
        return sorted(payable)
    if wallet.lower() in payable:
        return [wallet.lower()]
    if any(each.address.lower() == wallet.lower() for each in linked):
        raise InvalidState("This wallet was linked a short while ago and is paid after its waiting time.")
    raise Invalid(details={"wallet": "is not one of your wallets"})


def _require_claimable(found: Sequence[Dividend], ids: Sequence[str]) -> None:
    """Refuse the whole ask when one of it cannot be paid: half a claim is hard to explain."""
    if len(found) != len(set(ids)):
        raise NotFound("A dividend of these is not yours, or its wallet is not paid yet.")
    spent = sorted(each.id for each in found if each.status in ("PENDING", "CLAIMED"))
    if spent:
        raise AlreadyClaimed(details={"dividendIds": ", ".join(spent)})
    if any(each.distribution_status != "OPEN" for each in found):
        raise InvalidState("A dividend of these cannot be claimed at the moment.")


def _reply(each: Dividend, *, status: str | None = None) -> DividendReply:
    return DividendReply(
        id=each.id,
        master_id=each.master_id,
        master_title=each.master_title,
        wallet=each.wallet,
        chain_id=each.chain_id,
        amount_wei=wei(each.amount_wei),
        currency=each.currency,
        status=status or each.status,
        claim_tx=each.claim_tx,
        distributed_at=None if each.distributed_at is None else iso(each.distributed_at),
        claimed_at=None if each.claimed_at is None else iso(each.claimed_at),
    )


_TAG: Final = "portfolio"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/portfolio/dividends", handler=list_dividends, summary="List your dividends", tag=_TAG,
        access=Access.USER, query=DividendsQuery, reply=DividendReply, listed=True,
    ),
    Operation(
        method="POST", path="/portfolio/dividends/claim", handler=claim, summary="Have dividends paid", tag=_TAG,
        access=Access.USER, step_up=StepUp.IF_ENROLLED, body=ClaimBody, reply=list[DividendReply], status=202,
        errors=(AlreadyClaimed, InvalidState, NotFound), idempotent=True, idempotency_required=True,
        example={"all": True},
    ),
)  # fmt: skip
