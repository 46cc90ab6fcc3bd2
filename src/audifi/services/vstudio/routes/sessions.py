"""Plan sessions, show them, and take them through their lives.

Between: the gateway (/vstudio/sessions…), sagas.running, sagas.wishes.
Shape: a session is planned with its decisions in one transaction; nft-service is asked for the master right after it.
The signed-in read the primary (their own writes), guests a replica.
Errors: SessionNotFound, MasterNotFound, Forbidden, InvalidState, Conflict, Invalid, PlanLimitReached.
Source: domain.md 2.3.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Page, Paging
from audifi.kernel.ids import new_id
from audifi.services.vstudio.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidState,
    MasterNotFound,
    PlanLimitReached,
    SessionNotFound,
    Unauthorized,
)
from audifi.services.vstudio.parts import VstudioCall
from audifi.services.vstudio.routes import audit, found, limits
from audifi.services.vstudio.routes.decisions import DecisionBody
from audifi.services.vstudio.routes.fields import Description, GateBody, Platform, SessionPath, Title
from audifi.services.vstudio.routes.replies import SessionReply, session_reply
from audifi.services.vstudio.rules import gating, naming
from audifi.services.vstudio.rules.deciding import Url
from audifi.services.vstudio.sagas import deciding, frames, plans, running, wishes
from audifi.services.vstudio.store import decisions, live_events
from audifi.services.vstudio.store import sessions as store
from audifi.services.vstudio.store.sessions import Filters, Plan, Session
from audifi.wire.events.vstudio import SessionCreated
from audifi.wire.live import protocol

Status = Literal["DRAFT", "SCHEDULED", "ACTIVE", "VOTING", "LOCKED", "COMPLETE", "CANCELLED"]
Moment = Annotated[datetime, Meta(tz=True)]
Viewers = Annotated[int, Meta(ge=1, le=protocol.VIEWERS_MAX)]
Producers = Annotated[tuple[UUID, ...], Meta(max_length=20)]
Step = Callable[[Connection, Session, datetime], Awaitable[Session]]


class SessionBody(Body, kw_only=True):
    """A session, with the decisions it begins with."""

    master_id: UUID
    title: Title
    description: Description | None = None
    scheduled_start: Moment | None = None
    scheduled_end: Moment | None = None
    stream_url: Url | None = None
    platform: Platform = "audifi"
    producer_ids: Producers = ()
    view_gating: GateBody = msgspec.field(default_factory=GateBody)
    vote_gating: GateBody = msgspec.field(default_factory=GateBody)
    chat_enabled: bool = True
    reactions_enabled: bool = True
    max_participants: Viewers = protocol.VIEWERS_MAX
    decisions: Annotated[tuple[DecisionBody, ...], Meta(max_length=deciding.DECISIONS_MAX)] = ()


class SessionChange(Body, kw_only=True):
    """What of a planned session changes."""

    title: Title | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    scheduled_start: Moment | UnsetType | None = UNSET
    scheduled_end: Moment | UnsetType | None = UNSET
    stream_url: Url | UnsetType | None = UNSET
    platform: Platform | UnsetType = UNSET
    producer_ids: Producers | UnsetType = UNSET
    view_gating: GateBody | UnsetType = UNSET
    vote_gating: GateBody | UnsetType = UNSET
    chat_enabled: bool | UnsetType = UNSET
    reactions_enabled: bool | UnsetType = UNSET
    max_participants: Viewers | UnsetType = UNSET


class SessionsQuery(Paging, kw_only=True):
    """Which sessions; `mine` shows drafts and cancelled ones too."""

    artist_id: UUID | None = None
    status: Status | None = None
    upcoming: bool = False
    live: bool = False
    mine: bool = False


class _Master(msgspec.Struct, rename="camel"):
    """A master, as nft-service tells it."""

    artist_id: str
    status: str


async def listed(call: VstudioCall, query: SessionsQuery) -> Page[SessionReply]:
    """List sessions with their decisions."""
    if query.mine and call.principal is None:
        raise Unauthorized
    user_id = found.viewer_id(call)
    artist_id = user_id if query.mine else query.artist_id and str(query.artist_id)
    statuses = ("ACTIVE", "VOTING") if query.live else ((query.status,) if query.status else ())
    filters = Filters(artist_id=artist_id, statuses=statuses, is_upcoming=query.upcoming, owner_id=user_id)
    async with _reading(call) as connection:
        rows, total = await store.listed(connection, filters, limit=query.limit, offset=query.offset)
        asked = await decisions.of_sessions(connection, [row.id for row in rows])
    items = [
        session_reply(
            row,
            asked[row.id],
            has_access=row.view_gating.type == "OPEN" or found.is_of(row, user_id),
            is_own=row.artist_id == user_id,
        )
        for row in rows
    ]
    return Page(items, total, query)


async def find(call: VstudioCall) -> SessionReply:
    """Show a session."""
    user_id = found.viewer_id(call)
    async with _reading(call) as connection:
        session = await found.visible(connection, call)
        asked = await decisions.of_session(connection, session.id)
    verdict = await found.view(call.deps, session, user_id)
    return session_reply(session, asked, has_access=verdict.has_access, is_own=session.artist_id == user_id)


async def create(call: VstudioCall, body: SessionBody) -> SessionReply:
    """Plan a session around a draft of one's own, as far as the plan includes one more."""
    parts, artist_id, session_id = call.deps, call.user().user_id, str(new_id())
    master_id = str(body.master_id)
    said = Plan(**_said(body, ("master_id", "decisions")))
    asked = [each.asked() for each in body.decisions]
    _require(said, master_id)
    plan = await plans.plan_of(parts.peers, artist_id)
    plan.require_gates((said.view_gating, said.vote_gating))
    await _require_draft(call, master_id)
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        await store.lock_artist(tx, artist_id)
        plan.require("sessions", plan.limits.sessions, await store.count_kept(tx, artist_id))
        slug = naming.slug(said.title, session_id)
        await store.insert(tx, session_id, artist_id=artist_id, master_id=master_id, slug=slug, plan=said)
        for question in asked:
            await deciding.create(tx, session_id, question, plan, now)
        session = await running.current(tx, session_id)
        event = SessionCreated(**running.ids(session), title=said.title, scheduled_start=said.scheduled_start)
        await outbox.add(tx, event, aggregate_id=session_id, actor_id=artist_id)
        reply = await _own_reply(tx, session)
        await call.settle(tx, reply)
    await wishes.carry_out(parts, session_id)
    parts.wake_live()
    return reply


