"""Count who holds how many shares of what.

Between: recording (moves shares), routes (holders), recount (all anew from events).
Why sums: a sale may be told before the mint it follows; what comes in minus what goes out is right in any order.
Invariant: a row without shares does not exist, so that counting anew gives the same rows.
"""

from typing import Final
from uuid import UUID

from audifi.kernel.connection import Connection, Row
from audifi.services.analytics.store.documents import whole

_COUNT: Final = """
INSERT INTO analytics.counted_facts (fact, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING fact
"""
# A row that would have none goes, because the table knows only rows that have some: first the deletion, then the rest.
_EMPTY: Final = "DELETE FROM analytics.holdings WHERE master_id = $1 AND wallet = $2 AND shares = -$3::int"
_ADD: Final = """
INSERT INTO analytics.holdings (master_id, wallet, artist_id, shares) VALUES ($1, $2, $3, $4)
ON CONFLICT (master_id, wallet) DO UPDATE SET shares = holdings.shares + excluded.shares
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext($1::text), hashtext($2::text))"
_RECOUNT: Final = """
INSERT INTO analytics.holdings (master_id, wallet, artist_id, shares)
SELECT master_id, wallet, artist_id, sum(shares) FROM (
    SELECT master_id, artist_id, lower(properties->>'wallet') AS wallet, 1 AS shares
      FROM analytics.analytics_events WHERE type = 'share.minted'
    UNION ALL
    SELECT master_id, artist_id, side.wallet, side.shares FROM (
        SELECT DISTINCT master_id, artist_id, properties->>'tokenId' AS token, lower(properties->>'txHash') AS tx,
               lower(coalesce(properties->>'fromWallet', properties->>'sellerWallet')) AS giver,
               lower(coalesce(properties->>'toWallet', properties->>'buyerWallet')) AS taker
          FROM analytics.analytics_events WHERE type IN ('share.transferred', 'share.sold')) AS moved
      CROSS JOIN LATERAL (VALUES (giver, -1), (taker, 1)) AS side (wallet, shares)
     WHERE giver <> taker AND giver <> $1) AS counted
 GROUP BY master_id, wallet, artist_id HAVING sum(shares) <> 0
"""
_PAGE: Final = """
SELECT wallet, shares FROM analytics.holdings WHERE master_id = $1 AND shares > 0
 ORDER BY shares DESC, wallet LIMIT $2 OFFSET $3
"""


async def count_once(tx: Connection, fact: str, event_id: UUID) -> bool:
    """Return whether this move was not counted before."""
    return await tx.fetchval(_COUNT, fact, event_id) is not None


async def add(tx: Connection, *, master_id: UUID, artist_id: UUID, changes: dict[str, int]) -> None:
    """Add to (or take from) wallets: one move at a time for each; in order, so that no two wait for each other."""
    for wallet, shares in sorted(changes.items()):
        await tx.execute(_LOCK, str(master_id), wallet)
        if not (await tx.execute(_EMPTY, master_id, wallet, shares)).endswith(" 1"):
            await tx.execute(_ADD, master_id, wallet, artist_id, shares)


async def recount(tx: Connection, nobody: str) -> None:
    """Count all holdings anew from events; moves that come meanwhile wait."""
    await tx.execute("LOCK TABLE analytics.holdings IN SHARE ROW EXCLUSIVE MODE")
    await tx.execute("DELETE FROM analytics.holdings")
    await tx.execute(_RECOUNT, nobody)


async def holders_of_master(connection: Connection, master_id: UUID) -> int:
    """Return how many wallets hold shares of a master."""
    sql = "SELECT count(*) FROM analytics.holdings WHERE master_id = $1 AND shares > 0"
    return whole(await connection.fetchval(sql, master_id))


async def holders_of_artist(connection: Connection, artist_id: UUID) -> int:
    """Return how many wallets hold shares of any master of an artist."""
    sql = "SELECT count(DISTINCT wallet) FROM analytics.holdings WHERE artist_id = $1 AND shares > 0"
    return whole(await connection.fetchval(sql, artist_id))


async def page(connection: Connection, master_id: UUID, *, limit: int, offset: int) -> list[Row]:
    """Return wallets and their shares, the largest first."""
    return await connection.fetch(_PAGE, master_id, limit, offset)
