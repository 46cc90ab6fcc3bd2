"""Sign in by mail, stay signed in, sign out.

Between: the gateway (POST /auth/…), presence (sessions), store.links, letters.

Why the request path never looks at accounts: the answer, the rows written and the mail sent are the same for every
address, so neither words nor timing tell whether one is known. Who the mail belongs to is decided when the link comes
back.
Invariant: a link is spent by one conditional UPDATE, in the transaction that opens the session; a refusal that must
leave a trace commits the trace first and is raised after.
Errors: InvalidToken (unknown, used and expired alike), AccountSuspended, InvalidRefreshToken, CsrfFailed, RateLimited.
Source: domain.md 2.1, 4.
"""

from datetime import timedelta
from typing import Final

from audifi.kernel import crypto
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation
from audifi.kernel.ids import new_id
from audifi.kernel.telemetry import counter, log
from audifi.services.auth import journal, letters, presence
from audifi.services.auth.errors import (
    AccountSuspended,
    CsrfFailed,
    InvalidRefreshToken,
    InvalidToken,
    Problem,
    Unauthorized,
)
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.presence import Opened, RefreshToken
from audifi.services.auth.routes import limits
from audifi.services.auth.routes.fields import Email, Path, Token
from audifi.services.auth.routes.replies import MessageReply, SignInReply, user_reply
from audifi.services.auth.rules import email as email_rules
from audifi.services.auth.rules import networks, profile, renewal
from audifi.services.auth.rules.renewal import Renewal
from audifi.services.auth.signing import ACCESS_S
from audifi.services.auth.store import links, sessions, users
from audifi.services.auth.store.sessions import Held
from audifi.services.auth.store.users import User
from audifi.wire import metrics
from audifi.wire.events import UserCreated

CHALLENGE_S: Final = 300
LINK_MESSAGE: Final = "If this address can sign in, a link is on its way."


class MagicLinkBody(Body):
    """Who wants to sign in, and where in the application to land."""

    email: Email
    redirect_path: Path | None = None


class VerifyBody(Body):
    """The token of the link; `email` is accepted for older pages and not used."""

    token: Token
    email: Email | None = None


class EmptyBody(Body):
    """Nothing."""


async def request_link(call: AuthCall, body: MagicLinkBody) -> MessageReply:
    """Mail a link."""
    parts = call.deps
    address = email_rules.normalised(body.email)
    path = profile.redirect_path(body.redirect_path)
    now, token = parts.clock.now(), crypto.new_token()
    letter = letters.magic_link(to=address, app_origin=parts.settings.app_origin, token=token, redirect_path=path)
    async with parts.database.transaction() as tx:
        await links.insert_link(
            tx,
            token_hash=crypto.token_hash(token),
            email=address,
            redirect_path=path,
            expires_at=now + timedelta(seconds=letters.LINK_S),
            ip=journal.client_ip(call),
            user_agent=journal.user_agent(call),
        )
        await letters.promise(tx, letter, seal=parts.seal, now=now, ttl_s=letters.LINK_S)
        await journal.noticed(tx, call, "auth.magic_link.sent", email=email_rules.masked(address))
    parts.postman.wake()
    return MessageReply(message=LINK_MESSAGE)


async def verify_link(call: AuthCall, body: VerifyBody) -> SignInReply:
    """Spend a link: open a session, or ask for the second factor."""
    token_hash = crypto.token_hash(body.token)
    # A look before the leap: a link that is not good costs one read, not a transaction. The UPDATE below still decides.
    outcome = _unusable(call, await links.link_state(call.deps.database, token_hash, call.deps.clock.now()))
    if outcome is None:
        async with call.deps.database.transaction() as tx:
            outcome = await _verified(tx, call, token_hash)
    return await _answered(call, outcome)


def _unusable(call: AuthCall, state: str) -> Problem | None:
    if state == "good":
        return None
    # To the log stream only: whoever guesses must not be able to fill a table.
    name = "auth.magic_link.expired" if state == "expired" else "auth.login.failure"
    log.info(name, security_event=name, severity="low", ip_address=call.client_ip, reason=f"{state} link")
    return InvalidToken()


