"""Say what nft-service publishes: masters, sales, shares, purchases, revenue, dividends.

Between: nft-service and coin (first IPO), payment (expired reservations), vstudio (links an IPO), analytics, worker.
Shape: `artist_id` and `user_id` are users of auth-service; wallets are lower-case; amounts are decimal strings.
Invariant: (tx_hash, log_index) names a fact of the chain: consumers that count use it against doubles.
Source: domain.md 2.2 "Publishes".
"""

from audifi.wire.events import EventData, event


@event("master.registered")
class MasterRegistered(EventData):
    """An artist described a recording."""

    master_id: str
    artist_id: str
    title: str
    type: str  # TRACK | ALBUM


@event("master.updated")
class MasterUpdated(EventData):
    """Fields changed, or the state did; `fields` names what."""

    master_id: str
    artist_id: str
    status: str
    fields: tuple[str, ...] = ()


@event("master.locked")
class MasterLocked(EventData):
    """Content and splits cannot change any more."""

    master_id: str
    artist_id: str
    session_id: str | None = None


@event("master.minted")
class MasterMinted(EventData):
    """Its contracts are on the chain."""

    master_id: str
    artist_id: str
    chain_id: int
    contract: str
    dividend_contract: str


@event("ipo.configured")
class IpoConfigured(EventData):
    """An offer was described or changed."""

    master_id: str
    artist_id: str
    ipo_id: str


@event("ipo.launched")
class IpoLaunched(EventData, kw_only=True):
    """The sale is open."""

    master_id: str
    artist_id: str
    ipo_id: str
    chain_id: int
    artist_wallet: str
    total_shares: int
    public_supply: int
    price_wei: str
    session_id: str | None = None


@event("ipo.closed")
class IpoClosed(EventData):
    """The sale ended before everything was sold."""

    master_id: str
    artist_id: str
    ipo_id: str
    shares_sold: int


@event("ipo.sold_out")
class IpoSoldOut(EventData):
    """The last public share was sold."""

    master_id: str
    artist_id: str
    ipo_id: str
    shares_sold: int


@event("ipo.cancelled")
class IpoCancelled(EventData):
    """The sale ended with nothing sold."""

    master_id: str
    artist_id: str
    ipo_id: str


@event("share.minted")
class ShareMinted(EventData, kw_only=True):
    """A share exists."""

    master_id: str
    artist_id: str
    token_id: int
    chain_id: int
    wallet: str
    tier: int
    price_wei: str  # 0 for the reserve
    tx_hash: str
    log_index: int
    is_reserve: bool = False
    user_id: str | None = None
    purchase_id: str | None = None


@event("share.transferred")
class ShareTransferred(EventData, kw_only=True):
    """A share has another owner."""

    master_id: str
    artist_id: str
    token_id: int
    chain_id: int
    from_wallet: str
    to_wallet: str
    tx_hash: str
    log_index: int


@event("share.sold")
class ShareSold(EventData, kw_only=True):
    """A share was resold on our marketplace: royalty + fee + seller's part = price."""

    master_id: str
    artist_id: str
    token_id: int
    chain_id: int
    seller_wallet: str
    buyer_wallet: str
    price_wei: str
    royalty_wei: str
    fee_wei: str
    seller_wei: str
    tx_hash: str
    log_index: int
    purchase_id: str | None = None


class _PurchaseData(EventData, kw_only=True):
    purchase_id: str
    user_id: str
    master_id: str
    artist_id: str
    kind: str  # PRIMARY | SECONDARY
    payment_method: str  # WALLET | STRIPE
    quantity: int
    total_wei: str
    fee_wei: str


@event("purchase.reserved")
class PurchaseReserved(_PurchaseData):
    """Shares are held for somebody for 30 minutes."""


@event("purchase.expired")
class PurchaseExpired(_PurchaseData):
    """Nobody paid in time: the shares are free again."""


@event("purchase.completed")
class PurchaseCompleted(_PurchaseData, kw_only=True):
    """The buyer owns the shares."""

    token_ids: tuple[int, ...]
    tx_hash: str


@event("purchase.refund_due")
class PurchaseRefundDue(_PurchaseData):
    """It was paid and cannot be delivered."""


@event("revenue.recorded")
class RevenueRecorded(EventData):
    """Somebody says that a master earned."""

    revenue_id: str
    master_id: str
    artist_id: str
    source: str
    amount_wei: str


@event("revenue.verified")
class RevenueVerified(EventData):
    """An administrator saw the proof."""

    revenue_id: str
    master_id: str
    artist_id: str
    source: str
    amount_wei: str


@event("dividend.distributed")
class DividendDistributed(EventData, kw_only=True):
    """Holders can claim."""

    distribution_id: str
    revenue_id: str
    master_id: str
    artist_id: str
    gross_wei: str
    holders_wei: str
    artist_wei: str
    platform_wei: str
    collaborators_wei: str
    wallets: int


@event("dividend.claimed")
class DividendClaimed(EventData, kw_only=True):
    """A holder was paid."""

    distribution_id: str
    master_id: str
    artist_id: str
    wallet: str
    amount_wei: str
    tx_hash: str
    user_id: str | None = None
