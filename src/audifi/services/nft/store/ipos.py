"""Keep the offers of masters' shares, and where the saga of each is.

Between: routes.ipos, sagas.launch, sagas.ending, timers. Purchases change shares_reserved and shares_sold elsewhere.
Units: wei as int (numeric in SQL).
Invariant: every change is conditional on the state it starts from; nothing may be reserved once `ending` is set.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from audifi.kernel.connection import Connection, Row, changed
from audifi.services.nft.rules.ipos import Terms


@dataclass(frozen=True, kw_only=True)
class Ipo:
    """An offer."""

    id: str
    master_id: str
    total_shares: int
    artist_reserve: int
    public_supply: int
    price_wei: int
    currency: str
    chain_id: int
    status: str
    shares_sold: int
    shares_reserved: int
    next_token_id: int
    holders_bps: int
    artist_bps: int
    platform_bps: int
    early_access_hours: int
    starts_at: datetime | None
    ends_at: datetime | None
    actual_start: datetime | None
    actual_end: datetime | None
    artist_wallet: str | None
    launch_asked_at: datetime | None
    ending: str | None
    step: str | None
    asks: int
    due_at: datetime | None
    launch_error: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def terms(self) -> Terms:
        """What of it the artist chose."""
        return Terms(**{field.name: getattr(self, field.name) for field in fields(Terms)})


_COLUMNS: Final = ", ".join(field.name for field in fields(Ipo))


async def one(
    connection: Connection, master_id: str, *, for_update: bool = False, skip_locked: bool = False
) -> Ipo | None:
    """Return the offer of a master; locked, and with `skip_locked` only if nobody else has it."""
    lock = ("FOR UPDATE SKIP LOCKED" if skip_locked else "FOR UPDATE") if for_update else ""
    query = f"SELECT {_COLUMNS} FROM nft.ipos WHERE master_id = $1 {lock}"  # noqa: S608  # constant text
    row = await connection.fetchrow(query, master_id)
    return None if row is None else _ipo(row)


async def of_masters(connection: Connection, master_ids: Sequence[str]) -> dict[str, Ipo]:
    """Return the offers of several masters, by master."""
    query = f"SELECT {_COLUMNS} FROM nft.ipos WHERE master_id = ANY($1::uuid[])"  # noqa: S608  # constant text
    return {str(row["master_id"]): _ipo(row) for row in await connection.fetch(query, list(master_ids))}


async def insert(tx: Connection, ipo_id: str, master_id: str, terms: Terms, artist_bps: int) -> bool:
    """Describe an offer; False when the master has one. A cancelled one that never reached a chain is replaced."""
    tag = await tx.execute(
        """INSERT INTO nft.ipos AS known (id, master_id, total_shares, artist_reserve, price_wei, currency, chain_id,
                  holders_bps, early_access_hours, starts_at, ends_at, artist_bps)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           ON CONFLICT (master_id) DO UPDATE
              SET total_shares = $3, artist_reserve = $4, price_wei = $5, currency = $6, chain_id = $7,
                  holders_bps = $8, early_access_hours = $9, starts_at = $10, ends_at = $11, artist_bps = $12,
                  status = 'DRAFT', actual_end = NULL, version = known.version + 1, updated_at = now()
            WHERE known.status = 'CANCELLED' AND known.artist_wallet IS NULL""",
        ipo_id,
        master_id,
        *_values(terms),
        artist_bps,
    )
    return changed(tag) == 1


async def update_draft(tx: Connection, master_id: str, terms: Terms, artist_bps: int) -> bool:
    """Describe it anew; False unless it is a draft."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET total_shares = $2, artist_reserve = $3, price_wei = $4, currency = $5, chain_id = $6,
                  holders_bps = $7, early_access_hours = $8, starts_at = $9, ends_at = $10, artist_bps = $11,
                  version = version + 1, updated_at = now()
            WHERE master_id = $1 AND status = 'DRAFT'""",
        master_id,
        *_values(terms),
        artist_bps,
    )
    return changed(tag) == 1


async def count_launched(connection: Connection, artist_id: str, since: datetime) -> int:
    """Return how many offers an artist launched since then."""
    query = """SELECT count(*) FROM nft.ipos i JOIN nft.masters m ON m.id = i.master_id
                WHERE m.artist_id = $1 AND i.launch_asked_at >= $2"""
    return int(await connection.fetchval(query, artist_id, since))


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """With what a deployment begins."""

    artist_wallet: str
    artist_bps: int
    step: str
    launch_asked_at: datetime | None  # null: only mint


async def begin(tx: Connection, master_id: str, beginning: Beginning) -> bool:
    """DRAFT → LAUNCHING."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET status = 'LAUNCHING', step = $2, artist_wallet = $3, artist_bps = $4,
                  launch_asked_at = $5, launch_error = NULL, due_at = NULL, version = version + 1, updated_at = now()
            WHERE master_id = $1 AND status = 'DRAFT'""",
        master_id,
        beginning.step,
        beginning.artist_wallet,
        beginning.artist_bps,
        beginning.launch_asked_at,
    )
    return changed(tag) == 1


async def ask_launch(tx: Connection, master_id: str, now: datetime) -> bool:
    """Open what was only minted until now, when its time has come; False unless it is there and not over."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET launch_asked_at = $2, updated_at = $2,
                  due_at = CASE WHEN status = 'SCHEDULED' THEN coalesce(starts_at, $2) ELSE due_at END
            WHERE master_id = $1 AND status IN ('LAUNCHING', 'SCHEDULED') AND launch_asked_at IS NULL
              AND (ends_at IS NULL OR ends_at > $2)""",
        master_id,
        now,
    )
    return changed(tag) == 1


async def fall_back(tx: Connection, ipo_id: str, error: str) -> None:
    """LAUNCHING → DRAFT: nothing was deployed."""
    await tx.execute(
        """UPDATE nft.ipos SET status = 'DRAFT', step = NULL, due_at = NULL, artist_wallet = NULL,
                  launch_asked_at = NULL, launch_error = $2, updated_at = now()
            WHERE id = $1 AND status = 'LAUNCHING'""",
        ipo_id,
        error,
    )


async def set_step(tx: Connection, ipo_id: str, step: str | None, *, due_at: datetime | None) -> None:
    """Move its saga on."""
    await tx.execute(
        "UPDATE nft.ipos SET step = $2, due_at = $3, updated_at = now() WHERE id = $1", ipo_id, step, due_at
    )


async def note_failure(tx: Connection, ipo_id: str, error: str, due_at: datetime) -> None:
    """Keep why a step failed, and when it is tried again."""
    await tx.execute("UPDATE nft.ipos SET launch_error = $2, due_at = $3 WHERE id = $1", ipo_id, error, due_at)


async def next_ask(tx: Connection, ipo_id: str) -> int:
    """Count an ask of the chain."""
    return int(await tx.fetchval("UPDATE nft.ipos SET asks = asks + 1 WHERE id = $1 RETURNING asks", ipo_id))


async def schedule(tx: Connection, ipo_id: str, now: datetime) -> bool:
    """LAUNCHING → SCHEDULED: everything is deployed."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET status = 'SCHEDULED', step = NULL, launch_error = NULL, updated_at = $2,
                  due_at = CASE WHEN launch_asked_at IS NOT NULL THEN coalesce(starts_at, $2) END
            WHERE id = $1 AND status = 'LAUNCHING'""",
        ipo_id,
        now,
    )
    return changed(tag) == 1


async def go_live(tx: Connection, ipo_id: str, now: datetime) -> bool:
    """SCHEDULED → LIVE: the contract sells."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET status = 'LIVE', step = NULL, launch_error = NULL, actual_start = $2, due_at = ends_at,
                  updated_at = $2
            WHERE id = $1 AND status = 'SCHEDULED'""",
        ipo_id,
        now,
    )
    return changed(tag) == 1


async def begin_closing(tx: Connection, master_id: str, step: str, now: datetime) -> bool:
    """Stop reserving: a live sale is to be closed."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET ending = 'CLOSE', step = $2, due_at = $3, updated_at = $3
            WHERE master_id = $1 AND status = 'LIVE' AND ending IS NULL""",
        master_id,
        step,
        now,
    )
    return changed(tag) == 1


async def begin_cancelling(tx: Connection, master_id: str, step: str, now: datetime) -> bool:
    """Stop reserving: a live sale of which nothing is sold or reserved is to be cancelled."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET ending = 'CANCEL', step = $2, due_at = $3, updated_at = $3
            WHERE master_id = $1 AND status = 'LIVE' AND ending IS NULL AND shares_sold = 0 AND shares_reserved = 0""",
        master_id,
        step,
        now,
    )
    return changed(tag) == 1


async def cancel(tx: Connection, master_id: str, now: datetime) -> bool:
    """DRAFT, SCHEDULED → CANCELLED; False while it is being opened."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET status = 'CANCELLED', actual_end = $2, due_at = NULL, updated_at = $2
            WHERE master_id = $1 AND status IN ('DRAFT', 'SCHEDULED') AND step IS NULL""",
        master_id,
        now,
    )
    return changed(tag) == 1


async def end(tx: Connection, ipo_id: str, status: str, now: datetime) -> bool:
    """LIVE → CLOSED or CANCELLED."""
    tag = await tx.execute(
        """UPDATE nft.ipos SET status = $2, actual_end = $3, step = NULL, due_at = NULL, updated_at = $3
            WHERE id = $1 AND status = 'LIVE'""",
        ipo_id,
        status,
        now,
    )
    return changed(tag) == 1


async def due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Return the masters whose offers the timers should look at, the longest waiting first."""
    query = "SELECT master_id FROM nft.ipos WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
    return [str(row["master_id"]) for row in await connection.fetch(query, now, limit)]


