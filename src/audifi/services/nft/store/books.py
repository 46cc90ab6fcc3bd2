"""Tell what Postgres says of every master at the end of a block, as the comparison with the chain wants it.

Between: reconcile; `nft.share_transfers`, `nft.chain_logs`, `nft.distributions`, `nft.dividend_allocations`.
How: what happened up to a final block does not change any more, so several statements see the same.
Shape: sums by master in a few statements for all masters; owners master by master.
Units: wei.
Invariant: reads only; a job's queries, not a request's: they may read a whole table once.
Errors: none of its own.
Source: domain.md 2.2 "Invariants".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audifi.kernel.connection import Connection
from audifi.services.nft.store.invariants import Violation

RULES: Final[Mapping[str, str]] = {
    "allocations are the holders' pool": """
        SELECT d.master_id::text AS subject,
               format('distribution %s: %s of %s wei', d.id, sum(a.amount_wei), d.holders_wei) AS detail
          FROM nft.distributions d JOIN nft.dividend_allocations a ON a.distribution_id = d.id
         WHERE d.status <> 'SNAPSHOT'
         GROUP BY d.id HAVING sum(a.amount_wei) <> d.holders_wei OR sum(a.weight) <> d.total_weight""",
    "no more is claimed than deposited": """
        SELECT d.master_id::text AS subject,
               format('%s claimed of %s deposited', d.claimed, coalesce(p.amount, 0)) AS detail
          FROM (SELECT d.master_id, d.dividend, d.chain_id, sum(a.amount_wei) AS claimed
                  FROM nft.distributions d JOIN nft.dividend_allocations a ON a.distribution_id = d.id
                 WHERE a.status = 'CLAIMED' GROUP BY d.master_id, d.dividend, d.chain_id) d
          LEFT JOIN (SELECT dividend, chain_id, sum(amount_wei) AS amount FROM nft.dividend_deposits
                      GROUP BY dividend, chain_id) p ON p.dividend = d.dividend AND p.chain_id = d.chain_id
         WHERE d.claimed > coalesce(p.amount, 0)""",
    "a distribution is settled when all is claimed, and only then": """
        SELECT d.master_id::text AS subject, format('distribution %s is %s', d.id, d.status) AS detail
          FROM nft.distributions d
         WHERE d.status IN ('OPEN', 'SETTLED') AND (d.status = 'SETTLED') = EXISTS (
               SELECT FROM nft.dividend_allocations a WHERE a.distribution_id = d.id AND a.status <> 'CLAIMED')""",
    "what is open was deposited, and what was distributed is open": """
        SELECT d.master_id::text AS subject, format('revenue %s is %s, its distribution %s', r.id, r.status, d.status)
               AS detail
          FROM nft.distributions d JOIN nft.revenue_events r ON r.id = d.revenue_event_id
         WHERE (d.status IN ('OPEN', 'SETTLED') AND r.status <> 'DISTRIBUTED')
            OR (d.status = 'SNAPSHOT' AND r.status = 'DISTRIBUTED')""",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A master that is on a chain."""

    master_id: str
    title: str
    chain_id: int
    currency: str
    master: str
    dividend: str | None
    deploy_block: int  # of the last of its contracts
    artist_wallet: str
    public_supply: int
    total_shares: int
    offered: int
    sold: int


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What a master's contracts were told, up to a block."""

    fees_wei: int = 0
    artist_wei: int = 0
    withdrawn_wei: int = 0
    withdrawn_artist_wei: int = 0
    deposited_wei: int = 0
    allocated_wei: int = 0
    claimed_wei: int = 0


async def entries(connection: Connection) -> list[Entry]:
    """Return every master whose contract is on a chain, by its id."""
    rows = await connection.fetch(
        """SELECT m.id, m.title, c.chain_id, i.currency, c.address AS master, d.address AS dividend,
                  greatest(c.deploy_block, d.deploy_block) AS deploy_block, i.artist_wallet, i.public_supply,
                  i.total_shares, i.shares_sold
             FROM nft.contracts c JOIN nft.masters m ON m.id = c.master_id JOIN nft.ipos i ON i.master_id = c.master_id
             LEFT JOIN nft.contracts d
                    ON d.master_id = c.master_id AND d.chain_id = c.chain_id AND d.kind = 'DIVIDEND'
            WHERE c.kind = 'MASTER' ORDER BY c.chain_id, m.id"""
    )
    return [
        Entry(
            master_id=str(row["id"]),
            title=row["title"],
            chain_id=row["chain_id"],
            currency=row["currency"],
            master=row["master"],
            dividend=row["dividend"],
            deploy_block=row["deploy_block"],
            artist_wallet=row["artist_wallet"] or "",
            public_supply=row["public_supply"],
            total_shares=row["total_shares"],
            offered=row["public_supply"],
            sold=row["shares_sold"],
        )
        for row in rows
    ]


async def checkpoints(connection: Connection) -> dict[int, int]:
    """Return chain → the last block that is mirrored."""
    rows = await connection.fetch("SELECT chain_id, block FROM nft.chain_checkpoints WHERE hash IS NOT NULL")
    return {row["chain_id"]: row["block"] for row in rows}


