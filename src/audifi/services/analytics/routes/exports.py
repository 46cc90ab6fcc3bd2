"""Give out figures as a file: asked for, written meanwhile, fetched.

    GET /analytics/export?from&to ──► 202 {exportId} ──► GET /analytics/exports/{id} until READY ──► …/file

Between: the gateway and store.exports; exporting writes the file.
Shape: CSV, one row for each master and day (store.exports.COLUMNS), of the own masters or, for administrators, of all.
The file is read from the primary, chunk by chunk: whoever was told READY finds it whole on any pod.
Invariant: only who asked for a file, or an administrator, learns that it exists; asking is written to the audit log.
Errors: Forbidden, MfaRequired, Invalid, NotFound, InvalidState while it is not ready.
Source: domain.md 2.6, 4 "Audit log" (exports).
"""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from audifi.kernel import outbox
from audifi.kernel.clock import iso
from audifi.kernel.connection import Connection
from audifi.kernel.database import Database
from audifi.kernel.http import Access, Body, Operation, Reply, Timestamp
from audifi.kernel.ids import new_id
from audifi.services.analytics.errors import Forbidden, Invalid, InvalidState, MfaRequired, NotFound
from audifi.services.analytics.parts import AnalyticsCall
from audifi.services.analytics.routes import limits
from audifi.services.analytics.routes.access import is_admin, scope_of
from audifi.services.analytics.routes.fields import IdPath
from audifi.services.analytics.rules import retention
from audifi.services.analytics.store import exports as store
from audifi.services.analytics.store.exports import Export, Wish
from audifi.wire.events.auth import AuditRecorded

DAYS_MAX: Final = 731


class ExportQuery(Body, kw_only=True):
    """Which days, first and last included; for administrators, of whom."""

    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")
    format: Literal["csv"] = "csv"
    artist_id: UUID | None = None


class ExportReply(Reply, kw_only=True):
    """A file, or how far it is."""

    export_id: str
    status: str
    rows: int
    bytes: int
    created_at: Timestamp
    expires_at: Timestamp
    ready_at: Timestamp | UnsetType = UNSET
    file: Annotated[str, Meta(description="where the file is, once READY")] | UnsetType = UNSET


async def ask(call: AnalyticsCall, query: ExportQuery) -> ExportReply:
    """Ask for a file."""
    scope = scope_of(call.user(), query.artist_id)
    if not timedelta() <= query.last - query.first < timedelta(days=DAYS_MAX):
        raise Invalid(details={"to": f"must be from, or up to {DAYS_MAX - 1} days later"})
    now = call.deps.clock.now()
    wish = Wish(new_id(), UUID(call.user().user_id), scope.artist_id, query.first, query.last)
    async with call.deps.database.transaction() as tx:
        await store.ask(tx, wish, now, now + timedelta(hours=retention.EXPORT_HOURS))
        await _audit(tx, call, wish)
        export = await store.find(tx, wish.id)
    assert export is not None, "it was inserted by this transaction"
    return _shown(export)


async def status(call: AnalyticsCall) -> ExportReply:
    """Return how far a file is."""
    return _shown(await _own(call))


async def file(call: AnalyticsCall) -> AsyncIterator[bytes]:
    """Return the file."""
    export = await _own(call)
    if export.status != "READY":
        raise InvalidState("The file is not ready yet; ask for its status.")
    call.reply_headers["Content-Disposition"] = (
        f'attachment; filename="audifi-{export.first_day}-{export.last_day}.csv"'
    )
    return _chunks(call.deps.database, export)


async def _chunks(database: Database, export: Export) -> AsyncIterator[bytes]:
    for number in range(export.chunks):
        async with database.read_primary() as connection:
            chunk = await store.chunk(connection, export.id, number)
        assert chunk is not None, "chunks go with their export, whose time was not over a moment ago"
        yield chunk


async def _own(call: AnalyticsCall) -> Export:
    async with call.deps.database.read_primary() as connection:
        export = await store.find(connection, call.parameters.id)
    is_over = export is not None and export.expires_at <= call.deps.clock.now()
    if export is None or is_over or not (str(export.user_id) == call.user().user_id or is_admin(call.principal)):
        raise NotFound
    return export


async def _audit(tx: Connection, call: AnalyticsCall, wish: Wish) -> None:
    whose = "platform" if wish.artist_id is None else str(wish.artist_id)
    recorded = AuditRecorded(
        action="analytics.exported",
        category="system",
        target_type="export",
        target_id=str(wish.id),
        actor_id=str(wish.user_id),
        actor_type="admin" if is_admin(call.principal) else "user",
        after={"from": wish.first_day.isoformat(), "to": wish.last_day.isoformat(), "of": whose},
        client_ip=call.client_ip,
        user_agent=call.user_agent,
    )
    await outbox.add(tx, recorded, aggregate_id=str(wish.id), actor_id=str(wish.user_id))


def _shown(export: Export) -> ExportReply:
    is_ready = export.status == "READY"
    return ExportReply(
        export_id=str(export.id),
        status=export.status,
        rows=export.rows,
        bytes=export.bytes,
        created_at=iso(export.created_at),
        expires_at=iso(export.expires_at),
        ready_at=UNSET if export.ready_at is None else iso(export.ready_at),
        file=f"/v1/analytics/exports/{export.id}/file" if is_ready else UNSET,
    )


_TAG: Final = "exports"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/analytics/export", handler=ask, summary="Ask for figures as a file", tag=_TAG,
        access=Access.USER, query=ExportQuery, reply=ExportReply, status=202, limits=(limits.EXPORT,),
        errors=(Forbidden, MfaRequired, Invalid),
    ),
    Operation(
        method="GET", path="/analytics/exports/{id}", handler=status, summary="Say how far a file is", tag=_TAG,
        access=Access.USER, parameters=IdPath, reply=ExportReply, errors=(NotFound,),
    ),
    Operation(
        method="GET", path="/analytics/exports/{id}/file", handler=file, summary="Fetch a file", tag=_TAG,
        access=Access.USER, parameters=IdPath, reply=str, sends="text/csv; charset=utf-8",
        errors=(NotFound, InvalidState),
    ),
)  # fmt: skip
