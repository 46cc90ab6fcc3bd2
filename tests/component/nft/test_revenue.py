"""Recording, verifying and distributing revenue: who may, what counts once, and what survives at every step."""

from decimal import Decimal

import asyncpg
import pytest
from tests.component.nft.paying import Launched, Paying, Person, some_wallet

from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.services.nft.errors import InvalidState
from audifi.services.nft.sagas import dividend
from audifi.services.nft.store import distributions

pytestmark = pytest.mark.asyncio(loop_scope="session")
BODY = {"source": "SYNC", "amountWei": "1001", "externalReference": "film 7"}


async def test_a_statement_counts_once_however_often_it_is_sent(paying: Paying) -> None:
    artist = await paying.person("ARTIST")
    of = await paying.launched(artist_id=artist.id)
    path, key = f"/masters/{of.id}/revenue", str(new_id())
    first = await artist.post(path, BODY, idempotency_key=key)
    assert (first.status, first.data["status"], first.data["amountWei"]) == (201, "PENDING", "1001"), first.body
    assert (await artist.post(path, BODY, idempotency_key=key)).data["id"] == first.data["id"]
    assert (await artist.post(path, BODY, idempotency_key=str(new_id()))).code == "CONFLICT"
    assert (await artist.post(path, BODY)).code == "VALIDATION_ERROR"
    listed = await artist.get(path)
    assert [each["id"] for each in listed.data] == [first.data["id"]]
    recorded = [each for each in await paying.told("revenue.recorded") if each["masterId"] == of.id]
    assert [each["amountWei"] for each in recorded] == ["1001"]


async def test_who_may_record_and_look(paying: Paying) -> None:
    artist, stranger = await paying.person("ARTIST"), await paying.person("ARTIST")
    unproven = await paying.person("ADMIN", mfa=Mfa.ENROLLED)
    of = await paying.launched(artist_id=artist.id)
    path = f"/masters/{of.id}/revenue"
    assert (await stranger.post(path, BODY, idempotency_key="a")).code == "FORBIDDEN"
    assert (await stranger.get(path)).code == "FORBIDDEN"
    assert (await unproven.get(f"{path}/summary")).code == "FORBIDDEN"
    assert (await unproven.post(path, BODY, idempotency_key="a")).code == "MFA_REQUIRED"
    assert (await artist.get(f"/masters/{new_id()}/revenue")).code == "MASTER_NOT_FOUND"
    await paying.execute("UPDATE nft.masters SET status = 'DRAFT' WHERE id = $1", of.id)
    assert (await stranger.get(path)).code == "MASTER_NOT_FOUND"
    assert (await artist.post(path, BODY, idempotency_key="b")).code == "INVALID_STATE"


@pytest.mark.parametrize(
    "changes",
    [
        {"amountWei": "0"},
        {"amountWei": str(2**128)},
        {"amountWei": "1.5"},
        {"source": "GIFT"},
        {"externalReference": ""},
        {"externalReference": "a\u0000b"},
        {"periodStart": "2026-02-01", "periodEnd": "2026-01-01"},
    ],
)
async def test_what_is_no_revenue(paying: Paying, changes: dict[str, str]) -> None:
    artist = await paying.person("ARTIST")
    of = await paying.launched(artist_id=artist.id)
    answer = await artist.post(f"/masters/{of.id}/revenue", {**BODY, **changes}, idempotency_key="a")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


async def test_only_administrators_verify_and_distribute_and_each_once(paying: Paying) -> None:
    artist, admin = await paying.person("ARTIST"), await paying.person("ADMIN")
    of = await paying.launched(artist_id=artist.id)
    paying.mint(of, some_wallet())
    await paying.follow()
    made = await artist.post(f"/masters/{of.id}/revenue", BODY, idempotency_key="a")
    verify, distribute = f"/revenue/{made.data['id']}/verify", f"/revenue/{made.data['id']}/distribute"
    assert (await artist.post(verify)).code == "FORBIDDEN"
    assert (await admin.post(distribute)).code == "INVALID_STATE"
    assert (await admin.post(verify)).data["status"] == "VERIFIED"
    assert (await admin.post(verify)).code == "INVALID_STATE"
    assert (await artist.post(distribute)).code == "FORBIDDEN"
    assert (await admin.post(distribute)).status == 202
    assert (await admin.post(distribute)).code == "INVALID_STATE"
    assert (await admin.post(f"/revenue/{new_id()}/verify")).code == "NOT_FOUND"
    asked = [each for each in await paying.wanted() if made.data["id"] in each.key]
    assert [each.key for each in asked] == [f"nft:revenue:{made.data['id']}:deposit:1"]
    audited = [each["action"] for each in await paying.told("audit.recorded") if each["targetId"] == made.data["id"]]
    assert audited == ["revenue.recorded", "revenue.verified", "revenue.distributed"]


