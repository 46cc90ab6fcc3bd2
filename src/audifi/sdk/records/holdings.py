"""Say what nft-service returns about what people own and what it earns: shares, revenue, dividends.

Between: sdk.portfolio, sdk.dividends, sdk.revenue (decode into them) and callers.
Units: `*_wei` 10^-18 of the chain's currency.
Errors: as records.
Source: domain.md 2.2.
"""

from datetime import datetime
from typing import Any

import msgspec

from audifi.sdk.records.envelopes import Amount


class Holding(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A share of the signed-in user."""

    master_id: str
    master_title: str
    token_id: int
    chain_id: int
    currency: str
    wallet: str
    tier: int
    royalty_bps: int
    cost_wei: Amount
    last_price_wei: Amount
    unclaimed_wei: Amount  # of the wallet and master, not of the share


class MasterHolding(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What is owned of one master."""

    master_id: str
    master_title: str
    currency: str
    shares: int
    best_tier: int
    cost_wei: Amount
    value_wei: Amount
    unclaimed_wei: Amount


class CoinHolding(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What is owned of one artist's coin."""

    artist_id: str
    symbol: str
    balance: Amount
    staked: Amount
    name: str | None = None
    address: str | None = None


class Portfolio(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Everything the signed-in user has; `notes` says what is left out, and why."""

    masters: tuple[MasterHolding, ...] = ()
    shares: tuple[Holding, ...] = ()
    shares_total: int = 0
    coins: tuple[CoinHolding, ...] = ()
    votes: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


class Dividend(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What one distribution holds for one wallet of the user."""

    id: str
    master_id: str
    amount_wei: Amount
    currency: str
    status: str  # AVAILABLE | PENDING | CLAIMED | FAILED
    wallet: str
    chain_id: int
    master_title: str | None = None
    claim_tx: str | None = None
    distributed_at: datetime | None = None
    claimed_at: datetime | None = None


class Distribution(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """How a revenue was divided, and how far it got; anybody can repeat it from the snapshot's block."""

    id: str
    status: str  # SNAPSHOT | ALLOCATED | OPEN | SETTLED
    epoch: int
    dividend_contract: str
    holders_wei: Amount
    artist_wei: Amount
    platform_wei: Amount
    collaborators_wei: Amount
    snapshot_block: int | None = None
    shares: int | None = None
    wallets: int | None = None
    merkle_root: str | None = None
    error: str | None = None


class Revenue(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Something a master earned."""

    id: str
    master_id: str
    source: str
    amount_wei: Amount
    status: str  # PENDING | VERIFIED | DEPOSITED | DISTRIBUTED | FAILED | DISPUTED
    external_reference: str
    currency: str | None = None
    deposit_tx: str | None = None
    error: str | None = None
    distribution: Distribution | None = None


class SourceTotal(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What one kind of source brought."""

    source: str
    events: int
    amount_wei: Amount
    distributed_wei: Amount


class RevenueSummary(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a master earned, and what became of it."""

    total_wei: Amount
    pending_wei: Amount
    distributed_wei: Amount
    holders_wei: Amount
    artist_wei: Amount
    platform_wei: Amount
    collaborators_wei: Amount
    claimed_wei: Amount
    by_source: tuple[SourceTotal, ...] = ()
