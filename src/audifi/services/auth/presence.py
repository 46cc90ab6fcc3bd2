"""Open, renew and end sessions: the row in Postgres, its fast copy in Redis, the token and the cookies.

Between: routes.* (each calls one of these within or after its transaction), store.sessions, kernel.sessions.

Shape: a refresh token is `<family>.<rotating>`, 128 and 256 random bits. Only their hashes are stored (and the current
token encrypted, for the grace of rules.renewal). The CSRF token is derived from the family part, so it needs no
storage, survives rotation, and cannot be forged by whoever can only set cookies.
Invariant: Postgres decides; Redis is a copy. A copy that cannot be written is logged: without it a request is refused
until the next refresh puts it back. A tombstone that cannot be written is written by the consumer of
`auth.session_revoked`, which is in the queue by then.
Errors: Unavailable of the database; Redis' is swallowed as above.
Source: domain.md 4 "Refresh token", "Sessions in Redis", "CSRF".
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from audifi.kernel import crypto, outbox
from audifi.kernel.connection import Connection
from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.kernel.sessions import SessionRecord
from audifi.kernel.telemetry import log
from audifi.services.auth import journal, letters
from audifi.services.auth.errors import CsrfFailed, Unavailable
from audifi.services.auth.parts import AuthCall, Parts
from audifi.services.auth.rules import renewal
from audifi.services.auth.signing import ACCESS_S
from audifi.services.auth.store import sessions as store
from audifi.services.auth.store.sessions import NewSession, Session
from audifi.services.auth.store.users import User
from audifi.wire import headers
from audifi.wire.events.auth import SessionRevoked

REFRESH_COOKIE: Final = "refresh_token"
CSRF_COOKIE: Final = "csrf_token"
COPY_S: Final = 24 * 3600  # sliding: every refresh puts the copy back (domain.md 9.29)
TOMBSTONE_S: Final = ACCESS_S + 60  # every access token of the session is over by then, clock skew included
_FAMILY_BYTES: Final = 16


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token in its two parts."""

    family: str
    rotating: str

    @property
    def text(self) -> str:
        return f"{self.family}.{self.rotating}"

    @property
    def family_hash(self) -> bytes:
        return crypto.token_hash(self.family)

    @property
    def hash(self) -> bytes:
        return crypto.token_hash(self.text)

    @property
    def csrf(self) -> str:
        """The double-submit token of this family."""
        return hashlib.sha256(b"csrf:" + self.family.encode()).hexdigest()[:43]

    def replaced(self) -> "RefreshToken":
        return RefreshToken(self.family, crypto.new_token())


@dataclass(frozen=True)
class Opened:
    """A session as it leaves the transaction that opened or renewed it."""

    user: User
    session: Session
    token: RefreshToken
    evicted: tuple[str, ...] = ()


def presented(call: AuthCall) -> RefreshToken | None:
    """Return the refresh token of the request's cookie, if it has the form of one."""
    family, separator, rotating = call.cookies.get(REFRESH_COOKIE, "").partition(".")
    is_formed = (
        separator and family.isascii() and rotating.isascii() and 0 < len(family) <= 64 and 0 < len(rotating) <= 64
    )
    return RefreshToken(family, rotating) if is_formed else None


def require_same_site(call: AuthCall, token: RefreshToken) -> None:
    """Refuse a cookie-authenticated call that another site may have caused."""
    origin = call.headers.get("origin")
    if origin is not None:
        is_ours = origin in call.deps.settings.cors_origins or origin == call.deps.settings.app_origin
    else:
        is_ours = call.headers.get("sec-fetch-site") in ("same-origin", "same-site")
    sent = call.headers.get(headers.CSRF, "")
    if not is_ours or not crypto.same(sent, token.csrf):
        raise CsrfFailed