async def test_nobody_to_pay_leaves_it_verified(paying: Paying) -> None:
    admin = await paying.person("ADMIN")
    of = await paying.launched()
    revenue_id = await paying.earned(of, 1000, admin)
    assert (await admin.post(f"/revenue/{revenue_id}/distribute")).code == "INVALID_STATE"
    assert (await admin.get(f"/masters/{of.id}/revenue")).data[0]["status"] == "VERIFIED"


async def test_a_revenue_is_shared_to_the_last_wei(paying: Paying) -> None:
    admin = await paying.person("ADMIN")
    of = await paying.launched(cut_bps=1000)
    holders = sorted(some_wallet() for _ in range(3))
    for holder in holders:
        paying.mint(of, holder)
    await paying.follow()
    revenue_id = await paying.earned(of, 201, admin)
    begun = (await admin.post(f"/revenue/{revenue_id}/distribute")).data["distribution"]
    names = ("holdersWei", "artistWei", "platformWei", "collaboratorsWei")
    assert [begun[name] for name in names] == ["101", "80", "0", "20"]
    await paying.settle_all()
    assert await _amounts(paying, begun["id"]) == dict(zip(holders, (34, 34, 33), strict=True))
    shown = (await admin.get(f"/masters/{of.id}/revenue")).data[0]
    assert (shown["status"], shown["distribution"]["status"]) == ("DISTRIBUTED", "OPEN")
    told = [each for each in await paying.told("dividend.distributed") if each["revenueId"] == revenue_id]
    assert [(each["holdersWei"], each["wallets"]) for each in told] == [("101", 3)]
    summary = (await admin.get(f"/masters/{of.id}/revenue/summary")).data
    assert (summary["totalWei"], summary["distributedWei"], summary["claimedWei"]) == ("201", "201", "0")


async def test_the_snapshot_is_of_the_deposits_block_whoever_owns_the_shares_later(paying: Paying) -> None:
    admin = await paying.person("ADMIN")
    of = await paying.launched(reserve=2)
    before, sniper = some_wallet("before"), some_wallet("sniper")
    paying.mint(of, before, 2)
    await paying.follow()
    revenue_id = await paying.earned(of, 2000, admin)
    begun = (await admin.post(f"/revenue/{revenue_id}/distribute")).data["distribution"]
    assert await paying.serve() == 1
    paying.transfer(of, before, sniper, 1)  # after the deposit, before anything is allocated
    await paying.follow()
    assert not await paying.step(), "its block is mirrored, and could still be undone"
    paying.mint(of, sniper, 3)
    await paying.settle_all()
    assert await _amounts(paying, begun["id"]) == {before: 1000}
    owners = await paying.rows("SELECT token_id, owner_wallet FROM nft.ownership_snapshots WHERE master_id = $1", of.id)
    assert {row["token_id"]: row["owner_wallet"] for row in owners} == {1: before, 2: before}


async def test_a_deposit_that_fails_is_asked_for_again(paying: Paying) -> None:
    admin, of, revenue_id = await _begun(paying)
    asked = await paying.wanted()
    await paying.tell(asked[0].key, "FAILED", error="out of funds")
    shown = (await admin.get(f"/masters/{of.id}/revenue")).data[0]
    assert (shown["status"], shown["error"]) == ("FAILED", "out of funds")
    assert (await admin.post(f"/revenue/{revenue_id}/distribute")).data["status"] == "VERIFIED"
    await paying.tell(asked[0].key, "FAILED", error="late word about the first one")
    assert (await admin.get(f"/masters/{of.id}/revenue")).data[0]["status"] == "VERIFIED"
    await paying.settle_all()
    assert (await admin.get(f"/masters/{of.id}/revenue")).data[0]["status"] == "DISTRIBUTED"


