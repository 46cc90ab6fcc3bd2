"""The chain's word: whose shares a mint gives, what a reorg takes back, and that twice is once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.component.nft.paying import some_wallet
from tests.component.nft.selling import PRICE, Chain, Offered, Selling

from audifi.clients.chain.mirroring.mirror import Fact

pytestmark = pytest.mark.asyncio(loop_scope="session")
_TABLES = {
    "ipos": "SELECT status, shares_sold, shares_reserved, next_token_id FROM nft.ipos WHERE master_id = $1",
    "masters": "SELECT status FROM nft.masters WHERE id = $1",
    "shares": """SELECT token_id, owner_wallet, owner_user_id, tier, royalty_bps, original_minter FROM nft.shares
                  WHERE master_id = $1 ORDER BY token_id""",
    "holders": "SELECT wallet, shares FROM nft.holders WHERE master_id = $1 ORDER BY wallet",
    "moves": """SELECT type, token_id, from_wallet, to_wallet, price_wei, tx_hash, log_index FROM nft.share_transfers
                 WHERE master_id = $1 ORDER BY block_number, log_index""",
    "purchases": "SELECT id, status, token_ids, log_index FROM nft.purchases WHERE master_id = $1 ORDER BY id",
    # What is offered or sold; an offer that was never made is a wish again, or nothing.
    "listings": """SELECT seller_wallet, price_wei, status FROM nft.listings
                    WHERE master_id = $1 AND status IN ('ACTIVE', 'IN_ESCROW', 'SOLD') ORDER BY created_at""",
}


async def state(selling: Selling, of: Offered) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the chain's word changes."""
    return {
        name: [tuple(row.values()) for row in await selling.paying.rows(query, of.id)]
        for name, query in _TABLES.items()
    }