async def waiting_for_market(connection: Connection, chain_id: int) -> list[str]:
    """Return the masters whose launch waits for the marketplace of a chain."""
    query = (
        "SELECT master_id FROM nft.ipos WHERE status = 'LAUNCHING' AND step = 'MARKET' AND chain_id = $1 ORDER BY id"
    )
    return [str(row["master_id"]) for row in await connection.fetch(query, chain_id)]


async def waiting_for_content(connection: Connection, cid: str) -> list[str]:
    """Return the masters whose launch waits for their document to be pinned."""
    query = """SELECT i.master_id FROM nft.ipos i JOIN nft.masters m ON m.id = i.master_id
                WHERE i.status = 'LAUNCHING' AND i.step = 'METADATA' AND m.metadata_cid = $1 ORDER BY i.id"""
    return [str(row["master_id"]) for row in await connection.fetch(query, cid)]


def _values(terms: Terms) -> tuple[Any, ...]:
    return (
        terms.total_shares,
        terms.artist_reserve,
        Decimal(terms.price_wei),
        terms.currency,
        terms.chain_id,
        terms.holders_bps,
        terms.early_access_hours,
        terms.starts_at,
        terms.ends_at,
    )


def _ipo(row: Row) -> Ipo:
    plain = {name: value for name, value in row.items() if name not in ("id", "master_id", "price_wei")}
    return Ipo(**plain, id=str(row["id"]), master_id=str(row["master_id"]), price_wei=int(row["price_wei"]))