async def test_a_deposit_that_was_there_before_it_was_asked_for(paying: Paying) -> None:
    """The worker lost its database after sending: it is refused as done, and told FINAL without a hash."""
    admin, of, _ = await _begun(paying)
    asked = await paying.wanted()
    paying.carry_out(asked[0].command)
    await paying.tell(asked[0].key, "FINAL")
    await paying.settle_all()
    assert (await admin.get(f"/masters/{of.id}/revenue")).data[0]["status"] == "DISTRIBUTED"


async def test_a_strangers_deposit_under_our_payout_id_changes_nothing(paying: Paying) -> None:
    _, of, revenue_id = await _begun(paying)
    stranger = some_wallet("stranger")
    paying.node.give(stranger)
    payout = (await paying.rows("SELECT id FROM nft.revenue_events WHERE id = $1", revenue_id))[0]["id"]
    paying.node.send(stranger, of.dividend.address, of.dividend.deposit_revenue(payout), 7)
    await paying.settle_all()
    begun = await _distribution(paying, revenue_id)
    found = await paying.rows(
        "SELECT amount_wei FROM nft.dividend_deposits WHERE block_number = $1", begun.snapshot_block
    )
    assert [int(row["amount_wei"]) for row in found] == [begun.holders_wei]


async def test_a_reorg_takes_a_root_back_and_it_is_told_once(paying: Paying) -> None:
    _, _, revenue_id = await _begun(paying)
    assert await paying.serve() == 1
    paying.bury()
    await paying.follow()
    assert await paying.step()  # allocated
    assert await paying.step()  # the root is asked for
    asked = await paying.wanted()
    receipt = paying.carry_out(asked[0].command)
    for state in ("CONFIRMED", "UNDONE"):
        await paying.tell(asked[0].key, state, receipt if state == "CONFIRMED" else None)
    assert (await _distribution(paying, revenue_id)).status == "ALLOCATED"
    await paying.follow()  # the fact says the same, and comes first this time
    assert (await _distribution(paying, revenue_id)).status == "OPEN"
    for state in ("CONFIRMED", "FINAL"):
        await paying.tell(asked[0].key, state, receipt)
    told = [each for each in await paying.told("dividend.distributed") if each["revenueId"] == revenue_id]
    assert len(told) == 1


async def test_a_root_that_is_refused_is_asked_for_again_later(paying: Paying) -> None:
    _, _, revenue_id = await _begun(paying)
    await paying.serve()
    paying.bury()
    await paying.follow()
    assert await paying.step()
    assert await paying.step()
    asked = await paying.wanted()
    await paying.tell(asked[0].key, "REFUSED", error="no money for gas")
    assert not await paying.step(), "not before its time"
    await paying.execute("UPDATE nft.distributions SET retry_at = now() WHERE revenue_event_id = $1", revenue_id)
    assert await paying.step()
    again = await paying.wanted()
    assert again[0].key == asked[0].key.removesuffix("1") + "2"
    assert again[0].command == asked[0].command, "the same root, computed once"


