"""Enrol, use and remove the second factor.

Between: the gateway (POST /auth/2fa/…), store.mfa, rules.totp.

One endpoint, three uses of a right code: with an mfaToken it completes a sign-in; with an access token it enrols a
factor set up before, or steps the session up. A wrong code is counted in a transaction that commits, whatever is
answered; the account is locked meanwhile (row lock), so guesses are counted one at a time.
Invariant: a time step counts once per user; a backup code counts once; a locked factor looks at no code at all.
Errors: InvalidCode, InvalidToken (mfaToken), AccountLocked with Retry-After, InvalidState, Forbidden, MfaRequired.
Source: domain.md 2.1, 4 "2FA"; 9.27.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pyotp

from audifi.kernel import crypto
from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Reply, StepUp
from audifi.kernel.ids import new_id
from audifi.services.auth import alarms, journal, letters, presence
from audifi.services.auth.errors import (
    AccountLocked,
    AccountSuspended,
    Forbidden,
    InvalidCode,
    InvalidState,
    InvalidToken,
    MfaRequired,
    Problem,
    Unauthorized,
)
from audifi.services.auth.journal import Deed
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.presence import Opened
from audifi.services.auth.routes import limits, login
from audifi.services.auth.routes.fields import Code, Token
from audifi.services.auth.routes.replies import SignInReply, user_reply
from audifi.services.auth.rules import permissions, totp
from audifi.services.auth.signing import ACCESS_S
from audifi.services.auth.store import links, sessions, users
from audifi.services.auth.store import mfa as store
from audifi.services.auth.store.sessions import Session
from audifi.services.auth.store.users import User


class VerifyCodeBody(Body):
    """A code, and the token of the sign-in it completes, if it does."""

    code: Code
    mfa_token: Token | None = None


class CodeBody(Body):
    """A code."""

    code: Code


class EnrolmentReply(Reply):
    """What an authenticator needs, and ten codes for the day it is lost. Shown once."""

    secret: str
    otpauth_url: str
    backup_codes: tuple[str, ...]


@dataclass(frozen=True)
class SteppedUp:
    """A session whose second factor was just shown; `others` are copies to be written again."""

    user: User
    session: Session
    others: tuple[Session, ...]


@dataclass(frozen=True)
class WrongCode:
    """A code that was looked at and not accepted: how to refuse, and whose factor it was."""

    refusal: Problem
    email: str


async def set_up(call: AuthCall) -> EnrolmentReply:
    """Begin enrolment; it counts from the first right code on. Calling again before that starts over."""
    parts, user_id = call.deps, call.user().user_id
    secret = pyotp.random_base32()
    codes = tuple(secrets.token_hex(4) for _ in range(totp.BACKUP_CODES))
    async with parts.database.transaction() as tx:
        user = await _locked_user(tx, call, user_id)
        is_pending = await store.replace_pending(
            tx,
            method_id=str(new_id()),
            user_id=user_id,
            secret_enc=parts.seal.seal(secret.encode(), context=f"mfa_methods/{user_id}"),
            now=parts.clock.now(),
        )
        if not is_pending:
            raise InvalidState("A second factor is active; disable it before setting up another.")
        await store.replace_backup_codes(tx, user_id, [_backup_hash(user_id, code) for code in codes])
    return EnrolmentReply(secret=secret, otpauth_url=totp.otpauth_url(secret, user.email), backup_codes=codes)


async def verify(call: AuthCall, body: VerifyCodeBody) -> SignInReply:
    """Judge a code: complete a sign-in, enrol, or step up."""
    await alarms.require_open(call)
    async with call.deps.database.transaction() as tx:
        outcome = await _judged(tx, call, body)
    call.deps.postman.wake()
    if isinstance(outcome, WrongCode | Problem):
        raise await _counted(call, outcome)
    if isinstance(outcome, Opened):
        return await login.signed_in(call, outcome)
    await presence.publish(call.deps, outcome.user, [outcome.session, *outcome.others])
    return SignInReply(
        access_token=presence.access_token(call.deps, outcome.user, outcome.session),
        token_type="Bearer",  # noqa: S106  # RFC 6750's word
        expires_in=ACCESS_S,
        user=user_reply(outcome.user),
    )


async def _judged(tx: Connection, call: AuthCall, body: VerifyCodeBody) -> "Problem | WrongCode | Opened | SteppedUp":
    if body.mfa_token is not None:
        return await _complete(tx, call, body.code, body.mfa_token)
    return await _confirm(tx, call, body.code)


async def _complete(tx: Connection, call: AuthCall, code: str, mfa_token: str) -> Problem | WrongCode | Opened:
    now, token_hash = call.deps.clock.now(), crypto.token_hash(mfa_token)
    user_id = await links.challenged_user(tx, token_hash, now)
    if user_id is None or not await users.lock(tx, user_id):
        return InvalidToken()
    user = await users.any_user(tx, user_id, now)
    assert user is not None, "the account is locked by this transaction"
    if user.status == "SUSPENDED":
        return AccountSuspended()
    refusal = await judge(tx, call, user, code)
    if refusal is not None:
        return refusal
    if not await links.consume_challenge(tx, token_hash, now):
        return InvalidToken()
    return await login.sign_in(tx, call, user, is_confirmed=True)


async def _confirm(tx: Connection, call: AuthCall, code: str) -> Problem | WrongCode | SteppedUp:
    if call.principal is None:
        return Unauthorized("Send the mfaToken of the sign-in, or an access token.")
    now, session_id = call.deps.clock.now(), call.principal.session_id
    user = await _locked_user(tx, call, call.principal.user_id)
    method = await store.method(tx, user.id)
    if method is None:
        return InvalidState("No second factor is set up; begin with POST /v1/auth/2fa/setup.")
    refusal = await judge(tx, call, user, code, accepts_backup=method.is_active)
    if refusal is not None:
        return refusal
    if not await sessions.confirm_mfa(tx, session_id, now):
        return Unauthorized()
    if not method.is_active:
        await _enrol(tx, call, user)
    return await _stepped_up(tx, call, user.id, session_id)


async def _stepped_up(tx: Connection, call: AuthCall, user_id: str, session_id: str) -> Problem | SteppedUp:
    now = call.deps.clock.now()
    user = await users.user(tx, user_id, now)
    live = await sessions.live(tx, user_id, now)
    mine = next((session for session in live if session.id == session_id), None)
    if user is None or mine is None:
        return Unauthorized()
    return SteppedUp(user, mine, tuple(session for session in live if session.id != session_id))


async def _enrol(tx: Connection, call: AuthCall, user: User) -> None:
    now = call.deps.clock.now()
    is_first = await store.activate(tx, user.id, now)
    assert is_first, "the account is locked and the method was inactive in this transaction"
    await users.set_mfa(tx, user.id, is_enabled=True, now=now)
    notice = letters.mfa_changed(
        to=user.email, app_origin=call.deps.settings.app_origin, change="A second factor was added to your account.",
        origin=journal.origin(call),
    )  # fmt: skip
    await letters.promise(tx, notice, seal=call.deps.seal, now=now)
    await journal.noticed(tx, call, "auth.2fa.enabled", "medium", user_id=user.id)
    await journal.audited(tx, call, Deed(
        action="2fa.enabled", category="authentication", target_type="user", target_id=user.id,
        before={"mfaEnabled": False}, after={"mfaEnabled": True},
    ))  # fmt: skip


async def disable(call: AuthCall, body: CodeBody) -> None:
    """Remove the second factor, unless a role demands one."""
    await alarms.require_open(call)
    parts, principal = call.deps, call.user()
    async with parts.database.transaction() as tx:
        user = await _locked_user(tx, call, principal.user_id)
        permissions.require_disable_allowed(user.roles, is_required_for_all=parts.settings.mfa_required_all)
        if not user.is_mfa_enabled:
            raise InvalidState("No second factor is active.")
        refusal = await judge(tx, call, user, body.code)
        if refusal is None:
            await _remove(tx, call, user)
    parts.postman.wake()
    if refusal is not None:
        raise await _counted(call, refusal)
    await _publish_again(call, user.id)


async def _remove(tx: Connection, call: AuthCall, user: User) -> None:
    now = call.deps.clock.now()
    await store.remove(tx, user.id)
    await users.set_mfa(tx, user.id, is_enabled=False, now=now)
    notice = letters.mfa_changed(
        to=user.email, app_origin=call.deps.settings.app_origin,
        change="The second factor of your account was removed.",
        origin=journal.origin(call),
    )  # fmt: skip
    await letters.promise(tx, notice, seal=call.deps.seal, now=now)
    await journal.noticed(tx, call, "auth.2fa.disabled", "medium", user_id=user.id)
    await journal.audited(tx, call, Deed(
        action="2fa.disabled", category="authentication", target_type="user", target_id=user.id,
        before={"mfaEnabled": True}, after={"mfaEnabled": False},
    ))  # fmt: skip


async def _publish_again(call: AuthCall, user_id: str) -> None:
    now = call.deps.clock.now()
    async with call.deps.database.read_primary() as connection:
        user = await users.user(connection, user_id, now)
        live = await sessions.live(connection, user_id, now)
    if user is not None:
        await presence.publish(call.deps, user, live)


async def judge(
    tx: Connection, call: AuthCall, user: User, code: str, *, accepts_backup: bool = True
) -> Problem | WrongCode | None:
    """Accept a code, spending it, or count the failure and say how to refuse. Call with the account locked."""
    now = call.deps.clock.now()
    if user.locked_until is not None and now < user.locked_until:
        return _locked(user, int((user.locked_until - now).total_seconds()) + 1)
    is_right = await _spend(tx, call, user.id, code, accepts_backup=accepts_backup)
    ip = journal.client_ip(call)
    await store.record_attempt(tx, attempt_id=str(new_id()), user_id=user.id, is_success=is_right, ip=ip, now=now)
    return None if is_right else WrongCode(await _refusal(tx, call, user), user.email)


async def _spend(tx: Connection, call: AuthCall, user_id: str, code: str, *, accepts_backup: bool) -> bool:
    now, method = call.deps.clock.now(), await store.method(tx, user_id)
    if method is None:
        return False
    if totp.is_totp(code):
        secret = call.deps.seal.open(method.secret_enc, context=f"mfa_methods/{user_id}").decode()
        step = totp.matching_step(secret, code, now, method.last_used_step)
        return step is not None and await store.accept_step(tx, user_id, step)
    backup = totp.backup_form(code)
    return accepts_backup and backup is not None and await store.use_backup_code(
        tx, user_id, _backup_hash(user_id, backup), now
    )  # fmt: skip


async def _counted(call: AuthCall, outcome: Problem | WrongCode) -> Problem:
    if isinstance(outcome, Problem):
        return outcome
    await alarms.sign_in_failed(call, outcome.email)
    return outcome.refusal


async def _refusal(tx: Connection, call: AuthCall, user: User) -> Problem:
    now = call.deps.clock.now()
    failures = await store.failures(tx, user.id, now - timedelta(seconds=totp.WINDOW_S))
    until = totp.lock_end(failures, now)
    severity = "high" if totp.deserves_alert(failures, now) else "medium"
    await journal.noticed(tx, call, "auth.2fa.failure", severity, user_id=user.id, failures=len(failures))
    if until is None:
        return InvalidCode()
    if await users.lock_factor(tx, user.id, until):
        notice = letters.lockout(to=user.email, until=until, origin=journal.origin(call))
        await letters.promise(tx, notice, seal=call.deps.seal, now=now)
        await journal.noticed(tx, call, "security.brute_force.detected", "high", user_id=user.id)
    return _locked(user, totp.LOCK_S)


def _locked(_user: User, retry_after_s: int) -> AccountLocked:
    return AccountLocked(details={"retryAfter": retry_after_s}, retry_after_s=retry_after_s)


async def _locked_user(tx: Connection, call: AuthCall, user_id: str) -> User:
    await users.lock(tx, user_id)
    user = await users.user(tx, user_id, call.deps.clock.now())
    if user is None:
        raise Unauthorized
    return user


def _backup_hash(user_id: str, code: str) -> bytes:
    # 32 bits are guessed offline in seconds whatever the hash: what protects them is the lock, and that the hashes
    # lie beside data of equal worth. The user's id keeps equal codes of two people apart.
    return crypto.token_hash(f"{user_id}:{code}")


_TAG: Final = "second factor"

OPERATIONS: Final = (
    Operation(
        method="POST", path="/auth/2fa/setup", handler=set_up, summary="Begin to enrol an authenticator", tag=_TAG,
        access=Access.USER, reply=EnrolmentReply, errors=(InvalidState,), limits=(limits.AUTH_POST,),
    ),
    Operation(
        method="POST", path="/auth/2fa/verify", handler=verify, tag=_TAG, access=Access.OPTIONAL, body=VerifyCodeBody,
        summary="Show a code: complete a sign-in, enrol, or step up", reply=SignInReply, envelope=False,
        errors=(InvalidCode, InvalidToken, AccountLocked, InvalidState, Unauthorized, AccountSuspended),
        limits=(limits.AUTH_POST,), example={"code": "123456"},
    ),
    Operation(
        method="POST", path="/auth/2fa/disable", handler=disable, summary="Remove the second factor", tag=_TAG,
        access=Access.USER, step_up=StepUp.IF_ENROLLED, body=CodeBody, reply=None, status=204,
        errors=(InvalidCode, AccountLocked, InvalidState, Forbidden, MfaRequired), limits=(limits.AUTH_POST,),
        example={"code": "123456"},
    ),
)  # fmt: skip
