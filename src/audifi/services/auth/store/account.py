"""Give people their data, take it away when they ask, and forget what has served its time.

Between: routes.account, housekeeping.
Invariant: erasure keeps ids, audit and security rows (domain.md 2.1) and removes what names a person.
Units: days in the constants.
Source: domain.md 9.31 (30 days, then anonymise), 6.6 and 4 "Privacy" (links 24 h, IPs 30 days, security 1 year).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from audifi.kernel.connection import Connection, changed
from audifi.services.auth.store.documents import from_json

ANONYMISE_AFTER_DAYS: Final = 30
IP_DAYS: Final = 30
SECURITY_DAYS: Final = 365
TOKEN_HOURS: Final = 24
MAIL_DAYS: Final = 30
BATCH: Final = 500


@dataclass(frozen=True)
class Swept:
    """How much one round of housekeeping removed."""

    rows: int
    anonymised: int


async def export(connection: Connection, user_id: str) -> dict[str, Any]:
    """Return everything kept about a person, table by table; secrets and hashes are not about them and stay out."""
    data: dict[str, Any] = {}
    for name, query in _EXPORT.items():
        rows = f"SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM ({query}) t"  # noqa: S608  # constant text
        data[name] = from_json(await connection.fetchval(rows, user_id))
    return data


_EXPORT: Final = {
    "account": """SELECT id, email, display_name, avatar_url, bio, social_links, music_platforms, status, plan,
                         mfa_enabled, created_at, last_login_at FROM auth.users WHERE id = $1""",
    "roles": "SELECT role, assigned_at, expires_at FROM auth.user_roles WHERE user_id = $1 ORDER BY role",
    "secondFactor": """SELECT type, is_active, created_at, verified_at FROM auth.mfa_methods WHERE user_id = $1""",
    "artist": """SELECT artist_name, slug, bio, short_bio, genre, location, image_url, banner_url, social_links,
                        music_platforms, created_at FROM auth.artists WHERE user_id = $1""",
    "producer": "SELECT producer_name, slug, specialty, bio, created_at FROM auth.producers WHERE user_id = $1",
    "wallets": """SELECT address, chain_id, is_primary, label, verified_at, payout_enabled_at FROM auth.user_wallets
                   WHERE user_id = $1 ORDER BY verified_at""",
    "sessions": """SELECT id, user_agent, ip, created_at, last_used_at, expires_at, revoked_at, revoke_reason
                     FROM auth.sessions WHERE user_id = $1 ORDER BY created_at""",
    "signInLinks": """SELECT l.created_at, l.expires_at, l.used_at, l.ip, l.user_agent
                        FROM auth.magic_link_tokens l JOIN auth.users u ON u.email = l.email
                       WHERE u.id = $1 ORDER BY l.created_at""",
    "codeAttempts": "SELECT kind, is_success, ip, at FROM auth.login_attempts WHERE user_id = $1 ORDER BY at",
    "consents": """SELECT policy_type, policy_version, action, flow, resource_id, at, ip, user_agent
                     FROM auth.policy_consents WHERE user_id = $1 ORDER BY at""",
    "follows": "SELECT artist_id, created_at FROM auth.artist_follows WHERE follower_id = $1 ORDER BY created_at",
    "securityEvents": """SELECT name, at, ip, user_agent FROM auth.security_events WHERE user_id = $1
                          ORDER BY at DESC LIMIT 1000""",
    # What was done to the account, by whomever, with its values; what its owner did elsewhere, without: an
    # administrator's deeds are about other people.
    "auditLog": """SELECT at, action, category, changed_fields,
                          CASE WHEN target_id = $1::uuid::text THEN before END AS before,
                          CASE WHEN target_id = $1::uuid::text THEN after END AS after,
                          CASE WHEN actor_id = $1::uuid THEN network END AS network,
                          CASE WHEN actor_id = $1::uuid THEN user_agent END AS user_agent
                     FROM auth.audit_logs
                    WHERE actor_id = $1::uuid OR (target_type = 'user' AND target_id = $1::uuid::text)
                    ORDER BY seq""",
}


async def soft_delete(tx: Connection, user_id: str, now: datetime) -> bool:
    """Close an account; False if it is closed already."""
    tag = await tx.execute(
        """UPDATE auth.users SET status = 'DELETED', deleted_at = $2, updated_at = $2, mfa_enabled = false
            WHERE id = $1 AND status <> 'DELETED'""",
        user_id,
        now,
    )
    return changed(tag) == 1


async def anonymise_due(tx: Connection, now: datetime) -> list[str]:
    """Remove what names a person from accounts closed long enough ago, and return their ids."""
    due = """SELECT id FROM auth.users WHERE status = 'DELETED' AND anonymised_at IS NULL AND deleted_at <= $2
              LIMIT $3 FOR UPDATE SKIP LOCKED"""
    rows = await tx.fetch(
        f"{_ANONYMISE} WHERE id IN ({due}) RETURNING id", now, now - timedelta(days=ANONYMISE_AFTER_DAYS), BATCH
    )
    return await _erased(tx, [row["id"] for row in rows])


async def release_address(tx: Connection, email: str, now: datetime) -> list[str]:
    """Anonymise the closed account that holds an address at once: its owner begins anew. Idempotent."""
    rows = await tx.fetch(f"{_ANONYMISE} WHERE email = $2 AND status = 'DELETED' RETURNING id", now, email)
    return await _erased(tx, [row["id"] for row in rows])


async def _erased(tx: Connection, gone: list[Any]) -> list[str]:
    if gone:
        for statement in _ERASE:
            await tx.execute(statement, gone)
    return [str(user_id) for user_id in gone]


_ANONYMISE: Final = """
    UPDATE auth.users SET email = 'deleted-' || id || '@invalid', display_name = 'Deleted user', avatar_url = NULL,
           bio = NULL, social_links = '{}', music_platforms = '{}', anonymised_at = $1