@pytest.mark.parametrize("dies", ["allocate", "insert", "allocated", "_tree", "keep_tree", "ask_root"])
async def test_a_step_that_dies_is_taken_again_with_the_same_end(
    paying: Paying, dies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, of, revenue_id = await _begun(paying, shares=5)
    await paying.serve()
    paying.bury()
    await paying.follow()
    place = {"allocate": dividend, "_tree": dividend, "insert": dividend.claims}.get(dies, distributions)

    def die(*_arguments: object, **_named: object) -> None:
        raise SystemError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(place, dies, die)
        with pytest.raises(SystemError):
            await _steps(paying, 3)
    assert not await paying.step(), "another pod waits for the lease"
    await paying.execute("UPDATE nft.distributions SET leased_until = NULL WHERE revenue_event_id = $1", revenue_id)
    await paying.settle_all()
    begun = await _distribution(paying, revenue_id)
    assert begun.status == "OPEN"
    assert sum((await _amounts(paying, begun.id)).values()) == begun.holders_wei
    shown = (await admin.get(f"/masters/{of.id}/revenue")).data[0]
    assert shown["status"] == "DISTRIBUTED"


async def test_two_pods_that_both_believe_to_have_the_lease(paying: Paying) -> None:
    await _begun(paying, shares=3)
    await paying.serve()
    paying.bury()
    await paying.follow()
    async with paying.parts.database.transaction() as tx:
        leased = await distributions.lease_for_snapshot(tx, dividend.depths_of(paying.parts))
    assert leased is not None
    await dividend._allocate(paying.parts, leased)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises((InvalidState, asyncpg.PostgresError)):
        await dividend._allocate(paying.parts, leased)  # pyright: ignore[reportPrivateUsage]
    assert sum((await _amounts(paying, leased.id)).values()) == leased.holders_wei


async def test_amounts_that_are_not_the_pool_cannot_be_committed(paying: Paying) -> None:
    _, _, revenue_id = await _begun(paying)
    begun = await _distribution(paying, revenue_id)
    insert = """INSERT INTO nft.dividend_allocations (id, distribution_id, wallet, weight, amount_wei, status)
                VALUES ($1, $2, $3, 1, $4, 'AVAILABLE')"""

    async def allocate(amount: int, status: str) -> None:
        async with paying.parts.database.transaction() as tx:
            await tx.execute(insert, new_id(), begun.id, some_wallet(), Decimal(amount))
            await tx.execute(
                """UPDATE nft.distributions SET status = $2, snapshot_block = 1, total_weight = 1 WHERE id = $1""",
                begun.id,
                status,
            )

    for amount in (begun.holders_wei - 1, begun.holders_wei + 1):
        with pytest.raises(asyncpg.CheckViolationError):
            await allocate(amount, "ALLOCATED")
    await allocate(begun.holders_wei, "ALLOCATED")
    with pytest.raises(asyncpg.CheckViolationError):  # nothing is added afterwards,
        await paying.execute(insert, new_id(), begun.id, some_wallet(), Decimal(1))
    for change in (  # nor changed,
        "UPDATE nft.dividend_allocations SET amount_wei = amount_wei + 1 WHERE distribution_id = $1",
        "UPDATE nft.dividend_allocations SET wallet = '0x' || repeat('0', 40) WHERE distribution_id = $1",
        "UPDATE nft.dividend_allocations SET weight = 2 WHERE distribution_id = $1",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await paying.execute(change, begun.id)
    with pytest.raises(asyncpg.CheckViolationError):  # nor taken away.
        await paying.execute("DELETE FROM nft.dividend_allocations WHERE distribution_id = $1", begun.id)
    await paying.execute("UPDATE nft.distributions SET root_asks = 9 WHERE id = $1", begun.id)  # out of others' way


async def _begun(paying: Paying, *, shares: int = 2) -> tuple[Person, Launched, str]:
    """A revenue whose deposit is asked for."""
    admin = await paying.person("ADMIN")
    of = await paying.launched()
    for _ in range(shares):
        paying.mint(of, some_wallet())
    await paying.follow()
    revenue_id = await paying.earned(of, 1001, admin)
    begun = await admin.post(f"/revenue/{revenue_id}/distribute")
    assert begun.status == 202, begun.body
    return admin, of, revenue_id


async def _steps(paying: Paying, count: int) -> None:
    for _ in range(count):
        await paying.step()


async def _distribution(paying: Paying, revenue_id: str) -> distributions.Distribution:
    async with paying.parts.database.read_primary() as connection:
        return (await distributions.of_revenues(connection, [revenue_id]))[revenue_id]


async def _amounts(paying: Paying, distribution_id: str) -> dict[str, int]:
    rows = await paying.rows(
        "SELECT wallet, amount_wei FROM nft.dividend_allocations WHERE distribution_id = $1", distribution_id
    )
    return {row["wallet"]: int(row["amount_wei"]) for row in rows}
