"""Say who owned which share of a master at the end of a block, and keep it.

Between: sagas.dividend and reconciliation; `nft.share_transfers` (every move that is in the chain now) and
`nft.ownership_snapshots`.
How: the newest move of each share up to that block. It is read from the mirror, so it is right only for blocks that
the mirror has, and final only for blocks that are; the caller sees to both.
Shape: shares are copied TOKENS_AT_ONCE at a time, inside the database: a master has up to 1,000,000.
Invariant: a snapshot of a final block is the same whenever it is taken, and by whomever.
Errors: none of its own.
Source: domain.md 2.2 "Dividend rule": owners of all minted shares (reserve included) at a finalised block.
"""

from typing import Final

from audifi.kernel.connection import Connection

TOKENS_AT_ONCE: Final = 100_000
# The index share_transfers_of_share has this order: one pass over it, no sort.
_OWNERS: Final = """
SELECT DISTINCT ON (token_id) token_id, to_wallet FROM nft.share_transfers
 WHERE master_id = $1 AND token_id > $3 AND token_id <= $4 AND block_number <= $2
 ORDER BY token_id, block_number DESC, log_index DESC
"""
_KEEP: Final = f"""
INSERT INTO nft.ownership_snapshots (master_id, block, token_id, owner_wallet, reason)
SELECT $1, $2, token_id, to_wallet, $5 FROM ({_OWNERS}) AS owners ON CONFLICT DO NOTHING
"""  # noqa: S608  # our own text


async def take(tx: Connection, master_id: str, block: int, reason: str) -> None:
    """Keep who owned what at the end of a block; again changes nothing."""
    last = await tx.fetchval(
        "SELECT coalesce(max(token_id), 0) FROM nft.share_transfers WHERE master_id = $1", master_id
    )
    for first in range(0, int(last), TOKENS_AT_ONCE):
        await tx.execute(_KEEP, master_id, block, first, first + TOKENS_AT_ONCE, reason)


async def shares_of(connection: Connection, master_id: str, block: int) -> dict[str, int]:
    """Return wallet → number of shares, of a snapshot that was kept."""
    # Two arrays in one row: a hundred thousand rows take the driver ten times as long.
    row = await connection.fetchrow(
        """SELECT coalesce(array_agg(owner_wallet), '{}') AS wallets, coalesce(array_agg(shares), '{}') AS shares
             FROM (SELECT owner_wallet, count(*) AS shares FROM nft.ownership_snapshots
                    WHERE master_id = $1 AND block = $2 GROUP BY owner_wallet) AS held""",
        master_id,
        block,
    )
    assert row is not None, "an aggregate returns one row"
    return dict(zip(row["wallets"], row["shares"], strict=True))


async def owners(connection: Connection, master_id: str, block: int, *, first: int, last: int) -> dict[int, str]:
    """Return token → owner at the end of a block, for ids above `first` up to `last`."""
    rows = await connection.fetch(_OWNERS, master_id, block, first, last)
    return {row["token_id"]: row["to_wallet"] for row in rows}
