"""Keep what each wallet is owed of a distribution, and whether it was paid.

Between: sagas.dividend (allocates, moves claims on), routes.dividends (lists, asks), `nft.dividend_allocations`.

    AVAILABLE ──asked for──► PENDING ──paid──► CLAIMED      (paid, too, without asking here: a wallet may claim itself)
        ▲                      │  ▲              │
        └──the chain refused───┘  └──a reorg─────┘
Units: wei.
Invariant: amounts never change; a claim is asked for by whoever moved it from AVAILABLE, once; 0 wei is CLAIMED from
the start, because there is nothing to ask for.
Errors: none of its own.
Source: domain.md 2.2 "Claim".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Final

from audifi.kernel.connection import Connection, Row, changed
from audifi.kernel.ids import new_id
from audifi.services.nft.rules.allocation import Allocation

ROWS_AT_ONCE: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Dividend:
    """What one distribution holds for one wallet."""

    id: str
    distribution_id: str
    master_id: str
    artist_id: str
    master_title: str
    wallet: str
    chain_id: int
    dividend: str
    epoch: int
    amount_wei: int
    currency: str
    status: str
    distribution_status: str
    claim_asks: int
    claim_tx: str | None
    distributed_at: datetime | None
    claimed_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class DividendTotal:
    """What wallets were paid, or can have, in one currency."""

    currency: str
    claimable_wei: int
    pending_wei: int
    claimed_wei: int


@dataclass(frozen=True, kw_only=True)
class Paid:
    """A claim that was just paid, with what others are told of it."""

    id: str
    distribution_id: str
    master_id: str
    artist_id: str
    wallet: str
    amount_wei: int
    user_id: str | None
    is_first: bool  # nobody was told before: a reorg may pay twice, never tell twice


_COLUMNS: Final = """a.id, a.distribution_id, d.master_id, m.artist_id, m.title, a.wallet, d.chain_id, d.dividend,
       d.epoch, a.amount_wei, i.currency, a.status, d.status AS distribution_status, a.claim_asks, a.claim_tx,
       d.opened_at, a.claimed_at, a.error"""
_JOINED: Final = """nft.dividend_allocations a
  JOIN nft.distributions d ON d.id = a.distribution_id
  JOIN nft.masters m ON m.id = d.master_id
  JOIN nft.ipos i ON i.master_id = d.master_id"""
# Nothing is shown before holders can claim it, nor what there is nothing of.
_SHOWN: Final = "d.opened_at IS NOT NULL AND a.amount_wei > 0"


async def insert(tx: Connection, distribution_id: str, allocations: Sequence[Allocation]) -> None:
    """Fix what each wallet gets."""
    rest = iter(allocations)
    while batch := list(islice(rest, ROWS_AT_ONCE)):
        await tx.execute(
            """INSERT INTO nft.dividend_allocations (id, distribution_id, wallet, weight, amount_wei, status)
               SELECT id, $1, wallet, weight, amount, CASE WHEN amount = 0 THEN 'CLAIMED' ELSE 'AVAILABLE' END
                 FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::numeric[])
                      AS new (id, wallet, weight, amount)
            """,
            distribution_id,
            [new_id() for _ in batch],
            [each.wallet for each in batch],
            [each.weight for each in batch],
            [Decimal(each.amount_wei) for each in batch],
        )


async def amounts(connection: Connection, distribution_id: str) -> dict[str, int]:
    """Return wallet → amount, of all that get something: page by page, so that no statement runs into its time-out."""
    found: dict[str, int] = {}
    last = ""
    while rows := await connection.fetch(
        """SELECT wallet, amount_wei::text AS amount FROM nft.dividend_allocations
            WHERE distribution_id = $1 AND wallet > $2 AND amount_wei > 0 ORDER BY wallet LIMIT $3""",
        distribution_id,
        last,
        ROWS_AT_ONCE,
    ):
        found.update((row["wallet"], int(row["amount"])) for row in rows)
        last = rows[-1]["wallet"]
    return found


async def of_wallets(
    connection: Connection, wallets: Sequence[str], *, status: str | None, limit: int, offset: int
) -> tuple[list[Dividend], int]:
    """Return a page of what these wallets were given, newest first, and how many there are."""
    where = f"a.wallet = ANY($1::text[]) AND ($2::text IS NULL OR a.status = $2) AND {_SHOWN}"
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM {_JOINED} WHERE {where}
             ORDER BY d.opened_at DESC, a.id LIMIT $3 OFFSET $4""",  # noqa: S608  # our own text
        list(wallets),
        status,
        limit,
        offset,
    )
    counted = f"""SELECT count(*) FROM nft.dividend_allocations a
                    JOIN nft.distributions d ON d.id = a.distribution_id WHERE {where}"""  # noqa: S608  # our own text
    return [_dividend(row) for row in rows], int(await connection.fetchval(counted, list(wallets), status))


