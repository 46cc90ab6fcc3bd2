"""Shape what is answered about purchases, listings and shares, in one place for all routes that answer it.

Between: routes.purchases, .listings, .shares (build), docs/openapi/nft.json and the SDK (read).
Units: wei as decimal strings; timestamps ISO-8601 UTC with milliseconds.
Invariant: what a wallet has to send is said only while it can be sent: for a reservation that holds, or a wish.
"""

from dataclasses import dataclass
from datetime import datetime

from audifi.clients.chain.contracts.surface import MarketContract, MasterContract
from audifi.kernel.clock import iso
from audifi.kernel.http import Reply, Timestamp
from audifi.services.nft.rules import money
from audifi.services.nft.store.listings import Listing
from audifi.services.nft.store.offers import Offer
from audifi.services.nft.store.purchases import Purchase
from audifi.services.nft.store.shares import Share
from audifi.wire.amounts import Address, Hash, Wei, wei


class TransactionReply(Reply, kw_only=True):
    """What a wallet is asked to sign and send."""

    to: Address
    data: str
    value_wei: Wei


class CheckoutReply(Reply, kw_only=True):
    """How a card pays: the body of a POST to this path."""

    path: str
    kind: str
    purchase_id: str


class PurchaseReply(Reply, kw_only=True):
    """A purchase, as its buyer sees it."""

    purchase_id: str
    kind: str
    status: str  # RESERVED | PAID | PENDING_CHAIN | COMPLETED | EXPIRED | FAILED | REFUND_DUE | REFUNDED
    master_id: str
    listing_id: str | None
    quantity: int
    unit_wei: Wei
    total_wei: Wei
    fee_wei: Wei
    royalty_wei: Wei
    seller_wei: Wei
    currency: str
    chain_id: int
    wallet: Address
    payment_method: str
    payment: TransactionReply | None
    checkout: CheckoutReply | None
    expires_at: Timestamp
    tx_hash: Hash | None
    token_ids: tuple[int, ...]
    failure: str | None
    created_at: Timestamp
    completed_at: Timestamp | None


class ListingReply(Reply, kw_only=True):
    """Something that can be bought: a share its owner resells, or the next ones of an open IPO."""

    id: str
    kind: str  # PRIMARY | SECONDARY
    status: str  # PENDING_CHAIN | ACTIVE | IN_ESCROW | SOLD | CANCELLED
    master_id: str
    artist_id: str
    title: str
    genre: str
    cover_cid: str | None
    token_id: int
    tier: int
    royalty_bps: int
    price_wei: Wei
    currency: str
    chain_id: int
    seller: Address | None
    available: int
    listed_at: Timestamp | None
    transactions: tuple[TransactionReply, ...] = ()  # what the owner's wallet has to send, in this order


