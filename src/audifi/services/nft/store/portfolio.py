"""Read what somebody owns: shares over all of their wallets, what they paid, what such shares last went for.

Between: routes.holdings, routes.portfolio; `nft.shares`, `nft.share_transfers`, `nft.wallet_owners`.
Shape: a wallet is somebody's whatever chain it was linked on: one key, one address. Cost is the price at which the
share came to its present owner: of the mint, or of a sale on our marketplace; given away, it cost nothing.
Units: wei.
Invariant: reads only.
Errors: none of its own.
Source: domain.md 2.2 (GET /user/holdings, GET /portfolio).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection, Row


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One share."""

    master_id: str
    master_title: str
    artist_id: str
    cover_cid: str | None
    token_id: int
    chain_id: int
    currency: str
    wallet: str
    tier: int
    royalty_bps: int
    cost_wei: int
    last_price_wei: int
    minted_at: datetime


@dataclass(frozen=True, kw_only=True)
class MasterHolding:
    """All shares of one master, together."""

    master_id: str
    master_title: str
    currency: str
    shares: int
    best_tier: int
    cost_wei: int
    last_price_wei: int


# The newest move of a share to its owner; the mint's price is on the share itself.
_COST: Final = """coalesce((SELECT CASE t.type WHEN 'MINT' THEN s.mint_price_wei ELSE coalesce(t.price_wei, 0) END
                              FROM nft.share_transfers t
                             WHERE t.master_id = s.master_id AND t.token_id = s.token_id
                             ORDER BY t.block_number DESC, t.log_index DESC LIMIT 1), s.mint_price_wei)"""
# What a share of the master was last sold for by an owner; before the first resale, the offer's price.
_LAST: Final = """coalesce((SELECT l.price_wei FROM nft.listings l
                             WHERE l.master_id = {master} AND l.status = 'SOLD'
                             ORDER BY l.ended_at DESC LIMIT 1), i.price_wei)"""
_LAST_OF_SHARE: Final = _LAST.format(master="s.master_id")
_LAST_OF_MASTER: Final = _LAST.format(master="held.master_id")


async def wallets(connection: Connection, user_id: str) -> list[str]:
    """Return the addresses somebody linked, in ascending order."""
    rows = await connection.fetch(
        "SELECT DISTINCT wallet FROM nft.wallet_owners WHERE user_id = $1 ORDER BY wallet", user_id
    )
    return [row["wallet"] for row in rows]


async def shares(
    connection: Connection, owned_by: Sequence[str], *, master_id: str | None, limit: int, offset: int
) -> tuple[list[Holding], int]:
    """Return a page of shares, by master and number, and how many there are."""
    where = "s.owner_wallet = ANY($1::text[]) AND ($2::uuid IS NULL OR s.master_id = $2)"
    rows = await connection.fetch(
        f"""SELECT s.master_id, m.title, m.artist_id, m.cover_cid, s.token_id, s.chain_id, i.currency, s.owner_wallet,
                   s.tier, s.royalty_bps, s.minted_at, {_COST} AS cost_wei, {_LAST_OF_SHARE} AS last_price_wei
              FROM nft.shares s JOIN nft.masters m ON m.id = s.master_id JOIN nft.ipos i ON i.master_id = s.master_id
             WHERE {where} ORDER BY s.master_id, s.token_id LIMIT $3 OFFSET $4""",  # noqa: S608  # our own text
        list(owned_by),
        master_id,
        limit,
        offset,
    )
    counted = f"SELECT count(*) FROM nft.shares s WHERE {where}"  # noqa: S608  # our own text
    return [_holding(row) for row in rows], int(await connection.fetchval(counted, list(owned_by), master_id))


async def masters(connection: Connection, owned_by: Sequence[str], *, limit: int) -> list[MasterHolding]:
    """Return what is owned of each master, the most shares first."""
    rows = await connection.fetch(
        f"""SELECT held.*, m.title, i.currency, {_LAST_OF_MASTER} AS last_price_wei
              FROM (SELECT s.master_id, count(*) AS shares, min(s.tier) AS best_tier, sum({_COST}) AS cost_wei
                      FROM nft.shares s WHERE s.owner_wallet = ANY($1::text[])
                     GROUP BY s.master_id ORDER BY count(*) DESC, s.master_id LIMIT $2) AS held
              JOIN nft.masters m ON m.id = held.master_id JOIN nft.ipos i ON i.master_id = held.master_id
             ORDER BY held.shares DESC, held.master_id""",  # noqa: S608  # our own text
        list(owned_by),
        limit,
    )
    return [
        MasterHolding(
            master_id=str(row["master_id"]),
            master_title=row["title"],
            currency=row["currency"],
            shares=row["shares"],
            best_tier=row["best_tier"],
            cost_wei=int(row["cost_wei"]),
            last_price_wei=int(row["last_price_wei"]),
        )
        for row in rows
    ]


def _holding(row: Row) -> Holding:
    return Holding(
        master_id=str(row["master_id"]),
        master_title=row["title"],
        artist_id=str(row["artist_id"]),
        cover_cid=row["cover_cid"],
        token_id=row["token_id"],
        chain_id=row["chain_id"],
        currency=row["currency"],
        wallet=row["owner_wallet"],
        tier=row["tier"],
        royalty_bps=row["royalty_bps"],
        cost_wei=int(row["cost_wei"]),
        last_price_wei=int(row["last_price_wei"]),
        minted_at=row["minted_at"],
    )