async def open_session(tx: Connection, call: AuthCall, user: User, *, is_confirmed: bool) -> Opened:
    """Open a session in the caller's transaction, with the account locked; too many, and the oldest goes."""
    now = call.deps.clock.now()
    session_id, token = str(new_id()), RefreshToken(crypto.new_token(_FAMILY_BYTES), crypto.new_token())
    if not await store.is_known_device(tx, user.id, journal.user_agent(call)):
        notice = letters.new_device(
            to=user.email, app_origin=call.deps.settings.app_origin, origin=journal.origin(call)
        )
        await letters.promise(tx, notice, seal=call.deps.seal, now=now)
        await journal.noticed(tx, call, "security.suspicious.activity", "low", user_id=user.id, reason="new device")
    absolute = now + timedelta(seconds=renewal.ABSOLUTE_S)
    new = NewSession(
        id=session_id,
        user_id=user.id,
        family_hash=token.family_hash,
        refresh_hash=token.hash,
        mfa_at=now if is_confirmed else None,
        user_agent=journal.user_agent(call),
        ip=journal.client_ip(call),
        now=now,
        expires_at=renewal.next_expiry(now, absolute),
        absolute_expires_at=absolute,
    )
    await store.insert(tx, new)
    evicted = await store.evict_oldest(tx, user.id, now)
    if evicted:
        await announce_revoked(tx, user.id, evicted, "EVICTED")
    session = await store.live_one(tx, session_id, now)
    assert session is not None, "the session was inserted two statements ago"
    return Opened(user, session, token, tuple(evicted))


async def announce_revoked(tx: Connection, user_id: str, session_ids: list[str], reason: str) -> None:
    """Tell everyone, ourselves included: the consumer writes the tombstones again."""
    event = SessionRevoked(user_id=user_id, session_ids=tuple(session_ids), reason=reason)
    await outbox.add(tx, event, aggregate_id=user_id)


def mfa_state(user: User, session: Session) -> Mfa:
    """Return what the token and the copy say about the second factor."""
    if not user.is_mfa_enabled:
        return Mfa.NONE
    return Mfa.PASSED if session.is_mfa else Mfa.ENROLLED


async def publish(parts: Parts, user: User, sessions: list[Session]) -> None:
    """Write the fast copies, after the commit."""
    try:
        for session in sessions:
            await parts.sessions.put(session.id, _record(user, session), ttl_s=COPY_S)
    except Unavailable as problem:
        log.warning("a session's copy could not be written; the next refresh will", user_id=user.id, error=problem)


async def entomb(parts: Parts, session_ids: list[str]) -> None:
    """Write tombstones, after the commit."""
    if not session_ids:
        return
    try:
        await parts.sessions.revoke(*session_ids, tombstone_s=TOMBSTONE_S)
    except Unavailable as problem:
        log.warning("tombstones could not be written; the consumer will", sessions=len(session_ids), error=problem)


def access_token(parts: Parts, user: User, session: Session) -> str:
    """Return an access token of this session."""
    return parts.signing.mint(user, session_id=session.id, mfa=mfa_state(user, session))


def set_cookies(call: AuthCall, token: RefreshToken, session: Session) -> None:
    """Hand out the refresh token (for the browser only) and the CSRF token (for the page)."""
    max_age_s = round((session.expires_at - call.deps.clock.now()).total_seconds())
    call.set_cookie(REFRESH_COOKIE, token.text, max_age_s=max_age_s)
    call.reply_cookies.append(_csrf_cookie(call, token.csrf, max_age_s))


def clear_cookies(call: AuthCall) -> None:
    """Make the browser forget both."""
    call.clear_cookie(REFRESH_COOKIE)
    call.reply_cookies.append(_csrf_cookie(call, "", 0))


def _csrf_cookie(call: AuthCall, value: str, max_age_s: int) -> str:
    # Readable by the page, also where page and API are siblings (app.… and api.…): hence not HttpOnly, and a Domain.
    domain = call.deps.settings.csrf_cookie_domain
    scope = f"; Domain={domain}" if domain else ""
    return f"{CSRF_COOKIE}={value}; Max-Age={max_age_s}; Path=/; Secure; SameSite=Strict{scope}"


def _record(user: User, session: Session) -> SessionRecord:
    return SessionRecord(
        user_id=user.id,
        roles=user.roles,
        mfa=mfa_state(user, session),
        created_s=int(session.created_at.timestamp()),
        expires_s=int(session.expires_at.timestamp()),
        device=session.user_agent or "",
        plan=user.plan,
    )
