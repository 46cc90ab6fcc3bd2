"""Say what each figure of a roll-up is counted from: a name, and one SQL expression over the day's events.

Between: store.rollups (builds its statements from these), store.reports (sums the same names).
Shape: passing figures count engagement, whose events are deleted one day; lasting ones count money and shares.
Money: a primary sale is what its purchase says (purchase.completed). A share that was minted without a purchase of ours
counts with its price; the fee of those is taken per transaction, as the contract takes it (`direct` below).
Units: wei and coin base units, exact: numeric, never a float.
Invariant: every expression is a set's sum or count: the order in which events came changes nothing.
Source: domain.md 2.2 (money rules), 2.6; wire.events.nft.
"""

from typing import Final

_VISITS: Final = "('view', 'play', 'share', 'bookmark', 'reaction', 'session_view', 'session_join')"


def _count(kind: str, more: str = "") -> str:
    return f"count(*) FILTER (WHERE type = '{kind}'{more})"


def _sum(kind: str, name: str, more: str = "") -> str:
    return f"coalesce(sum((properties->>'{name}')::numeric) FILTER (WHERE type = '{kind}'{more}), 0)"


_PRIMARY: Final = " AND properties->>'kind' = 'PRIMARY'"
_RESERVE: Final = " AND (properties->>'isReserve')::boolean"
_SOLD: Final = " AND NOT (properties->>'isReserve')::boolean"
_USD: Final = " AND lower(properties->>'currency') = 'usd'"

VISITORS: Final = f"count(DISTINCT visitor) FILTER (WHERE type IN {_VISITS})"

MASTER_PASSING: Final = {
    "views": _count("view"),
    "plays": _count("play"),
    "shared": _count("share"),
    "bookmarks": _count("bookmark"),
    "reactions": _count("reaction"),
    "visitors": VISITORS,
}
MASTER_LASTING: Final = {
    "purchases": _count("purchase.completed", _PRIMARY),
    "shares_sold": _count("share.minted", _SOLD),
    "shares_reserved": _count("share.minted", _RESERVE),
    "resales": _count("share.sold"),
    "transfers": _count("share.transferred"),
    "claims": _count("dividend.claimed"),
    "primary_wei": f"{_sum('purchase.completed', 'totalWei', _PRIMARY)} + coalesce(max(direct.gross), 0)",
    "primary_fee_wei": f"{_sum('purchase.completed', 'feeWei', _PRIMARY)} + coalesce(max(direct.fee), 0)",
    "secondary_wei": _sum("share.sold", "priceWei"),
    "secondary_fee_wei": _sum("share.sold", "feeWei"),
    "royalty_wei": _sum("share.sold", "royaltyWei"),
    "revenue_wei": _sum("revenue.verified", "amountWei"),
    "distributed_wei": _sum("dividend.distributed", "holdersWei"),
    "artist_revenue_wei": _sum("dividend.distributed", "artistWei"),
    "platform_revenue_wei": _sum("dividend.distributed", "platformWei"),
    "collaborators_wei": _sum("dividend.distributed", "collaboratorsWei"),
    "claimed_wei": _sum("dividend.claimed", "amountWei"),
}
# Of an artist beyond the sums of the masters.
ARTIST_PASSING: Final = {
    "visitors": VISITORS,
    "session_views": _count("session_view"),
    "session_joins": _count("session_join"),
    "votes": _count("vote.cast"),
}
ARTIST_LASTING: Final = {
    "masters_registered": _count("master.registered"),
    "ipos_launched": _count("ipo.launched"),
    "coin_stakes": _count("coin.staked"),
    "coin_unstakes": _count("coin.unstaked"),
    "coin_transfers": _count("coin.transferred"),
    "coin_staked": _sum("coin.staked", "amount"),
    "coin_unstaked": _sum("coin.unstaked", "amount"),
}
SESSION: Final = {
    "views": _count("session_view"),
    "joins": _count("session_join"),
    "viewers": VISITORS,
    "reactions": _count("reaction"),
    "votes": _count("vote.cast"),
    "voters": "count(DISTINCT coalesce(visitor, uuid_send(event_id))) FILTER (WHERE type = 'vote.cast')",
    "decisions_opened": _count("decision.opened"),
    "decisions_finalized": _count("decision.finalized"),
    "contributions": _count("contribution.submitted"),
}
# Of the platform beyond the sums of the artists.
PLATFORM_PASSING: Final = {"searches": _count("search")}
PLATFORM_LASTING: Final = {
    "users_created": _count("user.created"),
    "users_deleted": _count("user.deleted"),
    "subscriptions_created": _count("subscription.created"),
    "subscriptions_canceled": _count("subscription.canceled"),
    "payments": _count("payment.succeeded"),
    "refunds": _count("payment.refunded"),
    "paid_usd_cents": _sum("payment.succeeded", "amountCents", _USD),
    "refunded_usd_cents": _sum("payment.refunded", "amountCents", _USD),
}

MASTER: Final = (*MASTER_PASSING, *MASTER_LASTING)
ARTIST: Final = (*MASTER, *(name for name in (*ARTIST_PASSING, *ARTIST_LASTING) if name not in MASTER))
SUMMED: Final = tuple(name for name in ARTIST if name != "visitors")  # visitors of two artists may be one person
PLATFORM: Final = (*SUMMED, *PLATFORM_PASSING, *PLATFORM_LASTING)

DIRECT: Final = """
SELECT master_id, sum(gross) AS gross, sum(div(gross * 250, 10000)) AS fee FROM (
    SELECT master_id, sum((properties->>'priceWei')::numeric) AS gross FROM analytics.analytics_events
     WHERE artist_id = $1 AND created_at >= $3 AND created_at < $4 AND type = 'share.minted'
       AND properties->>'purchaseId' IS NULL AND NOT (properties->>'isReserve')::boolean
     GROUP BY master_id, properties->>'txHash') AS sale
 GROUP BY master_id
"""
