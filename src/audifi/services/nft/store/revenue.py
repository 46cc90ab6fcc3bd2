"""Keep what masters earned, as somebody says, on its way from a claim of theirs to money on the chain.

Between: routes.revenue (records, verifies, distributes), sagas.dividend (moves it on), `nft.revenue_events`.

    PENDING ──verified──► VERIFIED ──deposit is final──► DEPOSITED ──holders can claim──► DISTRIBUTED
                             ▲  └──the chain refused──► FAILED ──asked for again──┐
                             └────────────────────────────────────────────────────┘
Units: wei; blocks by number.
Invariant: (master, source, external reference) is paid once; each change is conditional on the state it leaves.
Errors: none of its own.
Source: domain.md 2.2 "Revenue event lifecycle".
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from audifi.kernel.connection import Connection, Row, changed


@dataclass(frozen=True, kw_only=True)
class NewRevenue:
    """What somebody says a master earned."""

    id: str
    master_id: str
    source: str
    amount_wei: int
    external_reference: str
    period_start: date | None
    period_end: date | None
    note: str | None
    recorded_by: str
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Revenue:
    """What a master earned, and how far it got."""

    id: str
    master_id: str
    source: str
    amount_wei: int
    external_reference: str
    period_start: date | None
    period_end: date | None
    note: str | None
    status: str
    recorded_by: str
    verified_at: datetime | None
    deposit_asks: int
    deposit_tx: str | None
    error: str | None
    created_at: datetime


@dataclass(frozen=True)
class SourceTotal:
    """What one kind of source brought, in one state."""

    source: str
    status: str
    events: int
    amount_wei: int


_COLUMNS: Final = """id, master_id, source, amount_wei, external_reference, period_start, period_end, note, status,
       recorded_by, verified_at, deposit_asks, deposit_tx, error, created_at"""


async def insert(tx: Connection, new: NewRevenue) -> bool:
    """Record it; False if this reference of this source was recorded before."""
    tag = await tx.execute(
        """INSERT INTO nft.revenue_events (id, master_id, source, amount_wei, external_reference, period_start,
                  period_end, note, recorded_by, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
           ON CONFLICT (master_id, source, external_reference) DO NOTHING""",
        new.id,
        new.master_id,
        new.source,
        Decimal(new.amount_wei),
        new.external_reference,
        new.period_start,
        new.period_end,
        new.note,
        new.recorded_by,
        new.now,
    )
    return changed(tag) == 1


async def find(connection: Connection, revenue_id: str, *, lock: bool = False) -> Revenue | None:
    """Return one; locked until the transaction ends if it is about to change."""
    ending = " FOR UPDATE" if lock else ""
    sql = f"SELECT {_COLUMNS} FROM nft.revenue_events WHERE id = $1{ending}"  # noqa: S608  # our own text
    row = await connection.fetchrow(sql, revenue_id)
    return None if row is None else _revenue(row)


async def of_master(
    connection: Connection, master_id: str, *, status: str | None, limit: int, offset: int
) -> tuple[list[Revenue], int]:
    """Return a page, newest first, and how many there are."""
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM nft.revenue_events WHERE master_id = $1 AND ($2::text IS NULL OR status = $2)
             ORDER BY created_at DESC, id LIMIT $3 OFFSET $4""",  # noqa: S608  # our own column list
        master_id,
        status,
        limit,
        offset,
    )
    total = await connection.fetchval(
        "SELECT count(*) FROM nft.revenue_events WHERE master_id = $1 AND ($2::text IS NULL OR status = $2)",
        master_id,
        status,
    )
    return [_revenue(row) for row in rows], int(total)


async def totals(connection: Connection, master_id: str) -> list[SourceTotal]:
    """Return sums by source and state."""
    rows = await connection.fetch(
        """SELECT source, status, count(*) AS events, sum(amount_wei) AS amount_wei FROM nft.revenue_events
            WHERE master_id = $1 GROUP BY source, status ORDER BY source, status""",
        master_id,
    )
    return [SourceTotal(row["source"], row["status"], row["events"], int(row["amount_wei"])) for row in rows]


async def verify(tx: Connection, revenue_id: str, *, by: str, now: datetime) -> bool:
    """PENDING → VERIFIED: an administrator saw the proof."""
    tag = await tx.execute(
        """UPDATE nft.revenue_events SET status = 'VERIFIED', verified_by = $2, verified_at = $3, updated_at = $3
            WHERE id = $1 AND status = 'PENDING'""",
        revenue_id,
        by,
        now,
    )
    return changed(tag) == 1


async def ask_deposit(tx: Connection, revenue_id: str) -> int | None:
    """Count the ask for a deposit and return its number: the first of a VERIFIED one, or another after it FAILED."""
    found = await tx.fetchval(
        """UPDATE nft.revenue_events SET status = 'VERIFIED', deposit_asks = deposit_asks + 1, deposit_tx = NULL,
                  error = NULL, updated_at = now()
            WHERE id = $1 AND (status = 'FAILED' OR (status = 'VERIFIED' AND deposit_asks = 0))
           RETURNING deposit_asks""",
        revenue_id,
    )
    return None if found is None else int(found)


async def deposit_seen(tx: Connection, revenue_id: str, ask: int, *, tx_hash: str | None) -> bool:
    """Note the transaction that carries the deposit; none, when a reorg took it back for now."""
    tag = await tx.execute(
        """UPDATE nft.revenue_events SET deposit_tx = $3, updated_at = now()
            WHERE id = $1 AND deposit_asks = $2 AND status = 'VERIFIED'""",
        revenue_id,
        ask,
        tx_hash,
    )
    return changed(tag) == 1


async def deposited(tx: Connection, revenue_id: str, ask: int, *, tx_hash: str | None) -> bool:
    """VERIFIED → DEPOSITED: the money is in the contract for good; the mirror knows in which block."""
    tag = await tx.execute(
        """UPDATE nft.revenue_events SET status = 'DEPOSITED', deposit_tx = $3, updated_at = now()
            WHERE id = $1 AND deposit_asks = $2 AND status = 'VERIFIED'""",
        revenue_id,
        ask,
        tx_hash,
    )
    return changed(tag) == 1


async def deposit_failed(tx: Connection, revenue_id: str, ask: int, *, error: str) -> bool:
    """VERIFIED → FAILED: the chain did not take it; it can be asked for again."""
    tag = await tx.execute(
        """UPDATE nft.revenue_events SET status = 'FAILED', error = $3, updated_at = now()
            WHERE id = $1 AND deposit_asks = $2 AND status = 'VERIFIED'""",
        revenue_id,
        ask,
        error,
    )
    return changed(tag) == 1


async def distributed(tx: Connection, revenue_id: str) -> bool:
    """DEPOSITED → DISTRIBUTED: its holders can claim."""
    tag = await tx.execute(
        """UPDATE nft.revenue_events SET status = 'DISTRIBUTED', updated_at = now()
            WHERE id = $1 AND status = 'DEPOSITED'""",
        revenue_id,
    )
    return changed(tag) == 1


def _revenue(row: Row) -> Revenue:
    return Revenue(
        id=str(row["id"]),
        master_id=str(row["master_id"]),
        source=row["source"],
        amount_wei=int(row["amount_wei"]),
        external_reference=row["external_reference"],
        period_start=row["period_start"],
        period_end=row["period_end"],
        note=row["note"],
        status=row["status"],
        recorded_by=str(row["recorded_by"]),
        verified_at=row["verified_at"],
        deposit_asks=row["deposit_asks"],
        deposit_tx=row["deposit_tx"],
        error=row["error"],
        created_at=row["created_at"],
    )
