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
    status: str  # RESERVED | PAID | PENDING_CHAIN | COMPLETED | EXPIRED | FAILED | REFUND_DUE | REFUNDED
    total_wei: Amount
    kind: str = "PRIMARY"
    master_id: str | None = None
    quantity: int = 1
    fee_wei: Amount | None = None
    royalty_wei: Amount | None = None
    seller_wei: Amount | None = None
    payment_method: str | None = None
    payment: Transaction | None = None  # of a wallet's purchase, while it can be paid
    expires_at: datetime | None = None
    tx_hash: str | None = None
    token_ids: tuple[int, ...] = ()


class Listing(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A share offered by its owner."""

    id: str
    master_id: str
    token_id: int
    price_wei: Amount
    status: str  # PENDING_CHAIN | ACTIVE | IN_ESCROW | SOLD | CANCELLED
    title: str | None = None
    seller: str | None = None
    chain_id: int | None = None
    royalty_bps: int | None = None
    transactions: tuple[Transaction, ...] = ()  # what the owner's wallet has to send, in this order
