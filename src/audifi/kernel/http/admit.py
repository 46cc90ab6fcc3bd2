"""Decide whether a caller may use an operation: token, session, role, second factor.

Between: kernel.http.pipeline (asks twice: who is it, may they) and kernel.identity, kernel.internal, kernel.sessions.

Why twice: `identify` is local arithmetic and comes before the limits are counted (some count by user); `permit` asks
Redis and comes after them, so that a flood of requests is stopped first.
Redis away: a GET passes on its signature alone, with the roles of the token; anything that changes state is refused.
Invariant: Access.ADMIN without a completed second factor is refused, always.
Errors: Unauthorized, Forbidden, MfaRequired, Unavailable.
Source: domain.md 4 (sessions, step-up 9.27).
"""

from dataclasses import replace
from typing import Final

from audifi.kernel.http.operation import Access, Operation, StepUp
from audifi.kernel.identity import Mfa, Principal, TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.sessions import Sessions
from audifi.wire.problems import Forbidden, MfaRequired, Unauthorized, Unavailable

_ROLES: Final = {Access.ARTIST: "ARTIST", Access.PRODUCER: "PRODUCER", Access.ADMIN: "ADMIN"}


async def identify(operation: Operation, authorization: str, verifier: TokenVerifier) -> Principal | None:
    """Return for whom the token speaks, by its signature alone."""
    if operation.access in (Access.GUEST, Access.SERVICE):
        return None
    if not authorization and operation.access is Access.OPTIONAL:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized
    return await verifier.verify(token)


def identify_caller(token: str, internal: InternalTokens | None) -> str:
    """Return which component calls."""
    if internal is None or not token:
        raise Unauthorized("A valid internal token is required.")
    return internal.verify(token)


async def permit(
    operation: Operation, principal: Principal, sessions: Sessions | None, *, is_strict: bool
) -> Principal:
    """Return the principal as its session knows it now, or refuse."""
    if sessions is not None:
        principal = await _as_of_now(operation, principal, sessions)
    role = _ROLES.get(operation.access)
    if role is not None and role not in principal.roles:
        raise Forbidden
    if _lacks_factor(operation, principal, is_strict=is_strict):
        raise MfaRequired
    return principal


async def _as_of_now(operation: Operation, principal: Principal, sessions: Sessions) -> Principal:
    try:
        record = await sessions.find(principal.session_id)
    except Unavailable:
        if operation.method == "GET":
            return principal
        raise
    if record is None or record.user_id != principal.user_id:
        raise Unauthorized
    return replace(principal, roles=frozenset(record.roles), mfa=record.mfa, plan=record.plan)


def _lacks_factor(operation: Operation, principal: Principal, *, is_strict: bool) -> bool:
    if principal.mfa is Mfa.PASSED:
        return False
    if operation.access is Access.ADMIN or operation.step_up is StepUp.ALWAYS:
        return True
    return operation.step_up is StepUp.IF_ENROLLED and (principal.mfa is Mfa.ENROLLED or is_strict)
