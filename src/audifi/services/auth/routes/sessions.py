"""Show where an account is signed in, and end one of those.

Between: the gateway (/auth/sessions), store.sessions, presence.
Errors: NotFound for a session that is not the caller's, over, or absent: which of them is nobody's business.
Source: domain.md 2.1.
"""

from typing import Final
from uuid import UUID

from audifi.kernel.http import Access, Body, Operation
from audifi.services.auth import journal, presence
from audifi.services.auth.errors import NotFound
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.routes.replies import SessionReply, session_reply
from audifi.services.auth.store import sessions as store


class SessionPath(Body):
    """Which session."""

    sid: UUID


async def sessions(call: AuthCall) -> list[SessionReply]:
    """Return the caller's open sessions, most recently used first."""
    principal = call.user()
    async with call.deps.database.read_primary() as connection:
        live = await store.live(connection, principal.user_id, call.deps.clock.now())
    return [session_reply(session, current_id=principal.session_id) for session in live]


async def revoke(call: AuthCall) -> None:
    """End one session."""
    principal, session_id = call.user(), str(call.parameters.sid)
    now = call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        if not await store.revoke(tx, session_id=session_id, user_id=principal.user_id, reason="REVOKED", now=now):
            raise NotFound
        await presence.announce_revoked(tx, principal.user_id, [session_id], "REVOKED")
        await journal.noticed(tx, call, "auth.session.revoked", user_id=principal.user_id, session_id=session_id)
    await presence.entomb(call.deps, [session_id])
    if session_id == principal.session_id:
        presence.clear_cookies(call)


OPERATIONS: Final = (
    Operation(
        method="GET", path="/auth/sessions", handler=sessions, summary="List where this account is signed in",
        tag="sessions", access=Access.USER, reply=list[SessionReply],
    ),
    Operation(
        method="DELETE", path="/auth/sessions/{sid}", handler=revoke, summary="End one session", tag="sessions",
        access=Access.USER, parameters=SessionPath, reply=None, status=204, errors=(NotFound,),
    ),
)  # fmt: skip
