"""Hold the shares of a master to their rules: ids, caps, money, royalties, roles.

Between: Master.sol and domain.md 2.2, whose vectors stand here as they stand there.
Units: wei, basis points.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import pytest
from tests.component.contracts.node import ETHER, Node, Reverted, now
from tests.component.contracts.world import (
    ADMIN,
    ALICE,
    ARTIST,
    BOB,
    NONE,
    OPERATOR,
    PLATFORM,
    STRANGER,
    TERMS,
    World,
    master_of,
)

from audifi.clients.chain.contracts.abi import Interface
from audifi.clients.chain.contracts.events import MasterRegistered, Minted, ProceedsSplit, PurchaseMinted, ShareTransfer
from audifi.clients.chain.contracts.surface import MasterContract

PRICE = TERMS.mint_price_wei
PUBLIC = 110
PURCHASE = UUID("01890000-0000-7000-8000-0000000000aa")


def test_seven_shares_at_a_twentieth_ether_pay_the_fee_of_the_design(chain: World) -> None:
    receipt = chain.node.send(ALICE, chain.master.address, chain.master.mint_batch(ALICE, 7), 350000000000000000)
    found = [logged.event for logged in chain.master.events(receipt.logs)]
    assert ProceedsSplit(fee=8750000000000000, artist_part=341250000000000000) in found
    assert now(chain.master.owed_wei(chain.node, PLATFORM)) == 8750000000000000
    assert now(chain.master.owed_wei(chain.node, ARTIST)) == 341250000000000000


@pytest.mark.parametrize(("price", "count", "fee"), [(1, 1, 0), (39, 1, 0), (40, 1, 1), (99, 7, 17), (333, 3, 24)])
def test_the_fee_is_floored_once_over_the_whole_purchase(chain: World, price: int, count: int, fee: int) -> None:
    master = _opened(chain.node, mint_price_wei=price)
    chain.node.send(ALICE, master.address, master.mint_batch(ALICE, count), price * count)
    assert now(master.owed_wei(chain.node, PLATFORM)) == fee
    assert now(master.owed_wei(chain.node, ARTIST)) == price * count - fee


def test_a_mint_tells_who_what_and_for_how_much(chain: World) -> None:
    receipt = chain.node.send(ALICE, chain.master.address, chain.master.mint(BOB), PRICE)
    found = [logged.event for logged in chain.master.events(receipt.logs)]
    assert found[:2] == [ShareTransfer(from_=NONE, to=BOB, token_id=1), Minted(minter=BOB, token_id=1, price=PRICE)]


def test_ids_are_dense_from_one_in_the_order_of_minting(chain: World) -> None:
    chain.mint(ALICE, 3)
    chain.mint(BOB, 1)
    chain.node.send(OPERATOR, chain.master.address, chain.master.mint_purchased(PURCHASE, ALICE, 2))
    owners = [now(chain.master.owner_of(chain.node, token_id)) for token_id in range(1, 7)]
    assert owners == [ALICE, ALICE, ALICE, BOB, ALICE, ALICE]
    assert now(chain.master.total_supply(chain.node)) == 6


@pytest.mark.parametrize("value", [0, PRICE - 1, PRICE + 1, 2 * PRICE])
def test_only_the_exact_price_buys(chain: World, value: int) -> None:
    with pytest.raises(Reverted, match=rf"WrongValue\(sent={value}, required={PRICE}\)"):
        chain.node.send(ALICE, chain.master.address, chain.master.mint(ALICE), value)


def test_a_batch_whose_price_overflows_is_refused(chain: World) -> None:
    with pytest.raises(Reverted, match=r"Panic\(code=17\)"):
        chain.node.send(ALICE, chain.master.address, chain.master.mint_batch(ALICE, 2**255), 0)


def test_nothing_is_no_purchase(chain: World) -> None:
    with pytest.raises(Reverted, match="NothingToMint"):
        chain.node.send(ALICE, chain.master.address, chain.master.mint_batch(ALICE, 0))
    with pytest.raises(Reverted, match="NothingToMint"):
        chain.node.send(OPERATOR, chain.master.address, chain.master.mint_purchased(PURCHASE, ALICE, 0))


def test_public_sales_stop_at_the_public_supply(chain: World) -> None:
    chain.mint(ALICE, PUBLIC - 1)
    with pytest.raises(Reverted, match=r"SoldOut\(wanted=2, left=1\)"):
        chain.mint(ALICE, 2)
    with pytest.raises(Reverted, match=r"SoldOut\(wanted=2, left=1\)"):
        chain.node.send(OPERATOR, chain.master.address, chain.master.mint_purchased(PURCHASE, ALICE, 2))
    chain.mint(ALICE, 1)
    with pytest.raises(Reverted, match=r"SoldOut\(wanted=1, left=0\)"):
        chain.mint(ALICE, 1)


def test_the_reserve_takes_the_last_ids_once(chain: World) -> None:
    master = chain.master
    chain.node.send(OPERATOR, master.address, master.mint_reserve(ARTIST, 111, 120))
    receipt = chain.node.send(OPERATOR, master.address, master.mint_reserve(ARTIST, 121, 130))
    assert Minted(minter=ARTIST, token_id=130, price=0) in [logged.event for logged in master.events(receipt.logs)]
    assert now(master.reserve_minted(chain.node)) == now(master.balance_of(chain.node, ARTIST)) == 20
    with pytest.raises(Reverted, match="ERC721InvalidSender"):
        chain.node.send(OPERATOR, master.address, master.mint_reserve(ARTIST, 130, 130))
    chain.mint(ALICE, 1)
    assert now(master.owner_of(chain.node, 1)) == ALICE, "the reserve took no early id"


@pytest.mark.parametrize(("first_id", "last_id"), [(110, 120), (0, 130), (111, 131), (120, 119), (1, 1)])
def test_the_reserve_stays_within_its_ids(chain: World, first_id: int, last_id: int) -> None:
    with pytest.raises(Reverted, match=rf"NotReserve\(firstId={first_id}, lastId={last_id}\)"):
        chain.node.send(OPERATOR, chain.master.address, chain.master.mint_reserve(ARTIST, first_id, last_id))


def test_a_card_purchase_is_minted_once_however_often_it_is_sent(chain: World) -> None:
    data = chain.master.mint_purchased(PURCHASE, ALICE, 2)
    receipt = chain.node.send(OPERATOR, chain.master.address, data)
    found = [logged.event for logged in chain.master.events(receipt.logs)]
    assert PurchaseMinted(purchase_id=f"0x{PURCHASE.int:064x}", minter=ALICE, first_id=1, count=2) in found
    assert now(chain.master.is_purchase_minted(chain.node, PURCHASE))
    with pytest.raises(Reverted, match="PurchaseAlreadyMinted"):
        chain.node.send(OPERATOR, chain.master.address, data)
    assert now(chain.master.total_supply(chain.node)) == 2
    assert now(chain.master.owed_wei(chain.node, ARTIST)) == 0, "its money came by card"


# domain.md 2.2, "Vectors (fee 0)": price, id, royalty, what is left to the seller.
RESALES = [
    (ETHER // 2, 1, ETHER // 20, 45 * ETHER // 100),
    (ETHER, 10, ETHER // 10, 9 * ETHER // 10),
    (ETHER, 50, ETHER // 20, 95 * ETHER // 100),
    (ETHER, 100, 3 * ETHER // 100, 97 * ETHER // 100),
    (ETHER, 101, ETHER // 100, 99 * ETHER // 100),
    (99, 1, 9, 90),
    (99, 101, 0, 99),
    (333, 51, 9, 324),
]


@pytest.mark.parametrize(("price", "token_id", "royalty", "seller"), RESALES)
def test_a_resale_pays_the_royalty_of_the_design(
    chain: World, price: int, token_id: int, royalty: int, seller: int
) -> None:
    chain.mint(ALICE, max(token_id, 101))
    receiver, amount = now(chain.master.royalty_info(chain.node, token_id, price))
    assert (receiver, amount, price - amount) == (ARTIST, royalty, seller)


@pytest.mark.parametrize(
    ("token_id", "bps"), [(1, 1000), (10, 1000), (11, 500), (50, 500), (51, 300), (100, 300), (101, 100), (130, 100)]
)
def test_tiers_change_exactly_at_their_borders(chain: World, token_id: int, bps: int) -> None:
    chain.mint(ALICE, PUBLIC)
    chain.node.send(OPERATOR, chain.master.address, chain.master.mint_reserve(ARTIST, 111, 130))
    assert now(chain.master.royalty_bps(chain.node, token_id)) == bps


def test_a_tier_belongs_to_the_share_and_not_to_its_holder(chain: World) -> None:
    chain.mint(ALICE, 11)
    before = [now(chain.master.royalty_info(chain.node, token_id, ETHER)) for token_id in (10, 11)]
    for token_id in (10, 11):
        chain.node.send(ALICE, chain.master.address, chain.master.transfer(ALICE, BOB, token_id))
    assert [now(chain.master.royalty_info(chain.node, token_id, ETHER)) for token_id in (10, 11)] == before


def test_a_share_that_does_not_exist_has_no_royalty(chain: World) -> None:
    with pytest.raises(Reverted, match="ERC721NonexistentToken"):
        now(chain.master.royalty_info(chain.node, 1, ETHER))


def test_a_royalty_of_any_price_is_computed_without_overflow(chain: World) -> None:
    chain.mint(ALICE, 1)
    assert now(chain.master.royalty_info(chain.node, 1, 2**256 - 1)) == (ARTIST, (2**256 - 1) // 10)


def test_the_metadata_of_a_share_is_below_the_base_uri(chain: World) -> None:
    chain.mint(ALICE, 1)
    assert now(chain.master.token_uri(chain.node, 1)) == "ipfs://bafy/1"
    chain.node.send(ADMIN, chain.master.address, chain.master.set_base_uri("ipfs://other/"))
    assert now(chain.master.token_uri(chain.node, 1)) == "ipfs://other/1"


def test_the_standards_are_announced(chain: World) -> None:
    # ERC-165, ERC-721, its metadata, ERC-2981, and the id that must be refused.
    asked = {"0x01ffc9a7": True, "0x80ac58cd": True, "0x5b5e139f": True, "0x2a55205a": True, "0xffffffff": False}
    for interface_id, expected in asked.items():
        data = "0x01ffc9a7" + interface_id[2:].ljust(64, "0")
        answer = chain.node.rpc("eth_call", {"to": chain.master.address, "data": data}, "latest")
        assert bool(int(answer, 16)) is expected, interface_id


@dataclass(frozen=True)
class Forbidden:
    """Something only one role may do."""

    what: str
    allowed: str
    data: Callable[[MasterContract], bytes]


FORBIDDEN = [
    Forbidden("mint what was paid by card", OPERATOR, lambda master: master.mint_purchased(PURCHASE, ALICE, 1)),
    Forbidden("mint the reserve", OPERATOR, lambda master: master.mint_reserve(ALICE, 111, 111)),
    Forbidden("halt", OPERATOR, lambda master: master.pause()),
    Forbidden("close", OPERATOR, lambda master: master.close_sale()),
    Forbidden("change the metadata", ADMIN, lambda master: master.set_base_uri("ipfs://x/")),
]


@pytest.mark.parametrize("forbidden", FORBIDDEN, ids=lambda forbidden: forbidden.what)
def test_nobody_without_the_role_may(chain: World, forbidden: Forbidden) -> None:
    for person in {STRANGER, ARTIST, PLATFORM, ADMIN, OPERATOR} - {forbidden.allowed}:
        with pytest.raises(Reverted, match=rf"AccessControlUnauthorizedAccount\(account={person}"):
            chain.node.send(person, chain.master.address, forbidden.data(chain.master))
    chain.node.send(forbidden.allowed, chain.master.address, forbidden.data(chain.master))


def test_a_stranger_may_neither_open_nor_link(chain: World) -> None:
    master = master_of(chain.node, TERMS)
    for data in (master.unpause(), master.set_dividend_contract(STRANGER)):
        with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
            chain.node.send(STRANGER, master.address, data)


def test_dividends_are_linked_once(chain: World) -> None:
    assert now(chain.master.dividend_contract(chain.node)) == chain.dividend.address
    with pytest.raises(Reverted, match=rf"DividendContractAlreadySet\(dividendContract={chain.dividend.address}\)"):
        chain.node.send(OPERATOR, chain.master.address, chain.master.set_dividend_contract(STRANGER))


def test_a_share_moves_only_with_its_owner(chain: World) -> None:
    chain.mint(ALICE, 1)
    for person in (STRANGER, OPERATOR, ADMIN, ARTIST):
        with pytest.raises(Reverted, match="ERC721InsufficientApproval"):
            chain.node.send(person, chain.master.address, chain.master.transfer(ALICE, person, 1))


def test_halting_stops_minting_and_nothing_that_is_owned(chain: World) -> None:
    chain.mint(ALICE, 1)
    chain.node.send(OPERATOR, chain.master.address, chain.master.pause())
    for sender, data, value in (
        (ALICE, chain.master.mint(ALICE), PRICE),
        (OPERATOR, chain.master.mint_purchased(PURCHASE, ALICE, 1), 0),
    ):
        with pytest.raises(Reverted, match="EnforcedPause"):
            chain.node.send(sender, chain.master.address, data, value)
    chain.node.send(ALICE, chain.master.address, chain.master.transfer(ALICE, BOB, 1))
    chain.node.send(STRANGER, chain.master.address, chain.master.withdraw(ARTIST))
    chain.node.send(OPERATOR, chain.master.address, chain.master.unpause())
    chain.mint(ALICE, 1)


def test_a_new_contract_sells_nothing_before_it_is_opened(chain: World) -> None:
    master = master_of(chain.node, TERMS)
    assert now(master.is_paused(chain.node))
    with pytest.raises(Reverted, match="EnforcedPause"):
        chain.node.send(ALICE, master.address, master.mint(ALICE), PRICE)
    chain.node.send(OPERATOR, master.address, master.mint_reserve(ARTIST, 111, 130))


def test_a_closed_sale_never_opens_again(chain: World) -> None:
    chain.mint(ALICE, 1)
    chain.node.send(OPERATOR, chain.master.address, chain.master.close_sale())
    assert now(chain.master.is_closed(chain.node))
    with pytest.raises(Reverted, match="SaleIsClosed"):
        chain.mint(ALICE, 1)
    with pytest.raises(Reverted, match="SaleIsClosed"):
        chain.node.send(OPERATOR, chain.master.address, chain.master.mint_purchased(PURCHASE, ALICE, 1))
    with pytest.raises(Reverted, match="SaleIsClosed"):
        chain.node.send(OPERATOR, chain.master.address, chain.master.close_sale())


def test_everybody_owed_is_paid_in_full_and_once(chain: World) -> None:
    chain.mint(ALICE, 7)
    before = chain.node.balance(ARTIST)
    chain.node.send(STRANGER, chain.master.address, chain.master.withdraw(ARTIST))
    assert chain.node.balance(ARTIST) - before == 341250000000000000
    with pytest.raises(Reverted, match="NothingOwed"):
        chain.node.send(STRANGER, chain.master.address, chain.master.withdraw(ARTIST))
    assert chain.node.balance(chain.master.address) == 8750000000000000, "the platform's part stays for it"


def test_an_artist_that_refuses_ether_stops_no_purchase(chain: World, attacker_interface: Interface) -> None:
    artist = chain.node.deploy(STRANGER, attacker_interface.deploy())
    chain.node.send(STRANGER, artist, attacker_interface.call("refuse", True))
    master = _opened(chain.node, artist=artist)
    chain.node.send(ALICE, master.address, master.mint(ALICE), PRICE)
    with pytest.raises(Reverted):
        chain.node.send(STRANGER, master.address, master.withdraw(artist))
    chain.node.send(STRANGER, master.address, master.withdraw(PLATFORM))
    chain.node.send(STRANGER, artist, attacker_interface.call("refuse", False))
    chain.node.send(STRANGER, master.address, master.withdraw(artist))
    assert chain.node.balance(artist) == PRICE - PRICE * 250 // 10000


@pytest.mark.parametrize("is_hidden", [True, False])
def test_an_artist_that_calls_back_while_paid_gets_nothing_more(
    chain: World, attacker_interface: Interface, is_hidden: bool
) -> None:
    artist = chain.node.deploy(STRANGER, attacker_interface.deploy())
    master = _opened(chain.node, artist=artist)
    chain.node.send(ALICE, master.address, master.mint(ALICE), PRICE)
    armed = attacker_interface.call("arm", master.address, master.withdraw(artist), is_hidden)
    chain.node.send(STRANGER, artist, armed)
    part = PRICE - PRICE * 250 // 10000
    if is_hidden:
        chain.node.send(STRANGER, master.address, master.withdraw(artist))
        answer = _attacker(chain.node, attacker_interface, artist, "answer")
        assert MasterContract.reason(answer) == "ReentrancyGuardReentrantCall()"
        assert not _attacker(chain.node, attacker_interface, artist, "succeeded")
    else:
        with pytest.raises(Reverted):
            chain.node.send(STRANGER, master.address, master.withdraw(artist))
    assert chain.node.balance(artist) == (part if is_hidden else 0)
    assert chain.node.balance(master.address) == PRICE - chain.node.balance(artist)


def test_minting_calls_no_code_of_the_receiver(chain: World, attacker_interface: Interface) -> None:
    buyer = chain.node.deploy(STRANGER, attacker_interface.deploy())
    data = attacker_interface.call("act", chain.master.address, chain.master.mint_batch(buyer, 3))
    chain.node.send(ALICE, buyer, data, 3 * PRICE)
    assert now(chain.master.balance_of(chain.node, buyer)) == 3
    assert _attacker(chain.node, attacker_interface, buyer, "hooks") == 0


WRONG_TERMS: list[tuple[dict[str, Any], str]] = [
    ({"max_supply": 0, "artist_reserve": 0}, "WrongSupply"),
    ({"max_supply": 1_000_001}, "WrongSupply"),
    ({"max_supply": 10, "artist_reserve": 10}, "WrongSupply"),
    ({"mint_price_wei": 0}, "ZeroPrice"),
    ({"artist": NONE}, "ZeroAddress"),
    ({"platform": NONE}, "ZeroAddress"),
    ({"admin": NONE}, "ZeroAddress"),
    ({"operator": NONE}, "ZeroAddress"),
]


@pytest.mark.parametrize(("changes", "error"), WRONG_TERMS, ids=lambda value: re.sub(r"\W+", " ", str(value)))
def test_terms_that_cannot_hold_are_not_deployed(chain: World, changes: dict[str, Any], error: str) -> None:
    with pytest.raises(Reverted, match=error):
        master_of(chain.node, TERMS, **changes)


def test_the_largest_supply_is_a_million(chain: World) -> None:
    master = master_of(chain.node, TERMS, max_supply=1_000_000, artist_reserve=999_999)
    assert now(master.public_supply(chain.node)) == 1
    assert now(master.max_supply(chain.node)) == 1_000_000


def test_a_contract_tells_what_it_is_when_it_appears(chain: World) -> None:
    receipt = chain.node.send(OPERATOR, None, MasterContract.deploy(TERMS))
    found = [logged.event for logged in MasterContract(receipt.created).events(receipt.logs)]
    assert found == [
        MasterRegistered(
            master_id=f"0x{TERMS.master_id.int:064x}",
            artist=ARTIST,
            max_supply=130,
            public_supply=PUBLIC,
            mint_price=PRICE,
        )
    ]


def test_two_purchases_are_told_apart(chain: World) -> None:
    for number in range(3):
        data = chain.master.mint_purchased(uuid5(PURCHASE, str(number)), BOB, 1)
        chain.node.send(OPERATOR, chain.master.address, data)
    assert now(chain.master.balance_of(chain.node, BOB)) == 3


def _opened(node: Node, **changes: object) -> MasterContract:
    master = master_of(node, TERMS, **changes)
    node.send(OPERATOR, master.address, master.unpause())
    return master


def _attacker(node: Node, interface: Interface, address: str, field: str) -> Any:
    answer = node.rpc("eth_call", {"to": address, "data": "0x" + interface.call(field).hex()}, "latest")
    return interface.result(field, answer)
