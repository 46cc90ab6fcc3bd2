"""Find what can be bought: shares of open IPOs and shares that their owners resell, in one list.

Between: routes.listings (browsing, from a replica).
How it stays fast with a million shares and ten thousand masters: each half is read along an index in the order asked
for and cut to the page before the two are merged; what a row is called is looked up for the rows of the page only.
Units: wei.
Shape: `total` counts COUNTED_MAX of each half at most: nobody turns so many pages.
Invariant: only constant texts are put together; every value is a parameter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from audifi.kernel.connection import Connection, Row

COUNTED_MAX: Final = 1000
FOUND_MAX: Final = 500  # masters that a search looks at
Sort = Literal["price-asc", "price-desc", "newest", "oldest"]
_ORDERS: Final[dict[str, str]] = {
    "price-asc": "price_wei, id",
    "price-desc": "price_wei DESC, id DESC",
    "newest": "listed_at DESC, id DESC",
    "oldest": "listed_at, id",
}
_PRIMARY: Final = """
SELECT i.id, 'PRIMARY' AS kind, i.master_id, i.next_token_id AS token_id, i.price_wei, i.chain_id, i.currency,
       i.artist_wallet AS seller, i.actual_start AS listed_at,
       i.public_supply - i.shares_sold - i.shares_reserved AS available
  FROM nft.ipos i
 WHERE i.status = 'LIVE' AND i.ending IS NULL
"""
_RESALE: Final = """
SELECT l.id, 'SECONDARY' AS kind, l.master_id, l.token_id, l.price_wei, l.chain_id, NULL AS currency,
       l.seller_wallet AS seller, l.listed_at, 1 AS available
  FROM nft.listings l
 WHERE l.status = 'ACTIVE'
"""
_NAMED: Final = """
SELECT o.id, o.kind, o.master_id, o.token_id, o.price_wei, o.chain_id, coalesce(o.currency, i.currency) AS currency,
       o.seller, o.listed_at, o.available, m.title, m.genre, m.artist_id, m.cover_cid
  FROM ({page}) o
  JOIN nft.masters m ON m.id = o.master_id AND m.taken_down_at IS NULL
  JOIN nft.ipos i ON i.master_id = o.master_id
 ORDER BY {order}
"""
_FOUND: Final = """
SELECT id FROM nft.masters
 WHERE to_tsvector('simple', title) @@ plainto_tsquery('simple', $1) AND status IN ('MINTED', 'LISTED', 'SOLD') LIMIT $2
"""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody looks for."""

    search: str | None = None
    genre: str | None = None
    chain_id: int | None = None
    price_min: int | None = None
    price_max: int | None = None
    sort: Sort = "newest"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Something that can be bought; of an open IPO `token_id` is the share that is minted next."""

    id: str
    kind: str
    master_id: str
    artist_id: str
    title: str
    genre: str
    cover_cid: str | None
    token_id: int
    price_wei: int
    chain_id: int
    currency: str
    seller: str | None
    listed_at: datetime | None
    available: int


async def browse(connection: Connection, wanted: Wanted, *, limit: int, offset: int) -> tuple[list[Offer], int]:
    """Return one page, and how many there are (COUNTED_MAX of each kind at most)."""
    found = await _found(connection, wanted.search)
    if found is not None and not found:
        return [], 0
    (primary, resale), values = _halves(wanted, found)
    order = _ORDERS[wanted.sort]
    last = f"${len(values) + 1}"
    page = f"({primary} ORDER BY {order} LIMIT {last}) UNION ALL ({resale} ORDER BY {order} LIMIT {last})"
    page = f"SELECT * FROM ({page}) both_halves ORDER BY {order} LIMIT ${len(values) + 2} OFFSET ${len(values) + 3}"  # noqa: S608
    query = _NAMED.format(page=page, order=", ".join(f"o.{part}" for part in order.split(", ")))
    rows = await connection.fetch(query, *values, limit + offset, limit, offset)
    total = await connection.fetchval(_counted(primary, resale, order, len(values)), *values, COUNTED_MAX)
    return [offer_of(row) for row in rows], int(total)


async def find(connection: Connection, offer_id: str) -> Offer | None:
    """Return an open IPO or a resale by its id."""
    page = f"({_PRIMARY} AND i.id = $1) UNION ALL ({_RESALE} AND l.id = $1)"
    row = await connection.fetchrow(_NAMED.format(page=page, order="o.id"), offer_id)
    return None if row is None else offer_of(row)


def _counted(primary: str, resale: str, order: str, values: int) -> str:
    # In the order of the page: counted along the same index, also in a table that is mostly past sales.
    last = f"ORDER BY {order} LIMIT ${values + 1}"
    one, two = f"SELECT count(*) FROM ({primary} {last}) one", f"SELECT count(*) FROM ({resale} {last}) two"  # noqa: S608
    return f"SELECT ({one}) + ({two})"


async def _found(connection: Connection, search: str | None) -> list[str] | None:
    if search is None:
        return None
    return [str(row["id"]) for row in await connection.fetch(_FOUND, search, FOUND_MAX)]


def _halves(wanted: Wanted, found: Sequence[str] | None) -> tuple[tuple[str, str], list[Any]]:
    primary, resale, values = _PRIMARY, _RESALE, list[Any]()

    def both(condition: str, value: object) -> None:
        nonlocal primary, resale
        values.append(value)
        condition = condition.replace("?", f"${len(values)}")
        primary += f" AND {condition.replace('@', 'i')}"
        resale += f" AND {condition.replace('@', 'l')}"

    if found is not None:
        both("@.master_id = ANY(?::uuid[])", found)
    if wanted.chain_id is not None:
        both("@.chain_id = ?", wanted.chain_id)
    if wanted.price_min is not None:
        both("@.price_wei >= ?", Decimal(wanted.price_min))
    if wanted.price_max is not None:
        both("@.price_wei <= ?", Decimal(wanted.price_max))
    if wanted.genre is not None:
        values.append(wanted.genre)
        primary += f" AND (SELECT m.genre FROM nft.masters m WHERE m.id = i.master_id) = ${len(values)}"  # noqa: S608
        resale += f" AND l.genre = ${len(values)}"
    return (primary, resale), values


def offer_of(row: Row) -> Offer:
    """Return what _NAMED found."""
    return Offer(
        id=str(row["id"]),
        kind=row["kind"],
        master_id=str(row["master_id"]),
        artist_id=str(row["artist_id"]),
        title=row["title"],
        genre=row["genre"],
        cover_cid=row["cover_cid"],
        token_id=row["token_id"],
        price_wei=int(row["price_wei"]),
        chain_id=row["chain_id"],
        currency=row["currency"],
        seller=row["seller"],
        listed_at=row["listed_at"],
        available=row["available"],
    )