async def change(call: VstudioCall, body: SessionChange) -> SessionReply:
    """Plan it anew before it begins."""
    parts, changes = call.deps, _said(body, ())
    async with parts.database.read_primary() as connection:
        session = await found.own(connection, call)
    gates = [changes[name] for name in ("view_gating", "vote_gating") if name in changes]
    if any(gate.type != "OPEN" for gate in gates):
        (await plans.plan_of(parts.peers, session.artist_id)).require_gates(gates)
    now = parts.clock.now()
    async with parts.database.transaction() as tx:
        session = replace(await found.own(tx, call), **changes)
        _require(session, session.master_id)
        if not await store.update(tx, session.id, session, now):
            raise InvalidState(f"A session that is {session.status} does not change any more.")
        session = await running.current(tx, session.id)
        fields = {
            "status": session.status,
            "title": session.title,
            "scheduledStart": frames.moment(session.scheduled_start),
            "chatEnabled": session.chat_enabled,
            "reactionsEnabled": session.reactions_enabled,
        }
        await live_events.add(tx, session.id, frames.frame("session_updated", now, sessionId=session.id, **fields))
        reply = await _own_reply(tx, session)
        await call.settle(tx, reply)
    parts.wake_live()
    return reply


async def start(call: VstudioCall) -> SessionReply:
    """Go live."""
    return await _stepped(call, running.start)


async def end(call: VstudioCall) -> SessionReply:
    """Complete a session without a lock."""
    return await _stepped(call, running.end)


async def cancel(call: VstudioCall) -> SessionReply:
    """Give a session up."""

    async def step(tx: Connection, session: Session, now: datetime) -> Session:
        return await running.cancel(tx, session, None, now)

    return await _stepped(call, step)


async def lock(call: VstudioCall) -> SessionReply:
    """Have what was decided become the master's; it is COMPLETE once nft-service has it."""

    async def step(tx: Connection, session: Session, now: datetime) -> Session:
        asked = await running.ask_lock(tx, session, now)
        after = {"masterId": session.master_id, "totalVotes": str(session.total_votes)}
        await audit.recorded(tx, call, "session.lock_asked", f"session:{session.id}", after)
        return asked

    return await _stepped(call, step)


