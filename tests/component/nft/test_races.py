"""Many at once: nothing is sold twice, nothing is charged twice, and who dies in between leaves no trace."""

import asyncio
from collections import Counter

import pytest
from tests.component.nft.paying import Answer
from tests.component.nft.selling import Buyer, Offered, Selling, later, new_hash

from audifi.kernel.ids import new_id
from audifi.local.waiting import NotReady, wait_for
from audifi.services.nft import purchases_loop

pytestmark = pytest.mark.asyncio(loop_scope="session")
_BUSY = ("SERVICE_UNAVAILABLE", "UPSTREAM_TIMEOUT", "REQUEST_IN_PROGRESS")  # one pod on a crowded machine


async def test_five_hundred_buyers_of_the_last_fifty_shares_get_exactly_fifty(selling: Selling) -> None:
    of = await selling.offered(public=50)
    buyers = await selling.buyers(500)
    answers = await _answers(of, buyers)
    assert Counter(_outcome(each) for each in answers) == {"201": 50, "SOLD_OUT": 450}
    assert await selling.ipo(of) == ("LIVE", 0, 50)
    await selling.sound(of)
    # All of them pay, in any order, and a stranger tries the contract: it is the chain that says who has what.
    chain = selling.chain(of)
    winners = [buyer for buyer, answer in zip(buyers, answers, strict=True) if answer.status == 201]
    for buyer in reversed(winners):
        await chain.sold(buyer.wallet)
    assert await selling.ipo(of) == ("SOLD_OUT", 50, 0)
    assert len(await selling.told("ipo.sold_out", of)) == 1
    assert len(await selling.told("purchase.completed", of)) == 50
    await selling.sound(of)


async def _answers(of: Offered, buyers: list[Buyer]) -> list[Answer]:
    """Let everybody try at once; who was told that the service is busy tries again, by the same key."""
    keys = [str(new_id()) for _ in buyers]
    answers = list(await asyncio.gather(*(buyer.reserve(of, key=key) for buyer, key in zip(buyers, keys, strict=True))))
    while waiting := [place for place, answer in enumerate(answers) if _outcome(answer) in _BUSY]:
        again = await asyncio.gather(*(buyers[place].reserve(of, key=keys[place]) for place in waiting))
        for place, answer in zip(waiting, again, strict=True):
            answers[place] = answer
    return answers


async def test_of_different_quantities_no_share_is_reserved_twice(selling: Selling) -> None:
    of = await selling.offered(public=100)
    buyers = await selling.buyers(60)
    answers = await asyncio.gather(*(buyer.reserve(of, index % 10 + 1) for index, buyer in enumerate(buyers)))
    reserved = sum(each.data["quantity"] for each in answers if each.status == 201)
    assert await selling.ipo(of) == ("LIVE", 0, reserved)
    assert reserved >= 91, "whoever was refused wanted more than was left"
    assert {_outcome(each) for each in answers} <= {"201", "INSUFFICIENT_SUPPLY", "SOLD_OUT"}
    await selling.sound(of)


async def test_a_payment_that_the_mirror_notes_while_it_is_confirmed_is_confirmed(selling: Selling) -> None:
    """It was refused as another purchase's: what was read before the mirror's commit was believed after it."""
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id, tx_hash = (await buyer.reserve(of)).data["purchaseId"], new_hash()
    chain = selling.chain(of)
    async with selling.parts.database.transaction() as tx:
        await chain.mirrored(tx, chain.sale(buyer.wallet, tx_hash=tx_hash))
        confirming = asyncio.ensure_future(buyer.confirm(purchase_id, tx_hash))
        await _is_waiting(selling)
    answer = await confirming
    assert (answer.status, answer.data["status"]) == (200, "COMPLETED"), answer.body
    await selling.sound(of)


async def _is_waiting(selling: Selling) -> None:
    # pg_stat_activity shows a role nothing of its users' sessions; locks everybody may see.
    query = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"

    async def look() -> None:
        if not await selling.paying.rows(query):
            raise NotReady("nobody waits for a lock")

    await wait_for(look, within_s=10, saying="the confirmation waits for the mirror's commit")


