"""Let hypothesis do anything, in any order, to resales, and look for a broken invariant after each step.

Between: Market.sol, Master.sol and a model in a few lines of Python.
Shape: an example is a run of steps on a snapshot of the chain that is undone at its end.
Invariant: every step's outcome, refusals included, is the model's; money in = money out + money owed, to the wei.
"""

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from tests.component.contracts.node import now
from tests.component.contracts.test_share_invariants import BUDGET, Machine, on
from tests.component.contracts.world import (
    ALICE,
    ARTIST,
    BOB,
    CAROL,
    NONE,
    OPERATOR,
    PLATFORM,
    STRANGER,
    World,
    market_of,
)

PEOPLE = st.sampled_from([ALICE, BOB, CAROL])
ANYBODY = st.sampled_from([ALICE, BOB, CAROL, STRANGER])
PRICES = st.sampled_from([1, 9, 39, 99, 333, 10**18, 10**18 + 7])
ROYALTY_BPS: Final = {1: 1000, 11: 500, 51: 300, 101: 100}
IDS = st.sampled_from(sorted(ROYALTY_BPS))
FEE_BPS: Final = 250


class Resales(Machine):
    """The model: who owns which share, what is offered by whom, who is owed what."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.market = market_of(self.node, fee_bps=FEE_BPS)
        self.shares = world.master.address
        world.mint(ALICE, 101)
        self.owners = dict.fromkeys(ROYALTY_BPS, ALICE)
        self.approved: set[int] = set()
        self.offers: dict[int, tuple[str, int]] = {}
        self.owed = dict.fromkeys((ALICE, BOB, CAROL, ARTIST, PLATFORM), 0)

    def _is_live(self, token_id: int) -> bool:
        return self.offers[token_id][0] == self.owners[token_id] and token_id in self.approved

    @rule(token_id=IDS, really=st.booleans())
    def approve(self, token_id: int, really: bool) -> None:
        spender = self.market.address if really else NONE
        data = self.world.master.approve(spender, token_id)
        assert self.does(self.owners[token_id], self.shares, data) is None
        (self.approved.add if really else self.approved.discard)(token_id)

    @rule(token_id=IDS, who=ANYBODY, price=PRICES)
    def offer(self, token_id: int, who: str, price: int) -> None:
        refusal = self.does(who, self.market.address, self.market.list(self.shares, token_id, price))
        expected = None if token_id in self.approved else "NotApproved"
        assert refusal == (expected if who == self.owners[token_id] else "NotOwner")
        if refusal is None:
            self.offers[token_id] = (who, price)

    @rule(token_id=IDS, price=PRICES)
    def offer_rightly(self, token_id: int, price: int) -> None:
        self.approve(token_id, True)
        self.offer(token_id, self.owners[token_id], price)

    @rule(token_id=IDS, who=ANYBODY)
    def take_back(self, token_id: int, who: str) -> None:
        refusal = self.does(who, self.market.address, self.market.cancel(self.shares, token_id))
        if token_id not in self.offers:
            assert refusal == "NotListed"
        elif who != self.offers[token_id][0] and self._is_live(token_id):
            assert refusal == "NotSeller"
        else:
            assert refusal is None
            del self.offers[token_id]

    @rule(token_id=IDS, buyer=PEOPLE, wrong_price=st.sampled_from([0, 0, 0, 1]), surplus=st.sampled_from([0, 0, 0, 1]))
    def buy(self, token_id: int, buyer: str, wrong_price: int, surplus: int) -> None:
        seller, price = self.offers.get(token_id, ("", 5))
        named = price + wrong_price
        refusal = self.does(buyer, self.market.address, self.market.buy(self.shares, token_id, named), named + surplus)
        if not seller:
            assert refusal == "NotListed"
        elif wrong_price or surplus:
            assert refusal == ("PriceChanged" if wrong_price else "WrongValue")
        elif not self._is_live(token_id):
            assert refusal == "NotListed"
        else:
            assert refusal is None
            self._sold(token_id, seller, buyer, price)

    def _sold(self, token_id: int, seller: str, buyer: str, price: int) -> None:
        royalty, fee = price * ROYALTY_BPS[token_id] // 10_000, price * FEE_BPS // 10_000
        for who, part in ((ARTIST, royalty), (PLATFORM, fee), (seller, price - royalty - fee)):
            self.owed[who] += part
        del self.offers[token_id]
        self.approved.discard(token_id)
        self.owners[token_id] = buyer

    @rule(token_id=IDS, to=PEOPLE)
    def give(self, token_id: int, to: str) -> None:
        """Move a share past the market: the approval is gone, the offer is dead."""
        data = self.world.master.transfer(self.owners[token_id], to, token_id)
        assert self.does(self.owners[token_id], self.shares, data) is None
        self.owners[token_id] = to
        self.approved.discard(token_id)

    @rule(receiver=st.sampled_from([ALICE, BOB, CAROL, ARTIST, PLATFORM, STRANGER]))
    def withdraw(self, receiver: str) -> None:
        before = self.node.balance(receiver)
        refusal = self.does(OPERATOR, self.market.address, self.market.withdraw(receiver))
        due = self.owed.get(receiver, 0)
        assert refusal == (None if due else "NothingOwed")
        assert self.node.balance(receiver) - before == due
        self.owed[receiver] = 0

    @invariant()
    def the_balance_is_what_is_owed(self) -> None:
        assert self.node.balance(self.market.address) == sum(self.owed.values())
        told = {who: now(self.market.owed_wei(self.node, who)) for who in self.owed}
        assert told == self.owed

    @invariant()
    def shares_are_where_the_model_says(self) -> None:
        assert {each: now(self.world.master.owner_of(self.node, each)) for each in ROYALTY_BPS} == self.owners


def test_resales_hold_whatever_is_done_to_them(chain: World) -> None:
    run_state_machine_as_test(on(Resales, chain), settings=BUDGET)
