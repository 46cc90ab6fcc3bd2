"""Answer other services about purchases and ownership.

Between: payment-service (was it paid?), coin-service (who bought?), vstudio-service (who owns, who took part?) by
internal token, and sagas.cards, store.
Invariant: telling twice changes nothing twice; `refundDue` says of this very payment that it goes back.
Errors: NotFound, Invalid.
Source: domain.md 2.2 "Internal", 2.4 (paid purchases), 2.5 (participants), 2.8.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Body, Operation, Reply, Timestamp
from audifi.services.nft.errors import Invalid, NotFound
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes.fields import Address, MasterPath
from audifi.services.nft.routes.purchases import PurchasePath
from audifi.services.nft.sagas import cards
from audifi.services.nft.store import purchases, shares, supply
from audifi.services.nft.store.purchases import CardPayment, Purchase
from audifi.services.nft.store.shares import Question
from audifi.wire.amounts import Wei, wei


class PaidBody(Body):
    """What a card paid."""

    payment_id: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[0-9A-Za-z_-]+$")]
    amount_cents: Annotated[int, Meta(ge=0, le=2**53)]
    currency: Annotated[str, Meta(pattern=r"^[A-Za-z]{3}\Z")]


class ParticipantsBody(Body):
    """Who took part in a session."""

    user_ids: Annotated[tuple[UUID, ...], Meta(max_length=10_000)]


class SessionPath(Body):
    """Which session."""

    id: UUID


class OwnershipQuery(Body, kw_only=True):
    """Whose shares (an account's or a wallet's), of which master or artist."""

    user_id: UUID | None = None
    wallet: Address | None = None
    master_id: UUID | None = None
    artist_id: UUID | None = None


class InternalPurchaseReply(Reply, kw_only=True):
    """A purchase, as payment-service needs it."""

    id: str
    status: str
    kind: str
    payment_method: str
    total_wei: Wei
    currency: str
    chain_id: int
    user_id: str
    expires_at: Timestamp
    quantity: int
    master_id: str


class PaidReply(InternalPurchaseReply, kw_only=True):
    """The purchase after a payment, and whether that goes back."""

    refund_due: bool


class OwnershipReply(Reply):
    """How many shares, and the first thousand of their numbers."""

    count: int
    token_ids: list[int]


class ParticipantReply(Reply):
    """Who bought how many shares in the primary sale."""

    wallet: str
    shares: int


async def find(call: NftCall) -> InternalPurchaseReply:
    """Show a purchase."""
    async with call.deps.database.read_primary() as connection:
        found = await purchases.find(connection, str(call.parameters.id))
    if found is None:
        raise NotFound
    return _reply(found)


async def paid(call: NftCall, body: PaidBody) -> PaidReply:
    """Take a card's payment."""
    payment = CardPayment(id=body.payment_id, cents=body.amount_cents, currency=body.currency.lower())
    async with call.deps.database.transaction() as tx:
        verdict = await cards.paid(tx, str(call.parameters.id), payment, call.deps.clock.now())
    return PaidReply(**_fields(verdict.purchase), refund_due=verdict.refund_due)


async def payment_failed(call: NftCall) -> InternalPurchaseReply:
    """Let a reservation go that will not be paid."""
    async with call.deps.database.transaction() as tx:
        return _reply(await cards.payment_failed(tx, str(call.parameters.id), call.deps.clock.now()))


async def refunded(call: NftCall) -> InternalPurchaseReply:
    """Note that the buyer has the money back."""
    async with call.deps.database.transaction() as tx:
        return _reply(await cards.refunded(tx, str(call.parameters.id), call.deps.clock.now()))


async def ownership(call: NftCall, query: OwnershipQuery) -> OwnershipReply:
    """Say what somebody owns, asked of the primary: votes and gates depend on it."""
    if (query.user_id is None) == (query.wallet is None):
        raise Invalid(details={"userId": "name an account or a wallet: one of the two"})
    asked = Question(
        user_id=_text(query.user_id),
        wallet=None if query.wallet is None else query.wallet.lower(),
        master_id=_text(query.master_id),
        artist_id=_text(query.artist_id),
    )
    async with call.deps.database.read_primary() as connection:
        found = await shares.ownership(connection, asked)
    return OwnershipReply(found.count, found.token_ids)


async def participants(call: NftCall) -> list[ParticipantReply]:
    """List who bought in the primary sale, and how much."""
    async with call.deps.database.read_primary() as connection:
        found = await shares.buyers(connection, str(call.parameters.id))
    return [ParticipantReply(wallet, count) for wallet, count in found]


async def took_part(call: NftCall, body: ParticipantsBody) -> None:
    """Remember who took part in a session: they may reserve during the early hours of its master's sale."""
    async with call.deps.database.transaction() as tx:
        await supply.add_participants(tx, str(call.parameters.id), [str(each) for each in body.user_ids])


def _reply(found: Purchase) -> InternalPurchaseReply:
    return InternalPurchaseReply(**_fields(found))


def _fields(found: Purchase) -> dict[str, Any]:
    return {
        "id": found.id,
        "status": found.status,
        "kind": found.kind,
        "payment_method": found.payment_method,
        "total_wei": wei(found.parts.total_wei),
        "currency": found.currency,
        "chain_id": found.chain_id,
        "user_id": found.buyer_user_id,
        "expires_at": iso(found.expires_at),
        "quantity": found.quantity,
        "master_id": found.master_id,
    }


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


_TAG: Final = "internal"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/internal/v1/purchases/{id}", handler=find, summary="Show a purchase", tag=_TAG,
        access=Access.SERVICE, parameters=PurchasePath, reply=InternalPurchaseReply, errors=(NotFound,),
    ),
    Operation(
        method="POST", path="/internal/v1/purchases/{id}/paid", handler=paid, summary="Take a card's payment",
        tag=_TAG, access=Access.SERVICE, parameters=PurchasePath, body=PaidBody, reply=PaidReply, errors=(NotFound,),
        example={"paymentId": "0193f5c4-7b6a-7c3e-9a51-2f4d8e6b1c02", "amountCents": 12050, "currency": "usd"},
    ),
    Operation(
        method="POST", path="/internal/v1/purchases/{id}/payment-failed", handler=payment_failed, tag=_TAG,
        access=Access.SERVICE, summary="Let a reservation go that will not be paid", parameters=PurchasePath,
        reply=InternalPurchaseReply, errors=(NotFound,),
    ),
    Operation(
        method="POST", path="/internal/v1/purchases/{id}/refunded", handler=refunded, tag=_TAG,
        access=Access.SERVICE, summary="Note that a payment went back", parameters=PurchasePath,
        reply=InternalPurchaseReply, errors=(NotFound,),
    ),
    Operation(
        method="GET", path="/internal/v1/ownership", handler=ownership, summary="Say what somebody owns", tag=_TAG,
        access=Access.SERVICE, query=OwnershipQuery, reply=OwnershipReply,
    ),
    Operation(
        method="GET", path="/internal/v1/masters/{id}/participants", handler=participants, tag=_TAG,
        access=Access.SERVICE, summary="List who bought in the primary sale", parameters=MasterPath,
        reply=list[ParticipantReply],
    ),
    Operation(
        method="POST", path="/internal/v1/sessions/{id}/participants", handler=took_part, tag=_TAG,
        access=Access.SERVICE, summary="Say who took part in a session", parameters=SessionPath,
        body=ParticipantsBody, status=204, example={"userIds": ["0193f5c4-7b6a-7c3e-9a51-2f4d8e6b1c02"]},
    ),
)  # fmt: skip
