"""Keep each revenue's way to its holders: how it was split, who was owed what, the epoch that pays it.

Between: sagas.dividend (moves it on), routes.revenue (shows it), `nft.distributions`, `nft.distribution_trees`.

    SNAPSHOT ──owners taken, amounts fixed──► ALLOCATED ──root on the chain──► OPEN ──all claimed──► SETTLED
Units: wei; blocks by number; weights in shares.
Invariant: gross = holders + artist + platform + collaborators (CHECK); the amounts of an allocated one are its pool
(deferred trigger); each change is conditional on the state it leaves.
Errors: none of its own.
Source: domain.md 2.2 "Distribution", 2.8 "Dividend".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.nft.rules.split import Cut, Split, Terms

LEASE_S: Final = 60  # longer than any step; a pod that dies in one is overtaken after it


@dataclass(frozen=True, kw_only=True)
class Payer:
    """What a master's dividends are paid by: its terms and contracts."""

    master_id: str
    artist_id: str
    title: str
    status: str
    currency: str | None
    chain_id: int | None
    master: str | None
    dividend: str | None
    terms: Terms | None
    minted: int


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One revenue on its way to the holders."""

    id: str
    revenue_id: str
    master_id: str
    chain_id: int
    dividend: str
    epoch: int
    gross_wei: int
    holders_wei: int
    artist_wei: int
    platform_wei: int
    collaborators_wei: int
    collaborators: Sequence[Any]
    status: str
    snapshot_block: int | None
    total_weight: int | None
    wallets: int | None
    merkle_root: str | None
    root_asks: int
    root_tx: str | None
    error: str | None
    opened_at: datetime | None


@dataclass(frozen=True)
class PaidOut:
    """What the open and settled distributions of a master gave whom."""

    holders_wei: int
    artist_wei: int
    platform_wei: int
    collaborators_wei: int
    claimed_wei: int


_COLUMNS: Final = """d.id, d.revenue_event_id, d.master_id, d.chain_id, d.dividend, d.epoch, d.gross_wei, d.holders_wei,
       d.artist_wei, d.platform_wei, d.collaborators_wei, d.collaborators, d.status, d.snapshot_block, d.total_weight,
       d.wallets, d.merkle_root, d.root_asks, d.root_tx, d.error, d.opened_at"""


async def payer(connection: Connection, master_id: str) -> Payer | None:
    """Return what pays a master's holders; parts of it are missing before its IPO is on the chain."""
    row = await connection.fetchrow(
        """SELECT m.id, m.artist_id, m.title, m.status, i.currency, i.chain_id, i.artist_bps, i.platform_bps,
                  (SELECT address FROM nft.contracts c WHERE c.master_id = m.id AND c.kind = 'MASTER') AS master,
                  (SELECT address FROM nft.contracts c WHERE c.master_id = m.id AND c.kind = 'DIVIDEND') AS dividend,
                  (SELECT coalesce(sum(h.shares), 0) FROM nft.holders h WHERE h.master_id = m.id) AS minted
             FROM nft.masters m LEFT JOIN nft.ipos i ON i.master_id = m.id WHERE m.id = $1""",
        master_id,
    )
    if row is None:
        return None
    cuts = await connection.fetch(
        "SELECT name, wallet, split_bps FROM nft.master_collaborators WHERE master_id = $1 ORDER BY position", master_id
    )
    shared = tuple(Cut(cut["name"], cut["split_bps"], cut["wallet"]) for cut in cuts)
    return Payer(
        master_id=str(row["id"]),
        artist_id=str(row["artist_id"]),
        title=row["title"],
        status=row["status"],
        currency=row["currency"],
        chain_id=row["chain_id"],
        master=row["master"],
        dividend=row["dividend"],
        terms=None if row["artist_bps"] is None else Terms(row["artist_bps"], row["platform_bps"], shared),
        minted=int(row["minted"]),
    )