"""
_ERASE: Final = (
    """UPDATE auth.artists SET artist_name = 'Deleted artist', slug = 'deleted-' || user_id, bio = NULL,
              short_bio = NULL, location = NULL, image_url = NULL, banner_url = NULL, social_links = '{}',
              music_platforms = '{}'
        WHERE user_id = ANY($1::uuid[])""",
    """UPDATE auth.producers SET producer_name = 'Deleted producer', slug = 'deleted-' || user_id, bio = NULL,
              specialty = NULL WHERE user_id = ANY($1::uuid[])""",
    "DELETE FROM auth.artist_follows WHERE follower_id = ANY($1::uuid[])",
    "DELETE FROM auth.sessions WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM auth.mfa_methods WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM auth.backup_codes WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM auth.login_attempts WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM auth.wallet_cancellations WHERE user_id = ANY($1::uuid[])",
    "UPDATE auth.policy_consents SET ip = NULL, user_agent = NULL WHERE user_id = ANY($1::uuid[])",
    "UPDATE auth.security_events SET ip = NULL, user_agent = NULL WHERE user_id = ANY($1::uuid[])",
)


async def sweep(tx: Connection, now: datetime) -> int:
    """Remove rows past their retention and blur old addresses. Idempotent; any pod may run it at any time."""
    rows = 0
    for statement, age in _SWEEPS:
        rows += changed(await tx.execute(statement, now - age))
    return rows


_SWEEPS: Final = (
    ("DELETE FROM auth.magic_link_tokens WHERE expires_at <= $1", timedelta(hours=TOKEN_HOURS)),
    ("DELETE FROM auth.mfa_challenges WHERE expires_at <= $1", timedelta(hours=TOKEN_HOURS)),
    ("DELETE FROM auth.wallet_cancellations WHERE expires_at <= $1", timedelta(hours=TOKEN_HOURS)),
    ("DELETE FROM auth.login_attempts WHERE at <= $1", timedelta(days=IP_DAYS)),
    ("DELETE FROM auth.mails WHERE coalesce(sent_at, failed_at) <= $1", timedelta(days=MAIL_DAYS)),
    ("DELETE FROM auth.sessions WHERE absolute_expires_at <= $1", timedelta(days=IP_DAYS)),
    ("DELETE FROM auth.security_events WHERE at <= $1", timedelta(days=SECURITY_DAYS)),
    (
        """UPDATE auth.security_events SET ip_hash = sha256(convert_to(host(ip), 'UTF8')), ip = NULL
            WHERE at <= $1 AND ip IS NOT NULL""",
        timedelta(days=IP_DAYS),
    ),
    ("UPDATE auth.policy_consents SET ip = NULL WHERE at <= $1 AND ip IS NOT NULL", timedelta(days=IP_DAYS)),
)
