"""Keep second factors, their backup codes and the record of wrong guesses.

Between: routes.mfa.
Invariant: a time step is accepted by a conditional UPDATE that moves `last_used_step` forward; a backup code by one
that stamps `used_at`; so each counts once whatever races.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from audifi.kernel.connection import Connection, changed


@dataclass(frozen=True)
class Method:
    """An enrolled or half-enrolled authenticator."""

    secret_enc: str
    is_active: bool
    last_used_step: int


async def method(tx: Connection, user_id: str) -> Method | None:
    """Return the user's TOTP method."""
    row = await tx.fetchrow(
        "SELECT secret_enc, is_active, last_used_step FROM auth.mfa_methods WHERE user_id = $1 AND type = 'TOTP'",
        user_id,
    )
    return None if row is None else Method(row["secret_enc"], row["is_active"], row["last_used_step"])


async def replace_pending(tx: Connection, *, method_id: str, user_id: str, secret_enc: str, now: datetime) -> bool:
    """Begin (or begin again) enrolment; False if a factor is active already."""
    tag = await tx.execute(
        """INSERT INTO auth.mfa_methods AS held (id, user_id, type, secret_enc, created_at)
           VALUES ($1, $2, 'TOTP', $3, $4)
           ON CONFLICT (user_id, type) DO UPDATE SET secret_enc = excluded.secret_enc, created_at = excluded.created_at,
                 last_used_step = 0
            WHERE NOT held.is_active""",
        method_id,
        user_id,
        secret_enc,
        now,
    )
    return changed(tag) == 1


async def replace_backup_codes(tx: Connection, user_id: str, hashes: Sequence[bytes]) -> None:
    """Forget the old backup codes and keep these."""
    await tx.execute("DELETE FROM auth.backup_codes WHERE user_id = $1", user_id)
    await tx.execute(
        "INSERT INTO auth.backup_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])", user_id, list(hashes)
    )


async def accept_step(tx: Connection, user_id: str, step: int) -> bool:
    """Spend a time step; False if it, or a later one, was spent before."""
    statement = (
        "UPDATE auth.mfa_methods SET last_used_step = $2 WHERE user_id = $1 AND type = 'TOTP' AND last_used_step < $2"
    )
    return changed(await tx.execute(statement, user_id, step)) == 1


async def activate(tx: Connection, user_id: str, now: datetime) -> bool:
    """Turn a half-enrolled factor into an active one; False if it is active already."""
    statement = """UPDATE auth.mfa_methods SET is_active = true, verified_at = $2
                    WHERE user_id = $1 AND type = 'TOTP' AND NOT is_active"""
    return changed(await tx.execute(statement, user_id, now)) == 1


async def use_backup_code(tx: Connection, user_id: str, code_hash: bytes, now: datetime) -> bool:
    """Spend a backup code."""
    statement = "UPDATE auth.backup_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL"
    return changed(await tx.execute(statement, user_id, code_hash, now)) == 1


async def remove(tx: Connection, user_id: str) -> bool:
    """Forget the factor and its backup codes; False if there was none active."""
    await tx.execute("DELETE FROM auth.backup_codes WHERE user_id = $1", user_id)
    return changed(await tx.execute("DELETE FROM auth.mfa_methods WHERE user_id = $1 AND is_active", user_id)) == 1


async def record_attempt(
    tx: Connection, *, attempt_id: str, user_id: str, is_success: bool, ip: str | None, now: datetime
) -> None:
    """Remember a guess."""
    await tx.execute(
        "INSERT INTO auth.login_attempts (id, user_id, kind, is_success, ip, at) VALUES ($1, $2, 'MFA', $3, $4, $5)",
        attempt_id,
        user_id,
        is_success,
        ip,
        now,
    )


async def failures(tx: Connection, user_id: str, since: datetime) -> list[datetime]:
    """Return when wrong codes were entered since then and since the last right one."""
    rows = await tx.fetch(
        """SELECT a.at FROM auth.login_attempts a
            WHERE a.user_id = $1 AND a.kind = 'MFA' AND NOT a.is_success AND a.at > $2
              AND a.at > coalesce((SELECT max(b.at) FROM auth.login_attempts b
                                    WHERE b.user_id = $1 AND b.kind = 'MFA' AND b.is_success), '-infinity')
            ORDER BY a.at""",
        user_id,
        since,
    )
    return [row["at"] for row in rows]
