"""Show an artist what happened, and an administrator what happened on the whole platform.

Between: the gateway (/analytics/dashboard, /analytics/artist/time-series) and store.reports, on a replica.
Fresh: money within about two seconds, engagement within an hour (rules.retention, docs/analytics.md).
Errors: Forbidden for who is neither, MfaRequired for administrators without their second factor.
Source: domain.md 2.6.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from audifi.kernel.clock import iso
from audifi.kernel.http import Access, Operation, Timestamp
from audifi.services.analytics.errors import Forbidden, MfaRequired
from audifi.services.analytics.parts import AnalyticsCall
from audifi.services.analytics.routes.access import scope_of
from audifi.services.analytics.routes.fields import ScopeQuery
from audifi.services.analytics.routes.replies import ArtistFiguresReply, shown
from audifi.services.analytics.rules import periods
from audifi.services.analytics.store import catalog, holdings, reports
from audifi.services.analytics.store.reports import Days
from audifi.wire.amounts import Wei


class DashboardReply(ArtistFiguresReply, kw_only=True):
    """The figures of a period. `grossWei` is `primaryWei`; what is absent is not counted for this scope."""

    period: str
    first_day: str
    last_day: str
    as_of: Timestamp
    masters: int
    gross_wei: Wei
    artist_id: str | UnsetType = UNSET
    visitors: int | UnsetType = UNSET
    holders: int | UnsetType = UNSET
    sessions: int | UnsetType = UNSET
    viewers: int | UnsetType = UNSET
    searches: int | UnsetType = UNSET
    users_created: int | UnsetType = UNSET
    users_deleted: int | UnsetType = UNSET
    subscriptions_created: int | UnsetType = UNSET
    subscriptions_canceled: int | UnsetType = UNSET
    payments: int | UnsetType = UNSET
    refunds: int | UnsetType = UNSET
    paid_usd_cents: int | UnsetType = UNSET
    refunded_usd_cents: int | UnsetType = UNSET


class DayReply(ArtistFiguresReply, kw_only=True):
    """The figures of one day in UTC."""

    day: str


async def dashboard(call: AnalyticsCall, query: ScopeQuery) -> DashboardReply:
    """Return the totals of a period."""
    scope, days, now = scope_of(call.user(), query.artist_id), _days(call, query), call.deps.clock.now()
    async with call.deps.database.read() as connection:
        masters = await catalog.masters_of(connection, scope.artist_id)
        if scope.artist_id is None:
            totals = await reports.of_platform(connection, days)
        else:
            totals = await reports.of_artist(connection, scope.artist_id, days)
            totals["holders"] = await holdings.holders_of_artist(connection, scope.artist_id)
    figures = shown(totals)
    return DashboardReply(
        period=query.period,
        first_day=days.first.isoformat(),
        last_day=days.last.isoformat(),
        as_of=iso(now),
        masters=masters,
        gross_wei=figures["primary_wei"],
        artist_id=UNSET if scope.artist_id is None else str(scope.artist_id),
        **figures,
    )


async def time_series(call: AnalyticsCall, query: ScopeQuery) -> list[DayReply]:
    """Return the days of a period on which something happened."""
    scope, days = scope_of(call.user(), query.artist_id), _days(call, query)
    async with call.deps.database.read() as connection:
        if scope.artist_id is None:
            found = await reports.days_of_platform(connection, days)
        else:
            found = await reports.days_of_artist(connection, scope.artist_id, days)
    known = DayReply.__struct_fields__
    return [
        DayReply(
            day=day.isoformat(), **{name: value for name, value in shown(totals).items() if name in known}
        )
        for day, totals in found
    ]  # fmt: skip


def _days(call: AnalyticsCall, query: ScopeQuery) -> Days:
    today = periods.day_of(call.deps.clock.now())
    return Days(periods.first_day(query.period, today), today)


_TAG: Final = "analytics"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/analytics/dashboard", handler=dashboard, summary="Show the totals of a period", tag=_TAG,
        access=Access.USER, query=ScopeQuery, reply=DashboardReply, errors=(Forbidden, MfaRequired),
        description="An artist sees the own totals; an administrator the platform's, or with `artistId` an artist's.",
    ),
    Operation(
        method="GET", path="/analytics/artist/time-series", handler=time_series, summary="Show each day of a period",
        tag=_TAG, access=Access.USER, query=ScopeQuery, reply=list[DayReply], errors=(Forbidden, MfaRequired),
        description="Days without events are left out.",
    ),
)  # fmt: skip
