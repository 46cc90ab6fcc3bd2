"""Say what nft-service returns about buying and selling shares.

Between: sdk.purchases, sdk.listings (decode into them) and callers.
Units: `*_wei` 10^-18 of the chain's currency.
Invariant: fee + royalty + seller's part = total, of every purchase.
Errors: as records.
Source: domain.md 2.2 (purchase lifecycle, Mover Advantage), 2.8.
"""

from datetime import datetime

import msgspec

from audifi.sdk.records.envelopes import Amount


class Transaction(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a wallet is asked to sign and send."""

    to: str
    data: str
    value_wei: Amount = Amount(0)


class Purchase(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Shares that somebody buys: reserved first, paid by wallet or by card."""

    purchase_id: str
    kind: str  # PRIMARY | SECONDARY
    status: str  # RESERVED | PAID | PENDING_CHAIN | COMPLETED | EXPIRED | FAILED | REFUND_DUE | REFUNDED
    master_id: str
    quantity: int
    total_wei: Amount
    fee_wei: Amount
    royalty_wei: Amount
    seller_wei: Amount
    payment_method: str  # WALLET | STRIPE
    wallet: str
    listing_id: str | None = None
    failure: str | None = None
    payment: Transaction | None = None  # of a wallet's purchase, while it can be paid
    expires_at: datetime | None = None
    tx_hash: str | None = None
    token_ids: tuple[int, ...] = ()


class Listing(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Something that can be bought: a share its owner resells, or the next ones of an open IPO."""

    id: str
    kind: str  # PRIMARY | SECONDARY
    master_id: str
    token_id: int
    price_wei: Amount
    status: str  # PENDING_CHAIN | ACTIVE | IN_ESCROW | SOLD | CANCELLED
    title: str | None = None
    seller: str | None = None
    chain_id: int | None = None
    tier: int | None = None
    royalty_bps: int | None = None
    available: int = 0
    transactions: tuple[Transaction, ...] = ()  # what the owner's wallet has to send, in this order
