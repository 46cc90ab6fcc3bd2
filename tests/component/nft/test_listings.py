"""Reselling: who may offer a share, when it can be bought, who gets it, and what browsing finds."""

import pytest
from tests.component.nft.paying import CHAIN, some_wallet
from tests.component.nft.selling import PRICE, Buyer, Offered, Selling, new_hash

from audifi.clients.chain.contracts.surface import MarketContract, MasterContract
from audifi.kernel.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")
ASKED = 5 * PRICE


async def _owner(selling: Selling, of: Offered) -> Buyer:
    """Somebody who owns share 1."""
    owner = await selling.buyer()
    await selling.chain(of).sold(owner.wallet)
    return owner


async def _wish(owner: Buyer, of: Offered, price: int = ASKED, token_id: int = 1) -> str:
    body = {"masterId": of.id, "tokenId": token_id, "priceWei": str(price)}
    answer = await owner.person.post("/marketplace/listings", body)
    assert answer.status == 201, answer.body
    return str(answer.data["id"])


async def _active(selling: Selling, of: Offered) -> tuple[Buyer, str]:
    owner = await _owner(selling, of)
    listing_id = await _wish(owner, of)
    await selling.chain(of).listed(owner.wallet, 1, ASKED)
    return owner, listing_id


async def _status(owner: Buyer, listing_id: str) -> str:
    return str((await owner.person.get(f"/marketplace/listings/{listing_id}")).data["status"])


async def test_a_wish_becomes_an_offer_by_what_the_wallet_sends(selling: Selling) -> None:
    of = await selling.offered()
    owner = await _owner(selling, of)
    body = {"masterId": of.id, "tokenId": 1, "priceWei": str(ASKED)}
    wished = (await owner.person.post("/marketplace/listings", body)).data
    assert (wished["status"], wished["royaltyBps"], wished["tier"]) == ("PENDING_CHAIN", 1000, 1)
    approve = MasterContract(of.contract).approve(selling.market, 1)
    listing = MarketContract(selling.market).list(of.contract, 1, ASKED)
    assert wished["transactions"] == [
        {"to": of.contract, "data": "0x" + approve.hex(), "valueWei": "0"},
        {"to": selling.market, "data": "0x" + listing.hex(), "valueWei": "0"},
    ]
    buyer = await selling.buyer()
    assert (await buyer.take(wished["id"])).code == "INVALID_STATE"
    await selling.chain(of).listed(owner.wallet, 1, ASKED)
    assert await _status(owner, wished["id"]) == "ACTIVE"
    again = await owner.person.post("/marketplace/listings", body)
    assert again.code == "CONFLICT"
    await selling.sound(of)


async def test_only_the_owner_offers_and_withdraws(selling: Selling) -> None:
    of, stranger = await selling.offered(), await selling.buyer()
    owner, listing_id = await _active(selling, of)
    body = {"masterId": of.id, "tokenId": 1, "priceWei": "1"}
    assert (await stranger.person.post("/marketplace/listings", body)).code == "FORBIDDEN"
    assert (await stranger.person.post("/marketplace/listings", {**body, "tokenId": 2})).code == "NOT_FOUND"
    assert (await owner.person.post("/marketplace/listings", {**body, "priceWei": "0"})).code == "VALIDATION_ERROR"
    assert (await stranger.person.delete(f"/marketplace/listings/{listing_id}")).code == "FORBIDDEN"
    gone = await owner.person.delete(f"/marketplace/listings/{listing_id}")
    cancel = MarketContract(selling.market).cancel(of.contract, 1)
    assert (gone.data["status"], gone.data["transactions"][0]["data"]) == ("CANCELLED", "0x" + cancel.hex())
    assert (await stranger.take(listing_id)).code == "INVALID_STATE"
    assert (await owner.person.delete(f"/marketplace/listings/{listing_id}")).code == "INVALID_STATE"
    await selling.paying.execute(
        "UPDATE nft.shares SET staked_until = now() + interval '1 day' WHERE master_id = $1", of.id
    )
    assert (await owner.person.post("/marketplace/listings", body)).code == "INVALID_STATE"
    await selling.sound(of)


