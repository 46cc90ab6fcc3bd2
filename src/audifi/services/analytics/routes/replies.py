"""Shape figures for clients: counts as numbers, money as decimal strings.

Between: routes.*, store.reports (totals by the names of store.figures).
Units: *Wei 10^-18 of the chain's currency; coinStaked base units of coins.
What they mean, so that they can be compared with the ledger: `primaryWei` is what buyers paid for new shares, of which
`primaryFeeWei` is the platform's; `secondaryWei` what resales cost, with `royaltiesWei` and `secondaryFeeWei` in it;
`revenueWei` verified revenue; `dividendsWei` what holders may claim of it, `dividendsClaimedWei` what they did.
Source: domain.md 2.2, 2.6.
"""

from typing import Any, Final

from audifi.kernel.http import Reply
from audifi.wire.amounts import Wei, wei

# Names of columns that clients see under better ones.
_SHOWN_AS: Final = {
    "royalty_wei": "royalties_wei",
    "distributed_wei": "dividends_wei",
    "claimed_wei": "dividends_claimed_wei",
}
_COINS: Final = ("coin_staked", "coin_unstaked")


class FiguresReply(Reply, kw_only=True):
    """What happened to a master, to an artist's masters, or to all."""

    views: int = 0
    plays: int = 0
    shared: int = 0
    bookmarks: int = 0
    reactions: int = 0
    purchases: int = 0
    shares_sold: int = 0
    shares_reserved: int = 0
    resales: int = 0
    transfers: int = 0
    claims: int = 0
    primary_wei: Wei = "0"
    primary_fee_wei: Wei = "0"
    secondary_wei: Wei = "0"
    secondary_fee_wei: Wei = "0"
    royalties_wei: Wei = "0"
    revenue_wei: Wei = "0"
    dividends_wei: Wei = "0"
    artist_revenue_wei: Wei = "0"
    platform_revenue_wei: Wei = "0"
    collaborators_wei: Wei = "0"
    dividends_claimed_wei: Wei = "0"


class ArtistFiguresReply(FiguresReply, kw_only=True):
    """What happened to an artist, or to all."""

    session_views: int = 0
    session_joins: int = 0
    votes: int = 0
    masters_registered: int = 0
    ipos_launched: int = 0
    coin_stakes: int = 0
    coin_unstakes: int = 0
    coin_transfers: int = 0
    coin_staked: Wei = "0"
    coin_unstaked: Wei = "0"


def shown(totals: dict[str, int]) -> dict[str, Any]:
    """Return figures under the names, and in the forms, replies have."""
    return {
        _SHOWN_AS.get(name, name): wei(value) if name.endswith("_wei") or name in _COINS else value
        for name, value in totals.items()
    }
