"""Keep who owns which share, as the chain tells.

Between: sagas.minting and .reselling (write), routes.shares, .listings and .purchases_internal (read).
Units: wei.
Invariant: a share is written once, by its Minted log; its tier and royalty never change; its owner changes only by what
the chain told.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from audifi.clients.chain.contracts.events import Minted
from audifi.clients.chain.mirroring.mirror import Fact
from audifi.kernel.connection import Connection, Row, changed
from audifi.services.nft.rules import money
from audifi.services.nft.store.wallets import OWNER

TOKENS_MAX: Final = 1000  # ids in one answer about ownership
_MASTER: Final = "SELECT master_id FROM nft.contracts WHERE chain_id = $1 AND address = $2 AND kind = 'MASTER'"
_MASTER_AND_ARTIST: Final = f"SELECT id, artist_id FROM nft.masters WHERE id = ({_MASTER})"  # noqa: S608  # our own subquery
_MINT: Final = f"""
WITH place AS (
    SELECT c.master_id, m.artist_id, {OWNER} AS user_id
      FROM nft.contracts c JOIN nft.masters m ON m.id = c.master_id
     WHERE c.chain_id = $2 AND c.address = $3 AND c.kind = 'MASTER'
), minted AS (
    INSERT INTO nft.shares (master_id, token_id, chain_id, owner_wallet, owner_user_id, tier, royalty_bps,
           original_minter, mint_price_wei, mint_tx, mint_log, minted_at)
    SELECT master_id, $4, $2, $1, user_id, $5, $6, $1, $7, $8, $9, $10 FROM place
), moved AS (
    INSERT INTO nft.share_transfers (chain_id, tx_hash, log_index, block_number, master_id, token_id, type, to_wallet,
           price_wei, seen_at)
    SELECT $2, $8, $9, $11, master_id, $4, 'MINT', $1, $7, $10 FROM place
)
SELECT master_id, artist_id, user_id FROM place
"""  # noqa: S608  # our own subquery
_BATCH: Final = """
SELECT token_id, mint_log, original_minter, owner_user_id FROM nft.shares
 WHERE master_id = $1 AND mint_tx = $2 AND mint_log < $3 AND mint_price_wei > 0 ORDER BY mint_log DESC LIMIT $4
"""
_GIVE: Final = f"""
UPDATE nft.shares SET owner_wallet = $1, owner_user_id = {OWNER}, last_transfer_at = $5
 WHERE master_id = $3 AND token_id = $4 AND owner_wallet = $6
"""  # noqa: S608  # our own subquery
_PAGE: Final = """
SELECT token_id, owner_wallet, tier, royalty_bps, minted_at FROM nft.shares
 WHERE master_id = $1 ORDER BY token_id LIMIT $2 OFFSET $3
"""
_HOLDERS: Final = """
SELECT count(*) AS holders, coalesce(sum(shares), 0)::bigint AS shares FROM nft.holders WHERE master_id = $1
"""
_BUYERS: Final = """
SELECT original_minter AS wallet, count(*) AS shares FROM nft.shares
 WHERE master_id = $1 AND mint_price_wei > 0 GROUP BY original_minter ORDER BY original_minter
"""


@dataclass(frozen=True)
class Place:
    """Which master a log speaks of, whose it is, and the account of the wallet that it names."""

    master_id: str
    artist_id: str
    user_id: str | None = None


@dataclass(frozen=True)
class Fresh:
    """A share of a mint."""

    token_id: int
    mint_log: int
    wallet: str
    user_id: str | None


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share as everybody may see it."""

    token_id: int
    owner_wallet: str
    tier: int
    royalty_bps: int
    minted_at: datetime


@dataclass(frozen=True, kw_only=True)
class OwnedShare:
    """What selling a share needs to know of it."""

    master_id: str
    artist_id: str
    token_id: int
    chain_id: int
    genre: str
    title: str
    owner_wallet: str
    royalty_bps: int
    staked_until: datetime | None
    contract: str
    market: str | None


async def master_of(connection: Connection, chain_id: int, contract: str) -> Place | None:
    """Return whose contract this is."""
    row = await connection.fetchrow(_MASTER_AND_ARTIST, chain_id, contract.lower())
    return None if row is None else Place(str(row["id"]), str(row["artist_id"]))


async def mint(tx: Connection, fact: Fact, minted: Minted, now: datetime) -> Place | None:
    """Add a share and its first move; None when the contract is no master of ours."""
    tier = money.tier(minted.token_id)
    row = await tx.fetchrow(
        _MINT,
        minted.minter,
        fact.chain_id,
        fact.address,
        minted.token_id,
        tier,
        money.royalty_bps(tier),
        Decimal(minted.price),
        fact.tx_hash,
        fact.log_index,
        now,
        fact.block_number,
    )
    if row is None:
        return None
    return Place(str(row["master_id"]), str(row["artist_id"]), _text(row["user_id"]))


