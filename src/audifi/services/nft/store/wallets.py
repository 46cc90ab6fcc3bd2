"""Keep whose wallet it is, as auth-service told us, so that a share knows its owner's account.

Between: consumers (wallet.linked, wallet.unlinked), routes (what they learn when they ask), sagas (look owners up).
Shape: one row per wallet and chain; the same wallet linked on several chains belongs to whoever the chain in question
says, else to the first.
Invariant: a row changes only by something newer than itself: a late event is seen to be late.
"""

from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection, changed

# The account behind a wallet ($1) on a chain ($2), as a subquery of statements that write shares.
OWNER: Final = """(SELECT user_id FROM nft.wallet_owners WHERE wallet = $1 AND user_id IS NOT NULL
                    ORDER BY chain_id = $2 DESC, changed_at, chain_id LIMIT 1)"""
_REMEMBER: Final = """
INSERT INTO nft.wallet_owners AS old (wallet, chain_id, user_id, changed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (wallet, chain_id) DO UPDATE SET user_id = excluded.user_id, changed_at = excluded.changed_at
 WHERE old.changed_at < excluded.changed_at AND old.user_id IS DISTINCT FROM excluded.user_id
"""
_FOLLOW: Final = """
UPDATE nft.shares s SET owner_user_id = found.user_id
  FROM (SELECT chain_id, (SELECT o.user_id FROM nft.wallet_owners o
                           WHERE o.wallet = $1 AND o.user_id IS NOT NULL
                           ORDER BY o.chain_id = chains.chain_id DESC, o.changed_at, o.chain_id LIMIT 1) AS user_id
          FROM (SELECT DISTINCT chain_id FROM nft.shares WHERE owner_wallet = $1) chains) found
 WHERE s.owner_wallet = $1 AND s.chain_id = found.chain_id AND s.owner_user_id IS DISTINCT FROM found.user_id
"""


async def remember(tx: Connection, wallet: str, chain_id: int, user_id: str | None, at: datetime) -> None:
    """Write down whose wallet it is (nobody's: None) since then, and let its shares follow."""
    if changed(await tx.execute(_REMEMBER, wallet, chain_id, user_id, at)):
        await tx.execute(_FOLLOW, wallet)


async def owner(connection: Connection, wallet: str, chain_id: int) -> str | None:
    """Return the account behind a wallet."""
    found = await connection.fetchval(f"SELECT {OWNER}", wallet, chain_id)
    return None if found is None else str(found)
