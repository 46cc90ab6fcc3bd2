"""Show an artist, or an administrator, how a session went.

Between: the gateway (/analytics/sessions/{id}) and store.reports, on a replica.
Engagement is read from events, so it is there for 90 days; the totals stay.
Errors: SessionNotFound, also for who may not see it.
Source: domain.md 2.6.
"""

from typing import Final

from audifi.kernel.clock import iso
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Operation, Reply, Timestamp
from audifi.services.analytics.errors import SessionNotFound
from audifi.services.analytics.parts import AnalyticsCall
from audifi.services.analytics.routes.access import may_see
from audifi.services.analytics.routes.fields import IdPath
from audifi.services.analytics.rules import periods
from audifi.services.analytics.store import catalog, reports
from audifi.services.analytics.store.catalog import Session


class SessionReply(Reply, kw_only=True):
    """The totals of a session; viewers and voters are counted once a day."""

    session_id: str
    artist_id: str
    master_id: str | None
    status: str
    started_at: Timestamp | None
    ended_at: Timestamp | None
    views: int
    joins: int
    viewers: int
    reactions: int
    votes: int
    voters: int
    decisions_opened: int
    decisions_finalized: int
    contributions: int


class BucketReply(Reply):
    """What happened in one stretch of time."""

    at: Timestamp
    views: int
    joins: int
    reactions: int
    votes: int


class EngagementReply(Reply):
    """A session's course: buckets of `bucketSeconds`, those without events left out."""

    bucket_seconds: int
    buckets: list[BucketReply]


async def session(call: AnalyticsCall) -> SessionReply:
    """Return a session's totals."""
    async with call.deps.database.read() as connection:
        found = await _own(call, connection)
        totals = await reports.of_session(connection, call.parameters.id)
    return SessionReply(
        session_id=found.session_id,
        artist_id=found.artist_id,
        master_id=found.master_id,
        status=found.status,
        started_at=None if found.started_at is None else iso(found.started_at),
        ended_at=None if found.ended_at is None else iso(found.ended_at),
        **totals,
    )


async def engagement(call: AnalyticsCall) -> EngagementReply:
    """Return a session's course."""
    async with call.deps.database.read() as connection:
        await _own(call, connection)
        span = await reports.span(connection, call.parameters.id)
        width_s = 60 if span is None else periods.bucket_s(*span)
        rows = await reports.engagement(connection, call.parameters.id, width_s)
    buckets = [BucketReply(iso(row["at"]), row["views"], row["joins"], row["reactions"], row["votes"]) for row in rows]
    return EngagementReply(width_s, buckets)


async def _own(call: AnalyticsCall, connection: Connection) -> Session:
    found = await catalog.session(connection, call.parameters.id)
    if found is None or not may_see(call.principal, found.artist_id):
        raise SessionNotFound
    return found


_TAG: Final = "analytics"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/analytics/sessions/{id}", handler=session, summary="Show how a session went", tag=_TAG,
        access=Access.USER, parameters=IdPath, reply=SessionReply, errors=(SessionNotFound,),
    ),
    Operation(
        method="GET", path="/analytics/sessions/{id}/engagement", handler=engagement, tag=_TAG,
        summary="Show a session's course", access=Access.USER, parameters=IdPath, reply=EngagementReply,
        errors=(SessionNotFound,),
    ),
)  # fmt: skip
