"""Fill nft-service's tables with a market of the size it must bear: masters, shares, holders, offers.

Between: questions about the marketplace and dividends, and the database's primary (as its superuser, past the pooler).
Shape: every master has an IPO and `shares` shares; every HOLDERS_EACH-th wallet repeats; `live` masters are on sale;
`resales` shares are offered. The same arguments give the same rows.
Invariant: only an instance of the question's own is filled.
Errors: psycopg's.
"""

from dataclasses import dataclass

import psycopg

from audifi.local.held import Held
from audifi.local.ports import LOOPBACK

HOLDERS_EACH = 40_000  # wallets in all
GENRES = ("Techno", "Ambient", "Synthwave", "Deep House", "Jazz")


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """How much of everything."""

    masters: int
    shares: int
    live: int
    resales: int


async def connected(running: Held) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    return await psycopg.AsyncConnection.connect(
        host=LOOPBACK,
        port=running.port("postgres-services-1", "writer"),
        dbname=running.topology.stores.postgres.database,
        user="postgres",
        password=running.secret("postgres-superuser"),
        autocommit=True,
    )


_MASTERS = """
INSERT INTO nft.masters (id, artist_id, title, type, genre, status, published_at)
SELECT md5('master' || n)::uuid, md5('artist' || n % 1000)::uuid, 'Night ' || n || ' of ' || n % 97, 'TRACK',
       (%(genres)s::text[])[1 + n %% 5], CASE WHEN n <= %(live)s THEN 'LISTED' ELSE 'SOLD' END,
       now() - make_interval(mins => n)
  FROM generate_series(1, %(masters)s) n
"""
_IPOS = """
INSERT INTO nft.ipos (id, master_id, total_shares, artist_reserve, price_wei, currency, chain_id, status, shares_sold,
                      holders_bps, artist_bps, actual_start, artist_wallet, next_token_id)
SELECT md5('ipo' || n)::uuid, md5('master' || n)::uuid, %(shares)s * 2, 0, 10000000000000000 * (1 + n %% 500), 'ETH',
       CASE WHEN n %% 2 = 0 THEN 1 ELSE 8453 END, CASE WHEN n <= %(live)s THEN 'LIVE' ELSE 'CLOSED' END, %(shares)s,
       4000, 6000, now() - make_interval(mins => n), '0x' || lpad(to_hex(n), 40, '0'), %(shares)s + 1
  FROM generate_series(1, %(masters)s) n
"""
_SHARES = """
INSERT INTO nft.shares (master_id, token_id, chain_id, owner_wallet, tier, royalty_bps, original_minter, mint_price_wei,
                        mint_tx, mint_log, minted_at)
SELECT md5('master' || n)::uuid, t, CASE WHEN n %% 2 = 0 THEN 1 ELSE 8453 END, wallet, 4, 100, wallet,
       10000000000000000, '0x' || repeat(md5('mint' || n), 2), t, now()
  FROM generate_series(1, %(masters)s) n, generate_series(1, %(shares)s) t,
       LATERAL (SELECT '0x' || lpad(to_hex((n * 7919 + t::bigint * 104729) %% %(holders)s), 40, 'a') AS wallet) w
"""
_HOLDERS = """
INSERT INTO nft.holders SELECT master_id, owner_wallet, count(*) FROM nft.shares GROUP BY master_id, owner_wallet
"""
_RESALES = """
INSERT INTO nft.listings (id, master_id, token_id, chain_id, genre, seller_wallet, price_wei, status, listed_tx,
                          listed_log, created_at, listed_at)
SELECT md5('listing' || s.master_id || s.token_id)::uuid, s.master_id, s.token_id, s.chain_id, m.genre, s.owner_wallet,
       10000000000000000 * (1 + s.token_id %% 900), 'ACTIVE', s.mint_tx, s.token_id, now(),
       now() - make_interval(secs => s.token_id)
  FROM nft.shares s JOIN nft.masters m ON m.id = s.master_id WHERE s.token_id <= %(each)s LIMIT %(resales)s
"""


async def fill(connection: "psycopg.AsyncConnection[tuple[object, ...]]", wanted: Catalogue) -> None:
    """Write everything, then let the planner know."""
    told = {
        "masters": wanted.masters,
        "shares": wanted.shares,
        "live": wanted.live,
        "resales": wanted.resales,
        "each": 1 + wanted.resales // wanted.masters,
        "holders": HOLDERS_EACH,
        "genres": list(GENRES),
    }
    await connection.execute("SET synchronous_commit = off")  # it is made again by the same arguments
    # Counted once at the end instead of a million times.
    await connection.execute("ALTER TABLE nft.shares DISABLE TRIGGER holders")
    for statement in (_MASTERS, _IPOS, _SHARES, _HOLDERS, _RESALES):
        await connection.execute(statement.replace("% 1000", "%% 1000").replace("% 97", "%% 97"), told)
    await connection.execute("ALTER TABLE nft.shares ENABLE TRIGGER holders")
    await connection.execute("VACUUM (ANALYZE) nft.masters, nft.ipos, nft.shares, nft.holders, nft.listings")


TABLES = ("masters", "ipos", "shares", "holders", "listings", "share_transfers")


async def sequential_scans(running: Held) -> int:
    """Rows that sequential scans of the big tables have read so far, on all three nodes."""
    rows = 0
    for pod in running.topology.component("postgres").pods:
        async with await psycopg.AsyncConnection.connect(
            host=LOOPBACK,
            port=running.port(pod, "postgres"),
            dbname=running.topology.stores.postgres.database,
            user="postgres",
            password=running.secret("postgres-superuser"),
            autocommit=True,
        ) as connection:
            await connection.execute("SELECT pg_stat_force_next_flush()")
            found = await connection.execute(
                """SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables
                    WHERE schemaname = 'nft' AND relname = ANY(%s)""",
                (list(TABLES),),
            )
            row = await found.fetchone()
            assert row is not None, "an aggregate has a row"
            rows += int(str(row[0]))
    return rows