class ShareReply(Reply, kw_only=True):
    """A share; whose it is, shortened."""

    token_id: int
    owner_wallet: str
    tier: int
    royalty_bps: int
    minted_at: Timestamp


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a purchase is paid on the chain."""

    contract: str | None
    market: str | None = None
    token_id: int | None = None


def purchase_reply(purchase: Purchase, place: Place) -> PurchaseReply:
    """Return a purchase, and how to pay it while it waits for that."""
    parts, is_open = purchase.parts, purchase.status == "RESERVED"
    is_card = purchase.payment_method == "STRIPE"
    return PurchaseReply(
        purchase_id=purchase.id,
        kind=purchase.kind,
        status=purchase.status,
        master_id=purchase.master_id,
        listing_id=purchase.listing_id,
        quantity=purchase.quantity,
        unit_wei=wei(parts.unit_wei),
        total_wei=wei(parts.total_wei),
        fee_wei=wei(parts.fee_wei),
        royalty_wei=wei(parts.royalty_wei),
        seller_wei=wei(parts.seller_wei),
        currency=purchase.currency,
        chain_id=purchase.chain_id,
        wallet=purchase.wallet,
        payment_method=purchase.payment_method,
        payment=_payment(purchase, place) if is_open and not is_card else None,
        checkout=_checkout(purchase) if is_open and is_card else None,
        expires_at=iso(purchase.expires_at),
        tx_hash=purchase.tx_hash,
        token_ids=purchase.token_ids,
        failure=purchase.failure,
        created_at=iso(purchase.created_at),
        completed_at=_instant(purchase.completed_at),
    )


def _payment(purchase: Purchase, place: Place) -> TransactionReply | None:
    total = wei(purchase.parts.total_wei)
    if place.contract is None:
        return None
    if purchase.kind == "PRIMARY":
        data = MasterContract(place.contract).mint_batch(purchase.wallet, purchase.quantity)
        return TransactionReply(to=place.contract, data=_hex(data), value_wei=total)
    if place.market is None or place.token_id is None:
        return None  # it was taken down meanwhile
    data = MarketContract(place.market).buy(place.contract, place.token_id, purchase.parts.unit_wei)
    return TransactionReply(to=place.market, data=_hex(data), value_wei=total)


def _checkout(purchase: Purchase) -> CheckoutReply:
    return CheckoutReply(path="/payments/checkout", kind="PURCHASE", purchase_id=purchase.id)


def offer_reply(offer: Offer) -> ListingReply:
    """Return something found by browsing."""
    tier = money.tier(offer.token_id)
    return ListingReply(
        id=offer.id,
        kind=offer.kind,
        status="ACTIVE",
        master_id=offer.master_id,
        artist_id=offer.artist_id,
        title=offer.title,
        genre=offer.genre,
        cover_cid=offer.cover_cid,
        token_id=offer.token_id,
        tier=tier,
        royalty_bps=money.royalty_bps(tier),
        price_wei=wei(offer.price_wei),
        currency=offer.currency,
        chain_id=offer.chain_id,
        seller=offer.seller,
        available=offer.available,
        listed_at=_instant(offer.listed_at),
    )


def listing_reply(listing: Listing, *transactions: TransactionReply) -> ListingReply:
    """Return a resale in any state."""
    tier = money.tier(listing.token_id)
    return ListingReply(
        id=listing.id,
        kind="SECONDARY",
        status=listing.status,
        master_id=listing.master_id,
        artist_id=listing.artist_id,
        title=listing.title,
        genre=listing.genre,
        cover_cid=listing.cover_cid,
        token_id=listing.token_id,
        tier=tier,
        royalty_bps=money.royalty_bps(tier),
        price_wei=wei(listing.price_wei),
        currency=listing.currency,
        chain_id=listing.chain_id,
        seller=listing.seller_wallet,
        available=1 if listing.status == "ACTIVE" else 0,
        listed_at=_instant(listing.listed_at),
        transactions=transactions,
    )


def share_reply(share: Share) -> ShareReply:
    """Return a share as everybody may see it."""
    return ShareReply(
        token_id=share.token_id,
        owner_wallet=f"{share.owner_wallet[:6]}…{share.owner_wallet[-4:]}",
        tier=share.tier,
        royalty_bps=share.royalty_bps,
        minted_at=iso(share.minted_at),
    )


def to_list(listing: Listing) -> tuple[TransactionReply, ...]:
    """Return what makes a wish an offer: let the marketplace move the share, then list it."""
    assert listing.market is not None, "a wish is taken only where there is a marketplace"
    approve = MasterContract(listing.contract).approve(listing.market, listing.token_id)
    offer = MarketContract(listing.market).list(listing.contract, listing.token_id, listing.price_wei)
    return (
        TransactionReply(to=listing.contract, data=_hex(approve), value_wei=wei(0)),
        TransactionReply(to=listing.market, data=_hex(offer), value_wei=wei(0)),
    )


def to_withdraw(listing: Listing) -> tuple[TransactionReply, ...]:
    """Return what ends an offer on the chain too; nothing for a wish that never got there."""
    if listing.listed_at is None or listing.market is None:
        return ()
    data = MarketContract(listing.market).cancel(listing.contract, listing.token_id)
    return (TransactionReply(to=listing.market, data=_hex(data), value_wei=wei(0)),)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _instant(at: datetime | None) -> str | None:
    return None if at is None else iso(at)
