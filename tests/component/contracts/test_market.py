"""Hold resales to their rules: whose share, at which price, to whom the money, and what no attacker gets.

Between: Market.sol, Master.sol and domain.md 2.2 "Mover Advantage", whose vectors stand here as they stand there.
Units: wei, basis points.
"""

from dataclasses import dataclass

import pytest
from tests.component.contracts.node import ETHER, Reverted, now
from tests.component.contracts.world import ADMIN, ALICE, ARTIST, BOB, CAROL, NONE, OPERATOR, PLATFORM, STRANGER, World
from tests.component.contracts.world import market_of as deployed_market

from audifi.clients.chain.contracts.abi import Interface, interface
from audifi.clients.chain.contracts.events import Delisted, Listed, ShareTransfer, Sold, Withdrawn
from audifi.clients.chain.contracts.surface import Listing, MarketContract

PRICE = ETHER
# domain.md 2.2: (price, a share of the tier, royalty, seller's part) without a fee.
VECTORS = [
    (ETHER // 2, 1, ETHER // 20, ETHER * 9 // 20),
    (ETHER, 10, ETHER // 10, ETHER * 9 // 10),
    (ETHER, 11, ETHER // 20, ETHER * 19 // 20),
    (ETHER, 51, ETHER * 3 // 100, ETHER * 97 // 100),
    (ETHER, 101, ETHER // 100, ETHER * 99 // 100),
    (99, 1, 9, 90),
    (99, 101, 0, 99),
    (333, 51, 9, 324),
]


def buy(chain: World, token_id: int, price: int = PRICE, buyer: str = BOB, value: int | None = None) -> None:
    data = chain.market.buy(chain.master.address, token_id, price)
    chain.node.send(buyer, chain.market.address, data, price if value is None else value)


def owed(chain: World, market: MarketContract, who: str) -> int:
    return now(market.owed_wei(chain.node, who))


@pytest.mark.parametrize(("price", "token_id", "royalty", "seller_part"), VECTORS)
def test_a_resale_pays_what_the_share_was_stamped_with(
    chain: World, price: int, token_id: int, royalty: int, seller_part: int
) -> None:
    chain.mint(ALICE, 101)
    chain.offer(chain.market, token_id, price)
    buy(chain, token_id, price)
    assert owed(chain, chain.market, ARTIST) == royalty
    assert owed(chain, chain.market, ALICE) == seller_part
    assert chain.node.balance(chain.market.address) == price == royalty + seller_part
    assert now(chain.master.owner_of(chain.node, token_id)) == BOB


@pytest.mark.parametrize(("fee_bps", "price", "fee"), [(250, ETHER, ETHER // 40), (1000, 99, 9), (1, 9_999, 0)])
def test_the_fee_is_floored_and_the_seller_gets_the_rest(chain: World, fee_bps: int, price: int, fee: int) -> None:
    market = deployed_market(chain.node, fee_bps=fee_bps)
    chain.mint(ALICE, 1)
    chain.offer(market, 1, price)
    chain.node.send(BOB, market.address, market.buy(chain.master.address, 1, price), price)
    assert owed(chain, market, PLATFORM) == fee
    assert owed(chain, market, ARTIST) == price // 10
    assert owed(chain, market, ALICE) == price - price // 10 - fee


def test_everything_is_told(chain: World) -> None:
    market, master = chain.market, chain.master
    chain.mint(ALICE, 2)
    told: list[object] = []

    def does(who: str, data: bytes, value: int = 0) -> None:
        logs = chain.node.send(who, market.address, data, value).logs
        told.extend(logged.event for logged in (*market.events(logs), *master.events(logs)))

    chain.node.send(ALICE, master.address, master.approve(market.address, 1))
    does(ALICE, market.list(master.address, 1, 7))
    does(ALICE, market.list(master.address, 1, PRICE))
    assert now(market.listing(chain.node, master.address, 1)) == Listing(ALICE, PRICE)
    does(BOB, market.buy(master.address, 1, PRICE), PRICE)
    does(STRANGER, market.withdraw(ARTIST))
    chain.offer(market, 2, 5)
    does(ALICE, market.cancel(master.address, 2))
    assert told == [
        Listed(master.address, 1, ALICE, 7),
        Listed(master.address, 1, ALICE, PRICE),
        Sold(master.address, 1, ALICE, BOB, PRICE, PRICE // 10, 0),
        ShareTransfer(ALICE, BOB, 1),
        Withdrawn(ARTIST, PRICE // 10),
        Delisted(master.address, 2, ALICE),
    ]
    assert now(market.listing(chain.node, master.address, 1)).seller == NONE


def test_the_price_is_the_one_the_buyer_named(chain: World) -> None:
    """A seller who sees a purchase coming cannot change the price under it, up or down."""
    chain.mint(ALICE, 1)
    chain.offer(chain.market, 1, PRICE)
    for new in (PRICE + 1, PRICE - 1):
        chain.node.send(ALICE, chain.market.address, chain.market.list(chain.master.address, 1, new))
        with pytest.raises(Reverted, match=rf"PriceChanged\(price={new}, offered={PRICE}\)"):
            buy(chain, 1)


@pytest.mark.parametrize("value", [0, PRICE - 1, PRICE + 1])
def test_exactly_the_price_is_paid(chain: World, value: int) -> None:
    chain.mint(ALICE, 1)
    chain.offer(chain.market, 1, PRICE)
    with pytest.raises(Reverted, match=rf"WrongValue\(sent={value}, required={PRICE}\)"):
        buy(chain, 1, value=value)


def test_a_share_is_sold_once(chain: World) -> None:
    chain.mint(ALICE, 1)
    chain.offer(chain.market, 1, PRICE)
    buy(chain, 1)
    with pytest.raises(Reverted, match="NotListed"):
        buy(chain, 1, buyer=CAROL)
    with pytest.raises(Reverted, match="NotListed"):
        chain.node.send(ALICE, chain.market.address, chain.market.cancel(chain.master.address, 1))


def test_only_its_owner_lists_a_share_and_only_approved(chain: World) -> None:
    chain.mint(ALICE, 1)
    data = chain.market.list(chain.master.address, 1, PRICE)
    with pytest.raises(Reverted, match="NotApproved"):
        chain.node.send(ALICE, chain.market.address, data)
    chain.node.send(ALICE, chain.master.address, chain.master.approve(chain.market.address, 1))
    for person in (STRANGER, BOB, ARTIST, PLATFORM, ADMIN, OPERATOR):
        with pytest.raises(Reverted, match=rf"NotOwner\(caller={person}\)"):
            chain.node.send(person, chain.market.address, data)
    with pytest.raises(Reverted, match="ZeroPrice"):
        chain.node.send(ALICE, chain.market.address, chain.market.list(chain.master.address, 1, 0))
    with pytest.raises(Reverted, match="SafeCastOverflowedUintDowncast"):
        chain.node.send(ALICE, chain.market.address, chain.market.list(chain.master.address, 1, 2**96))
    chain.node.send(ALICE, chain.market.address, data)


def test_what_promises_no_royalty_is_not_traded(chain: World) -> None:
    for other in (chain.coin.address, chain.dividend.address, ALICE):
        with pytest.raises(Reverted, match=rf"NoRoyalties\(master={other}\)"):
            chain.node.send(ALICE, chain.market.address, chain.market.list(other, 1, PRICE))


def test_a_live_offer_is_taken_back_by_its_seller_alone(chain: World) -> None:
    chain.mint(ALICE, 1)
    chain.offer(chain.market, 1, PRICE)
    data = chain.market.cancel(chain.master.address, 1)
    for person in (STRANGER, BOB, ARTIST, PLATFORM, ADMIN, OPERATOR):
        with pytest.raises(Reverted, match=rf"NotSeller\(caller={person}\)"):
            chain.node.send(person, chain.market.address, data)
    chain.node.send(ALICE, chain.market.address, data)
    with pytest.raises(Reverted, match="NotListed"):
        buy(chain, 1)


def test_an_offer_dies_with_the_share_or_the_approval(chain: World) -> None:
    chain.mint(ALICE, 2)
    for token_id in (1, 2):
        chain.offer(chain.market, token_id, PRICE)
    chain.node.send(ALICE, chain.master.address, chain.master.transfer(ALICE, CAROL, 1))
    chain.node.send(ALICE, chain.master.address, chain.master.approve(NONE, 2))
    for token_id in (1, 2):
        with pytest.raises(Reverted, match="NotListed"):
            buy(chain, token_id)
        data = chain.market.cancel(chain.master.address, token_id)
        chain.node.send(STRANGER, chain.market.address, data)
        assert now(chain.market.listing(chain.node, chain.master.address, token_id)).seller == NONE


def test_an_old_offer_does_not_wake_up_when_the_share_comes_back(chain: World) -> None:
    chain.mint(ALICE, 1)
    chain.offer(chain.market, 1, 1)
    chain.node.send(ALICE, chain.master.address, chain.master.transfer(ALICE, CAROL, 1))
    chain.node.send(CAROL, chain.master.address, chain.master.transfer(CAROL, ALICE, 1))
    with pytest.raises(Reverted, match="NotListed"):
        buy(chain, 1, price=1)


def test_a_new_owner_replaces_an_old_offer(chain: World) -> None:
    chain.mint(ALICE, 1)
    chain.offer(chain.market, 1, 1)
    chain.node.send(ALICE, chain.master.address, chain.master.transfer(ALICE, CAROL, 1))
    chain.offer(chain.market, 1, PRICE, seller=CAROL)
    buy(chain, 1)
    assert owed(chain, chain.market, CAROL) == PRICE * 9 // 10
    assert owed(chain, chain.market, ALICE) == 0


def test_everybody_owed_is_paid_in_full_and_once(chain: World) -> None:
    chain.mint(ALICE, 1)
    chain.offer(chain.market, 1, PRICE)
    buy(chain, 1)
    before = chain.node.balance(ARTIST)
    chain.node.send(STRANGER, chain.market.address, chain.market.withdraw(ARTIST))
    assert chain.node.balance(ARTIST) - before == PRICE // 10
    for nobody in (ARTIST, PLATFORM, STRANGER):
        with pytest.raises(Reverted, match=rf"NothingOwed\(receiver={nobody}\)"):
            chain.node.send(STRANGER, chain.market.address, chain.market.withdraw(nobody))


@dataclass(frozen=True)
class Hostile:
    """A seller that is a contract, with a share on offer."""

    chain: World
    interface: Interface
    address: str

    def does(self, to: str, data: bytes) -> None:
        self.chain.node.send(STRANGER, self.address, self.interface.call("act", to, data))

    def field(self, name: str) -> object:
        data = "0x" + self.interface.call(name).hex()
        return self.interface.result(
            name, self.chain.node.rpc("eth_call", {"to": self.address, "data": data}, "latest")
        )


@pytest.fixture
def hostile(chain: World, attacker_interface: Interface) -> Hostile:
    """It owns share 1 and offers it."""
    found = Hostile(chain, attacker_interface, chain.node.deploy(STRANGER, attacker_interface.deploy()))
    chain.mint(ALICE, 2)
    chain.node.send(ALICE, chain.master.address, chain.master.transfer(ALICE, found.address, 1))
    found.does(chain.master.address, chain.master.approve(chain.market.address, 1))
    found.does(chain.market.address, chain.market.list(chain.master.address, 1, PRICE))
    return found


def test_a_seller_that_refuses_ether_stops_no_purchase(chain: World, hostile: Hostile) -> None:
    chain.node.send(STRANGER, hostile.address, hostile.interface.call("refuse", True))
    buy(chain, 1)
    with pytest.raises(Reverted):
        chain.node.send(STRANGER, chain.market.address, chain.market.withdraw(hostile.address))
    chain.node.send(STRANGER, chain.market.address, chain.market.withdraw(ARTIST))
    chain.node.send(STRANGER, hostile.address, hostile.interface.call("refuse", False))
    chain.node.send(STRANGER, chain.market.address, chain.market.withdraw(hostile.address))
    assert chain.node.balance(hostile.address) == PRICE * 9 // 10
    assert chain.node.balance(chain.market.address) == 0


@pytest.mark.parametrize("entry", ["withdraw", "buy", "cancel", "list"])
def test_a_seller_that_calls_back_while_paid_gets_nothing_more(chain: World, hostile: Hostile, entry: str) -> None:
    market, master = chain.market, chain.master.address
    chain.offer(market, 2, PRICE)
    buy(chain, 1)
    buy(chain, 2)
    inner = {
        "withdraw": market.withdraw(hostile.address),
        "buy": market.buy(master, 1, PRICE),
        "cancel": market.cancel(master, 1),
        "list": market.list(master, 1, PRICE),
    }[entry]
    chain.node.send(STRANGER, hostile.address, hostile.interface.call("arm", market.address, inner, True))
    chain.node.send(STRANGER, market.address, market.withdraw(hostile.address))
    assert MarketContract.reason(str(hostile.field("answer"))) == "ReentrancyGuardReentrantCall()"
    assert not hostile.field("succeeded")
    assert chain.node.balance(hostile.address) == PRICE * 9 // 10
    assert chain.node.balance(market.address) == 2 * PRICE - PRICE * 9 // 10


@dataclass(frozen=True)
class Liar:
    """A contract that says it is a master."""

    chain: World
    interface: Interface
    address: str

    def says(self, *, royalty: int, artist: str = STRANGER) -> None:
        market = self.chain.market.address
        self.chain.node.send(STRANGER, self.address, self.interface.call("set", ALICE, market, artist, royalty))


@pytest.fixture
def liar(chain: World, fake_interface: Interface) -> Liar:
    """ALICE offers its "share" 1."""
    found = Liar(chain, fake_interface, chain.node.deploy(STRANGER, fake_interface.deploy()))
    found.says(royalty=0)
    chain.node.send(ALICE, chain.market.address, chain.market.list(found.address, 1, PRICE))
    return found


@pytest.mark.parametrize(("royalty", "is_sold"), [(PRICE + 1, False), (2**256 - 1, False), (PRICE, True)])
def test_no_royalty_takes_more_than_the_price(chain: World, liar: Liar, royalty: int, is_sold: bool) -> None:
    """Money that others are owed is there all the time."""
    chain.mint(ALICE, 1)
    chain.offer(chain.market, 1, PRICE)
    buy(chain, 1)
    liar.says(royalty=royalty)
    data = chain.market.buy(liar.address, 1, PRICE)
    if is_sold:
        chain.node.send(BOB, chain.market.address, data, PRICE)
        assert owed(chain, chain.market, STRANGER) == PRICE
    else:
        with pytest.raises(Reverted, match="PartsExceedPrice"):
            chain.node.send(BOB, chain.market.address, data, PRICE)
    held = sum(owed(chain, chain.market, who) for who in (ALICE, ARTIST, STRANGER, PLATFORM))
    assert held == chain.node.balance(chain.market.address)


def test_a_royalty_that_leaves_no_room_for_the_fee_is_refused(chain: World, fake_interface: Interface) -> None:
    market = deployed_market(chain.node, fee_bps=250)
    fake = chain.node.deploy(STRANGER, fake_interface.deploy())
    chain.node.send(STRANGER, fake, fake_interface.call("set", ALICE, market.address, STRANGER, PRICE))
    chain.node.send(ALICE, market.address, market.list(fake, 1, PRICE))
    with pytest.raises(Reverted, match="PartsExceedPrice"):
        chain.node.send(BOB, market.address, market.buy(fake, 1, PRICE), PRICE)


def test_a_master_that_calls_back_gets_in_nowhere(chain: World, liar: Liar) -> None:
    liar.says(royalty=PRICE // 2)
    inner = chain.market.withdraw(STRANGER)
    chain.node.send(STRANGER, liar.address, liar.interface.call("arm", chain.market.address, inner))
    chain.node.send(BOB, chain.market.address, chain.market.buy(liar.address, 1, PRICE), PRICE)
    data = "0x" + liar.interface.call("answer").hex()
    answer = liar.interface.result("answer", chain.node.rpc("eth_call", {"to": liar.address, "data": data}, "latest"))
    assert MarketContract.reason(answer) == "ReentrancyGuardReentrantCall()"
    assert chain.node.balance(chain.market.address) == PRICE


@pytest.mark.parametrize(
    ("receiver", "fee_bps", "error"), [(NONE, 0, "ZeroAddress"), (PLATFORM, 1001, "WrongFee")], ids=["nobody", "dear"]
)
def test_terms_that_cannot_hold_are_not_deployed(chain: World, receiver: str, fee_bps: int, error: str) -> None:
    with pytest.raises(Reverted, match=error):
        deployed_market(chain.node, fee_bps=fee_bps, fee_receiver=receiver)


def test_nobody_has_a_power_over_it() -> None:
    """What can be called is what stands here: no role, no halt, no way to name another receiver or fee."""
    entries = interface("Market").artifact.abi
    changing = {e["name"] for e in entries if e["type"] == "function" and e["stateMutability"] not in ("view", "pure")}
    assert changing == {"list", "cancel", "buy", "withdraw"}