async def test_a_mint_completes_the_purchase_that_named_its_transaction(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchase = (await buyer.reserve(of, 2)).data
    tx_hash = "0x" + purchase["purchaseId"].replace("-", "") * 2
    confirmed = await buyer.confirm(purchase["purchaseId"], tx_hash)
    assert (confirmed.status, confirmed.data["status"], confirmed.data["payment"]) == (200, "PENDING_CHAIN", None)
    await selling.chain(of).sold(buyer.wallet, 2, tx_hash=tx_hash)
    done = await buyer.look(purchase["purchaseId"])
    assert (done["status"], done["tokenIds"], done["txHash"]) == ("COMPLETED", [1, 2], tx_hash)
    assert await selling.ipo(of) == ("LIVE", 2, 0)
    minted = await selling.told("share.minted", of)
    assert [(each["tokenId"], each["tier"], each["userId"], each["purchaseId"]) for each in minted] == [
        (1, 1, buyer.person.id, purchase["purchaseId"]),
        (2, 1, buyer.person.id, purchase["purchaseId"]),
    ]
    assert [each["tokenIds"] for each in await selling.told("purchase.completed", of)] == [[1, 2]]
    await selling.sound(of)


async def test_a_mint_nobody_confirmed_goes_to_the_oldest_reservation_of_wallet_and_quantity(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchases = [(await buyer.reserve(of, quantity)).data["purchaseId"] for quantity in (1, 2, 2)]
    await selling.chain(of).sold(buyer.wallet, 2)
    statuses = [(await buyer.look(each))["status"] for each in purchases]
    assert statuses == ["RESERVED", "COMPLETED", "RESERVED"]
    assert await selling.ipo(of) == ("LIVE", 2, 3)
    await selling.sound(of)


async def test_a_mint_of_somebody_without_a_reservation_is_sold_all_the_same(selling: Selling) -> None:
    of = await selling.offered(public=3)
    stranger = some_wallet()
    await selling.chain(of).sold(stranger, 2)
    assert await selling.ipo(of) == ("LIVE", 2, 0)
    minted = await selling.told("share.minted", of)
    assert [(each["wallet"], each.get("purchaseId")) for each in minted] == [(stranger, None)] * 2
    await selling.sound(of)


async def test_a_mint_after_the_reservation_expired_still_counts(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id = (await buyer.reserve(of, 3)).data["purchaseId"]
    await selling.expire()
    assert (await buyer.look(purchase_id))["status"] == "EXPIRED"
    assert await selling.ipo(of) == ("LIVE", 0, 0)
    late = await buyer.confirm(purchase_id, "0x" + "ab" * 32)
    assert (late.status, late.code) == (410, "RESERVATION_EXPIRED")
    await selling.chain(of).sold(buyer.wallet, 3)
    assert (await buyer.look(purchase_id))["status"] == "COMPLETED"
    assert await selling.ipo(of) == ("LIVE", 3, 0)
    await selling.sound(of)


async def test_whoever_has_not_paid_gives_way_to_the_chain(selling: Selling) -> None:
    of, sure, slow = await selling.offered(public=4), await selling.buyer(), await selling.buyer()
    card = (await sure.reserve(of, 2, paymentMethod="STRIPE")).data["purchaseId"]
    assert (await selling.pay(card)).data["refundDue"] is False
    unpaid = (await slow.reserve(of, 2)).data["purchaseId"]
    await selling.chain(of).sold(some_wallet(), 1)
    assert (await slow.look(unpaid))["status"] == "EXPIRED"
    assert (await sure.look(card))["status"] == "PENDING_CHAIN"
    assert await selling.ipo(of) == ("LIVE", 1, 2)
    assert [each["purchaseId"] for each in await selling.told("purchase.expired", of)] == [unpaid]
    await selling.sound(of)


async def test_the_last_share_ends_the_sale_and_a_reorg_opens_it_again(selling: Selling) -> None:
    of, buyer = await selling.offered(public=3), await selling.buyer()
    chain = selling.chain(of)
    purchase_id = (await buyer.reserve(of, 2)).data["purchaseId"]
    first = await chain.sold(buyer.wallet, 2)
    before = await state(selling, of)
    last = await chain.sold(some_wallet(), 1)
    assert await selling.ipo(of) == ("SOLD_OUT", 3, 0)
    assert (await state(selling, of))["masters"] == [("SOLD",)]
    assert [each["sharesSold"] for each in await selling.told("ipo.sold_out", of)] == [3]
    await chain.undo(last)
    assert await state(selling, of) == before
    await chain.undo(first)
    assert (await buyer.look(purchase_id))["status"] == "PENDING_CHAIN"
    assert await selling.ipo(of) == ("LIVE", 0, 2)
    await selling.sound(of)
    await chain.again(first)
    assert await state(selling, of) == before
    await chain.again(last)
    assert await selling.ipo(of) == ("SOLD_OUT", 3, 0)
    await selling.sound(of)


async def test_the_reserve_is_the_artists_and_not_sold(selling: Selling) -> None:
    of, artist = await selling.offered(public=5, reserve=3), some_wallet("artist")
    facts = await selling.chain(of).reserve(artist, 6, 8)
    assert await selling.ipo(of) == ("LIVE", 0, 0)
    told = await selling.told("share.minted", of)
    assert [(each["tokenId"], each["isReserve"], each["priceWei"]) for each in told] == [
        (6, True, "0"),
        (7, True, "0"),
        (8, True, "0"),
    ]
    await selling.sound(of)
    await selling.chain(of).undo(facts)
    assert (await state(selling, of))["shares"] == []
    await selling.sound(of)


async def test_two_purchases_in_one_transaction_are_two(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    ids = [(await buyer.reserve(of, 2)).data["purchaseId"] for _ in range(2)]
    chain = selling.chain(of)
    first, second = await chain.sold(buyer.wallet, 2), await chain.sold(buyer.wallet, 2)
    await chain.undo(first, second)
    joined = _joined(first, second)
    await chain.again(joined)
    assert [(await buyer.look(each))["tokenIds"] for each in ids] == [[1, 2], [3, 4]]
    await selling.sound(of)
    await chain.undo(joined)
    assert await selling.ipo(of) == ("LIVE", 0, 4)
    await selling.sound(of)


def _joined(*transactions: Sequence[Fact]) -> list[Fact]:
    """The same logs, as one transaction."""
    facts = [each for facts in transactions for each in facts]
    first = facts[0]
    return [
        replace(each, tx_hash=first.tx_hash, block_number=first.block_number, log_index=index)
        for index, each in enumerate(facts)
    ]


async def test_a_wallet_that_is_linked_later_brings_its_shares_along(selling: Selling) -> None:
    of, wallet = await selling.offered(), some_wallet()
    await selling.chain(of).sold(wallet, 2)
    person = await selling.paying.person()
    await selling.wallet_event("wallet.linked", person.id, wallet, second=10)
    owned = await selling.ask(f"/ownership?userId={person.id}&masterId={of.id}")
    assert owned.data == {"count": 2, "tokenIds": [1, 2]}
    await selling.wallet_event("wallet.unlinked", person.id, wallet, second=5)  # older: it came late
    assert (await selling.ask(f"/ownership?userId={person.id}")).data["count"] == 2
    await selling.wallet_event("wallet.unlinked", person.id, wallet, second=20)
    assert (await selling.ask(f"/ownership?userId={person.id}")).data["count"] == 0
    assert (await selling.ask(f"/ownership?wallet={wallet}&artistId={of.artist_id}")).data["count"] == 2


@settings(
    max_examples=15,
    phases=(Phase.explicit, Phase.generate),  # a smaller story costs minutes to find, and is soon found by eye
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=6), kept=st.integers(0, 5))
async def test_any_story_taken_back_and_told_again_is_the_same(
    selling: Selling, story: list[tuple[int, int]], kept: int
) -> None:
    """Buyers with and without reservations, resales and listings; the end of the story is taken back and told again."""
    of = await selling.offered(public=40)
    chain, people = selling.chain(of), [some_wallet() for _ in range(3)]
    told: list[Sequence[Fact]] = []
    states = [await state(selling, of)]
    for who, quantity in story:
        told.append(await _chapter(chain, people, who, quantity))
        states.append(await state(selling, of))
        await selling.sound(of)
    kept = min(kept, len(told))
    await chain.undo(*told[kept:])
    assert await state(selling, of) == states[kept]
    await selling.sound(of)
    for facts in told[kept:]:
        await chain.again(facts)
    assert _but_ids(await state(selling, of)) == _but_ids(states[-1])
    await selling.sound(of)


async def _chapter(chain: Chain, people: list[str], who: int, quantity: int) -> Sequence[Fact]:
    owners = await chain.world.paying.rows(
        "SELECT token_id, owner_wallet FROM nft.shares WHERE master_id = $1 ORDER BY token_id", chain.of.id
    )
    if who == 0 or not owners:
        return await chain.sold(people[quantity - 1], quantity)
    token, owner = owners[-1]["token_id"], owners[-1]["owner_wallet"]
    other = next(each for each in people if each != owner)
    if who == 1:
        return await chain.moved(owner, other, token)
    if who == 2:
        return await chain.listed(owner, token, PRICE * quantity)
    listings = await chain.world.paying.rows(
        "SELECT price_wei FROM nft.listings WHERE master_id = $1 AND token_id = $2 AND status = 'ACTIVE'",
        chain.of.id, token,
    )  # fmt: skip
    if not listings:
        return await chain.listed(owner, token, PRICE * quantity)
    return await chain.resold(owner, other, token, int(listings[0]["price_wei"]))


def _but_ids(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    return {name: sorted(rows, key=str) for name, rows in found.items()}
