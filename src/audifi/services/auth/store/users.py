"""Read and change accounts and their roles.

Between: routes.*, consumers (plan).
Shape: one row per address ever verified; `User.roles` sorted, expired ones left out.
Invariant: an address is one account; status and roles change only from the state the caller named.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audifi.kernel.connection import Connection, Row, changed
from audifi.kernel.database import Database
from audifi.services.auth.store.documents import from_json, to_json


@dataclass(frozen=True, kw_only=True)
class User:
    """An account as its owner and administrators see it."""

    id: str
    email: str
    display_name: str
    avatar_url: str | None
    bio: str | None
    social_links: dict[str, str]
    music_platforms: dict[str, str]
    status: str
    is_email_verified: bool
    is_mfa_enabled: bool
    locked_until: datetime | None
    plan: str
    created_at: datetime
    last_login_at: datetime | None
    roles: tuple[str, ...]
    primary_wallet: str | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which slice of the list of users is asked for."""

    limit: int
    offset: int
    sort: str
    status: str | None
    role: str | None
    email: str | None


# $1 is always now: an expired role is no role.
_USER = """
    SELECT u.id, u.email, u.display_name, u.avatar_url, u.bio, u.social_links, u.music_platforms, u.status,
           u.email_verified, u.mfa_enabled, u.locked_until, u.plan, u.created_at, u.last_login_at,
           ARRAY(SELECT r.role FROM auth.user_roles r WHERE r.user_id = u.id
                 AND (r.expires_at IS NULL OR r.expires_at > $1) ORDER BY r.role) AS roles,
           (SELECT w.address FROM auth.user_wallets w WHERE w.user_id = u.id AND w.is_primary) AS primary_wallet
      FROM auth.users u
"""


async def user(connection: Connection, user_id: str, now: datetime) -> User | None:
    """Return an account that is not deleted."""
    row = await connection.fetchrow(f"{_USER} WHERE u.id = $2 AND u.status <> 'DELETED'", now, user_id)
    return None if row is None else _user(row)


async def user_at_once(database: Database, user_id: str, now: datetime) -> User | None:
    """Return an account that is not deleted in one round trip, without a transaction: the hottest read there is."""
    row = await database.row(f"{_USER} WHERE u.id = $2 AND u.status <> 'DELETED'", now, user_id, primary=True)
    return None if row is None else _user(row)


async def any_user(connection: Connection, user_id: str, now: datetime) -> User | None:
    """Return an account in whatever state, for administrators and for renewal."""
    row = await connection.fetchrow(f"{_USER} WHERE u.id = $2", now, user_id)
    return None if row is None else _user(row)


async def active_id(connection: Connection, email: str) -> str | None:
    """Return whose address this is, if the account is in use."""
    user_id = await connection.fetchval("SELECT id FROM auth.users WHERE email = $1 AND status = 'ACTIVE'", email)
    return None if user_id is None else str(user_id)


async def lock(tx: Connection, user_id: str) -> bool:
    """Hold this account until commit, so that decisions about it are made one at a time."""
    held = await tx.fetchval("SELECT 1 FROM auth.users WHERE id = $1 AND status <> 'DELETED' FOR UPDATE", user_id)
    return held is not None


async def insert_or_find(
    tx: Connection, *, user_id: str, email: str, display_name: str, now: datetime
) -> tuple[str, bool]:
    """Return the account's id and whether it is new. Two first sign-ins at once make one account."""
    made = await tx.fetchval(
        """INSERT INTO auth.users (id, email, display_name, email_verified, created_at, updated_at)
           VALUES ($1, $2, $3, true, $4, $4) ON CONFLICT (email) DO NOTHING RETURNING id""",
        user_id,
        email,
        display_name,
        now,
    )
    if made is not None:
        await tx.execute(
            "INSERT INTO auth.user_roles (user_id, role, assigned_at) VALUES ($1, 'USER', $2)", user_id, now
        )
        return user_id, True
    return str(await tx.fetchval("SELECT id FROM auth.users WHERE email = $1", email)), False


async def record_login(tx: Connection, user_id: str, now: datetime) -> None:
    """Remember when this account was last used to sign in."""
    await tx.execute("UPDATE auth.users SET last_login_at = $2, email_verified = true WHERE id = $1", user_id, now)


