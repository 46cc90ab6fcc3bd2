"""Sign in by mail.

Between: the gateway (POST /auth/…), presence (sessions), store.links, letters.

Why the request path never looks at accounts: the answer, the rows written and the mail sent are the same for every
address, so neither words nor timing tell whether one is known. Who the mail belongs to is decided when the link comes
back.
Invariant: a link is spent by one conditional UPDATE, in the transaction that opens the session; a refusal that must
leave a trace commits the trace first and is raised after.
Errors: InvalidToken (unknown, used and expired alike), AccountSuspended, RateLimited.
Source: domain.md 2.1, 4.
"""

from datetime import timedelta
from typing import Final

from audifi.kernel import crypto
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation
from audifi.kernel.ids import new_id
from audifi.kernel.telemetry import counter, log
from audifi.services.auth import alarms, journal, letters, presence
from audifi.services.auth.errors import (
    AccountSuspended,
    InvalidToken,
    Problem,
)
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.presence import Opened
from audifi.services.auth.routes import limits
from audifi.services.auth.routes.fields import Email, Path, Token
from audifi.services.auth.routes.replies import MessageReply, SignInReply, user_reply
from audifi.services.auth.rules import email as email_rules
from audifi.services.auth.rules import networks, profile
from audifi.services.auth.signing import ACCESS_S
from audifi.services.auth.store import account, links, users
from audifi.services.auth.store.users import User
from audifi.wire import metrics
from audifi.wire.events.auth import UserCreated

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


async def request_link(call: AuthCall, body: MagicLinkBody) -> MessageReply:
    """Mail a link."""
    await alarms.require_open(call)
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
    await alarms.require_open(call)
    token_hash = crypto.token_hash(body.token)
    # A look before the leap: a link that is not good costs one read, not a transaction. The UPDATE below still decides.
    link = await links.seen(call.deps.database, token_hash, call.deps.clock.now())
    if link.state == "good":
        async with call.deps.database.transaction() as tx:
            outcome = await _verified(tx, call, token_hash)
    else:
        outcome = _unusable(call, link.state)
    if isinstance(outcome, InvalidToken):
        await alarms.sign_in_failed(call, link.email)
    return await _answered(call, outcome)


def _unusable(call: AuthCall, state: str) -> Problem:
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
    user, is_new = await _found_or_made(tx, address, call)
    if user.status == "DELETED":
        # Whoever reads this mailbox may begin anew, as anybody else: what they closed stays closed, without its name.
        await account.release_address(tx, address, call.deps.clock.now())
        user, is_new = await _found_or_made(tx, address, call)
    return user, is_new


async def _found_or_made(tx: Connection, address: str, call: AuthCall) -> tuple[User, bool]:
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
)  # fmt: skip
