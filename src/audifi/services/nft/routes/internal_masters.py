"""Answer other services about masters, and let V Studio open, lock and leave them.

Between: vstudio-service, coin-service, analytics-service (internal token, 60 s) and store.masters.
Invariant: each change is conditional on the session that asks; asking again is answered as the first time.
Errors: MasterNotFound, InvalidState (another session, or not in one), Forbidden (another artist).
Source: domain.md 2.2 "Internal", 2.8 "Lock".
"""

from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta

from audifi.kernel import outbox
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation
from audifi.services.nft.errors import Forbidden, InvalidState, MasterNotFound
from audifi.services.nft.parts import NftCall
from audifi.services.nft.routes.fields import MasterPath
from audifi.services.nft.routes.replies import MasterReply, ipo_reply, master_reply
from audifi.services.nft.store import contracts, ipos
from audifi.services.nft.store import masters as store
from audifi.services.nft.store.masters import Master
from audifi.wire.events.nft import MasterLocked, MasterUpdated


class SessionBody(Body, kw_only=True):
    """A session, and whose it is."""

    session_id: UUID
    artist_id: UUID | None = None


class LockBody(Body, kw_only=True):
    """A session and what it decided."""

    session_id: UUID
    decisions: Annotated[list[dict[str, Any]], Meta(max_length=100)]
    artist_id: UUID | None = None


async def find(call: NftCall) -> MasterReply:
    """Show a master with its offer, as its artist sees it."""
    async with call.deps.database.read_primary() as connection:
        return await _reply(connection, call)


async def session_opened(call: NftCall, body: SessionBody) -> MasterReply:
    """Begin a session: DRAFT → IN_VSTUDIO."""
    session_id, now = str(body.session_id), call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        master = await _named(tx, call, body.artist_id)
        if await store.open_session(tx, master.id, session_id, now):
            await _updated(tx, master, "IN_VSTUDIO")
        elif (master.status, master.vstudio_session_id) != ("IN_VSTUDIO", session_id):
            raise _refused(master)
        return await _reply(tx, call)


async def lock(call: NftCall, body: LockBody) -> MasterReply:
    """End a session with its decisions: IN_VSTUDIO → LOCKED."""
    session_id, now = str(body.session_id), call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        master = await _named(tx, call, body.artist_id)
        if await store.lock_by_session(tx, master.id, session_id, {"decisions": body.decisions}, now):
            event = MasterLocked(master_id=master.id, artist_id=master.artist_id, session_id=session_id)
            await outbox.add(tx, event, aggregate_id=master.id)
        elif master.status in ("DRAFT", "IN_VSTUDIO", "ARCHIVED") or master.vstudio_session_id != session_id:
            raise _refused(master)
        return await _reply(tx, call)


async def unlock(call: NftCall, body: SessionBody) -> MasterReply:
    """End a session without decisions: IN_VSTUDIO → DRAFT."""
    session_id, now = str(body.session_id), call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        master = await _named(tx, call, body.artist_id)
        if await store.leave_session(tx, master.id, session_id, now):
            await _updated(tx, master, "DRAFT")
        elif master.status != "DRAFT":
            raise _refused(master)
        return await _reply(tx, call)


async def _named(tx: Connection, call: NftCall, artist_id: UUID | None) -> Master:
    master = await store.one(tx, str(call.parameters.id), for_update=True)
    if master is None:
        raise MasterNotFound
    if artist_id is not None and str(artist_id) != master.artist_id:
        raise Forbidden
    return master


def _refused(master: Master) -> InvalidState:
    details = {"status": master.status, "sessionId": master.vstudio_session_id}
    return InvalidState("The master is not in this session.", details=details)


async def _updated(tx: Connection, master: Master, status: str) -> None:
    fields = ("status", "vstudioSessionId")
    event = MasterUpdated(master_id=master.id, artist_id=master.artist_id, status=status, fields=fields)
    await outbox.add(tx, event, aggregate_id=master.id)


async def _reply(connection: Connection, call: NftCall) -> MasterReply:
    master = await store.one(connection, str(call.parameters.id))
    if master is None:
        raise MasterNotFound
    ipo = await ipos.one(connection, master.id)
    shown = None if ipo is None else ipo_reply(ipo, await contracts.of_master(connection, master.id), is_own=True)
    return master_reply(master, is_own=True, ipo=shown)


_SESSION: Final = "7d0f4c3e-5f0a-4a3c-9a3e-1f2d3c4b5a69"


def _row(verb: str, handler: Any, body: type[Body], summary: str, example: dict[str, Any]) -> Operation:
    return Operation(
        method="POST", path=f"/internal/v1/masters/{{id}}/{verb}", handler=handler, summary=summary, tag="internal",
        access=Access.SERVICE, parameters=MasterPath, body=body, reply=MasterReply,
        errors=(MasterNotFound, InvalidState, Forbidden), example=example,
    )  # fmt: skip


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET", path="/internal/v1/masters/{id}", handler=find, summary="Show a master with its offer",
        tag="internal", access=Access.SERVICE, parameters=MasterPath, reply=MasterReply, errors=(MasterNotFound,),
    ),
    _row("session-opened", session_opened, SessionBody, "Begin a session", {"sessionId": _SESSION}),
    _row(
        "lock", lock, LockBody, "End a session with its decisions",
        {"sessionId": _SESSION, "decisions": [{"question": "Which hook?", "winner": "A"}]},
    ),
    _row("unlock", unlock, SessionBody, "End a session without decisions", {"sessionId": _SESSION}),
)  # fmt: skip
