"""Let hypothesis do anything, in any order, to shares and dividends, and look for a broken invariant after each step.

Between: Master.sol, Dividend.sol and a model of each in a few lines of Python.
Shape: one machine per contract; an example is a run of steps on a snapshot of the chain that is undone at its end.
Invariant: every step's outcome, refusals included, is the model's; money in = money out + money held.
"""

from collections.abc import Callable
from typing import cast
from uuid import UUID, uuid5

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.component.contracts.node import ETHER, Reverted, now
from tests.component.contracts.world import ADMIN, ALICE, ARTIST, BOB, CAROL, OPERATOR, PLATFORM, STRANGER, TERMS, World

from audifi.clients.chain.contracts.merkle import EpochTree, epoch_tree

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)  # every step is a real block
BUDGET = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=SLOW)
NAMESPACE = UUID("01890000-0000-7000-8000-0000000000c0")
PRICE = TERMS.mint_price_wei
PUBLIC, TOTAL = 110, 130
PEOPLE = st.sampled_from([ALICE, BOB, CAROL])


class Machine(RuleBasedStateMachine):
    """A run of steps on a snapshot."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.node = world.node
        self.before = self.node.snapshot()

    def teardown(self) -> None:
        self.node.revert(self.before)

    def does(self, sender: str, to: str, data: bytes, value: int = 0) -> str | None:
        """Return why it was refused, or None when it took effect."""
        try:
            self.node.send(sender, to, data, value)
        except Reverted as refusal:
            return str(refusal).split("(")[0]
        return None


class Shares(Machine):
    """The model of a master: who owns which id, and who is owed what."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.owners: dict[int, str] = {}
        self.sold = 0
        self.owed = {ARTIST: 0, PLATFORM: 0}
        self.purchases: set[int] = set()
        self.is_paused = False
        self.is_closed = False
        self.to = world.master.address

    def _expected(self, count: int) -> str | None:
        if self.is_paused:
            return "EnforcedPause"
        if self.is_closed:
            return "SaleIsClosed"
        return "SoldOut" if self.sold + count > PUBLIC else None

    def _sold(self, to: str, count: int) -> None:
        self.owners |= dict.fromkeys(range(self.sold + 1, self.sold + count + 1), to)
        self.sold += count

    @rule(buyer=PEOPLE, to=PEOPLE, count=st.integers(1, 40), surplus=st.sampled_from([0, 0, 0, 1]))
    def buy(self, buyer: str, to: str, count: int, surplus: int) -> None:
        total = count * PRICE
        refusal = self.does(buyer, self.to, self.world.master.mint_batch(to, count), total + surplus)
        halted = self._expected(0)
        assert refusal == (halted or ("WrongValue" if surplus else self._expected(count)))
        if refusal is None:
            self._sold(to, count)
            self.owed[PLATFORM] += total * 250 // 10_000
            self.owed[ARTIST] += total - total * 250 // 10_000

    @rule(to=PEOPLE, count=st.integers(1, 10), number=st.integers(0, 4))
    def pay_by_card(self, to: str, count: int, number: int) -> None:
        data = self.world.master.mint_purchased(uuid5(NAMESPACE, str(number)), to, count)
        refusal = self.does(OPERATOR, self.to, data)
        halted = self._expected(0)
        repeated = "PurchaseAlreadyMinted" if number in self.purchases else None
        assert refusal == (halted or repeated or self._expected(count))
        if refusal is None:
            self.purchases.add(number)
            self._sold(to, count)

    @rule(first=st.integers(PUBLIC - 1, TOTAL + 1), length=st.integers(0, 12))
    def take_reserve(self, first: int, length: int) -> None:
        last = first + length - 1
        refusal = self.does(OPERATOR, self.to, self.world.master.mint_reserve(ARTIST, first, last))
        ids = range(first, last + 1)
        if not ids or first <= PUBLIC or last > TOTAL:
            assert refusal == "NotReserve"
        elif any(token_id in self.owners for token_id in ids):
            assert refusal == "ERC721InvalidSender"
        else:
            assert refusal is None
            self.owners |= dict.fromkeys(ids, ARTIST)

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), to=PEOPLE, thief=st.sampled_from([None, STRANGER, OPERATOR, ADMIN]))
    def hand_over(self, data: st.DataObject, to: str, thief: str | None) -> None:
        token_id = data.draw(st.sampled_from(sorted(self.owners)))
        owner = self.owners[token_id]
        refusal = self.does(thief or owner, self.to, self.world.master.transfer(owner, to, token_id))
        assert refusal == ("ERC721InsufficientApproval" if thief else None)
        if refusal is None:
            self.owners[token_id] = to

    @rule(receiver=st.sampled_from([ARTIST, PLATFORM, STRANGER]))
    def withdraw(self, receiver: str) -> None:
        before = self.node.balance(receiver)
        refusal = self.does(ALICE, self.to, self.world.master.withdraw(receiver))
        due = self.owed.get(receiver, 0)
        assert refusal == (None if due else "NothingOwed")
        assert self.node.balance(receiver) - before == due
        self.owed[receiver] = 0

    @rule()
    def halt_or_open(self) -> None:
        master = self.world.master
        assert self.does(OPERATOR, self.to, master.unpause() if self.is_paused else master.pause()) is None
        self.is_paused = not self.is_paused

    @rule(really=st.sampled_from([False, False, False, True]))
    def close(self, really: bool) -> None:
        if really and not self.is_closed:
            assert self.does(OPERATOR, self.to, self.world.master.close_sale()) is None
            self.is_closed = True

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), price=st.integers(0, 2**200))
    def ask_royalty(self, data: st.DataObject, price: int) -> None:
        token_id = data.draw(st.sampled_from(sorted(self.owners)))
        bps = 1000 if token_id <= 10 else 500 if token_id <= 50 else 300 if token_id <= 100 else 100
        assert now(self.world.master.royalty_info(self.node, token_id, price)) == (ARTIST, price * bps // 10_000)
        assert now(self.world.master.owner_of(self.node, token_id)) == self.owners[token_id]

    @invariant()
    def supply_is_what_was_minted(self) -> None:
        master = self.world.master
        assert now(master.total_supply(self.node)) == len(self.owners) <= TOTAL
        assert now(master.public_minted(self.node)) == self.sold <= PUBLIC
        held = {person: now(master.balance_of(self.node, person)) for person in (ALICE, BOB, CAROL, ARTIST)}
        assert sum(held.values()) == len(self.owners)

    @invariant()
    def the_balance_is_what_is_owed(self) -> None:
        assert self.node.balance(self.to) == sum(self.owed.values())


class Dividends(Machine):
    """The model of dividends: what came in, what epochs set aside, what was paid."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.received = 0
        self.payouts: set[tuple[str, int]] = set()
        self.trees: dict[int, EpochTree] = {}
        self.totals: dict[int, int] = {}
        self.paid: dict[int, int] = {}
        self.claimed: set[tuple[int, str]] = set()
        self.to = world.dividend.address
        self.wallets = {person: self.node.balance(person) for person in (ALICE, BOB, CAROL)}

    @rule(amount=st.integers(0, 10 * ETHER), number=st.integers(0, 9), depositor=st.sampled_from([OPERATOR, STRANGER]))
    def deposit(self, amount: int, number: int, depositor: str) -> None:
        data = self.world.dividend.deposit_revenue(uuid5(NAMESPACE, str(number)), "STREAMING")
        refusal = self.does(depositor, self.to, data, amount)
        key = (depositor, number)
        assert refusal == ("NothingDeposited" if amount == 0 else "AlreadyDeposited" if key in self.payouts else None)
        if refusal is None:
            self.payouts.add(key)
            self.received += amount

    @rule(
        epoch=st.integers(0, 3),
        parts=st.lists(st.integers(0, 4 * ETHER), min_size=3, max_size=3).filter(any),
        error=st.sampled_from([0, 0, -1, 1, -ETHER, ETHER]),
    )
    def publish(self, epoch: int, parts: list[int], error: int) -> None:
        """Publish a root whose total may be wrong by `error`."""
        tree = epoch_tree(self.to, epoch, dict(zip((ALICE, BOB, CAROL), parts, strict=True)))
        total = max(0, tree.total_wei + error)
        refusal = self.does(OPERATOR, self.to, self.world.dividend.set_root(epoch, tree.root, total))
        covered = total <= self.received - sum(self.totals.values())
        expected = "EmptyRoot" if total == 0 else "EpochExists" if epoch in self.trees else None
        assert refusal == (expected or (None if covered else "NotCovered"))
        if refusal is None:
            self.trees[epoch], self.totals[epoch], self.paid[epoch] = tree, total, 0

    @precondition(lambda self: self.trees)
    @rule(data=st.data(), who=PEOPLE, surplus=st.sampled_from([0, 0, 0, 1]))
    def claim(self, data: st.DataObject, who: str, surplus: int) -> None:
        epoch = data.draw(st.sampled_from(sorted(self.trees)))
        tree = self.trees[epoch]
        amount = tree.amounts.get(who, 0)
        call = self.world.dividend.claim_for(who, epoch, amount + surplus, tree.proofs.get(who, ()))
        refusal = self.does(STRANGER, self.to, call)
        if (epoch, who) in self.claimed:
            assert refusal == "AlreadyClaimed"
        elif surplus or not amount:
            assert refusal == "WrongProof"
        elif self.paid[epoch] + amount > self.totals[epoch]:
            assert refusal == "EpochExhausted"
        else:
            assert refusal is None
            self.claimed.add((epoch, who))
            self.paid[epoch] += amount
            self.wallets[who] += amount

    @precondition(lambda self: self.trees)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(sorted(self.trees)))
        refusal = self.does(ADMIN, self.to, self.world.dividend.withdraw_root(epoch))
        assert refusal == ("EpochHasClaims" if self.paid[epoch] else None)
        if refusal is None:
            del self.trees[epoch], self.totals[epoch], self.paid[epoch]

    @invariant()
    def paid_is_at_most_set_aside_is_at_most_deposited(self) -> None:
        dividend = self.world.dividend
        paid = now(dividend.total_dividends_paid_wei(self.node))
        assert paid == sum(self.paid.values())
        assert now(dividend.total_allocated_wei(self.node)) == sum(self.totals.values())
        assert now(dividend.total_revenue_received_wei(self.node)) == self.received
        assert paid <= sum(self.totals.values()) <= self.received
        assert all(self.paid[epoch] <= self.totals[epoch] for epoch in self.totals)

    @invariant()
    def money_is_held_or_paid(self) -> None:
        assert self.node.balance(self.to) == self.received - sum(self.paid.values())
        assert {person: self.node.balance(person) for person in self.wallets} == self.wallets


def test_shares_hold_whatever_is_done_to_them(chain: World) -> None:
    run_state_machine_as_test(on(Shares, chain), settings=BUDGET)


def test_dividends_hold_whatever_is_done_to_them(chain: World) -> None:
    run_state_machine_as_test(on(Dividends, chain), settings=BUDGET)


def on(machine: Callable[[World], RuleBasedStateMachine], chain: World) -> type[RuleBasedStateMachine]:
    """Return what hypothesis calls for each run; it is typed as a class and only ever called."""
    return cast("type[RuleBasedStateMachine]", lambda: machine(chain))
