"""Keep the keys that sign access tokens, and who signs when.

Between: keyring (loads, creates), routes.keys (rotates).
Invariant: at most one key is current at any time; every key is published from creation until `expires_at`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.auth.store.documents import from_json, to_json


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key pair; the private half is encrypted."""

    kid: str
    public_jwk: dict[str, Any]
    private_enc: str
    created_at: datetime
    activates_at: datetime
    retires_at: datetime | None
    expires_at: datetime | None


async def lock(tx: Connection) -> None:
    """Hold the set of keys until commit: of many pods starting at once, one creates the first key."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('auth.signing_keys', 0))")


async def published(connection: Connection, now: datetime) -> list[SigningKey]:
    """Return the keys a verifier must know, newest first."""
    rows = await connection.fetch(
        """SELECT kid, public_jwk, private_enc, created_at, activates_at, retires_at, expires_at FROM auth.signing_keys
            WHERE expires_at IS NULL OR expires_at > $1 ORDER BY activates_at DESC, kid""",
        now,
    )
    return [_key(row) for row in rows]


async def insert(tx: Connection, key: SigningKey) -> None:
    """Add a key."""
    await tx.execute(
        """INSERT INTO auth.signing_keys (kid, public_jwk, private_enc, created_at, activates_at)
           VALUES ($1, $2, $3, $4, $5)""",
        key.kid,
        to_json(key.public_jwk),
        key.private_enc,
        key.created_at,
        key.activates_at,
    )


async def retire_others(tx: Connection, *, kid: str, retires_at: datetime, expires_at: datetime) -> int:
    """Let every key but this one stop signing then and vanish later."""
    tag = await tx.execute(
        "UPDATE auth.signing_keys SET retires_at = $2, expires_at = $3 WHERE kid <> $1 AND retires_at IS NULL",
        kid,
        retires_at,
        expires_at,
    )
    return changed(tag)


async def purge(tx: Connection, now: datetime) -> int:
    """Forget keys no verifier needs."""
    return changed(await tx.execute("DELETE FROM auth.signing_keys WHERE expires_at <= $1", now))


def _key(row: Row) -> SigningKey:
    return SigningKey(
        kid=row["kid"],
        public_jwk=from_json(row["public_jwk"]),
        private_enc=row["private_enc"],
        created_at=row["created_at"],
        activates_at=row["activates_at"],
        retires_at=row["retires_at"],
        expires_at=row["expires_at"],
    )
