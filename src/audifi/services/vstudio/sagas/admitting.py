"""Say who somebody is in a session, or why they do not come in.

Between: routes.tickets and routes.gateway (ask) and sagas.standing, store.participants.
Shape: the role is the highest that is theirs: artist (owner), administrator with a second factor, producer (named, or
verified), token holder, viewer, guest. What is asked for only lowers it.
Why it is cheap: where the gates are open nobody is asked, and one transaction writes down that they came; ten thousand
arrive within seconds.
Invariant: own people always come in; guests only where viewing is open; each person is written down once.
Errors: SessionNotFound (also for a stranger's draft), InvalidState (over), NotEligible, Conflict (full), Unavailable.
Source: domain.md 3 "Roles", "Authentication".
"""

from typing import Final

from audifi.services.vstudio.errors import Conflict, Invalid, InvalidState, NotEligible, SessionNotFound
from audifi.services.vstudio.parts import Parts
from audifi.services.vstudio.rules import gating, states
from audifi.services.vstudio.rules.gating import Standing
from audifi.services.vstudio.sagas import recent, standing
from audifi.services.vstudio.store import participants
from audifi.services.vstudio.store.sessions import Session
from audifi.wire.live.calls import Admission, Asking, You
from audifi.wire.live.protocol import Role

_RANK: Final = (Role.GUEST, Role.VIEWER, Role.TOKEN_HOLDER, Role.PRODUCER, Role.ADMIN, Role.ARTIST)
_OWN: Final = frozenset({Role.ARTIST, Role.ADMIN})


async def admit(parts: Parts, session_id: str, asking: Asking) -> Admission:
    """Return who somebody is here."""
    session = await recent.session(parts, session_id)
    user_id, highest = asking.user_id, _highest(session, asking)
    is_own = highest in _OWN or user_id in session.producer_ids
    if session.status == "DRAFT" and not is_own:
        raise SessionNotFound
    if session.status in states.OVER:
        raise InvalidState("This session is over.")
    held = Standing() if user_id is None else await standing.standing_of(parts, session, user_id)
    _require_view(session, held, user_id=user_id, is_own=is_own)
    if not is_own and await recent.viewers(parts, session_id) >= session.max_participants:
        raise Conflict("This session is full.")
    if highest is Role.VIEWER and gating.holds_anything(held):
        highest = Role.TOKEN_HOLDER
    role = _lowered(highest, asking.role)
    if user_id is None:
        return Admission(session_id=session_id, user_id=None, display_name="Guest", you=You(role=role, eligible=False))
    async with parts.database.transaction() as tx:
        voted = await participants.join(tx, session_id, user_id, role, parts.clock.now())
    return Admission(
        session_id=session_id,
        user_id=user_id,
        display_name=await parts.names.of(user_id),
        you=_you(session, role, held, voted),
        sid=asking.sid,
    )


def _highest(session: Session, asking: Asking) -> Role:
    if asking.user_id is None:
        return Role.GUEST
    if asking.user_id == session.artist_id:
        return Role.ARTIST
    if "ADMIN" in asking.roles and asking.mfa:
        return Role.ADMIN
    if asking.user_id in session.producer_ids or "PRODUCER" in asking.roles:
        return Role.PRODUCER
    return Role.VIEWER


def _require_view(session: Session, held: Standing, *, user_id: str | None, is_own: bool) -> None:
    verdict = gating.judge(session.view_gating, held, artist_id=session.artist_id)
    if not is_own and not verdict.has_access:
        missing = list(verdict.missing)
        message = "Sign in to see whether you may watch." if user_id is None else None
        raise NotEligible(message, details={"missingRequirements": missing, "ctaType": verdict.cta})


def _lowered(highest: Role, asked: str | None) -> Role:
    if asked is None:
        return highest
    try:
        return min(highest, Role(asked), key=_RANK.index)
    except ValueError:
        raise Invalid(details={"role": f"one of {', '.join(_RANK)}"}) from None


def _you(session: Session, role: Role, held: Standing, voted: dict[str, object]) -> You:
    gate = session.vote_gating
    verdict = gating.judge(gate, held, artist_id=session.artist_id)
    return You(
        role=role,
        eligible=verdict.has_access and role is not Role.GUEST,
        weight=gating.weight_milli(gate, held, artist_id=session.artist_id, mode="WEIGHTED"),
        votes=voted,
        missing=verdict.missing,
    )
