"""Claims: each wallet is paid its part once, whoever asks, however often, in whatever order the chain tells it."""

import asyncio
import random
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.component.nft.paying import Launched, Paying, Person, some_wallet

from audifi.kernel.identity import Mfa
from audifi.kernel.ids import new_id
from audifi.services.nft.store import claims

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_dividend_is_claimed_and_paid_once(paying: Paying) -> None:
    fan, of, _ = await _open(paying)
    listed = (await fan.get("/portfolio/dividends")).data
    assert [(each["amountWei"], each["status"], each["masterId"]) for each in listed] == [("500", "AVAILABLE", of.id)]
    wallet, before = listed[0]["wallet"], paying.node.balance(listed[0]["wallet"])
    claimed = await fan.claim(dividendIds=[listed[0]["id"]])
    assert (claimed.status, [each["status"] for each in claimed.data]) == (202, ["PENDING"]), claimed.body
    assert (await fan.claim(dividendIds=[listed[0]["id"]])).code == "ALREADY_CLAIMED"
    assert (await fan.claim(all=True)).data == []
    assert await paying.serve() == 1
    await paying.follow()  # the fact comes after the worker's word, and changes nothing more
    assert paying.node.balance(wallet) == before + 500
    shown = (await fan.get("/portfolio/dividends?status=CLAIMED")).data
    assert [each["id"] for each in shown] == [listed[0]["id"]]
    assert shown[0]["claimTx"] is not None
    assert (await fan.claim(dividendIds=[listed[0]["id"]])).code == "ALREADY_CLAIMED"
    told = [each for each in await paying.told("dividend.claimed") if each["masterId"] == of.id]
    assert [(each["amountWei"], each["userId"]) for each in told] == [("500", fan.id)]


async def test_forty_claims_at_once_ask_once(paying: Paying) -> None:
    fan, _, distribution_id = await _open(paying)
    listed = (await fan.get("/portfolio/dividends")).data
    ids = [each["id"] for each in listed]
    answers = await asyncio.gather(
        *(fan.claim(**({"all": True} if n % 2 else {"dividendIds": ids})) for n in range(40))
    )
    won = [each for each in answers if each.status == 202 and each.data]
    lost = {each.code for each in answers if each.status != 202}
    assert len(won) == 1
    assert lost <= {"ALREADY_CLAIMED"}
    assert len(await paying.wanted()) == 1
    rows = await paying.rows(
        "SELECT sum(claim_asks) AS asks FROM nft.dividend_allocations WHERE distribution_id = $1", distribution_id
    )
    assert rows[0]["asks"] == 1


async def test_one_key_replayed_asks_once(paying: Paying) -> None:
    fan, _, _ = await _open(paying)
    key, path = str(new_id()), "/portfolio/dividends/claim"
    first = await fan.post(path, {"all": True}, idempotency_key=key)
    again = [await fan.post(path, {"all": True}, idempotency_key=key) for _ in range(5)]
    assert {each.body for each in again} == {first.body}
    assert len(await paying.wanted()) == 1
    assert (await fan.post(path, {"all": True})).code == "VALIDATION_ERROR"


async def test_who_is_not_paid(paying: Paying) -> None:
    fan, _, _ = await _open(paying)
    dividend_id = (await fan.get("/portfolio/dividends")).data[0]["id"]
    stranger = await paying.person(wallets=[some_wallet()])
    assert (await stranger.claim(dividendIds=[dividend_id])).code == "NOT_FOUND"
    assert (await fan.claim(dividendIds=[str(new_id())])).code == "NOT_FOUND"
    assert (await fan.claim()).code == "VALIDATION_ERROR"
    assert (await fan.claim(all=True, dividendIds=[dividend_id])).code == "VALIDATION_ERROR"
    assert (await fan.claim(all=True, wallet=some_wallet())).code == "VALIDATION_ERROR"
    enrolled = await paying.person(mfa=Mfa.ENROLLED)
    assert (await enrolled.claim(all=True)).code == "MFA_REQUIRED"


async def test_a_new_wallet_is_paid_after_its_waiting_time(paying: Paying) -> None:
    wallet = some_wallet()
    fan = await paying.person()
    await fan.link(wallet, payout_enabled_at="2099-01-01T00:00:00.000Z")
    await _open(paying, wallet=wallet)
    assert (await fan.claim(all=True)).data == []
    assert (await fan.claim(all=True, wallet=wallet)).code == "INVALID_STATE"
    paying.neighbours.wallets[fan.id][0]["payoutEnabledAt"] = "2026-01-01T00:00:00.000Z"
    assert len((await fan.claim(all=True, wallet=wallet)).data) == 1


