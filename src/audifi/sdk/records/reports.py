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
    views: int = 0
    plays: int = 0
    purchases: int | None = None
    shares_sold: int | None = None
    holders: int | None = None
    primary_wei: Amount | None = None
    secondary_wei: Amount | None = None
    royalties_wei: Amount | None = None
    dividends_wei: Amount | None = None


class Dashboard(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """An artist's (or the platform's) totals of a period."""

    period: str
    masters: int = 0
    shares_sold: int = 0
    gross_wei: Amount = Amount(0)
    dividends_wei: Amount = Amount(0)


class Accepted(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """How many events were taken."""

    accepted: int
    duplicates: int = 0
