"""A hundred thousand holders are allocated in seconds, in little memory, and each proof is good."""

import resource
import time

import pytest
from tests.component.nft.paying import CHAIN, Paying

from audifi.clients.chain.contracts import merkle
from audifi.kernel.ids import new_id
from audifi.services.nft.store import claims

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOLDERS = 100_000
POOL = 10**18 + 7


async def test_a_hundred_thousand_holders(paying: Paying) -> None:
    of = await paying.launched(shares=10)
    distribution_id = await _deposited(paying, of.id, of.dividend.address)
    paying.bury()
    await paying.follow()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took: list[float] = []
    while True:
        started = time.perf_counter()
        if not await paying.step():
            break
        took.append(time.perf_counter() - started)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    print(f"allocated in {took[0]:.1f} s, tree and root in {took[1]:.1f} s, {grown_mib:.0f} MiB more")  # noqa: T201
    rows = await paying.rows(
        """SELECT count(*) AS wallets, sum(amount_wei) AS amounts, max(amount_wei) - min(amount_wei) AS spread
             FROM nft.dividend_allocations WHERE distribution_id = $1""",
        distribution_id,
    )
    assert (rows[0]["wallets"], int(rows[0]["amounts"])) == (HOLDERS, POOL)
    assert rows[0]["spread"] <= 1
    assert grown_mib < 200
    await _require_proofs(paying, distribution_id)
    await paying.wanted()  # its root belongs to no contract that has the money: nobody shall carry it out
    await paying.execute("UPDATE nft.distributions SET retry_at = NULL WHERE id = $1", distribution_id)


async def _require_proofs(paying: Paying, distribution_id: str) -> None:
    some = await paying.rows(
        """SELECT a.wallet, a.amount_wei, d.dividend, d.epoch, d.merkle_root FROM nft.dividend_allocations a
             JOIN nft.distributions d ON d.id = a.distribution_id WHERE d.id = $1 ORDER BY a.id LIMIT 20""",
        distribution_id,
    )
    started = time.perf_counter()
    for row in some:
        leaf = merkle.leaf(row["dividend"], row["epoch"], row["wallet"], int(row["amount_wei"]))
        async with paying.parts.database.read_primary() as connection:
            found = await claims.proof(connection, distribution_id, leaf)
        assert found is not None
        nodes = [bytes.fromhex(node.removeprefix("0x")) for node in found]
        assert merkle.holds(bytes.fromhex(row["merkle_root"].removeprefix("0x")), leaf, nodes)
    print(f"a proof in {1000 * (time.perf_counter() - started) / len(some):.0f} ms")  # noqa: T201


async def _deposited(paying: Paying, master_id: str, dividend: str) -> str:
    """A revenue whose money is in, of a master with a share for each of many holders."""
    revenue_id, distribution_id, tx_hash = str(new_id()), str(new_id()), "0x" + new_id().hex * 2
    async with paying.parts.database.transaction() as tx:
        await tx.execute(
            """INSERT INTO nft.share_transfers (chain_id, tx_hash, log_index, block_number, master_id, token_id, type,
                      to_wallet, seen_at)
               SELECT $2, $3, n, 1, $1, n, 'MINT', '0x' || lpad(to_hex(n * 7919), 40, '0'), now()
                 FROM generate_series(1, $4::integer) AS n""",
            master_id, CHAIN, tx_hash, HOLDERS,
        )  # fmt: skip
        await tx.execute(
            """INSERT INTO nft.revenue_events (id, master_id, source, amount_wei, external_reference, status,
                      recorded_by, deposit_asks, deposit_tx)
               VALUES ($1, $2, 'SYNC', $3::text::numeric, 'large', 'DEPOSITED', $1, 1, $4)""",
            revenue_id, master_id, str(POOL), tx_hash,
        )  # fmt: skip
        await tx.execute(
            """INSERT INTO nft.distributions (id, revenue_event_id, master_id, chain_id, dividend, epoch, gross_wei,
                      holders_wei, artist_wei, platform_wei, collaborators_wei, collaborators)
               VALUES ($1, $2, $3, $4, $5, 1, $6::text::numeric, $6::text::numeric, 0, 0, 0, '[]')""",
            distribution_id, revenue_id, master_id, CHAIN, dividend, str(POOL),
        )  # fmt: skip
        await tx.execute(
            """INSERT INTO nft.dividend_deposits VALUES ($1, $2, 0, $3, $3, '0x' || lpad($4, 64, '0'),
                      $5::text::numeric, 1)""",
            CHAIN, tx_hash, dividend, revenue_id.replace("-", ""), str(POOL),
        )  # fmt: skip
        await tx.execute(
            "UPDATE nft.chain_checkpoints SET hash = coalesce(hash, '0x' || repeat('0', 64)) WHERE chain_id = $1", CHAIN
        )
    return distribution_id