async def totals(connection: Connection, wallets: Sequence[str]) -> list[DividendTotal]:
    """Return what these wallets were given, by currency."""
    rows = await connection.fetch(
        f"""SELECT i.currency,
                   coalesce(sum(a.amount_wei) FILTER (WHERE a.status IN ('AVAILABLE', 'FAILED')), 0) AS claimable,
                   coalesce(sum(a.amount_wei) FILTER (WHERE a.status = 'PENDING'), 0) AS pending,
                   coalesce(sum(a.amount_wei) FILTER (WHERE a.status = 'CLAIMED'), 0) AS claimed
              FROM {_JOINED} WHERE a.wallet = ANY($1::text[]) AND {_SHOWN}
             GROUP BY i.currency ORDER BY i.currency""",  # noqa: S608  # our own text
        list(wallets),
    )
    return [
        DividendTotal(row["currency"], int(row["claimable"]), int(row["pending"]), int(row["claimed"])) for row in rows
    ]


async def unclaimed(connection: Connection, wallets: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return (master, wallet) → what can be claimed."""
    rows = await connection.fetch(
        f"""SELECT d.master_id, a.wallet, sum(a.amount_wei) AS amount FROM nft.dividend_allocations a
              JOIN nft.distributions d ON d.id = a.distribution_id
             WHERE a.wallet = ANY($1::text[]) AND a.status IN ('AVAILABLE', 'FAILED') AND {_SHOWN}
             GROUP BY d.master_id, a.wallet""",  # noqa: S608  # our own text
        list(wallets),
    )
    return {(str(row["master_id"]), row["wallet"]): int(row["amount"]) for row in rows}


async def lock(tx: Connection, wallets: Sequence[str], ids: Sequence[str] | None, *, limit: int) -> list[Dividend]:
    """Return and hold these dividends of these wallets; without ids the oldest that can be claimed."""
    chosen = (
        f"{_SHOWN} AND d.status = 'OPEN' AND a.status IN ('AVAILABLE', 'FAILED') AND $2::uuid[] IS NULL"
        if ids is None
        else f"{_SHOWN} AND a.id = ANY($2::uuid[])"
    )
    rows = await tx.fetch(
        f"""SELECT {_COLUMNS} FROM {_JOINED} WHERE a.wallet = ANY($1::text[]) AND {chosen}
             ORDER BY a.id LIMIT $3 FOR UPDATE OF a""",  # noqa: S608  # our own text
        list(wallets),
        None if ids is None else list(ids),
        limit,
    )
    return [_dividend(row) for row in rows]


async def ask(tx: Connection, dividend_id: str, *, by: str) -> int | None:
    """AVAILABLE → PENDING: count the ask and return its number; nothing if somebody else asked first."""
    found = await tx.fetchval(
        """UPDATE nft.dividend_allocations SET status = 'PENDING', claim_asks = claim_asks + 1, claimed_by = $2,
                  error = NULL
            WHERE id = $1 AND status IN ('AVAILABLE', 'FAILED') RETURNING claim_asks""",
        dividend_id,
        by,
    )
    return None if found is None else int(found)


async def proof(connection: Connection, distribution_id: str, leaf: bytes) -> tuple[str, ...] | None:
    """Return the siblings from a leaf up to the root; nothing if it is no leaf of that tree."""
    row = await connection.fetchrow(
        """SELECT position($2::bytea IN nodes) AS at, length(nodes) AS size
             FROM nft.distribution_trees WHERE distribution_id = $1""",
        distribution_id,
        leaf,
    )
    if row is None or row["at"] == 0 or row["at"] % 32 != 1:
        return None
    place, siblings = row["at"] // 32, list[int]()
    while place > 0:  # node i lies above 2i + 1 and 2i + 2
        siblings.append(place + 1 if place % 2 else place - 1)
        place = (place - 1) // 2
    nodes = await connection.fetch(
        """SELECT encode(substring(t.nodes FROM 32 * wanted.place + 1 FOR 32), 'hex') AS node
             FROM nft.distribution_trees t, unnest($2::integer[]) WITH ORDINALITY AS wanted (place, turn)
            WHERE t.distribution_id = $1 ORDER BY wanted.turn""",
        distribution_id,
        siblings,
    )
    return tuple("0x" + node["node"] for node in nodes)


async def paid(tx: Connection, dividend_id: str, *, tx_hash: str, block: int | None) -> Paid | None:
    """Anything but CLAIMED → CLAIMED; nothing if it is that already."""
    row = await tx.fetchrow(
        """UPDATE nft.dividend_allocations a SET status = 'CLAIMED', claim_tx = $2, claim_block = $3, error = NULL,
                  claimed_at = coalesce(a.claimed_at, now()), announced_at = coalesce(a.announced_at, now())
             FROM nft.dividend_allocations before
             JOIN nft.distributions d ON d.id = before.distribution_id JOIN nft.masters m ON m.id = d.master_id
            WHERE a.id = $1 AND before.id = a.id AND a.status <> 'CLAIMED'
           RETURNING a.id, a.distribution_id, d.master_id, m.artist_id, a.wallet, a.amount_wei, a.claimed_by,
                     before.announced_at""",
        dividend_id,
        tx_hash,
        block,
    )
    if row is None:
        return None
    return Paid(
        id=str(row["id"]),
        distribution_id=str(row["distribution_id"]),
        master_id=str(row["master_id"]),
        artist_id=str(row["artist_id"]),
        wallet=row["wallet"],
        amount_wei=int(row["amount_wei"]),
        user_id=None if row["claimed_by"] is None else str(row["claimed_by"]),
        is_first=row["announced_at"] is None,
    )


async def lock_distribution(tx: Connection, dividend_id: str) -> str | None:
    """Hold the distribution of an allocation until the transaction ends; return its id."""
    found = await tx.fetchval(
        """SELECT d.id FROM nft.dividend_allocations a JOIN nft.distributions d ON d.id = a.distribution_id
            WHERE a.id = $1 FOR NO KEY UPDATE OF d""",
        dividend_id,
    )
    return None if found is None else str(found)


async def of_fact(connection: Connection, distribution_id: str, wallet: str) -> tuple[str, int] | None:
    """Return (id, amount) of a wallet's part."""
    row = await connection.fetchrow(
        "SELECT id, amount_wei FROM nft.dividend_allocations WHERE distribution_id = $1 AND wallet = $2",
        distribution_id,
        wallet,
    )
    return None if row is None else (str(row["id"]), int(row["amount_wei"]))


async def refused(tx: Connection, dividend_id: str, ask: int, *, error: str) -> bool:
    """PENDING → AVAILABLE: the chain did not pay it. One that was paid meanwhile, without us, stays so."""
    tag = await tx.execute(
        """UPDATE nft.dividend_allocations SET failed_asks = $2, error = $3,
                  status = CASE status WHEN 'PENDING' THEN 'AVAILABLE' ELSE status END
            WHERE id = $1 AND claim_asks = $2 AND failed_asks < $2""",
        dividend_id,
        ask,
        error,
    )
    return changed(tag) == 1


async def undone(tx: Connection, dividend_id: str, *, tx_hash: str | None) -> bool:
    """CLAIMED, by this transaction or whichever it was → PENDING while our own ask is out, else → AVAILABLE.

    Of an ask that is out the worker says what becomes of it.
    """
    tag = await tx.execute(
        """UPDATE nft.dividend_allocations SET claim_tx = NULL, claim_block = NULL, claimed_at = NULL,
                  status = CASE WHEN claim_asks > failed_asks THEN 'PENDING' ELSE 'AVAILABLE' END
            WHERE id = $1 AND status = 'CLAIMED' AND claim_tx = coalesce($2, claim_tx)""",
        dividend_id,
        tx_hash,
    )
    return changed(tag) == 1


def _dividend(row: Row) -> Dividend:
    return Dividend(
        id=str(row["id"]),
        distribution_id=str(row["distribution_id"]),
        master_id=str(row["master_id"]),
        artist_id=str(row["artist_id"]),
        master_title=row["title"],
        wallet=row["wallet"],
        chain_id=row["chain_id"],
        dividend=row["dividend"],
        epoch=row["epoch"],
        amount_wei=int(row["amount_wei"]),
        currency=row["currency"],
        status=row["status"],
        distribution_status=row["distribution_status"],
        claim_asks=row["claim_asks"],
        claim_tx=row["claim_tx"],
        distributed_at=row["opened_at"],
        claimed_at=row["claimed_at"],
        error=row["error"],
    )
