"""Answer an operator about accounts and keys: `python -m audifi.services.auth.console grant EMAIL ROLE | rotate-keys`.

Between: audifi.local.console (runs it with an auth pod's environment) and the same rows as the service.
Why it exists: the first administrator cannot be made by an administrator. Whoever may run a program in the pod can read
the database anyway; what this adds is the audit row and the event.
Shape: grant → {"userId", "email", "roles", "changed"}; rotate-keys → {"kid", "activatesAt", "changed"}.
Invariant: idempotent; an account that nobody signed in to is not made here; a key that does not sign yet is not
replaced by another.
Errors: an account or role that does not exist: one line, exit 2.
"""

import argparse
from datetime import datetime
from typing import Any

from audifi.kernel import logs, outbox
from audifi.kernel.cache import Cache
from audifi.kernel.clock import SystemClock, iso
from audifi.kernel.connection import Connection
from audifi.kernel.console import answer
from audifi.kernel.context import PROCESS
from audifi.kernel.crypto import Keyring
from audifi.kernel.database import Database
from audifi.kernel.ids import new_id
from audifi.kernel.queue import Queue
from audifi.kernel.settings import parse
from audifi.services.auth import presence
from audifi.services.auth.app import Stores, assembled
from audifi.services.auth.errors import Invalid, UserNotFound
from audifi.services.auth.rules.permissions import ROLES
from audifi.services.auth.settings import AuthSettings
from audifi.services.auth.signing import SigningKeys
from audifi.services.auth.store import audit, keys, sessions, users
from audifi.services.auth.store.audit import AuditEntry
from audifi.services.auth.store.users import Page, User
from audifi.wire.events.auth import UserRoleChanged


async def grant(settings: AuthSettings, email: str, role: str) -> dict[str, Any]:
    """Give a role to an account, in its open sessions too."""
    if role not in ROLES:
        raise Invalid(f"there is no role {role!r}; there are {', '.join(ROLES)}")
    stores = Stores(await Database.open(settings), await Cache.open(settings), await Queue.open(settings))
    parts = assembled(settings, stores, clock=SystemClock())
    now = parts.clock.now()
    try:
        async with stores.database.transaction() as tx:
            before = await _by_email(tx, email.strip().lower(), now)
            changed = await users.grant_role(tx, user_id=before.id, role=role, by=None, now=now, expires_at=None)
            after = await users.user(tx, before.id, now) or before
            if changed:
                await _tell(tx, before, after, role, now)
            live = await sessions.live(tx, before.id, now)
        await presence.publish(parts, after, live)
    finally:
        await stores.queue.close()
        await stores.cache.close()
        await stores.database.close()
    return {"userId": after.id, "email": after.email, "roles": list(after.roles), "changed": changed}


async def rotate_keys(settings: AuthSettings) -> dict[str, Any]:
    """Begin to replace the key that signs access tokens, unless that has begun already."""
    database = await Database.open(settings)
    clock = SystemClock()
    seal = Keyring(settings.encryption_keys)
    signing = SigningKeys(
        database=database, seal=seal, clock=clock, issuer=settings.token_issuer, audience=settings.token_audience
    )
    try:
        async with database.transaction() as tx:
            await keys.lock(tx)
            waiting = [key for key in await keys.published(tx, clock.now()) if key.activates_at > clock.now()]
            fresh = waiting[0] if waiting else await signing.rotate(tx)
            if not waiting:
                await audit.append(tx, _rotated(fresh.kid, clock.now()))
    finally:
        await database.close()
    return {"kid": fresh.kid, "activatesAt": iso(fresh.activates_at), "changed": not waiting}


def _rotated(kid: str, now: datetime) -> AuditEntry:
    return AuditEntry(
        id=str(new_id()),
        at=now,
        actor_id=None,
        actor_type="system",
        action="signing_key.rotated",
        category="system",
        target_type="signing_key",
        target_id=kid,
    )


async def _by_email(tx: Connection, email: str, now: datetime) -> User:
    page = Page(limit=1, offset=0, sort="createdAt", status=None, role=None, email=email)
    found, _ = await users.users_page(tx, page, now)
    if not found:
        raise UserNotFound(f"no account has the address {email}; sign in with it once, then grant the role")
    return found[0]


async def _tell(tx: Connection, before: User, after: User, role: str, now: datetime) -> None:
    event = UserRoleChanged(user_id=after.id, role=role, action="GRANT", roles=after.roles)
    await outbox.add(tx, event, aggregate_id=after.id)
    entry = AuditEntry(
        id=str(new_id()),
        at=now,
        actor_id=None,
        actor_type="system",
        action="role.changed",
        category="admin",
        target_type="user",
        target_id=after.id,
        before={"roles": list(before.roles)},
        after={"roles": list(after.roles)},
    )
    await audit.append(tx, entry)


async def work(options: argparse.Namespace) -> dict[str, Any]:
    """Do it as the service would."""
    settings = parse(AuthSettings)
    PROCESS.service, PROCESS.pod = settings.service, f"{settings.service}-console"
    if options.verb == "rotate-keys":
        return await rotate_keys(settings)
    return await grant(settings, options.email, options.role.upper())


def main() -> None:
    """Read the arguments and answer."""
    logs.configure("error")
    parser = argparse.ArgumentParser(prog="audifi.services.auth.console", description="look after accounts")
    verbs = parser.add_subparsers(dest="verb", required=True)
    granting = verbs.add_parser("grant")
    granting.add_argument("email")
    granting.add_argument("role")
    verbs.add_parser("rotate-keys")
    answer(work(parser.parse_args()))


if __name__ == "__main__":
    main()