async def insert(tx: Connection, distribution_id: str, revenue_id: str, payer: Payer, split: Split) -> bool:
    """Begin a distribution in the next epoch of its contract; False if this revenue has one.

    The caller holds the master's row: two revenues of one master cannot take the same epoch.
    """
    cuts = [
        {"name": cut.name, "wallet": cut.wallet, "bps": cut.bps, "amountWei": str(amount)}
        for cut, amount in split.collaborators
    ]
    tag = await tx.execute(
        """INSERT INTO nft.distributions (id, revenue_event_id, master_id, chain_id, dividend, epoch, gross_wei,
                  holders_wei, artist_wei, platform_wei, collaborators_wei, collaborators)
           SELECT $1, $2, $3, $4, $5, 1 + coalesce(max(epoch), 0), $6, $7, $8, $9, $10, $11
             FROM nft.distributions WHERE dividend = $5 AND chain_id = $4
           ON CONFLICT (revenue_event_id) DO NOTHING""",
        distribution_id,
        revenue_id,
        payer.master_id,
        payer.chain_id,
        payer.dividend,
        Decimal(split.gross_wei),
        Decimal(split.holders_wei),
        Decimal(split.artist_wei),
        Decimal(split.platform_wei),
        Decimal(split.collaborators_wei),
        msgspec.json.encode(cuts).decode(),
    )
    return changed(tag) == 1


async def lock_master(tx: Connection, master_id: str) -> None:
    """Let one revenue of a master at a time take an epoch."""
    await tx.execute("SELECT FROM nft.masters WHERE id = $1 FOR NO KEY UPDATE", master_id)


async def find(connection: Connection, distribution_id: str) -> Distribution | None:
    """Return one."""
    sql = f"SELECT {_COLUMNS} FROM nft.distributions d WHERE d.id = $1"  # noqa: S608  # our own column list
    row = await connection.fetchrow(sql, distribution_id)
    return None if row is None else _distribution(row)


async def of_epoch(connection: Connection, chain_id: int, dividend: str, epoch: int) -> Distribution | None:
    """Return the one that this epoch of this contract pays."""
    sql = f"""SELECT {_COLUMNS} FROM nft.distributions d
               WHERE d.dividend = $1 AND d.epoch = $2 AND d.chain_id = $3"""  # noqa: S608  # our own column list
    row = await connection.fetchrow(sql, dividend, epoch, chain_id)
    return None if row is None else _distribution(row)


async def of_revenues(connection: Connection, revenue_ids: Sequence[str]) -> dict[str, Distribution]:
    """Return revenue → its distribution, of those that have one."""
    sql = f"""SELECT {_COLUMNS} FROM nft.distributions d
               WHERE d.revenue_event_id = ANY($1::uuid[])"""  # noqa: S608  # our own column list
    found = [_distribution(row) for row in await connection.fetch(sql, list(revenue_ids))]
    return {each.revenue_id: each for each in found}


async def totals(connection: Connection, master_id: str) -> PaidOut:
    """Add up what holders can claim, or have."""
    row = await connection.fetchrow(
        """SELECT coalesce(sum(holders_wei), 0) AS holders, coalesce(sum(artist_wei), 0) AS artist,
                  coalesce(sum(platform_wei), 0) AS platform, coalesce(sum(collaborators_wei), 0) AS collaborators,
                  (SELECT coalesce(sum(a.amount_wei), 0) FROM nft.dividend_allocations a
                     JOIN nft.distributions o ON o.id = a.distribution_id
                    WHERE o.master_id = $1 AND a.status = 'CLAIMED') AS claimed
             FROM nft.distributions WHERE master_id = $1 AND status IN ('OPEN', 'SETTLED')""",
        master_id,
    )
    assert row is not None, "an aggregate returns one row"
    names = ("holders", "artist", "platform", "collaborators", "claimed")
    return PaidOut(*(int(row[name]) for name in names))


