"""Keep which addresses belong to whom.

Between: routes.wallets, routes.internal.
Invariant: (address, chain) has one owner; a user with wallets has exactly one primary (call with the account locked).
"""

from dataclasses import dataclass
from datetime import datetime

from audifi.kernel.connection import Connection, Row, changed


@dataclass(frozen=True, kw_only=True)
class Wallet:
    """A linked address, lower-case."""

    address: str
    chain_id: int
    is_primary: bool
    label: str | None
    verified_at: datetime
    payout_enabled_at: datetime


_WALLET = "address, chain_id, is_primary, label, verified_at, payout_enabled_at"


async def of_user(connection: Connection, user_id: str) -> list[Wallet]:
    """Return a user's wallets: the primary first, then the oldest."""
    order = "ORDER BY is_primary DESC, verified_at, address, chain_id"
    query = f"SELECT {_WALLET} FROM auth.user_wallets WHERE user_id = $1 {order}"  # noqa: S608  # constant text
    return [_wallet(row) for row in await connection.fetch(query, user_id)]


async def owner(connection: Connection, address: str) -> str | None:
    """Return whose address this is on any chain; on several with different owners, the first to prove it."""
    found = await connection.fetchval(
        """SELECT w.user_id FROM auth.user_wallets w JOIN auth.users u ON u.id = w.user_id AND u.status <> 'DELETED'
            WHERE w.address = $1 ORDER BY w.verified_at LIMIT 1""",
        address,
    )
    return None if found is None else str(found)


async def link(
    tx: Connection,
    *,
    wallet_id: str,
    user_id: str,
    address: str,
    chain_id: int,
    label: str | None,
    now: datetime,
    payout_at: datetime,
) -> bool:
    """Link a proven wallet; the first becomes primary. False if anyone holds it."""
    tag = await tx.execute(
        """INSERT INTO auth.user_wallets
                  (id, user_id, address, chain_id, label, verified_at, payout_enabled_at, is_primary)
           VALUES ($1, $2, $3, $4, $5, $6, $7,
                   NOT EXISTS (SELECT 1 FROM auth.user_wallets WHERE user_id = $2 AND is_primary))
           ON CONFLICT (address, chain_id) DO NOTHING""",
        wallet_id,
        user_id,
        address,
        chain_id,
        label,
        now,
        payout_at,
    )
    return changed(tag) == 1


async def unlink(tx: Connection, *, user_id: str, address: str, chain_id: int) -> bool:
    """Forget a wallet and, if it was the primary, promote the oldest other."""
    statement = "DELETE FROM auth.user_wallets WHERE user_id = $1 AND address = $2 AND chain_id = $3"
    if changed(await tx.execute(statement, user_id, address, chain_id)) == 0:
        return False
    await tx.execute(
        """UPDATE auth.user_wallets SET is_primary = true WHERE id = (
               SELECT id FROM auth.user_wallets WHERE user_id = $1 ORDER BY verified_at, id LIMIT 1)
              AND NOT EXISTS (SELECT 1 FROM auth.user_wallets WHERE user_id = $1 AND is_primary)""",
        user_id,
    )
    return True


async def make_primary(tx: Connection, *, user_id: str, address: str, chain_id: int) -> bool:
    """Make one linked wallet the primary; False if it is not linked."""
    query = "SELECT id FROM auth.user_wallets WHERE user_id = $1 AND address = $2 AND chain_id = $3"
    wallet_id = await tx.fetchval(query, user_id, address, chain_id)
    if wallet_id is None:
        return False
    # Two statements: a unique partial index is checked row by row, so the old primary must step down first.
    await tx.execute("UPDATE auth.user_wallets SET is_primary = false WHERE user_id = $1 AND is_primary", user_id)
    await tx.execute("UPDATE auth.user_wallets SET is_primary = true WHERE id = $1", wallet_id)
    return True


async def remove_all(tx: Connection, user_id: str) -> list[tuple[str, int]]:
    """Forget every wallet of a user and return them."""
    rows = await tx.fetch("DELETE FROM auth.user_wallets WHERE user_id = $1 RETURNING address, chain_id", user_id)
    return [(row["address"], row["chain_id"]) for row in rows]


def _wallet(row: Row) -> Wallet:
    return Wallet(
        address=row["address"],
        chain_id=row["chain_id"],
        is_primary=row["is_primary"],
        label=row["label"],
        verified_at=row["verified_at"],
        payout_enabled_at=row["payout_enabled_at"],
    )