async def _stepped(call: VstudioCall, step: Step) -> SessionReply:
    parts = call.deps
    async with parts.database.transaction() as tx:
        session = await step(tx, await found.own(tx, call), parts.clock.now())
        reply = await _own_reply(tx, session)
        await call.settle(tx, reply)
    parts.wake_live()
    return reply


async def _own_reply(tx: Connection, session: Session) -> SessionReply:
    asked = await decisions.of_session(tx, session.id)
    return session_reply(session, asked, has_access=True, is_own=True)


async def _require_draft(call: VstudioCall, master_id: str) -> None:
    master = await call.deps.peers.get("nft-service", f"/internal/v1/masters/{master_id}", _Master)
    if master.artist_id != call.user().user_id:
        raise Forbidden("This is another artist's master.")
    if master.status != "DRAFT":
        raise InvalidState(f"A master that is {master.status} is not finished in a session.")


def _reading(call: VstudioCall) -> AbstractAsyncContextManager[Connection]:
    database = call.deps.database
    return database.read() if call.principal is None else database.read_primary()


def _said(body: Body, without: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a body as the store names them."""
    values = {name: getattr(body, name) for name in body.__struct_fields__ if name not in without}
    said = {name: value for name, value in values.items() if value is not UNSET}
    for name in ("view_gating", "vote_gating"):
        if name in said:
            said[name] = said[name].gate()
    if "producer_ids" in said:
        said["producer_ids"] = tuple(dict.fromkeys(str(each) for each in said["producer_ids"]))
    return said


def _require(said: Plan, master_id: str) -> None:
    gating.checked(said.view_gating, master_id=master_id)
    gating.checked(said.vote_gating, master_id=master_id)
    if said.scheduled_end is not None and (said.scheduled_start is None or said.scheduled_end <= said.scheduled_start):
        raise Invalid(details={"scheduledEnd": "after scheduledStart"})


_TAG: Final = "sessions"
_SESSIONS: Final = "/vstudio/sessions"
_OWN: Final = (SessionNotFound, Forbidden, InvalidState)


def _step(verb: str, handler: Any, summary: str, *, status: int = 200) -> Operation:
    return Operation(
        method="POST", path=f"{_SESSIONS}/{{id}}/{verb}", handler=handler, summary=summary, tag=_TAG,
        access=Access.ARTIST, parameters=SessionPath, reply=SessionReply, status=status, idempotent=True,
        errors=(*_OWN, Conflict),
    )  # fmt: skip


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path=_SESSIONS, handler=listed, summary="List sessions", tag=_TAG, access=Access.OPTIONAL,
        query=SessionsQuery, reply=SessionReply, listed=True, errors=(Unauthorized,),
    ),
    Operation(
        method="POST", path=_SESSIONS, handler=create, summary="Plan a session", tag=_TAG, access=Access.ARTIST,
        body=SessionBody, reply=SessionReply, status=201, idempotent=True, limits=(limits.SESSION,),
        errors=(MasterNotFound, Forbidden, InvalidState, Conflict, Invalid, PlanLimitReached),
        example={
            "masterId": "0193f5c4-7b6a-7c3e-9a51-2f4d8e6b1c02", "title": "Electric Dreams",
            "scheduledStart": "2026-12-01T20:00:00Z", "voteGating": {"type": "NFT"},
            "decisions": [
                {"type": "BINARY", "question": "Which hook?", "options": [{"label": "A"}, {"label": "B"}]},
            ],
        },
    ),
    Operation(
        method="GET", path=f"{_SESSIONS}/{{id}}", handler=find, summary="Show a session", tag=_TAG,
        access=Access.OPTIONAL, parameters=SessionPath, reply=SessionReply, errors=(SessionNotFound,),
    ),
    Operation(
        method="PATCH", path=f"{_SESSIONS}/{{id}}", handler=change, summary="Plan a session anew", tag=_TAG,
        access=Access.ARTIST, parameters=SessionPath, body=SessionChange, reply=SessionReply, idempotent=True,
        errors=(*_OWN, Invalid, PlanLimitReached), example={"title": "Electric Dreams II"},
    ),
    _step("start", start, "Go live"),
    _step("end", end, "Complete a session without a lock"),
    _step("cancel", cancel, "Give a session up"),
    _step("lock", lock, "Have what was decided become the master's", status=202),
)  # fmt: skip