async def test_a_wallet_that_claims_by_itself(paying: Paying) -> None:
    fan, of, distribution_id = await _open(paying)
    listed = (await fan.get("/portfolio/dividends")).data[0]
    amount, proof = int(listed["amountWei"]), await _proof(paying, of, distribution_id, listed["wallet"])
    paying.node.give(listed["wallet"])
    paying.node.send(listed["wallet"], of.dividend.address, of.dividend.claim(1, amount, proof))
    await paying.follow()
    assert (await fan.get("/portfolio/dividends")).data[0]["status"] == "CLAIMED"
    assert (await fan.claim(dividendIds=[listed["id"]])).code == "ALREADY_CLAIMED"
    told = [each for each in await paying.told("dividend.claimed") if each["masterId"] == of.id]
    assert [each.get("userId") for each in told] == [None]


async def test_a_wallet_that_claims_by_itself_while_we_ask(paying: Paying) -> None:
    fan, of, distribution_id = await _open(paying)
    listed = (await fan.get("/portfolio/dividends")).data[0]
    await fan.claim(all=True)
    asked = await paying.wanted()
    proof = await _proof(paying, of, distribution_id, listed["wallet"])
    paying.node.send(listed["wallet"], of.dividend.address, of.dividend.claim(1, int(listed["amountWei"]), proof))
    await paying.tell(asked[0].key, "FINAL")  # AlreadyClaimed: done, and the facts say where
    assert (await fan.get("/portfolio/dividends")).data[0]["status"] == "PENDING"
    await paying.follow()
    assert (await fan.get("/portfolio/dividends")).data[0]["status"] == "CLAIMED"


async def test_a_claim_that_the_chain_refuses_can_be_asked_for_again(paying: Paying) -> None:
    fan, _, _ = await _open(paying)
    await fan.claim(all=True)
    asked = await paying.wanted()
    await paying.tell(asked[0].key, "REFUSED", error="WrongProof")
    assert (await fan.get("/portfolio/dividends")).data[0]["status"] == "AVAILABLE"
    assert len((await fan.claim(all=True)).data) == 1
    await paying.tell(asked[0].key, "REFUSED", error="late word about the first")
    assert (await fan.get("/portfolio/dividends")).data[0]["status"] == "PENDING"
    again = await paying.wanted()
    receipt = paying.carry_out(again[0].command)
    await paying.tell(again[0].key, "CONFIRMED", receipt)
    assert (await fan.get("/portfolio/dividends")).data[0]["status"] == "CLAIMED"


async def test_a_reorg_takes_a_payment_back_and_it_is_told_once(paying: Paying) -> None:
    fan, of, distribution_id = await _open(paying, others=0)
    await fan.claim(all=True)
    asked = await paying.wanted()
    receipt = paying.carry_out(asked[0].command)
    await paying.tell(asked[0].key, "CONFIRMED", receipt)
    assert await _status(paying, distribution_id) == "SETTLED"
    await paying.tell(asked[0].key, "UNDONE")
    assert await _status(paying, distribution_id) == "OPEN"
    assert (await fan.get("/portfolio/dividends")).data[0]["status"] == "PENDING"
    assert (await fan.claim(all=True)).data == [], "it is on its way again"
    await paying.tell(asked[0].key, "FINAL", receipt)
    await paying.follow()
    assert await _status(paying, distribution_id) == "SETTLED"
    told = [each for each in await paying.told("dividend.claimed") if each["masterId"] == of.id]
    assert len(told) == 1


async def test_a_mirror_that_forgets_and_learns_again(paying: Paying) -> None:
    fan, _, distribution_id = await _open(paying, others=0)
    snapshot = paying.node.snapshot()
    await fan.claim(all=True)
    asked = await paying.wanted()
    first = paying.carry_out(asked[0].command)
    await paying.tell(asked[0].key, "CONFIRMED", first)
    await paying.follow()
    paying.node.revert(snapshot)
    await paying.follow_back()
    assert (await fan.get("/portfolio/dividends")).data[0]["status"] == "PENDING"
    second = paying.carry_out(asked[0].command)
    await paying.tell(asked[0].key, "UNDONE")
    await paying.follow()
    await paying.tell(asked[0].key, "FINAL", second)
    assert await _status(paying, distribution_id) == "SETTLED"


async def test_the_last_two_claims_settle_the_distribution_together(paying: Paying) -> None:
    fan, _, distribution_id = await _open(paying)
    other = (await paying.rows(
        "SELECT wallet FROM nft.dividend_allocations WHERE distribution_id = $1 AND wallet <> $2",
        distribution_id, paying.neighbours.wallets[fan.id][0]["address"],
    ))[0]["wallet"]  # fmt: skip
    second = await paying.person(wallets=[other])
    await fan.claim(all=True)
    await second.claim(all=True)
    asked = await paying.wanted()
    receipts = [paying.carry_out(each.command) for each in asked]
    await asyncio.gather(*(
        paying.tell(each.key, "CONFIRMED", receipt) for each, receipt in zip(asked, receipts, strict=True)
    ))  # fmt: skip
    assert await _status(paying, distribution_id) == "SETTLED"


