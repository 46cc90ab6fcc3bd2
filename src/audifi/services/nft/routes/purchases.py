"""Buy shares: reserve, say with which transaction a wallet paid, look.

Between: the gateway (/marketplace/purchase, /purchases), auth-service (wallets, consents), sagas.reserving.
Invariant: what a purchase costs is fixed when it is reserved; other services are asked before anything is locked; a
key sent again gets the first answer, because answer and reservation are one transaction.
Errors: SoldOut, InsufficientSupply, InvalidState, NotEligible, ReservationExpired, MasterNotFound, IpoNotFound,
NotFound.
Source: domain.md 2.2, 2.8 (wallet, card and secondary sale), 5.5 (10 an hour).
"""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation
from audifi.kernel.ids import new_id
from audifi.services.nft import eligibility
from audifi.services.nft.errors import (
    Conflict,
    ContentUnavailable,
    InsufficientSupply,
    Invalid,
    InvalidState,
    IpoNotFound,
    MasterNotFound,
    NotEligible,
    NotFound,
    ReservationExpired,
    SoldOut,
)
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes import limits
from audifi.services.nft.routes.fields import Address, Hash, PolicyName, Version
from audifi.services.nft.routes.sale_replies import Place, PurchaseReply, purchase_reply
from audifi.services.nft.rules import sale
from audifi.services.nft.rules.sale import Parts
from audifi.services.nft.sagas import reserving
from audifi.services.nft.store import contracts, listings, purchases, supply, wallets
from audifi.services.nft.store.listings import Listing
from audifi.services.nft.store.purchases import Purchase
from audifi.services.nft.store.supply import ForSale


class PurchaseBody(Body, kw_only=True):
    """What to buy, for which wallet, and how it is paid."""

    kind: Literal["PRIMARY", "SECONDARY"]
    wallet: Address
    payment_method: Literal["WALLET", "STRIPE"]
    master_id: UUID | None = None
    listing_id: UUID | None = None
    quantity: Annotated[int, Meta(ge=1, le=sale.QUANTITY_MAX)] = 1
    consent_versions: Annotated[dict[PolicyName, Version], Meta(max_length=10)] = msgspec.field(
        default_factory=dict[str, str]
    )


class ConfirmBody(Body):
    """With which transaction the wallet paid."""

    tx_hash: Hash


class PurchasePath(Body):
    """Which purchase."""

    id: UUID


async def buy(call: NftCall, body: PurchaseBody) -> PurchaseReply:
    """Hold shares for half an hour."""
    _require_fits(body)
    user_id, peers = call.user().user_id, call.deps.peers
    await asyncio.gather(
        eligibility.require_linked(peers, user_id, body.wallet),
        eligibility.require_consents(peers, user_id, "PURCHASE"),
    )
    purchase, place = await (_resale(call, body) if body.kind == "SECONDARY" else _first_sale(call, body))
    reply = purchase_reply(purchase, place)
    async with call.deps.database.transaction() as tx:
        await reserving.reserve(tx, purchase, purchase.created_at)
        await call.settle(tx, reply)
    return reply


def _require_fits(body: PurchaseBody) -> None:
    is_resale = body.kind == "SECONDARY"
    wrong = {
        "masterId": None if (body.master_id is None) == is_resale else "belongs to PRIMARY, and only to it",
        "listingId": None if (body.listing_id is not None) == is_resale else "belongs to SECONDARY, and only to it",
        "quantity": "is 1 for SECONDARY" if is_resale and body.quantity != 1 else None,
        "paymentMethod": (
            "a resale is paid by wallet: its seller is paid on the chain, which a card cannot do"
            if is_resale and body.payment_method == "STRIPE"
            else None
        ),
    }
    details = {field: reason for field, reason in wrong.items() if reason is not None}
    if details:
        raise Invalid(details=details)


async def _first_sale(call: NftCall, body: PurchaseBody) -> tuple[Purchase, Place]:
    now, user_id, wallet = call.deps.clock.now(), call.user().user_id, body.wallet.lower()
    async with call.deps.database.read_primary() as connection:
        row = await connection.fetchrow(supply.FOR_SALE, str(body.master_id))
        if row is None:
            raise MasterNotFound
        found = supply.for_sale(row)
        if found is None:
            raise IpoNotFound
        if found.is_taken_down:
            raise ContentUnavailable
        sale.require_on_sale(found.offer, body.quantity, now)
        await _require_admitted(connection, found.offer, user_id, now)
        known = await wallets.owner(connection, wallet, found.chain_id)
    if known != user_id:
        await _remember(call, wallet, found.chain_id)
    parts = sale.primary_parts(found.price_wei, body.quantity)
    return _purchase(call, body, found, parts, now), Place(contract=found.contract)


async def _require_admitted(connection: Connection, offer: sale.Offer, user_id: str, now: datetime) -> None:
    if not sale.is_early(offer, now):
        return
    assert offer.session_id is not None, "only a linked session has participants"
    if not await supply.took_part(connection, offer.session_id, user_id):
        raise sale.not_eligible("JOIN_SESSION", "SESSION_PARTICIPANT")