async def _verified(tx: Connection, call: AuthCall, token_hash: bytes) -> "Problem | Opened | SignInReply":
    link = await links.consume_link(tx, token_hash, call.deps.clock.now())
    if link is None:
        return _unusable(call, "used")
    user, is_new = await _account(tx, link.email, call)
    refusal = _restriction(user)
    if refusal is not None:
        await journal.noticed(tx, call, "auth.login.failure", "medium", user_id=user.id, reason=user.status)
        return refusal
    await journal.noticed(tx, call, "auth.magic_link.used", user_id=user.id)
    if not is_new and link.ip and not networks.is_same_network(link.ip, call.client_ip):
        await journal.noticed(tx, call, "security.suspicious.activity", "low", user_id=user.id, reason="other network")
    if user.is_mfa_enabled:
        return await _challenged(tx, call, user)
    return await sign_in(tx, call, user, is_confirmed=False)


async def _account(tx: Connection, address: str, call: AuthCall) -> tuple[User, bool]:
    now = call.deps.clock.now()
    user_id, is_new = await users.insert_or_find(
        tx, user_id=str(new_id()), email=address, display_name=email_rules.first_display_name(address), now=now
    )
    await users.lock(tx, user_id)
    user = await users.any_user(tx, user_id, now)
    assert user is not None, "the account was inserted or found one statement ago"
    if is_new:
        await journal.announce(tx, UserCreated(user_id=user_id), user_id)
        await journal.noticed(tx, call, "user.created", user_id=user_id)
    return user, is_new


def _restriction(user: User) -> Problem | None:
    if user.status == "SUSPENDED":
        return AccountSuspended()
    return InvalidToken() if user.status == "DELETED" else None


async def _challenged(tx: Connection, call: AuthCall, user: User) -> SignInReply:
    token = crypto.new_token()
    expires_at = call.deps.clock.now() + timedelta(seconds=CHALLENGE_S)
    await links.insert_challenge(tx, token_hash=crypto.token_hash(token), user_id=user.id, expires_at=expires_at)
    return SignInReply(mfa_required=True, mfa_token=token, expires_in=CHALLENGE_S)


async def sign_in(tx: Connection, call: AuthCall, user: User, *, is_confirmed: bool) -> Opened:
    """Open a session for an account whose every proof was given, in the caller's transaction."""
    await users.record_login(tx, user.id, call.deps.clock.now())
    opened = await presence.open_session(tx, call, user, is_confirmed=is_confirmed)
    await journal.noticed(tx, call, "auth.login.success", user_id=user.id, session_id=opened.session.id)
    return opened


async def _answered(call: AuthCall, outcome: "Problem | Opened | SignInReply") -> SignInReply:
    if isinstance(outcome, Problem):
        counter(metrics.AUTH_LOGINS).labels("refused").inc()
        raise outcome
    if isinstance(outcome, SignInReply):
        counter(metrics.AUTH_LOGINS).labels("mfa_required").inc()
        return outcome
    return await signed_in(call, outcome)


async def signed_in(call: AuthCall, opened: Opened) -> SignInReply:
    """Publish a session just opened and answer with its tokens, after the commit."""
    parts = call.deps
    counter(metrics.AUTH_LOGINS).labels("ok").inc()
    await presence.publish(parts, opened.user, [opened.session])
    await presence.entomb(parts, list(opened.evicted))
    parts.postman.wake()
    presence.set_cookies(call, opened.token, opened.session)
    return token_reply(call, opened)


def token_reply(call: AuthCall, opened: Opened) -> SignInReply:
    """Return the tokens of a session, with whom they speak for."""
    return SignInReply(
        access_token=presence.access_token(call.deps, opened.user, opened.session),
        token_type="Bearer",  # noqa: S106  # RFC 6750's word
        expires_in=ACCESS_S,
        csrf_token=opened.token.csrf,
        user=user_reply(opened.user),
    )


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
        method="POST", path="/auth/magic-link", handler=request_link, summary="Ask for a sign-in link by mail",
        tag=_TAG, access=Access.GUEST, body=MagicLinkBody, reply=MessageReply,
        limits=(limits.AUTH_POST, limits.LINK_EMAIL, limits.LINK_EVERYONE),
        example={"email": "ada@example.org", "redirectPath": "/portfolio"},
    ),
    Operation(
        method="POST", path="/auth/verify-magic-link", handler=verify_link, summary="Use a sign-in link; it works once",
        tag=_TAG, access=Access.GUEST, body=VerifyBody, reply=SignInReply, envelope=False,
        errors=(InvalidToken, AccountSuspended), limits=(limits.AUTH_POST, limits.VERIFY),
        example={"token": "Zm9yZ2VkLXRva2VuLWZvci10aGUtZG9jdW1lbnRhdGlvbg"},
    ),
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
