"""Let administrators look after accounts: list, grant and revoke roles, suspend.

Between: the gateway (/admin/users, reachable from admin networks only), store.users, presence.
Invariant: ADMIN and a second factor used in this session, always (kernel.http, Access.ADMIN); every change is audited;
a suspended account has no session left.
Errors: Forbidden, MfaRequired (kernel), UserNotFound, InvalidState, Conflict.
Source: domain.md 2.1, 4 "Detection thresholds" (any admin call alerts: each is a security event of severity high
before anything else is looked at; its name list has none for it, so `authz.admin.called` is ours).
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from audifi.kernel.connection import Connection
from audifi.kernel.http import Access, Body, Operation, Page, Paging
from audifi.services.auth import journal, presence
from audifi.services.auth.errors import Conflict, InvalidState, UserNotFound
from audifi.services.auth.journal import Deed
from audifi.services.auth.parts import AuthCall
from audifi.services.auth.routes.fields import Email, RoleName, UserPath
from audifi.services.auth.routes.replies import UserReply, user_reply
from audifi.services.auth.rules import permissions
from audifi.services.auth.store import sessions, users
from audifi.services.auth.store.users import User
from audifi.wire.events.auth import UserRoleChanged, UserUpdated

Status = Literal["ACTIVE", "SUSPENDED"]
Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$")]


class UsersQuery(Paging, kw_only=True):
    """Which accounts."""

    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
    status: Literal["ACTIVE", "SUSPENDED", "PENDING_VERIFICATION", "DELETED"] | None = None
    role: RoleName | None = None
    email: Email | None = None


class RoleBody(Body):
    """Which role to grant (until when) or to revoke."""

    role: RoleName
    action: Literal["GRANT", "REVOKE"]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class UserChangeBody(Body):
    """The new status, and why."""

    status: Status | UnsetType = UNSET
    reason: Reason | None = None


async def list_users(call: AuthCall, query: UsersQuery) -> Page[UserReply]:
    """Return one page of accounts."""
    await _noticed(call, "list users")
    email = None if query.email is None else query.email.strip(" ").lower()
    page = users.Page(
        limit=query.limit, offset=query.offset, sort=query.sort, status=query.status, role=query.role, email=email
    )
    async with call.deps.database.transaction() as tx:
        found, total = await users.users_page(tx, page, call.deps.clock.now())
        deed = Deed(
            action="users.listed",
            category="admin",
            target_type="users",
            target_id=f"page {query.page}",
            actor_type="admin",
        )
        await journal.audited(tx, call, deed)
    return Page(items=[user_reply(user) for user in found], total=total, paging=query)


async def change_role(call: AuthCall, body: RoleBody) -> UserReply:
    """Grant or revoke a role."""
    await _noticed(call, "change role")
    target_id, now = str(call.parameters.id), call.deps.clock.now()
    if body.expires_at is not None and body.expires_at <= now:
        raise InvalidState("expiresAt lies in the past.")
    async with call.deps.database.transaction() as tx:
        before = await _target(tx, call)
        permissions.require_role_change_allowed(
            actor_id=call.user().user_id, target_id=target_id, role=body.role, action=body.action, status=before.status
        )
        await _apply(tx, call, body, target_id)
        after = await _target(tx, call)
        live = await sessions.live(tx, target_id, now)
        event = UserRoleChanged(user_id=target_id, role=body.role, action=body.action, roles=after.roles)
        await journal.announce(tx, event, target_id, actor_id=call.user().user_id)
        await journal.noticed(
            tx, call, "authz.role.changed", "high", user_id=target_id, role=body.role, action=body.action
        )
        await _audited(tx, call, "role.changed", {"roles": list(before.roles)}, {"roles": list(after.roles)})
    await presence.publish(call.deps, after, live)
    return user_reply(after)


async def _apply(tx: Connection, call: AuthCall, body: RoleBody, target_id: str) -> None:
    if body.action == "REVOKE":
        if not await users.revoke_role(tx, user_id=target_id, role=body.role):
            raise Conflict(f"The account does not hold {body.role}.")
        return
    expires_at = None if body.expires_at is None else body.expires_at.astimezone(UTC)
    is_granted = await users.grant_role(
        tx, user_id=target_id, role=body.role, by=call.user().user_id, now=call.deps.clock.now(), expires_at=expires_at
    )
    if not is_granted:
        raise Conflict(f"The account holds {body.role} already.")


async def change_user(call: AuthCall, body: UserChangeBody) -> UserReply:
    """Suspend an account, or lift its suspension."""
    await _noticed(call, "change user")
    target_id, now = str(call.parameters.id), call.deps.clock.now()
    permissions.require_status_change_allowed(actor_id=call.user().user_id, target_id=target_id)
    ended: list[str] = []
    async with call.deps.database.transaction() as tx:
        before = await _target(tx, call)
        if body.status is not UNSET and body.status != before.status:
            await _set_status(tx, call, before, body.status)
            if body.status == "SUSPENDED":
                ended = await sessions.revoke_all(tx, user_id=target_id, reason="SUSPENDED", now=now)
                await presence.announce_revoked(tx, target_id, ended, "SUSPENDED")
            after_state = {"status": body.status, "reason": body.reason}
            await _audited(tx, call, "user.status_changed", {"status": before.status}, after_state)
        after = await _target(tx, call)
    await presence.entomb(call.deps, ended)
    return user_reply(after)


async def _noticed(call: AuthCall, what: str) -> None:
    # In a transaction of its own: a call that is refused afterwards was made all the same.
    async with call.deps.database.transaction() as tx:
        await journal.noticed(tx, call, "authz.admin.called", "high", user_id=call.user().user_id, what=what)


async def _set_status(tx: Connection, call: AuthCall, before: User, status: Status) -> None:
    if before.status not in ("ACTIVE", "SUSPENDED"):
        raise InvalidState(f"An account that is {before.status} cannot become {status}.")
    now = call.deps.clock.now()
    if not await users.set_status(tx, user_id=before.id, before=before.status, after=status, now=now):
        raise InvalidState
    event = UserUpdated(user_id=before.id, fields=("status",), status=status)
    await journal.announce(tx, event, before.id, actor_id=call.user().user_id)
    await journal.noticed(tx, call, "user.updated", "high", user_id=before.id, status=status)


async def _target(tx: Connection, call: AuthCall) -> User:
    target_id = str(call.parameters.id)
    await users.lock(tx, target_id)
    user = await users.any_user(tx, target_id, call.deps.clock.now())
    if user is None:
        raise UserNotFound
    return user


async def _audited(tx: Connection, call: AuthCall, action: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    target_id = str(call.parameters.id)
    await journal.audited(tx, call, Deed(
        action=action, category="admin", target_type="user", target_id=target_id, before=before, after=after,
        actor_type="admin",
    ))  # fmt: skip


_TAG: Final = "admin"

OPERATIONS: Final = (
    Operation(
        method="GET", path="/admin/users", handler=list_users, summary="List accounts", tag=_TAG, access=Access.ADMIN,
        query=UsersQuery, reply=UserReply, listed=True,
    ),
    Operation(
        method="POST", path="/admin/users/{id}/roles", handler=change_role, summary="Grant or revoke a role", tag=_TAG,
        access=Access.ADMIN, parameters=UserPath, body=RoleBody, reply=UserReply,
        errors=(UserNotFound, InvalidState, Conflict), example={"role": "PRODUCER", "action": "GRANT"},
    ),
    Operation(
        method="PATCH", path="/admin/users/{id}", handler=change_user, summary="Suspend an account, or lift it",
        tag=_TAG, access=Access.ADMIN, parameters=UserPath, body=UserChangeBody, reply=UserReply,
        errors=(UserNotFound, InvalidState), example={"status": "SUSPENDED", "reason": "stolen card"},
    ),
)  # fmt: skip
