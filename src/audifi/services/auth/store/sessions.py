"""Keep who is signed in where, and rotate refresh tokens.

Between: routes.login, routes.sessions, routes.mfa, housekeeping.
Shape: at most SESSIONS_MAX live rows per user; a row is one refresh-token family.
Invariant: rotation replaces exactly the hash the caller presented; a revoked row stays revoked.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.auth.rules.renewal import Family

SESSIONS_MAX: Final = 10  # per user; the oldest makes room (domain.md 4)


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session as its owner sees it."""

    id: str
    user_id: str
    user_agent: str | None
    ip: str | None
    is_mfa: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    absolute_expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewSession:
    """A session about to be opened; hashes of a token only its owner has."""

    id: str
    user_id: str
    family_hash: bytes
    refresh_hash: bytes
    mfa_at: datetime | None
    user_agent: str | None
    ip: str | None
    now: datetime
    expires_at: datetime
    absolute_expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Held:
    """A session row locked for renewal."""

    session: Session
    family: Family
    replacement_enc: str | None


_SESSION = (
    "s.id, s.user_id, s.user_agent, s.ip, s.mfa_at, s.created_at, s.last_used_at, s.expires_at, s.absolute_expires_at"
)
_LIVE = "s.revoked_at IS NULL AND s.expires_at > $2 AND s.absolute_expires_at > $2"


async def insert(tx: Connection, new: NewSession) -> None:
    """Open a session."""
    await tx.execute(
        """INSERT INTO auth.sessions (id, user_id, family_id, family_hash, refresh_hash, mfa_at, user_agent, ip,
                  created_at, last_used_at, rotated_at, expires_at, absolute_expires_at)
           VALUES ($1, $2, $1, $3, $4, $5, $6, $7, $8, $8, $8, $9, $10)""",
        new.id,
        new.user_id,
        new.family_hash,
        new.refresh_hash,
        new.mfa_at,
        new.user_agent,
        new.ip,
        new.now,
        new.expires_at,
        new.absolute_expires_at,
    )


async def evict_oldest(tx: Connection, user_id: str, now: datetime) -> list[str]:
    """Revoke what is over SESSIONS_MAX, oldest first, and return the ids. Call with the account locked."""
    rows = await tx.fetch(
        f"""UPDATE auth.sessions SET revoked_at = $2, revoke_reason = 'EVICTED' WHERE id IN (
               SELECT s.id FROM auth.sessions s WHERE s.user_id = $1 AND {_LIVE}
                ORDER BY s.created_at DESC, s.id DESC OFFSET $3) RETURNING id""",  # noqa: S608  # constant text
        user_id,
        now,
        SESSIONS_MAX,
    )
    return [str(row["id"]) for row in rows]


async def is_known_device(tx: Connection, user_id: str, user_agent: str | None) -> bool:
    """Say whether this account ever had a session with this user agent, or none at all yet."""
    row = await tx.fetchrow(
        """SELECT count(*) = 0 OR bool_or(user_agent IS NOT DISTINCT FROM $2) AS is_known
             FROM auth.sessions WHERE user_id = $1""",
        user_id,
        user_agent,
    )
    return row is None or bool(row["is_known"])


async def locked_by_family(tx: Connection, family_hash: bytes) -> Held | None:
    """Return the family a refresh token belongs to, held until commit."""
    row = await tx.fetchrow(
        f"""SELECT {_SESSION}, s.refresh_hash, s.previous_hash, s.replacement_enc, s.rotated_at, s.revoked_at,
                  u.status = 'ACTIVE' AS is_active_account
             FROM auth.sessions s JOIN auth.users u ON u.id = s.user_id
            WHERE s.family_hash = $1 FOR UPDATE OF s""",  # noqa: S608  # constant text
        family_hash,
    )
    if row is None:
        return None
    family = Family(
        refresh_hash=row["refresh_hash"],
        previous_hash=row["previous_hash"],
        rotated_at=row["rotated_at"],
        expires_at=row["expires_at"],
        absolute_expires_at=row["absolute_expires_at"],
        revoked_at=row["revoked_at"],
        is_active_account=row["is_active_account"],
    )
    return Held(session=_session(row), family=family, replacement_enc=row["replacement_enc"])


async def rotate(
    tx: Connection,
    *,
    session_id: str,
    spent_hash: bytes,
    fresh_hash: bytes,
    replacement_enc: str,
    now: datetime,
    expires_at: datetime,
) -> bool:
    """Replace the current token; False if it is no longer the current one."""
    tag = await tx.execute(
        """UPDATE auth.sessions SET refresh_hash = $3, previous_hash = $2, replacement_enc = $4, rotated_at = $5,
                  last_used_at = $5, expires_at = $6
            WHERE id = $1 AND refresh_hash = $2 AND revoked_at IS NULL""",
        session_id,
        spent_hash,
        fresh_hash,
        replacement_enc,
        now,
        expires_at,
    )
    return changed(tag) == 1


async def revoke(tx: Connection, *, session_id: str, user_id: str, reason: str, now: datetime) -> bool:
    """End one session of this user; False if there is no such live one."""
    tag = await tx.execute(
        """UPDATE auth.sessions SET revoked_at = $3, revoke_reason = $4, replacement_enc = NULL
            WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL""",
        session_id,
        user_id,
        now,
        reason,
    )
    return changed(tag) == 1


async def revoke_all(tx: Connection, *, user_id: str, reason: str, now: datetime, but: str | None = None) -> list[str]:
    """End all sessions of this user (but one, if named) and return their ids."""
    rows = await tx.fetch(
        """UPDATE auth.sessions SET revoked_at = $2, revoke_reason = $3, replacement_enc = NULL
            WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $4::uuid RETURNING id""",
        user_id,
        now,
        reason,
        but,
    )
    return [str(row["id"]) for row in rows]


async def live(connection: Connection, user_id: str, now: datetime) -> list[Session]:
    """Return this user's open sessions, most recently used first."""
    query = (
        f"SELECT {_SESSION} FROM auth.sessions s WHERE s.user_id = $1 AND {_LIVE} ORDER BY s.last_used_at DESC, s.id"  # noqa: S608  # constant text
    )
    return [_session(row) for row in await connection.fetch(query, user_id, now)]


async def live_one(connection: Connection, session_id: str, now: datetime) -> Session | None:
    """Return one open session."""
    query = f"SELECT {_SESSION} FROM auth.sessions s WHERE s.id = $1 AND {_LIVE}"  # noqa: S608  # constant text
    row = await connection.fetchrow(query, session_id, now)
    return None if row is None else _session(row)


async def confirm_mfa(tx: Connection, session_id: str, now: datetime) -> bool:
    """Mark that the second factor was shown in this session."""
    statement = "UPDATE auth.sessions SET mfa_at = $2 WHERE id = $1 AND revoked_at IS NULL"
    return changed(await tx.execute(statement, session_id, now)) == 1


def _session(row: Row) -> Session:
    return Session(
        id=str(row["id"]),
        user_id=str(row["user_id"]),
        user_agent=row["user_agent"],
        ip=None if row["ip"] is None else str(row["ip"]),
        is_mfa=row["mfa_at"] is not None,
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
        absolute_expires_at=row["absolute_expires_at"],
    )
