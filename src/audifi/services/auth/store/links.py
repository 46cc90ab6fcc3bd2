"""Keep the tokens that work once: sign-in links, second-factor challenges, wallet cancellations.

Between: routes.login, routes.mfa, routes.wallets, housekeeping (purge).
Shape: keyed by SHA-256 of a 256-bit token, so a lookup by hash leaks nothing worth timing.
Invariant: consuming is one conditional UPDATE: of any number of concurrent callers exactly one gets the row.
"""

from dataclasses import dataclass
from datetime import datetime

from audifi.kernel.connection import Connection, changed
from audifi.kernel.database import Database


@dataclass(frozen=True)
class Link:
    """What a consumed sign-in link proves: someone reads this mailbox."""

    email: str
    redirect_path: str | None
    ip: str | None


@dataclass(frozen=True)
class Seen:
    """A link as it stands: good, unknown, used or expired; `email` unless unknown."""

    state: str
    email: str | None = None


@dataclass(frozen=True)
class Cancellation:
    """Which wallet a notice mail may take back."""

    user_id: str
    address: str
    chain_id: int


async def insert_link(
    tx: Connection,
    *,
    token_hash: bytes,
    email: str,
    redirect_path: str | None,
    expires_at: datetime,
    ip: str | None,
    user_agent: str | None,
) -> None:
    """Remember a link that is about to be mailed."""
    await tx.execute(
        """INSERT INTO auth.magic_link_tokens (token_hash, email, redirect_path, expires_at, ip, user_agent)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        token_hash,
        email,
        redirect_path,
        expires_at,
        ip,
        user_agent,
    )


async def consume_link(tx: Connection, token_hash: bytes, now: datetime) -> Link | None:
    """Spend a link; nothing if it is unknown, spent or expired."""
    row = await tx.fetchrow(
        """UPDATE auth.magic_link_tokens SET used_at = $2
            WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING email, redirect_path, ip""",
        token_hash,
        now,
    )
    return None if row is None else Link(row["email"], row["redirect_path"], _text(row["ip"]))


async def seen(database: Database, token_hash: bytes, now: datetime) -> Seen:
    """Look at a link: for the log, for its owner and to save work. The caller of the service is not told."""
    query = "SELECT email, used_at, expires_at FROM auth.magic_link_tokens WHERE token_hash = $1"
    row = await database.row(query, token_hash, primary=True)
    if row is None:
        return Seen("unknown")
    if row["used_at"] is not None:
        return Seen("used", row["email"])
    return Seen("good" if row["expires_at"] > now else "expired", row["email"])


async def insert_challenge(tx: Connection, *, token_hash: bytes, user_id: str, expires_at: datetime) -> None:
    """Remember that a mailbox was proven and a second factor is awaited."""
    await tx.execute(
        "INSERT INTO auth.mfa_challenges (token_hash, user_id, expires_at) VALUES ($1, $2, $3)",
        token_hash,
        user_id,
        expires_at,
    )


async def challenged_user(tx: Connection, token_hash: bytes, now: datetime) -> str | None:
    """Return whose second factor is awaited, without spending the challenge: a typo is not the end."""
    query = "SELECT user_id FROM auth.mfa_challenges WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2"
    user_id = await tx.fetchval(query, token_hash, now)
    return None if user_id is None else str(user_id)


async def consume_challenge(tx: Connection, token_hash: bytes, now: datetime) -> bool:
    """Spend a challenge; False if someone else just did."""
    tag = await tx.execute(
        "UPDATE auth.mfa_challenges SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        token_hash,
        now,
    )
    return changed(tag) == 1


async def insert_cancellation(
    tx: Connection, token_hash: bytes, cancellation: Cancellation, expires_at: datetime
) -> None:
    """Remember the cancel link of a notice mail."""
    await tx.execute(
        """INSERT INTO auth.wallet_cancellations (token_hash, user_id, address, chain_id, expires_at)
           VALUES ($1, $2, $3, $4, $5)""",
        token_hash,
        cancellation.user_id,
        cancellation.address,
        cancellation.chain_id,
        expires_at,
    )


async def consume_cancellation(tx: Connection, token_hash: bytes, now: datetime) -> Cancellation | None:
    """Spend a cancel link."""
    row = await tx.fetchrow(
        """UPDATE auth.wallet_cancellations SET used_at = $2
            WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING user_id, address, chain_id""",
        token_hash,
        now,
    )
    return None if row is None else Cancellation(str(row["user_id"]), row["address"], row["chain_id"])


def _text(address: object) -> str | None:
    return None if address is None else str(address)