async def test_one_key_a_hundred_times_is_one_reservation(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    key = str(new_id())
    answers = [
        each for _ in range(4) for each in await asyncio.gather(*(buyer.reserve(of, key=key) for _ in range(25)))
    ]
    assert {_outcome(each) for each in answers} <= {"201", "REQUEST_IN_PROGRESS"}
    ids = {each.data["purchaseId"] for each in answers if each.status == 201}
    assert len(ids) == 1
    assert sum(each.status == 201 for each in answers) >= 75, "once it was answered, it is answered"
    buyer.person.address = "10.251.0.1"  # a hundred requests may have been this second's from the other one
    assert (await buyer.reserve(of, 2, key=key)).code == "IDEMPOTENCY_KEY_REUSED"
    assert await selling.ipo(of) == ("LIVE", 0, 1)
    assert len(await selling.told("purchase.reserved", of)) == 1


async def test_a_storm_of_payments_charges_once(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id = (await buyer.reserve(of, paymentMethod="STRIPE")).data["purchaseId"]
    answers = await asyncio.gather(*(selling.pay(purchase_id, f"pay-{number % 5}") for number in range(50)))
    assert all(each.status == 200 for each in answers), [each.body for each in answers if each.status != 200]
    kept = Counter(each.data["refundDue"] for each in answers)
    assert kept == {False: 10, True: 40}, "one payment of five is taken, however often each is told"
    assert await selling.commands(purchase_id) == [f"nft:purchase:{purchase_id}:mint:1"]
    assert await selling.ipo(of) == ("LIVE", 0, 1)


async def test_payment_and_expiry_at_once_end_in_one_of_both(selling: Selling) -> None:
    of = await selling.offered(public=50)
    purchases = [
        (await buyer.reserve(of, paymentMethod="STRIPE")).data["purchaseId"] for buyer in await selling.buyers(20)
    ]
    in_time = later(selling.parts, minutes=31)
    expiries = [purchases_loop.expire(in_time) for _ in range(3)]
    answers, _ = await asyncio.gather(
        asyncio.gather(*(selling.pay(each, f"pay-{each}") for each in purchases)), asyncio.gather(*expiries)
    )
    paid = sum(not each.data["refundDue"] for each in answers)
    assert await selling.ipo(of) == ("LIVE", 0, paid)
    assert len(await selling.told("purchase.refund_due", of)) == 20 - paid
    await selling.sound(of)


async def test_confirming_minting_and_expiring_at_once(selling: Selling) -> None:
    of = await selling.offered(public=30)
    buyers = await selling.buyers(30)
    purchases = [(await buyer.reserve(of)).data["purchaseId"] for buyer in buyers]
    hashes = [new_hash() for _ in buyers]
    chain, in_time = selling.chain(of), later(selling.parts, minutes=31)

    async def mine() -> None:
        for buyer, tx_hash in zip(buyers, hashes, strict=True):
            await chain.sold(buyer.wallet, tx_hash=tx_hash)

    await asyncio.gather(
        mine(),
        purchases_loop.expire(in_time),
        purchases_loop.expire(in_time),
        *(buyer.confirm(each, tx) for buyer, each, tx in zip(buyers, purchases, hashes, strict=True)),
    )
    statuses = [(await buyer.look(each))["status"] for buyer, each in zip(buyers, purchases, strict=True)]
    assert statuses == ["COMPLETED"] * 30
    assert await selling.ipo(of) == ("SOLD_OUT", 30, 0)
    await selling.sound(of)


async def test_one_listing_has_one_buyer(selling: Selling) -> None:
    of, owner = await selling.offered(), await selling.buyer()
    chain = selling.chain(of)
    await chain.sold(owner.wallet)
    await chain.listed(owner.wallet, 1, 100)
    [row] = await selling.paying.rows("SELECT id FROM nft.listings WHERE master_id = $1", of.id)
    answers = await asyncio.gather(*(buyer.take(str(row["id"])) for buyer in await selling.buyers(40)))
    assert Counter(_outcome(each) for each in answers) == {"201": 1, "INVALID_STATE": 39}
    await selling.sound(of)


async def test_who_dies_before_the_commit_leaves_nothing(selling: Selling, monkeypatch: pytest.MonkeyPatch) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    key = str(new_id())
    broken = await _dying(selling, of, buyer, key, monkeypatch)
    assert broken.status == 500
    assert await selling.ipo(of) == ("LIVE", 0, 0)
    assert await selling.told("purchase.reserved", of) == []
    assert (await buyer.reserve(of, key=key)).code == "REQUEST_IN_PROGRESS", "nobody knows yet that it died"
    await selling.paying.execute(
        "UPDATE idempotency_keys SET lease_until = now() - interval '1 s' WHERE status IS NULL"
    )
    assert (await buyer.reserve(of, key=key)).status == 201
    assert await selling.ipo(of) == ("LIVE", 0, 1)
    await selling.sound(of)


async def _dying(selling: Selling, of: Offered, buyer: Buyer, key: str, monkeypatch: pytest.MonkeyPatch) -> Answer:
    async def die(*_: object) -> None:
        raise SystemError("killed before the commit")

    with monkeypatch.context() as patched:
        patched.setattr("audifi.kernel.idempotency.Claim.settle", die)
        return await buyer.reserve(of, key=key)


async def test_a_fact_that_dies_half_way_is_told_again_whole(
    selling: Selling, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id = (await buyer.reserve(of, 3)).data["purchaseId"]
    chain = selling.chain(of)
    with monkeypatch.context() as patched:
        patched.setattr("audifi.services.nft.store.supply.sell_out", _die)
        with pytest.raises(SystemError):
            await chain.sold(buyer.wallet, 3)
    assert await selling.ipo(of) == ("LIVE", 0, 3)
    chain.minted = 0
    await chain.sold(buyer.wallet, 3)
    assert (await buyer.look(purchase_id))["tokenIds"] == [1, 2, 3]
    assert len(await selling.told("share.minted", of)) == 3
    await selling.sound(of)


async def _die(*_: object) -> None:
    raise SystemError("killed")


def _outcome(answer: Answer) -> str:
    return str(answer.status) if answer.status < 400 else answer.code