async def lease_for_snapshot(tx: Connection, depths: Mapping[int, int]) -> Distribution | None:
    """Take one whose deposit is final and mirrored, so deep that our own copy of its block cannot change either.

    `depths` says, per chain, how many mirrored blocks must lie on the deposit's, which is noted as the snapshot's.
    """
    row = await tx.fetchrow(
        f"""UPDATE nft.distributions d
               SET leased_until = now() + make_interval(secs => $3), snapshot_block = due.block_number
              FROM (SELECT w.id, p.block_number FROM nft.distributions w
                      JOIN nft.revenue_events r ON r.id = w.revenue_event_id AND r.status = 'DEPOSITED'
                      JOIN nft.dividend_deposits p
                        ON p.payout_id = '0x' || lpad(replace(r.id::text, '-', ''), 64, '0')
                       AND p.chain_id = w.chain_id AND p.dividend = w.dividend AND p.amount_wei = w.holders_wei
                       AND p.tx_hash = coalesce(r.deposit_tx, p.tx_hash)
                      JOIN nft.chain_checkpoints c ON c.chain_id = w.chain_id AND c.hash IS NOT NULL
                      JOIN unnest($1::bigint[], $2::bigint[]) AS deep (chain_id, blocks) ON deep.chain_id = w.chain_id
                     WHERE w.status = 'SNAPSHOT' AND (w.leased_until IS NULL OR w.leased_until < now())
                       AND c.block >= p.block_number + deep.blocks
                     ORDER BY w.created_at, p.block_number, p.log_index LIMIT 1 FOR UPDATE OF w SKIP LOCKED) AS due
             WHERE d.id = due.id
         RETURNING {_COLUMNS}""",  # noqa: S608  # our own column list
        list(depths),
        list(depths.values()),
        LEASE_S,
    )
    return None if row is None else _distribution(row)


async def lease_for_root(tx: Connection, _depths: Mapping[int, int]) -> Distribution | None:
    """Take one that is allocated and whose root was not asked for, or not taken and due again."""
    row = await tx.fetchrow(
        f"""UPDATE nft.distributions d SET leased_until = now() + make_interval(secs => $1)
             WHERE d.id = (
                   SELECT w.id FROM nft.distributions w
                    WHERE w.status = 'ALLOCATED' AND (w.leased_until IS NULL OR w.leased_until < now())
                      AND (w.root_asks = 0 OR w.retry_at <= now())
                    ORDER BY w.created_at LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
         RETURNING {_COLUMNS}""",  # noqa: S608  # our own column list
        LEASE_S,
    )
    return None if row is None else _distribution(row)


async def allocated(tx: Connection, distribution_id: str, *, weight: int, wallets: int) -> bool:
    """SNAPSHOT → ALLOCATED: the amounts are fixed."""
    tag = await tx.execute(
        """UPDATE nft.distributions SET status = 'ALLOCATED', snapshot_at = now(), total_weight = $2, wallets = $3,
                  leased_until = NULL, updated_at = now()
            WHERE id = $1 AND status = 'SNAPSHOT'""",
        distribution_id,
        weight,
        wallets,
    )
    return changed(tag) == 1


async def keep_tree(tx: Connection, distribution_id: str, nodes: bytes) -> None:
    """Keep the tree that proofs are read from; again changes nothing."""
    await tx.execute(
        "INSERT INTO nft.distribution_trees (distribution_id, nodes) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        distribution_id,
        nodes,
    )


async def ask_root(tx: Connection, each: Distribution, root: str) -> int | None:
    """Count the ask for the root and return its number; nothing if another pod was faster."""
    found = await tx.fetchval(
        """UPDATE nft.distributions SET merkle_root = $3, root_asks = root_asks + 1, retry_at = NULL, error = NULL,
                  leased_until = NULL, updated_at = now()
            WHERE id = $1 AND status = 'ALLOCATED' AND root_asks = $2 AND (merkle_root IS NULL OR merkle_root = $3)
           RETURNING root_asks""",
        each.id,
        each.root_asks,
        root,
    )
    return None if found is None else int(found)


