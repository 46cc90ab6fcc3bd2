"""Say what analytics-service returns: counts and sums of what happened.

Between: sdk.analytics, sdk.events (decode into them) and callers.
Units: `*_wei` 10^-18 of the chain's currency.
Invariant: numbers of analytics are told from events and may be seconds old; money is decided elsewhere.
Errors: as records.
Source: domain.md 2.6.
"""

import msgspec

from audifi.sdk.records.envelopes import Amount


class MasterReport(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What became of one master; what the public may not see is absent."""

    master_id: str
    artist_id: str
    title: str
    status: str
    period: str
    total_shares: int
    holders: int  # of now, not of the period
    views: int = 0
    plays: int = 0
    shares_sold: int = 0
    resales: int = 0
    primary_wei: Amount = Amount(0)  # what buyers paid for new shares
    secondary_wei: Amount = Amount(0)  # what resales cost
    purchases: int | None = None
    claims: int | None = None
    primary_fee_wei: Amount | None = None  # the platform's part of primary_wei
    royalties_wei: Amount | None = None  # the artist's part of secondary_wei
    revenue_wei: Amount | None = None  # what was verified
    dividends_wei: Amount | None = None  # what holders may claim of it
    dividends_claimed_wei: Amount | None = None


class Dashboard(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """An artist's (or the platform's) totals of a period."""

    period: str
    masters: int = 0
    shares_sold: int = 0
    gross_wei: Amount = Amount(0)
    royalties_wei: Amount = Amount(0)
    dividends_wei: Amount = Amount(0)
    dividends_claimed_wei: Amount = Amount(0)
    coin_staked: Amount = Amount(0)


class Accepted(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """How many events were kept, and how many had been told before."""

    accepted: int
    duplicates: int = 0