async def update_profile(tx: Connection, user_id: str, changes: dict[str, Any], now: datetime) -> bool:
    """Replace the given columns; keys are those of `_EDITABLE`."""
    columns = [name for name in _EDITABLE if name in changes]
    assignments = ", ".join(f"{name} = ${index}" for index, name in enumerate(columns, start=3))
    values = [to_json(changes[name]) if name in _JSON else changes[name] for name in columns]
    statement = f"UPDATE auth.users SET updated_at = $2, {assignments} WHERE id = $1 AND status <> 'DELETED'"  # noqa: S608  # names from _EDITABLE
    return changed(await tx.execute(statement, user_id, now, *values)) == 1


_EDITABLE = ("display_name", "avatar_url", "bio", "social_links", "music_platforms")
_JSON = frozenset({"social_links", "music_platforms"})


async def grant_role(
    tx: Connection, *, user_id: str, role: str, by: str | None, now: datetime, expires_at: datetime | None
) -> bool:
    """Give a role; False if it was held already (an expired one counts as not held)."""
    tag = await tx.execute(
        """INSERT INTO auth.user_roles AS held (user_id, role, assigned_by, assigned_at, expires_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (user_id, role) DO UPDATE
              SET assigned_by = excluded.assigned_by, assigned_at = excluded.assigned_at,
                  expires_at = excluded.expires_at
            WHERE held.expires_at IS NOT NULL""",
        user_id,
        role,
        by,
        now,
        expires_at,
    )
    return changed(tag) == 1


async def revoke_role(tx: Connection, *, user_id: str, role: str) -> bool:
    """Take a role; False if it was not held."""
    return changed(await tx.execute("DELETE FROM auth.user_roles WHERE user_id = $1 AND role = $2", user_id, role)) == 1


async def set_status(tx: Connection, *, user_id: str, before: str, after: str, now: datetime) -> bool:
    """Move an account from one status to another."""
    statement = "UPDATE auth.users SET status = $3, updated_at = $4 WHERE id = $1 AND status = $2"
    return changed(await tx.execute(statement, user_id, before, after, now)) == 1


async def set_mfa(tx: Connection, user_id: str, *, is_enabled: bool, now: datetime) -> None:
    """Mirror on the account whether a factor is active."""
    await tx.execute("UPDATE auth.users SET mfa_enabled = $2, updated_at = $3 WHERE id = $1", user_id, is_enabled, now)


async def lock_factor(tx: Connection, user_id: str, until: datetime) -> bool:
    """Lock the second factor; False if it is locked already, so that one mail goes out."""
    statement = "UPDATE auth.users SET locked_until = $2 WHERE id = $1 AND (locked_until IS NULL OR locked_until < $2)"
    return changed(await tx.execute(statement, user_id, until)) == 1


async def set_plan(tx: Connection, *, user_id: str, plan: str, at: datetime) -> bool:
    """Take over what payment-service says, unless something newer is known: events may arrive out of order."""
    tag = await tx.execute(
        """UPDATE auth.users SET plan = $2, plan_changed_at = $3
            WHERE id = $1 AND (plan_changed_at IS NULL OR plan_changed_at < $3)""",
        user_id,
        plan,
        at,
    )
    return changed(tag) == 1


async def users_page(connection: Connection, page: Page, now: datetime) -> tuple[list[User], int]:
    """Return one page of accounts and how many there are."""
    where = """ WHERE ($2::text IS NULL OR u.status = $2) AND ($3::text IS NULL OR u.email = $3)
                  AND ($4::text IS NULL OR EXISTS (
                       SELECT 1 FROM auth.user_roles f WHERE f.user_id = u.id AND f.role = $4
                       AND (f.expires_at IS NULL OR f.expires_at > $1)))"""
    count = f"SELECT count(*) FROM auth.users u {where}"  # noqa: S608  # constant text
    direction = "DESC" if page.sort.startswith("-") else "ASC"
    query = f"{_USER} {where} ORDER BY u.created_at {direction}, u.id {direction} LIMIT $5 OFFSET $6"
    filters = (now, page.status, page.email, page.role)
    rows = await connection.fetch(query, *filters, page.limit, page.offset)
    return [_user(row) for row in rows], int(await connection.fetchval(count, *filters))


def _user(row: Row) -> User:
    return User(
        id=str(row["id"]),
        email=row["email"],
        display_name=row["display_name"],
        avatar_url=row["avatar_url"],
        bio=row["bio"],
        social_links=from_json(row["social_links"]),
        music_platforms=from_json(row["music_platforms"]),
        status=row["status"],
        is_email_verified=row["email_verified"],
        is_mfa_enabled=row["mfa_enabled"],
        locked_until=row["locked_until"],
        plan=row["plan"],
        created_at=row["created_at"],
        last_login_at=row["last_login_at"],
        roles=tuple(row["roles"]),
        primary_wallet=row["primary_wallet"],
    )
