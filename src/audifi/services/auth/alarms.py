"""Act on guessing: close an address for a while, tell the operators, tell the owner.

Between: routes that sign in (report failures, ask whether the address may try), kernel.http (reports limit hits), watch
(counts), journal and letters (tell).
Invariant: one security event per pause, one mail per account and hour, however many guesses come: whoever guesses must
not be able to fill a table or a mailbox. Nothing is told of an address that has no account.
Why after the transaction of the refusal and in one of its own: a guess that fails holds the account's lock as briefly
as one that succeeds. If the database cannot take the event, the pause holds all the same and the log has the line.
Errors: RateLimited with Retry-After while an address is paused.
Source: domain.md 4 "Detection thresholds".
"""

from typing import Any, Final

from audifi.kernel import crypto
from audifi.kernel.http.address import limited_as
from audifi.kernel.limits import Per, Standing
from audifi.kernel.telemetry import log
from audifi.services.auth import journal, letters
from audifi.services.auth.errors import RateLimited, Unavailable
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.rules.detection import FAILED_FOR_ACCOUNT, FAILED_SIGN_INS, LIMIT_HITS
from audifi.services.auth.store import users

_OF_ADDRESSES: Final = (Per.IP, Per.VALUE)


async def require_open(call: AuthCall) -> None:
    """Refuse an address that guessed too much, before anything is looked at."""
    wait_s = await call.deps.watch.paused_s(limited_as(call.client_ip))
    if wait_s:
        raise RateLimited(retry_after_s=wait_s, details={"rule": "sign-in-pause"})


async def sign_in_failed(call: AuthCall, email: str | None) -> None:
    """Count a link or code that was not good, for its address and, when it is known, for its owner."""
    watch = call.deps.watch
    if await watch.saw(FAILED_SIGN_INS, limited_as(call.client_ip)):
        threshold = FAILED_SIGN_INS
        await _told(call, "security.brute_force.detected", failures=threshold.count, blocked_s=threshold.pause_s)
    if email is not None and await watch.saw(FAILED_FOR_ACCOUNT, crypto.token_hash(email).hex()):
        await _owner_told(call, email)


async def limit_hit(call: AuthCall, standing: Standing) -> None:
    """Count a request that a limit refused."""
    limit, threshold = standing.limit, LIMIT_HITS
    if limit.per in _OF_ADDRESSES and await call.deps.watch.saw(threshold, limited_as(call.client_ip)):
        await _told(call, "security.rate_limit.hit", rule=limit.rule, hits=threshold.count, blocked_s=threshold.pause_s)


async def _told(call: AuthCall, name: str, **details: Any) -> None:
    try:
        async with call.deps.database.transaction() as tx:
            await journal.noticed(tx, call, name, "high", **details)
    except Unavailable as error:
        log.warning(name, security_event=name, severity="high", ip_address=call.client_ip, error=error, **details)


async def _owner_told(call: AuthCall, email: str) -> None:
    parts, threshold = call.deps, FAILED_FOR_ACCOUNT
    try:
        async with parts.database.transaction() as tx:
            user_id = await users.active_id(tx, email)
            if user_id is None:
                return
            notice = letters.failed_sign_ins(
                to=email, app_origin=parts.settings.app_origin, failures=threshold.count, origin=journal.origin(call)
            )
            await letters.promise(tx, notice, seal=parts.seal, now=parts.clock.now())
            await journal.noticed(
                tx, call, "security.suspicious.activity", "medium", user_id=user_id, reason="failed sign-ins"
            )
    except Unavailable as error:
        log.warning("an owner could not be told of failed sign-ins", error=error)
        return
    parts.postman.wake()
