"""Give people their data, and close their account.

Between: the gateway (/user/export, DELETE /user), store.account.
Invariant: closing ends every session, frees the wallets and tells the other services, in one transaction; what names
the person is removed 30 days later (housekeeping), or when the same address signs in again, which makes a new account;
audit and security rows stay.
Errors: MfaRequired (step-up), Unauthorized.
Source: domain.md 2.1, 4 "Privacy"; 9.31.
"""

from typing import Any, Final

from audifi.kernel.http import Access, Operation, StepUp
from audifi.services.auth import journal, presence
from audifi.services.auth.errors import MfaRequired, Unauthorized
from audifi.services.auth.journal import Deed
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.store import account as store
from audifi.services.auth.store import mfa, sessions, users, wallets
from audifi.wire.events.auth import UserDeleted, WalletUnlinked


async def export(call: AuthCall) -> dict[str, Any]:
    """Return everything auth-service keeps about the caller."""
    user_id = call.user().user_id
    async with call.deps.database.transaction() as tx:
        data = await store.export(tx, user_id)
        deed = Deed(action="account.exported", category="system", target_type="user", target_id=user_id)
        await journal.audited(tx, call, deed)
    return data


async def delete(call: AuthCall) -> None:
    """Close the caller's account."""
    user_id, now = call.user().user_id, call.deps.clock.now()
    async with call.deps.database.transaction() as tx:
        await users.lock(tx, user_id)
        if not await store.soft_delete(tx, user_id, now):
            raise Unauthorized
        await mfa.remove(tx, user_id)
        ended = await sessions.revoke_all(tx, user_id=user_id, reason="ACCOUNT_DELETED", now=now)
        await presence.announce_revoked(tx, user_id, ended, "ACCOUNT_DELETED")
        for address, chain_id in await wallets.remove_all(tx, user_id):
            event = WalletUnlinked(user_id=user_id, address=address, chain_id=chain_id)
            await journal.announce(tx, event, user_id, actor_id=user_id)
        await journal.announce(tx, UserDeleted(user_id=user_id), user_id, actor_id=user_id)
        await journal.noticed(tx, call, "user.deleted", "medium", user_id=user_id)
        deed = Deed(action="account.deleted", category="system", target_type="user", target_id=user_id)
        await journal.audited(tx, call, deed)
    await presence.entomb(call.deps, [*ended, call.user().session_id])
    presence.clear_cookies(call)


OPERATIONS: Final = (
    Operation(
        method="GET", path="/user/export", handler=export, summary="Take everything kept about you", tag="account",
        access=Access.USER, step_up=StepUp.IF_ENROLLED, reply=dict[str, Any], errors=(MfaRequired,),
    ),
    Operation(
        method="DELETE", path="/user", handler=delete, summary="Close your account", tag="account", access=Access.USER,
        step_up=StepUp.IF_ENROLLED, reply=None, status=204, errors=(MfaRequired,),
    ),
)  # fmt: skip