async def test_a_resale_pays_everybody_and_moves_the_share(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    owner, listing_id = await _active(selling, of)
    purchase = (await buyer.take(listing_id)).data
    royalty = ASKED // 10
    assert (purchase["royaltyWei"], purchase["feeWei"], purchase["sellerWei"]) == (
        str(royalty), "0", str(ASKED - royalty),
    )  # fmt: skip
    buy = MarketContract(selling.market).buy(of.contract, 1, ASKED)
    assert purchase["payment"] == {"to": selling.market, "data": "0x" + buy.hex(), "valueWei": str(ASKED)}
    assert await _status(owner, listing_id) == "IN_ESCROW"
    assert (await (await selling.buyer()).take(listing_id)).code == "INVALID_STATE"
    assert (await owner.person.delete(f"/marketplace/listings/{listing_id}")).code == "INVALID_STATE"
    tx_hash = new_hash()
    await buyer.confirm(purchase["purchaseId"], tx_hash)
    chain = selling.chain(of)
    facts = await chain.resold(owner.wallet, buyer.wallet, 1, ASKED, tx_hash=tx_hash)
    done = await buyer.look(purchase["purchaseId"])
    assert (done["status"], done["tokenIds"]) == ("COMPLETED", [1])
    assert await _status(owner, listing_id) == "SOLD"
    [sold] = await selling.told("share.sold", of)
    assert (sold["purchaseId"], sold["royaltyWei"], sold["sellerWei"]) == (
        purchase["purchaseId"], str(royalty), str(ASKED - royalty),
    )  # fmt: skip
    owned = await selling.ask(f"/ownership?userId={buyer.person.id}&masterId={of.id}")
    assert owned.data == {"count": 1, "tokenIds": [1]}
    moves = await selling.paying.rows(
        "SELECT type FROM nft.share_transfers WHERE master_id = $1 ORDER BY block_number", of.id
    )
    assert [row["type"] for row in moves] == ["MINT", "SALE"]
    await selling.sound(of)
    await chain.undo(facts)
    assert (await buyer.look(purchase["purchaseId"]))["status"] == "PENDING_CHAIN"
    assert await _status(owner, listing_id) == "IN_ESCROW"
    await selling.sound(of)
    await chain.again(facts)
    assert (await buyer.look(purchase["purchaseId"]))["status"] == "COMPLETED"
    await selling.sound(of)


async def test_a_buyer_who_does_not_pay_lets_the_next_one(selling: Selling) -> None:
    of = await selling.offered()
    slow, quick = await selling.buyers(2)
    owner, listing_id = await _active(selling, of)
    expired = (await slow.take(listing_id)).data["purchaseId"]
    await selling.expire()
    assert await _status(owner, listing_id) == "ACTIVE"
    bought = (await quick.take(listing_id)).data["purchaseId"]
    await selling.chain(of).resold(owner.wallet, slow.wallet, 1, ASKED)  # the slow one paid all the same, and first
    assert (await slow.look(expired))["status"] == "COMPLETED"
    assert (await quick.look(bought))["status"] == "FAILED"
    await selling.sound(of)


async def test_an_offer_ends_with_the_share_that_goes_away(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    owner, listing_id = await _active(selling, of)
    bought = (await buyer.take(listing_id)).data["purchaseId"]
    chain = selling.chain(of)
    facts = await chain.moved(owner.wallet, some_wallet(), 1)
    assert await _status(owner, listing_id) == "CANCELLED"
    assert (await buyer.look(bought))["status"] == "FAILED"
    await selling.sound(of)
    await chain.undo(facts)
    assert await _status(owner, listing_id) == "ACTIVE", "nobody is buying it any more"
    await selling.sound(of)


async def test_a_new_price_replaces_the_offer(selling: Selling) -> None:
    of = await selling.offered()
    owner, listing_id = await _active(selling, of)
    chain = selling.chain(of)
    facts = await chain.listed(owner.wallet, 1, 2 * ASKED)
    assert await _status(owner, listing_id) == "CANCELLED"
    offered = await selling.paying.rows(
        "SELECT price_wei FROM nft.listings WHERE master_id = $1 AND status = 'ACTIVE'", of.id
    )
    assert [int(row["price_wei"]) for row in offered] == [2 * ASKED]
    await chain.undo(facts)
    assert await _status(owner, listing_id) == "ACTIVE"
    await selling.sound(of)
    await chain.delisted(owner.wallet, 1)
    assert await _status(owner, listing_id) == "CANCELLED"
    await selling.sound(of)


async def test_browsing_finds_sales_and_resales_in_the_order_asked_for(selling: Selling) -> None:
    genre = f"Genre {new_id()}"
    word = new_id().hex
    cheap = await selling.offered(genre=genre, title=f"Cheap {word}", price=PRICE)
    dear = await selling.offered(genre=genre, title=f"Dear {word}", price=9 * PRICE)
    owner, listing_id = await _active(selling, cheap)

    async def found(query: str) -> list[str]:
        answer = await owner.person.get(f"/marketplace/listings?genre={genre.replace(' ', '%20')}&{query}")
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer.data]

    assert await found("sortBy=price-asc") == [cheap.ipo_id, listing_id, dear.ipo_id]
    assert await found("sortBy=price-desc") == [dear.ipo_id, listing_id, cheap.ipo_id]
    assert await found("sortBy=newest") == [listing_id, dear.ipo_id, cheap.ipo_id]
    assert await found("sortBy=oldest&limit=1&page=2") == [dear.ipo_id]
    assert await found(f"minPriceWei={2 * PRICE}&maxPriceWei={6 * PRICE}") == [listing_id]
    assert await found(f"chain={CHAIN}&search=dear%20{word}") == [dear.ipo_id]
    assert await found("chain=1") == []
    assert await found(f"search={new_id().hex}") == []
    sale = (await owner.person.get(f"/marketplace/listings/{cheap.ipo_id}")).data
    assert (sale["kind"], sale["available"], sale["tokenId"]) == ("PRIMARY", 49, 2)
    resale = (await owner.person.get(f"/marketplace/listings/{listing_id}")).data
    assert (resale["kind"], resale["seller"], resale["title"]) == ("SECONDARY", owner.wallet, f"Cheap {word}")
    assert (await owner.person.get(f"/marketplace/listings/{new_id()}")).status == 404


async def test_the_rule_is_public(selling: Selling) -> None:
    answer = await (await selling.buyer()).person.get("/mover-advantage/config")
    assert [(each["firstId"], each["lastId"], each["royaltyBps"]) for each in answer.data["tiers"]] == [
        (1, 10, 1000), (11, 50, 500), (51, 100, 300), (101, None, 100),
    ]  # fmt: skip