async def root_failed(tx: Connection, distribution_id: str, ask: int, *, error: str, again_in_s: float) -> bool:
    """Note that the chain did not take the root, and when to ask again."""
    tag = await tx.execute(
        """UPDATE nft.distributions SET error = $3, retry_at = now() + make_interval(secs => $4), updated_at = now()
            WHERE id = $1 AND root_asks = $2 AND status = 'ALLOCATED'""",
        distribution_id,
        ask,
        error,
        again_in_s,
    )
    return changed(tag) == 1


async def opened(tx: Connection, distribution_id: str, *, tx_hash: str | None, block: int | None) -> bool:
    """ALLOCATED → OPEN: holders can claim."""
    tag = await tx.execute(
        """UPDATE nft.distributions SET status = 'OPEN', root_tx = $2, root_block = $3, error = NULL, retry_at = NULL,
                  opened_at = coalesce(opened_at, now()), updated_at = now()
            WHERE id = $1 AND status = 'ALLOCATED'""",
        distribution_id,
        tx_hash,
        block,
    )
    return changed(tag) == 1


async def closed_again(tx: Connection, distribution_id: str) -> bool:
    """OPEN → ALLOCATED: a reorg took the root back for now."""
    tag = await tx.execute(
        """UPDATE nft.distributions SET status = 'ALLOCATED', root_tx = NULL, root_block = NULL, updated_at = now()
            WHERE id = $1 AND status = 'OPEN'""",
        distribution_id,
    )
    return changed(tag) == 1


async def announce(tx: Connection, distribution_id: str) -> bool:
    """Say whether this is the first time that it may be told."""
    tag = await tx.execute(
        "UPDATE nft.distributions SET announced_at = now() WHERE id = $1 AND announced_at IS NULL", distribution_id
    )
    return changed(tag) == 1


async def settle_if_claimed(tx: Connection, distribution_id: str) -> bool:
    """OPEN → SETTLED once nothing is left to claim."""
    tag = await tx.execute(
        """UPDATE nft.distributions d SET status = 'SETTLED', settled_at = now(), updated_at = now()
            WHERE d.id = $1 AND d.status = 'OPEN' AND NOT EXISTS (
                  SELECT FROM nft.dividend_allocations a WHERE a.distribution_id = d.id AND a.status <> 'CLAIMED')""",
        distribution_id,
    )
    return changed(tag) == 1


async def unsettle(tx: Connection, distribution_id: str) -> bool:
    """SETTLED → OPEN: a reorg took a claim back for now."""
    tag = await tx.execute(
        """UPDATE nft.distributions SET status = 'OPEN', settled_at = NULL, updated_at = now()
            WHERE id = $1 AND status = 'SETTLED'""",
        distribution_id,
    )
    return changed(tag) == 1


def _distribution(row: Row) -> Distribution:
    return Distribution(
        id=str(row["id"]),
        revenue_id=str(row["revenue_event_id"]),
        master_id=str(row["master_id"]),
        chain_id=row["chain_id"],
        dividend=row["dividend"],
        epoch=row["epoch"],
        gross_wei=int(row["gross_wei"]),
        holders_wei=int(row["holders_wei"]),
        artist_wei=int(row["artist_wei"]),
        platform_wei=int(row["platform_wei"]),
        collaborators_wei=int(row["collaborators_wei"]),
        collaborators=msgspec.json.decode(row["collaborators"]),
        status=row["status"],
        snapshot_block=row["snapshot_block"],
        total_weight=row["total_weight"],
        wallets=row["wallets"],
        merkle_root=row["merkle_root"],
        root_asks=row["root_asks"],
        root_tx=row["root_tx"],
        error=row["error"],
        opened_at=row["opened_at"],
    )