async def _resale(call: NftCall, body: PurchaseBody) -> tuple[Purchase, Place]:
    now, wallet = call.deps.clock.now(), body.wallet.lower()
    async with call.deps.database.read_primary() as connection:
        found = await listings.find(connection, str(body.listing_id))
        if found is None:
            raise NotFound
        known = await wallets.owner(connection, wallet, found.chain_id)
    if found.status != "ACTIVE":
        raise InvalidState("This share is not offered now.", details={"status": found.status})
    if found.seller_wallet == wallet:
        raise Invalid(details={"wallet": "is the seller's own"})
    if known != call.user().user_id:
        await _remember(call, wallet, found.chain_id)
    parts = sale.resale_parts(found.price_wei, found.royalty_bps)
    place = Place(contract=found.contract, market=found.market, token_id=found.token_id)
    return _purchase(call, body, found, parts, now), place


def _purchase(
    call: NftCall, body: PurchaseBody, found: ForSale | Listing, parts: Parts, now: datetime
) -> Purchase:  # fmt: skip
    return Purchase(
        id=str(new_id()),
        kind=body.kind,
        buyer_user_id=call.user().user_id,
        wallet=body.wallet.lower(),
        master_id=found.master_id,
        artist_id=found.artist_id,
        listing_id=found.id if isinstance(found, Listing) else None,
        chain_id=found.chain_id,
        currency=found.currency,
        parts=parts,
        payment_method=body.payment_method,
        status="RESERVED",
        expires_at=now + timedelta(seconds=sale.RESERVED_S),
        created_at=now,
        consent_versions=body.consent_versions,
    )


async def _remember(call: NftCall, wallet: str, chain_id: int) -> None:
    """Keep what auth-service just said, in case its event is still on its way."""
    async with call.deps.database.transaction() as tx:
        await wallets.remember(tx, wallet, chain_id, call.user().user_id, call.deps.clock.now())


async def confirm(call: NftCall, body: ConfirmBody) -> PurchaseReply:
    """Note the transaction that pays; the chain completes the purchase."""
    tx_hash, now = body.tx_hash.lower(), call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        found = await _own(tx, call)
        is_noted = found.tx_hash == tx_hash or await purchases.confirm(tx, found.id, tx_hash, now)
        found = await _own(tx, call)
        if not is_noted and found.tx_hash != tx_hash:  # the mirror may have seen the mint and noted it meanwhile
            await _refuse(tx, found, tx_hash, now)
        reply = await _reply(tx, found)
        await call.settle(tx, reply)
    return reply


async def _refuse(tx: Connection, found: Purchase, tx_hash: str, now: datetime) -> None:
    is_over = found.status == "RESERVED" and found.expires_at <= now
    if found.status == "EXPIRED" or is_over:
        raise ReservationExpired("The time to pay is over. If the transaction is mined all the same, it still counts.")
    if found.payment_method != "WALLET" or found.status != "RESERVED":
        raise InvalidState(f"A purchase that is {found.status} takes no transaction.")
    if await purchases.is_named(tx, tx_hash):
        raise Conflict("This transaction pays another purchase.")
    raise InvalidState


async def find(call: NftCall) -> PurchaseReply:
    """Show one of the caller's purchases."""
    async with call.deps.database.read_primary() as connection:
        return await _reply(connection, await _own(connection, call))


async def _own(connection: Connection, call: NftCall) -> Purchase:
    found = await purchases.find(connection, str(call.parameters.id))
    if found is None or found.buyer_user_id != call.user().user_id:
        raise NotFound
    return found


async def _reply(connection: Connection, purchase: Purchase) -> PurchaseReply:
    if purchase.listing_id is not None:
        listing = await listings.find(connection, purchase.listing_id)
        if listing is not None:
            place = Place(contract=listing.contract, market=listing.market, token_id=listing.token_id)
            return purchase_reply(purchase, place)
    deployed = {each.kind: each.address for each in await contracts.of_master(connection, purchase.master_id)}
    return purchase_reply(purchase, Place(contract=deployed.get("MASTER")))


_TAG: Final = "purchases"
_WALLET: Final = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST", path="/marketplace/purchase", handler=buy, summary="Reserve shares for 30 minutes", tag=_TAG,
        access=Access.USER, body=PurchaseBody, reply=PurchaseReply, status=201, idempotent=True,
        idempotency_required=True, limits=(limits.PURCHASE,),
        errors=(
            SoldOut, InsufficientSupply, InvalidState, NotEligible, MasterNotFound, IpoNotFound, NotFound,
            ContentUnavailable, Conflict,
        ),
        example={
            "kind": "PRIMARY", "masterId": "0193f5c4-7b6a-7c3e-9a51-2f4d8e6b1c02", "quantity": 2, "wallet": _WALLET,
            "paymentMethod": "WALLET", "consentVersions": {"PURCHASE_TERMS": "1.0"},
        },
    ),
    Operation(
        method="POST", path="/marketplace/purchase/{id}/confirm", handler=confirm, tag=_TAG, access=Access.USER,
        summary="Say with which transaction a wallet paid", parameters=PurchasePath, body=ConfirmBody,
        reply=PurchaseReply, idempotent=True, idempotency_required=True,
        errors=(NotFound, ReservationExpired, InvalidState, Conflict), example={"txHash": "0x" + "1f" * 32},
    ),
    Operation(
        method="GET", path="/purchases/{id}", handler=find, summary="Show one of your purchases", tag=_TAG,
        access=Access.USER, parameters=PurchasePath, reply=PurchaseReply, errors=(NotFound,),
    ),
)  # fmt: skip
