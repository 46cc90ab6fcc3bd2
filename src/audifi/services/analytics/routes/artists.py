"""Show everybody who is at the top, and what happened last.

Between: the gateway (/analytics/artists/top, /analytics/activity) and store.reports, on a replica.
Invariant: neither names a user or a wallet: artists go by their ids, which GET /artists resolves.
Errors: none of its own.
Source: domain.md 2.6 ("top and activity public").
"""

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, UnsetType

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Body, Operation, Reply, Timestamp
from audifi.services.analytics.parts import AnalyticsCall
from audifi.services.analytics.rules.periods import Period
from audifi.services.analytics.store import reports
from audifi.services.analytics.store.documents import whole
from audifi.services.analytics.store.reports import Happening, Ranking
from audifi.wire.amounts import Wei, wei

Few = Annotated[int, Meta(ge=1, le=100)]


class TopQuery(Body, kw_only=True):
    """Who has most of what."""

    period: Period = "month"
    by: Ranking = "volume"
    limit: Few = 20


class TopReply(Reply, kw_only=True):
    """An artist's place; `volumeWei` is primary and secondary sales."""

    rank: int
    artist_id: str
    views: int
    shares_sold: int
    volume_wei: Wei


class ActivityQuery(Body, kw_only=True):
    """What happened before a moment; without one, before now."""

    before: Annotated[datetime, Meta(tz=True)] | None = None
    limit: Few = 20


class ActivityReply(Reply, kw_only=True):
    """Something that happened."""

    id: str
    at: Timestamp
    type: str
    artist_id: str | None
    master_id: str | None
    session_id: str | None
    quantity: int | UnsetType = UNSET
    amount_wei: Wei | UnsetType = UNSET


async def top(call: AnalyticsCall, query: TopQuery) -> list[TopReply]:
    """Return the artists with most of something."""
    async with call.deps.database.read() as connection:
        rows = await reports.top(connection, query.period, query.by, query.limit)
    return [
        TopReply(
            rank=rank,
            artist_id=str(row["artist_id"]),
            views=whole(row["views"]),
            shares_sold=whole(row["shares_sold"]),
            volume_wei=wei(whole(row["volume_wei"])),
        )
        for rank, row in enumerate(rows, start=1)
    ]


async def activity(call: AnalyticsCall, query: ActivityQuery) -> list[ActivityReply]:
    """Return what happened last."""
    before = query.before or call.deps.clock.now()
    async with call.deps.database.read() as connection:
        found = await reports.activity(connection, before, query.limit)
    return [_shown(each) for each in found]


def _shown(each: Happening) -> ActivityReply:
    data: dict[str, Any] = each.data
    amount = data.get("totalWei", data.get("priceWei", data.get("holdersWei")))
    return ActivityReply(
        id=each.event_id,
        at=iso(each.at),
        type=each.kind,
        artist_id=each.artist_id,
        master_id=each.master_id,
        session_id=each.session_id,
        quantity=data.get("quantity", 1 if each.kind == "share.sold" else UNSET),
        amount_wei=UNSET if amount is None else amount,
    )


_TAG: Final = "analytics"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/analytics/artists/top", handler=top, summary="List the artists at the top", tag=_TAG,
        access=Access.OPTIONAL, query=TopQuery, reply=list[TopReply],
    ),
    Operation(
        method="GET", path="/analytics/activity", handler=activity, summary="List what happened last", tag=_TAG,
        access=Access.OPTIONAL, query=ActivityQuery, reply=list[ActivityReply],
    ),
)  # fmt: skip
