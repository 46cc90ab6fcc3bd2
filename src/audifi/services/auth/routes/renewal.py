"""Stay signed in, and sign out.

Between: the gateway (POST /auth/refresh, /auth/logout, /auth/logout-all), presence, rules.renewal, store.sessions.

What a presented refresh token deserves is decided by rules.renewal with the family's row locked, so that two tabs are
judged one after the other. A replay revokes the family in a transaction that commits; the refusal is raised after.
Invariant: the only calls a cookie authenticates are refresh and logout, and both demand our own page (CSRF).
Errors: InvalidRefreshToken, CsrfFailed, Unauthorized.
Source: domain.md 2.1, 4 "Refresh token", "CSRF".
"""

from typing import Final

from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation
from audifi.services.auth import journal, presence
from audifi.services.auth.errors import CsrfFailed, InvalidRefreshToken, Problem, Unauthorized
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.presence import Opened, RefreshToken
from audifi.services.auth.routes import limits
from audifi.services.auth.routes.login import token_reply
from audifi.services.auth.routes.replies import SignInReply
from audifi.services.auth.rules import renewal
from audifi.services.auth.rules.renewal import Renewal
from audifi.services.auth.store import sessions, users
from audifi.services.auth.store.sessions import Held


class EmptyBody(Body):
    """Nothing."""


async def refresh(call: AuthCall, _body: EmptyBody) -> SignInReply:
    """Exchange the refresh cookie for a fresh pair."""
    token = presence.presented(call)
    if token is None:
        raise InvalidRefreshToken
    presence.require_same_site(call, token)
    async with call.deps.database.transaction() as tx:
        outcome = await _renewed(tx, call, token)
    if isinstance(outcome, Problem):
        presence.clear_cookies(call)
        raise outcome
    if isinstance(outcome, list):
        await presence.entomb(call.deps, outcome)
        presence.clear_cookies(call)
        raise InvalidRefreshToken
    await presence.publish(call.deps, outcome.user, [outcome.session])
    presence.set_cookies(call, outcome.token, outcome.session)
    return token_reply(call, outcome)


async def _renewed(tx: Connection, call: AuthCall, token: RefreshToken) -> "Problem | list[str] | Opened":
    now = call.deps.clock.now()
    held = await sessions.locked_by_family(tx, token.family_hash)
    if held is None:
        return InvalidRefreshToken()
    match renewal.renewal(held.family, token.hash, now):
        case Renewal.OVER:
            return InvalidRefreshToken()
        case Renewal.REPLAYED:
            return await _family_killed(tx, call, held)
        case Renewal.REPEAT:
            return await _repeated(tx, call, held)
        case Renewal.ROTATE:
            return await _rotated(tx, call, held, token)


async def _family_killed(tx: Connection, call: AuthCall, held: Held) -> list[str]:
    session = held.session
    now = call.deps.clock.now()
    await sessions.revoke(tx, session_id=session.id, user_id=session.user_id, reason="REFRESH_REPLAYED", now=now)
    await presence.announce_revoked(tx, session.user_id, [session.id], "REFRESH_REPLAYED")
    await journal.noticed(
        tx, call, "security.suspicious.activity", "critical", user_id=session.user_id, session_id=session.id,
        reason="a spent refresh token came back: the family is revoked",
    )  # fmt: skip
    return [session.id]


async def _repeated(tx: Connection, call: AuthCall, held: Held) -> Problem | Opened:
    if held.replacement_enc is None:
        return InvalidRefreshToken()
    text = call.deps.seal.open(held.replacement_enc, context=f"sessions/{held.session.id}").decode()
    family, _, rotating = text.partition(".")
    return await _current(tx, call, held, RefreshToken(family, rotating))


async def _rotated(tx: Connection, call: AuthCall, held: Held, token: RefreshToken) -> Problem | Opened:
    now, fresh = call.deps.clock.now(), token.replaced()
    is_rotated = await sessions.rotate(
        tx,
        session_id=held.session.id,
        spent_hash=token.hash,
        fresh_hash=fresh.hash,
        replacement_enc=call.deps.seal.seal(fresh.text.encode(), context=f"sessions/{held.session.id}"),
        now=now,
        expires_at=renewal.next_expiry(now, held.session.absolute_expires_at),
    )
    assert is_rotated, "the row was locked and its hash compared in this transaction"
    return await _current(tx, call, held, fresh)


async def _current(tx: Connection, call: AuthCall, held: Held, token: RefreshToken) -> Problem | Opened:
    now = call.deps.clock.now()
    user = await users.user(tx, held.session.user_id, now)
    session = await sessions.live_one(tx, held.session.id, now)
    if user is None or session is None:
        return InvalidRefreshToken()
    return Opened(user, session, token)


async def logout(call: AuthCall) -> None:
    """End the session of the access token, or, without one, of the refresh cookie."""
    now = call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        session_id, user_id = await _leaving(tx, call)
        is_ended = await sessions.revoke(tx, session_id=session_id, user_id=user_id, reason="LOGOUT", now=now)
        if is_ended:
            await presence.announce_revoked(tx, user_id, [session_id], "LOGOUT")
            await journal.noticed(tx, call, "auth.logout", user_id=user_id, session_id=session_id)
    await presence.entomb(call.deps, [session_id])
    presence.clear_cookies(call)


async def _leaving(tx: Connection, call: AuthCall) -> tuple[str, str]:
    if call.principal is not None:
        return call.principal.session_id, call.principal.user_id
    token = presence.presented(call)
    if token is None:
        raise Unauthorized
    presence.require_same_site(call, token)
    held = await sessions.locked_by_family(tx, token.family_hash)
    if held is None:
        raise InvalidRefreshToken
    return held.session.id, held.session.user_id


async def logout_all(call: AuthCall) -> None:
    """End every session of the account."""
    user_id = call.user().user_id
    async with call.deps.database.transaction() as tx:
        ended = await sessions.revoke_all(tx, user_id=user_id, reason="LOGOUT_ALL", now=call.deps.clock.now())
        await presence.announce_revoked(tx, user_id, ended, "LOGOUT_ALL")
        await journal.noticed(tx, call, "auth.session.revoked", user_id=user_id, sessions=len(ended))
    await presence.entomb(call.deps, [*ended, call.user().session_id])
    presence.clear_cookies(call)


_TAG: Final = "sign-in"

OPERATIONS: Final = (
    Operation(
        method="POST", path="/auth/refresh", handler=refresh, summary="Renew the session by its cookie", tag=_TAG,
        access=Access.GUEST, body=EmptyBody, reply=SignInReply, envelope=False,
        errors=(InvalidRefreshToken, CsrfFailed), limits=(limits.AUTH_POST, limits.REFRESH), example={},
        description="Needs the cookie refresh_token, X-CSRF-Token, and an allowed Origin (or a same-site fetch).",
    ),
    Operation(
        method="POST", path="/auth/logout", handler=logout, summary="End this session", tag=_TAG,
        access=Access.OPTIONAL, reply=None, status=204, errors=(Unauthorized, InvalidRefreshToken, CsrfFailed),
        limits=(limits.AUTH_POST,),
        description="By access token, or by the refresh cookie with X-CSRF-Token and an allowed Origin.",
    ),
    Operation(
        method="POST", path="/auth/logout-all", handler=logout_all, summary="End every session of this account",
        tag=_TAG, access=Access.USER, reply=None, status=204, limits=(limits.AUTH_POST,),
    ),
)  # fmt: skip
