"""Buying: what is asked before, what a wallet has to send, and what payments do, in any order and number."""

import pytest
from tests.component.nft.paying import CHAIN, Launched, Paying, some_wallet
from tests.component.nft.selling import PRICE, Offered, Selling, later, new_hash, settled

from audifi.clients.chain.contracts.surface import MasterContract
from audifi.kernel.ids import new_id
from audifi.services.nft import purchases_loop
from audifi.services.nft.sagas import cards

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_reservation_says_what_the_wallet_has_to_send(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    answer = await buyer.reserve(of, 7)
    assert answer.status == 201, answer.body
    found = answer.data
    assert (found["status"], found["totalWei"], found["feeWei"], found["sellerWei"]) == (
        "RESERVED", str(7 * PRICE), str(7 * PRICE * 250 // 10_000), str(7 * PRICE - 7 * PRICE * 250 // 10_000),
    )  # fmt: skip
    data = MasterContract(of.contract).mint_batch(buyer.wallet, 7)
    assert found["payment"] == {"to": of.contract, "data": "0x" + data.hex(), "valueWei": str(7 * PRICE)}
    assert found["checkout"] is None
    assert await selling.ipo(of) == ("LIVE", 0, 7)
    assert [each["purchaseId"] for each in await selling.told("purchase.reserved", of)] == [found["purchaseId"]]
    assert (await buyer.look(found["purchaseId"]))["payment"] == found["payment"]
    stranger = await selling.buyer()
    assert (await stranger.person.get(f"/purchases/{found['purchaseId']}")).status == 404
    assert (await stranger.confirm(found["purchaseId"], new_hash())).status == 404
    await selling.sound(of)


async def test_who_may_not_buy_is_told_what_is_missing(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    foreign = await buyer.reserve(of, wallet=some_wallet())
    assert (foreign.status, foreign.code, foreign.details["missingRequirements"]) == (
        403, "NOT_ELIGIBLE", ["LINKED_WALLET"],
    )  # fmt: skip
    selling.paying.neighbours.lacking[buyer.person.id] = ["PURCHASE_TERMS"]
    refused = await buyer.reserve(of)
    assert (refused.code, refused.details["ctaType"]) == ("NOT_ELIGIBLE", "CONSENT")
    assert refused.details["missingRequirements"] == ["PURCHASE_TERMS@1.0"]
    assert await selling.ipo(of) == ("LIVE", 0, 0)


async def test_the_first_hours_are_for_who_took_part(selling: Selling) -> None:
    session_id = str(new_id())
    of = await selling.offered(session_id=session_id, early_hours=24)
    fan, stranger = await selling.buyers(2)
    for _ in range(2):
        told = await selling.ask(f"/sessions/{session_id}/participants", {"userIds": [fan.person.id]})
        assert told.status == 204, told.body
    refused = await stranger.reserve(of)
    assert (refused.code, refused.details) == (
        "NOT_ELIGIBLE", {"missingRequirements": ["SESSION_PARTICIPANT"], "ctaType": "JOIN_SESSION"},
    )  # fmt: skip
    assert (await fan.reserve(of)).status == 201


async def test_what_cannot_be_meant_is_refused(selling: Selling) -> None:
    of, buyer = await selling.offered(public=3), await selling.buyer()
    assert (await buyer.reserve(of, 11)).code == "VALIDATION_ERROR"
    assert (await buyer.reserve(of, listingId=str(new_id()))).code == "VALIDATION_ERROR"
    card = await buyer.take(str(new_id()), paymentMethod="STRIPE")
    assert (card.code, list(card.details)) == ("VALIDATION_ERROR", ["paymentMethod"])
    assert (await buyer.take(str(new_id()))).code == "NOT_FOUND"
    nowhere = Offered(str(new_id()), "", "", "", 0)
    assert (await buyer.reserve(nowhere)).code == "MASTER_NOT_FOUND"
    assert (await buyer.reserve(of, 4)).code == "INSUFFICIENT_SUPPLY"
    assert (await buyer.reserve(of, 3)).status == 201
    assert (await buyer.reserve(of, 1)).code == "SOLD_OUT"
    await selling.paying.execute("UPDATE nft.ipos SET ending = 'CLOSE' WHERE master_id = $1", of.id)
    assert (await buyer.reserve(await selling.offered(), 1)).status == 201
    await selling.sound(of)


async def test_an_unpaid_reservation_frees_its_shares_once(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id = (await buyer.reserve(of, 4)).data["purchaseId"]
    await purchases_loop.expire(selling.parts)
    assert await selling.ipo(of) == ("LIVE", 0, 4)
    in_time = later(selling.parts, minutes=31)
    for _ in range(3):
        await purchases_loop.expire(in_time)
    assert (await buyer.look(purchase_id))["status"] == "EXPIRED"
    assert await selling.ipo(of) == ("LIVE", 0, 0)
    assert len(await selling.told("purchase.expired", of)) == 1
    await selling.sound(of)


async def test_a_transaction_pays_one_purchase(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    one, other = [(await buyer.reserve(of)).data["purchaseId"] for _ in range(2)]
    tx_hash = new_hash()
    assert (await buyer.confirm(one, tx_hash)).status == 200
    assert (await buyer.confirm(one, tx_hash)).data["status"] == "PENDING_CHAIN"
    assert (await buyer.confirm(one, new_hash())).code == "INVALID_STATE"
    assert (await buyer.confirm(other, tx_hash)).code == "CONFLICT"
    card = (await buyer.reserve(of, paymentMethod="STRIPE")).data
    assert (card["payment"], card["checkout"]["purchaseId"]) == (None, card["purchaseId"])
    assert (await buyer.confirm(card["purchaseId"], new_hash())).code == "INVALID_STATE"


# Cards.


async def test_a_card_is_charged_once_and_minted_once(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id = (await buyer.reserve(of, 2, paymentMethod="STRIPE")).data["purchaseId"]
    asked = await selling.ask(f"/purchases/{purchase_id}")
    assert (asked.data["status"], asked.data["totalWei"], asked.data["chainId"], asked.data["userId"]) == (
        "RESERVED", str(2 * PRICE), CHAIN, buyer.person.id,
    )  # fmt: skip
    for _ in range(3):
        paid = await selling.pay(purchase_id)
        assert (paid.status, paid.data["status"], paid.data["refundDue"]) == (200, "PENDING_CHAIN", False)
    second = await selling.pay(purchase_id, "pay-2")
    assert (second.data["status"], second.data["refundDue"]) == ("PENDING_CHAIN", True)
    assert await selling.commands(purchase_id) == [f"nft:purchase:{purchase_id}:mint:1"]
    facts = await selling.chain(of).card(purchase_id, buyer.wallet, 2)
    assert (await selling.ask(f"/purchases/{purchase_id}")).data["status"] == "COMPLETED"
    assert (await selling.pay(purchase_id)).data["refundDue"] is False
    assert await selling.ipo(of) == ("LIVE", 2, 0)
    await selling.chain(of).undo(facts)
    assert (await buyer.look(purchase_id))["status"] == "PENDING_CHAIN"
    await selling.sound(of)


async def test_a_payment_after_the_reservation_goes_back(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id = (await buyer.reserve(of, 2, paymentMethod="STRIPE")).data["purchaseId"]
    await selling.expire()
    for _ in range(2):
        paid = await selling.pay(purchase_id)
        assert (paid.data["status"], paid.data["refundDue"]) == ("REFUND_DUE", True)
    assert len(await selling.told("purchase.refund_due", of)) == 1
    assert await selling.commands(purchase_id) == []
    for _ in range(2):
        assert (await selling.ask(f"/purchases/{purchase_id}/refunded", {})).data["status"] == "REFUNDED"
    assert (await selling.pay(purchase_id)).data["refundDue"] is True
    assert await selling.ipo(of) == ("LIVE", 0, 0)
    await selling.sound(of)


async def test_a_card_that_was_refused_frees_the_shares_and_pays_nothing_any_more(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id = (await buyer.reserve(of, 2, paymentMethod="STRIPE")).data["purchaseId"]
    for _ in range(2):
        assert (await selling.ask(f"/purchases/{purchase_id}/payment-failed", {})).data["status"] == "FAILED"
    assert await selling.ipo(of) == ("LIVE", 0, 0)
    assert (await selling.pay(purchase_id)).data["refundDue"] is True
    await selling.sound(of)


async def test_a_wallet_purchase_is_not_paid_by_card(selling: Selling) -> None:
    of, buyer = await selling.offered(), await selling.buyer()
    purchase_id = (await buyer.reserve(of)).data["purchaseId"]
    paid = await selling.pay(purchase_id)
    assert (paid.data["status"], paid.data["refundDue"]) == ("RESERVED", True)
    assert (await selling.pay(str(new_id()))).status == 404


async def _waiting(selling: Selling) -> tuple[Launched, str]:
    """A card's purchase that is paid, of a master whose contract is on the chain."""
    of = await selling.paying.launched()
    buyer = await selling.buyer()
    offered = Offered(of.id, of.artist_id, "", of.master.address, 20)
    purchase_id = (await buyer.reserve(offered, 2, paymentMethod="STRIPE")).data["purchaseId"]
    await selling.pay(purchase_id)
    return of, purchase_id


async def _settle(selling: Selling, key: str, state: str, error: str | None = None) -> None:
    async with selling.parts.database.transaction() as tx:
        await cards.settled(tx, settled(key, state, error), selling.parts.clock.now())


async def test_a_refused_mint_is_asked_for_again_by_a_new_key(selling: Selling) -> None:
    _, purchase_id = await _waiting(selling)
    key = f"nft:purchase:{purchase_id}:mint:"
    for _ in range(2):  # told twice
        await _settle(selling, f"{key}1", "REFUSED", "SaleIsClosed()")
    assert (await selling.ask(f"/purchases/{purchase_id}")).data["status"] == "PAID"
    await purchases_loop.look(selling.parts)
    assert await selling.commands(purchase_id) == [f"{key}1"], "not in a hurry"
    await purchases_loop.look(later(selling.parts, minutes=1))
    assert await selling.commands(purchase_id) == [f"{key}1", f"{key}2"]
    await _settle(selling, f"{key}1", "FAILED")  # the old one, late
    assert (await selling.ask(f"/purchases/{purchase_id}")).data["status"] == "PENDING_CHAIN"


async def test_what_the_contract_minted_is_not_asked_for_again(selling: Selling) -> None:
    of, purchase_id = await _waiting(selling)
    key = f"nft:purchase:{purchase_id}:mint:"
    for wanted in [each for each in await selling.paying.wanted() if each.key.startswith(key)]:
        selling.paying.carry_out(wanted.command)
    await _settle(selling, f"{key}1", "FAILED", "a lost answer")
    await purchases_loop.look(later(selling.parts, minutes=1))
    assert await selling.commands(purchase_id) == []
    await selling.paying.follow()
    assert (await selling.ask(f"/purchases/{purchase_id}")).data["status"] == "COMPLETED"
    assert (await selling.paying.rows("SELECT shares_sold FROM nft.ipos WHERE master_id = $1", of.id))[0][0] == 2


async def test_a_day_after_the_payment_the_money_goes_back(selling: Selling) -> None:
    of, purchase_id = await _waiting(selling)
    await selling.paying.final()  # the loop asks the contract: the service's own view of the chain must have it
    await _settle(selling, f"nft:purchase:{purchase_id}:mint:1", "REFUSED", "SaleIsClosed()")
    await selling.look(hours=23)
    assert (await selling.ask(f"/purchases/{purchase_id}")).data["status"] == "PENDING_CHAIN"
    await _settle(selling, f"nft:purchase:{purchase_id}:mint:2", "REFUSED", "SaleIsClosed()")
    for hours in (25, 26):
        await selling.look(hours=hours)
    assert (await selling.ask(f"/purchases/{purchase_id}")).data["status"] == "REFUND_DUE"
    offered = Offered(of.id, of.artist_id, "", of.master.address, 20)
    assert len(await selling.told("purchase.refund_due", offered)) == 1
    assert await selling.ipo(offered) == ("LIVE", 0, 0)
    await selling.sound(offered)


# Wallets, on a chain.


async def _buys(paying: Paying, buyer_wallet: str, payment: dict[str, str], **changes: object) -> str:
    """Send what a purchase asked for; return the transaction's hash, mined or failed."""
    paying.node.give(buyer_wallet)
    request = {
        "from": buyer_wallet, "to": payment["to"], "data": payment["data"], "value": hex(int(payment["valueWei"])),
        "gas": hex(3_000_000), **changes,
    }  # fmt: skip
    tx_hash: str = paying.node.rpc("eth_sendTransaction", request)
    return tx_hash


async def test_a_wallet_pays_what_it_was_told_and_has_its_shares(selling: Selling) -> None:
    of, buyer = await selling.paying.launched(), await selling.buyer()
    offered = Offered(of.id, of.artist_id, "", of.master.address, 20)
    purchase = (await buyer.reserve(offered, 3)).data
    tx_hash = await _buys(selling.paying, buyer.wallet, purchase["payment"])
    await buyer.confirm(purchase["purchaseId"], tx_hash)
    await purchases_loop.look(later(selling.parts, seconds=5))
    assert (await buyer.look(purchase["purchaseId"]))["status"] == "PENDING_CHAIN", "mined, and not mirrored"
    await selling.paying.follow()
    assert (await buyer.look(purchase["purchaseId"]))["tokenIds"] == [1, 2, 3]
    shares = (await buyer.person.get(f"/masters/{of.id}/shares")).data
    assert [each["tokenId"] for each in shares] == [1, 2, 3]
    assert len(shares[0]["ownerWallet"]) < len(buyer.wallet)
    advantage = (await buyer.person.get(f"/masters/{of.id}/mover-advantage")).data
    assert (advantage["minted"], advantage["holderCount"]) == (3, 1)
    assert [(each["capacity"], each["minted"]) for each in advantage["tiers"]] == [(10, 3), (10, 0), (0, 0), (0, 0)]
    await selling.sound(offered)


@pytest.mark.parametrize("wrong", ["value", "wallet"])
async def test_a_wrong_payment_fails_the_purchase(selling: Selling, wrong: str) -> None:
    of, buyer = await selling.paying.launched(), await selling.buyer()
    offered = Offered(of.id, of.artist_id, "", of.master.address, 20)
    purchase = (await buyer.reserve(offered, 2)).data
    changes: dict[str, object] = {"value": hex(1)}
    if wrong == "wallet":
        changes = {"data": "0x" + of.master.mint_batch(some_wallet(), 2).hex()}
    tx_hash = await _buys(selling.paying, buyer.wallet, purchase["payment"], **changes)
    await buyer.confirm(purchase["purchaseId"], tx_hash)
    await selling.paying.follow()
    await purchases_loop.look(later(selling.parts, seconds=5))
    found = await buyer.look(purchase["purchaseId"])
    assert found["status"] == "FAILED"
    assert found["failure"]
    assert await selling.ipo(offered) == ("LIVE", 2 if wrong == "wallet" else 0, 0)
    await selling.sound(offered)


async def test_a_transaction_nobody_sent_expires(selling: Selling) -> None:
    of, buyer = await selling.paying.launched(), await selling.buyer()
    offered = Offered(of.id, of.artist_id, "", of.master.address, 20)
    purchase_id = (await buyer.reserve(offered)).data["purchaseId"]
    await buyer.confirm(purchase_id, new_hash())
    await purchases_loop.look(later(selling.parts, seconds=10))
    assert (await buyer.look(purchase_id))["status"] == "PENDING_CHAIN"
    await purchases_loop.look(later(selling.parts, minutes=31))
    assert (await buyer.look(purchase_id))["status"] == "EXPIRED"
    assert await selling.ipo(offered) == ("LIVE", 0, 0)