async def sums(connection: Connection, chain_id: int, block: int) -> dict[str, Sums]:
    """Return master → its sums, of all that were told something."""
    rows = await connection.fetch(
        """SELECT c.master_id,
                  coalesce(sum((l.arguments ->> 'fee')::numeric), 0) AS fees,
                  coalesce(sum((l.arguments ->> 'artist_part')::numeric), 0) AS artist,
                  coalesce(sum((l.arguments ->> 'amount')::numeric) FILTER (WHERE l.name = 'Withdrawn'), 0)
                           AS withdrawn,
                  coalesce(sum((l.arguments ->> 'amount')::numeric)
                           FILTER (WHERE l.name = 'Withdrawn' AND l.arguments ->> 'receiver' = i.artist_wallet), 0)
                           AS withdrawn_artist,
                  coalesce(sum((l.arguments ->> 'amount')::numeric) FILTER (WHERE l.name = 'RevenueDeposited'), 0)
                           AS deposited
             FROM nft.chain_logs l
             JOIN nft.contracts c ON c.chain_id = l.chain_id AND c.address = l.address
             JOIN nft.ipos i ON i.master_id = c.master_id
            WHERE l.chain_id = $1 AND l.block_number <= $2
              AND l.name IN ('ProceedsSplit', 'Withdrawn', 'RevenueDeposited')
            GROUP BY c.master_id""",
        chain_id,
        block,
    )
    given = await connection.fetch(
        """SELECT d.master_id, sum(d.holders_wei) AS allocated, sum(coalesce(a.claimed, 0)) AS claimed
             FROM nft.distributions d
             LEFT JOIN (SELECT distribution_id, sum(amount_wei) AS claimed FROM nft.dividend_allocations
                         WHERE status = 'CLAIMED' AND claim_block <= $2 GROUP BY distribution_id) a
                    ON a.distribution_id = d.id
            WHERE d.chain_id = $1 AND d.root_block <= $2 GROUP BY d.master_id""",
        chain_id,
        block,
    )
    divided = {row["master_id"]: (int(row["allocated"]), int(row["claimed"])) for row in given}
    earned = {row["master_id"]: row for row in rows}
    found: dict[str, Sums] = {}
    for master_id in {*earned, *divided}:
        row, (allocated, claimed) = earned.get(master_id), divided.get(master_id, (0, 0))
        found[str(master_id)] = Sums(
            fees_wei=0 if row is None else int(row["fees"]),
            artist_wei=0 if row is None else int(row["artist"]),
            withdrawn_wei=0 if row is None else int(row["withdrawn"]),
            withdrawn_artist_wei=0 if row is None else int(row["withdrawn_artist"]),
            deposited_wei=0 if row is None else int(row["deposited"]),
            allocated_wei=allocated,
            claimed_wei=claimed,
        )
    return found


async def epochs(connection: Connection, master_id: str, block: int) -> dict[int, tuple[str, int, int]]:
    """Return epoch → (root, amount, claimed) of the distributions that were open at a block."""
    rows = await connection.fetch(
        """SELECT d.epoch, d.merkle_root, d.holders_wei,
                  coalesce((SELECT sum(a.amount_wei) FROM nft.dividend_allocations a WHERE a.distribution_id = d.id
                               AND a.status = 'CLAIMED' AND a.claim_block <= $2), 0) AS claimed
             FROM nft.distributions d WHERE d.master_id = $1 AND d.root_block <= $2""",
        master_id,
        block,
    )
    return {row["epoch"]: (row["merkle_root"], int(row["holders_wei"]), int(row["claimed"])) for row in rows}


async def violations(connection: Connection) -> list[Violation]:
    """Return what contradicts a rule about dividends; empty when all is well."""
    return [
        Violation(rule, row["subject"], row["detail"])
        for rule, query in RULES.items()
        for row in await connection.fetch(query)
    ]


async def paid_by_card(connection: Connection, since: datetime) -> dict[str, int]:
    """Return purchase → cents, of what payment-service told us was paid."""
    rows = await connection.fetch(
        "SELECT id, paid_cents FROM nft.purchases WHERE payment_method = 'STRIPE' AND paid_at >= $1", since
    )
    return {str(row["id"]): row["paid_cents"] or 0 for row in rows}


async def gauged(connection: Connection) -> tuple[int, int, int, int]:
    """Return shares sold and offered in running offers, and wei allocated and deposited, in all."""
    row = await connection.fetchrow(
        """SELECT (SELECT coalesce(sum(shares_sold), 0) FROM nft.ipos WHERE status = 'LIVE') AS sold,
                  (SELECT coalesce(sum(public_supply), 0) FROM nft.ipos WHERE status = 'LIVE') AS offered,
                  (SELECT coalesce(sum(holders_wei), 0) FROM nft.distributions WHERE status <> 'SNAPSHOT') AS allocated,
                  (SELECT coalesce(sum(amount_wei), 0) FROM nft.dividend_deposits) AS deposited"""
    )
    assert row is not None, "an aggregate returns one row"
    return int(row["sold"]), int(row["offered"]), int(row["allocated"]), int(row["deposited"])


async def claim_slot(tx: Connection, slot: datetime, pod: str) -> bool:
    """Take this hour's comparison; False if another pod has it."""
    taken = await tx.fetchval(
        "INSERT INTO nft.reconciliations (slot, pod) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1", slot, pod
    )
    return taken is not None


async def finish_slot(tx: Connection, slot: datetime, differences: int, report: str) -> None:
    """Keep what was found."""
    await tx.execute(
        "UPDATE nft.reconciliations SET finished_at = now(), differences = $2, report = $3 WHERE slot = $1",
        slot,
        differences,
        report,
    )
