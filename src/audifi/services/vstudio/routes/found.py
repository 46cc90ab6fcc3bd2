"""Find what a path names, for whoever may know of it.

Between: routes.* and store.
Invariant: a stranger cannot tell a draft from a session that does not exist. Nothing is locked here: what is changed is
changed conditionally, and decisions are locked before their session (sagas).
Errors: SessionNotFound, DecisionNotFound, Forbidden.
"""

from audifi.kernel.connection import Connection
from audifi.services.vstudio.errors import Forbidden, SessionNotFound
from audifi.services.vstudio.parts import Parts, VstudioCall
from audifi.services.vstudio.rules import gating
from audifi.services.vstudio.rules.gating import Standing, Verdict
from audifi.services.vstudio.sagas import deciding, standing
from audifi.services.vstudio.sagas.deciding import Both
from audifi.services.vstudio.store import sessions
from audifi.services.vstudio.store.sessions import Session


async def visible(connection: Connection, call: VstudioCall) -> Session:
    """Return the session for reading."""
    return await named(connection, str(call.parameters.id), viewer_id(call))


async def named(connection: Connection, session_id: str, user_id: str | None) -> Session:
    """Return a session for somebody; None is a guest."""
    session = await sessions.one(connection, session_id)
    if session is None or (session.status == "DRAFT" and not is_of(session, user_id)):
        raise SessionNotFound
    return session


async def own(connection: Connection, call: VstudioCall) -> Session:
    """Return the session for changing it: its artist's alone."""
    session = await visible(connection, call)
    if session.artist_id != call.user().user_id:
        raise Forbidden("This is another artist's session.")
    return session


async def decision(tx: Connection, call: VstudioCall, *, is_own: bool) -> Both:
    """Return the decision, locked, for its artist, or unless `is_own` a producer the artist named."""
    session_id = getattr(call.parameters, "id", None)
    both = await deciding.locked(
        tx, str(call.parameters.did), session_id=None if session_id is None else str(session_id)
    )
    user_id = call.user().user_id
    if both.session.status == "DRAFT" and not is_of(both.session, user_id):
        raise SessionNotFound
    if not deciding.may_run(both.session, user_id, is_own=is_own):
        raise Forbidden("This is another artist's session.")
    return both


def viewer_id(call: VstudioCall) -> str | None:
    return None if call.principal is None else call.principal.user_id


def is_of(session: Session, user_id: str | None) -> bool:
    """Whether somebody is its artist or one of its producers."""
    return user_id is not None and deciding.may_run(session, user_id)


async def view(parts: Parts, session: Session, user_id: str | None) -> Verdict:
    """Say whether somebody may see it: its own people always, a guest only what is open."""
    if is_of(session, user_id):
        return Verdict(has_access=True)
    held = Standing() if user_id is None else await standing.standing_of(parts, session, user_id)
    return gating.judge(session.view_gating, held, artist_id=session.artist_id)