async def unmint(tx: Connection, fact: Fact, token_id: int) -> None:
    """Remove a share that a reorg took away; its move is removed by transfers.remove."""
    query = f"DELETE FROM nft.shares WHERE master_id = ({_MASTER}) AND token_id = $3"  # noqa: S608
    await tx.execute(query, fact.chain_id, fact.address, token_id)


async def batch(tx: Connection, master_id: str, fact: Fact, quantity: int) -> list[Fresh]:
    """Return the shares that the call minted which this log ends, in the order of their ids."""
    rows = await tx.fetch(_BATCH, master_id, fact.tx_hash, fact.log_index, quantity)
    return [
        Fresh(row["token_id"], row["mint_log"], row["original_minter"], _text(row["owner_user_id"]))
        for row in reversed(rows)
    ]


async def give(  # which share, from whom to whom
    tx: Connection, chain_id: int, master_id: str, token_id: int, *, old: str, new: str, now: datetime
) -> bool:
    """Let a share have another owner, if it has this one now."""
    return changed(await tx.execute(_GIVE, new, chain_id, master_id, token_id, now, old)) == 1


async def page(connection: Connection, master_id: str, *, limit: int, offset: int) -> list[Share]:
    """Return shares by id."""
    return [
        Share(
            token_id=row["token_id"],
            owner_wallet=row["owner_wallet"],
            tier=row["tier"],
            royalty_bps=row["royalty_bps"],
            minted_at=row["minted_at"],
        )
        for row in await connection.fetch(_PAGE, master_id, limit, offset)
    ]


async def holders(connection: Connection, master_id: str) -> tuple[int, int]:
    """Return (wallets that hold shares of a master, shares that exist)."""
    row = await connection.fetchrow(_HOLDERS, master_id)
    assert row is not None, "an aggregate returns one row"
    return int(row["holders"]), int(row["shares"])


async def early_ids(connection: Connection, master_id: str, last_id: int) -> list[int]:
    """Return which of the first ids exist."""
    query = "SELECT token_id FROM nft.shares WHERE master_id = $1 AND token_id <= $2 ORDER BY token_id"
    return [row["token_id"] for row in await connection.fetch(query, master_id, last_id)]


async def owned(connection: Connection, master_id: str, token_id: int) -> OwnedShare | None:
    """Return a share with what a listing needs."""
    row = await connection.fetchrow(
        """SELECT s.master_id, m.artist_id, s.token_id, s.chain_id, m.genre, m.title, s.owner_wallet, s.royalty_bps,
                  s.staked_until, c.address AS contract, k.address AS market
             FROM nft.shares s JOIN nft.masters m ON m.id = s.master_id
             JOIN nft.contracts c ON c.master_id = s.master_id AND c.kind = 'MASTER' AND c.chain_id = s.chain_id
             LEFT JOIN nft.markets k ON k.chain_id = s.chain_id
            WHERE s.master_id = $1 AND s.token_id = $2 AND m.taken_down_at IS NULL""",
        master_id,
        token_id,
    )
    return None if row is None else OwnedShare(**_owned(row))


def _owned(row: Row) -> dict[str, Any]:
    return {**dict(row), "master_id": str(row["master_id"]), "artist_id": str(row["artist_id"])}


@dataclass(frozen=True)
class Ownership:
    """How many shares somebody has, and the first of their ids."""

    count: int
    token_ids: list[int]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Whose shares (an account or a wallet) of what (a master, all of an artist, or everything)."""

    user_id: str | None = None
    wallet: str | None = None
    master_id: str | None = None
    artist_id: str | None = None


async def ownership(connection: Connection, asked: Question) -> Ownership:
    """Say what somebody owns."""
    # Each part is a constant text; only their presence depends on the question.
    of_whom = "s.owner_user_id = $1" if asked.user_id is not None else "s.owner_wallet = $1"
    arguments: list[object] = [asked.user_id or asked.wallet]
    of_what, source = "", "nft.shares s"
    if asked.master_id is not None:
        arguments.append(asked.master_id)
        of_what = f" AND s.master_id = ${len(arguments)}"
    if asked.artist_id is not None:
        arguments.append(asked.artist_id)
        source, of_what = "nft.shares s JOIN nft.masters m ON m.id = s.master_id", f"{of_what} AND m.artist_id = $2"
    found = f"FROM {source} WHERE {of_whom}{of_what}"
    count = await connection.fetchval(f"SELECT count(*) {found}", *arguments)
    order = "ORDER BY s.master_id, s.token_id"
    rows = await connection.fetch(f"SELECT s.token_id {found} {order} LIMIT {TOKENS_MAX}", *arguments)
    return Ownership(int(count), [row["token_id"] for row in rows])


async def buyers(connection: Connection, master_id: str) -> list[tuple[str, int]]:
    """Return (wallet, shares) of everybody who bought in the primary sale, by wallet."""
    return [(row["wallet"], int(row["shares"])) for row in await connection.fetch(_BUYERS, master_id)]


def _text(value: object) -> str | None:
    return None if value is None else str(value)
