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
    token_id: int
    tier: int
    wallet: str | None = None
    master_title: str | None = None
    royalty_bps: int | None = None
    cost_wei: Amount | None = None
    last_price_wei: Amount | None = None
    unclaimed_wei: Amount | None = None


class Portfolio(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Everything the signed-in user has."""

    shares: tuple[Any, ...] = ()
    coins: tuple[Any, ...] = ()
    votes: tuple[Any, ...] = ()


class Dividend(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What one distribution holds for one wallet of the user."""

    id: str
    master_id: str
    amount_wei: Amount
    currency: str
    status: str  # AVAILABLE | PENDING | CLAIMED | FAILED
    wallet: str | None = None
    master_title: str | None = None
    distributed_at: datetime | None = None
    claimed_at: datetime | None = None


class Revenue(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Something a master earned."""

    id: str
    master_id: str
    source: str
    amount_wei: Amount
    status: str  # PENDING | VERIFIED | DEPOSITED | DISTRIBUTED | FAILED | DISPUTED
    external_reference: str | None = None
    distribution: dict[str, Any] | None = None


class RevenueSummary(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a master earned, by source."""

    total_wei: Amount
    by_source: Any = None