async def test_nothing_to_claim_is_claimed_from_the_start(paying: Paying) -> None:
    admin = await paying.person("ADMIN")
    of = await paying.launched()
    holders = sorted(some_wallet() for _ in range(5))
    for holder in holders:
        paying.mint(of, holder)
    await paying.follow()
    distribution_id = await paying.distributed(of, 2, admin)  # one wei for five holders
    rows = await paying.rows(
        "SELECT amount_wei, status FROM nft.dividend_allocations WHERE distribution_id = $1 ORDER BY wallet",
        distribution_id,
    )
    assert [(int(row["amount_wei"]), row["status"]) for row in rows] == [(1, "AVAILABLE"), *[(0, "CLAIMED")] * 4]
    nobody = await paying.person(wallets=[holders[4]])
    assert (await nobody.get("/portfolio/dividends")).data == []
    first = await paying.person(wallets=[holders[0]])
    await first.claim(all=True)
    await paying.serve()
    assert await _status(paying, distribution_id) == "SETTLED"


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(seed=st.integers(0, 2**32))
async def test_no_order_of_transfers_and_distributions_breaks_a_sum(paying: Paying, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # a test's own choices
    admin = await paying.person("ADMIN")
    of = await paying.launched(shares=30, reserve=rng.randrange(5))
    people = [some_wallet() for _ in range(4)]
    owners: dict[int, str] = {}
    for _ in range(12):
        match rng.randrange(4):
            case 0 if len(owners) < 20:
                who, count = rng.choice(people), rng.randint(1, 3)
                paying.mint(of, who, count)
                owners |= {len(owners) + 1 + n: who for n in range(count)}
            case 1 if owners:
                token = rng.choice(sorted(owners))
                to = rng.choice(people)
                paying.transfer(of, owners[token], to, token)
                owners[token] = to
            case 2 if owners:
                await paying.follow()
                revenue_id = await paying.earned(of, rng.randint(1, 10**6), admin)
                assert (await admin.post(f"/revenue/{revenue_id}/distribute")).status == 202
            case _:
                await paying.serve()
                await paying.follow()
                await paying.step()
    await paying.settle_all()
    fan = await paying.person(wallets=people)
    await fan.claim(all=True)
    await paying.settle_all()
    await _require_sums(paying, of)


async def _require_sums(paying: Paying, of: Launched) -> None:
    rows = await paying.rows(
        """SELECT d.holders_wei, d.status, d.total_weight, sum(a.amount_wei) AS amounts, sum(a.weight) AS weights,
                  sum(a.amount_wei) FILTER (WHERE a.status = 'CLAIMED') AS claimed
             FROM nft.distributions d JOIN nft.dividend_allocations a ON a.distribution_id = d.id
            WHERE d.master_id = $1 GROUP BY d.id""",
        of.id,
    )
    for row in rows:
        assert row["amounts"] == row["holders_wei"] == row["claimed"]
        assert (row["weights"], row["status"]) == (row["total_weight"], "SETTLED")
    paid = sum((row["holders_wei"] for row in rows), Decimal(0))
    assert await of.dividend.total_revenue_received_wei(paying.node) == paid
    assert await of.dividend.total_dividends_paid_wei(paying.node) == paid


async def _open(paying: Paying, *, wallet: str | None = None, others: int = 1) -> tuple[Person, Launched, str]:
    """A fan with half of a master's shares (or all), and 500 wei of a dividend to claim."""
    admin = await paying.person("ADMIN")
    of = await paying.launched()
    own = wallet or some_wallet()
    fan = await paying.person(wallets=[] if wallet else [own])
    for holder in (own, *(some_wallet() for _ in range(others))):
        paying.mint(of, holder)
    await paying.follow()
    distribution_id = await paying.distributed(of, 1000 * (1 + others), admin)
    return fan, of, distribution_id


async def _proof(paying: Paying, of: Launched, distribution_id: str, wallet: str) -> tuple[str, ...]:
    rows = await paying.rows(
        "SELECT amount_wei FROM nft.dividend_allocations WHERE distribution_id = $1 AND wallet = $2",
        distribution_id,
        wallet,
    )
    leaf = await of.dividend.leaf(paying.node, 1, wallet, int(rows[0]["amount_wei"]))
    async with paying.parts.database.read_primary() as connection:
        found = await claims.proof(connection, distribution_id, bytes.fromhex(leaf.removeprefix("0x")))
        assert await claims.proof(connection, distribution_id, bytes(32)) is None
    assert found is not None
    return found


async def _status(paying: Paying, distribution_id: str) -> str:
    rows = await paying.rows("SELECT status FROM nft.distributions WHERE id = $1", distribution_id)
    return str(rows[0]["status"])
