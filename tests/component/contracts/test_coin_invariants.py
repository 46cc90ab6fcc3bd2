"""Let hypothesis do anything, in any order, to stakes and to the pool, and look for a broken invariant after each step.

Between: Coin.sol, Staking.sol, Pool.sol.
Shape: one machine per contract; an example is a run of steps on a snapshot of the chain that is undone at its end.
Invariant: coins are never made or lost; principal is safe; rewards come from funding; k does not fall.
"""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from tests.component.contracts.node import ETHER, now
from tests.component.contracts.test_share_invariants import BUDGET, Machine, on
from tests.component.contracts.world import ALICE, BOB, COIN, FAR_S, HOLDERS, STRANGER, World

from audifi.clients.chain.contracts.events import Swap

FEWER = settings(BUDGET, max_examples=12)  # a step here reads seven balances
YEAR_S = 31_536_000
PEOPLE = st.sampled_from([ALICE, BOB])
PURSE = 10_000 * COIN
SUPPLY = 1_000_000 * COIN


class Coins(Machine):
    """Two people with coins, who allow the contract under test everything."""

    def __init__(self, world: World, spender: str) -> None:
        super().__init__(world)
        self.spender = spender
        for person in (ALICE, BOB):
            world.give_coins(person, PURSE)
        for person in (ALICE, BOB, HOLDERS.community, HOLDERS.liquidity):
            self.node.send(person, world.coin.address, world.coin.approve(spender, SUPPLY))

    def coins(self, holder: str) -> int:
        return now(self.world.coin.balance_of(self.node, holder))

    @invariant()
    def coins_are_never_made_or_lost(self) -> None:
        holders = (HOLDERS.treasury, HOLDERS.participants, HOLDERS.liquidity, HOLDERS.community)
        assert sum(self.coins(holder) for holder in (*holders, ALICE, BOB, self.spender)) == SUPPLY


@dataclass
class Staked:
    """The model of a stake."""

    staker: str
    amount: int
    bps: int
    began_s: int
    unlocks_s: int
    paid: int = 0


class Stakes(Coins):
    """The model of staking: stakes, and what is left for rewards."""

    def __init__(self, world: World) -> None:
        super().__init__(world, world.staking.address)
        self.stakes: dict[int, Staked] = {}
        self.count = 0
        self.funded = 0
        self.left = 0
        self.clock_s = self.node.time_s()

    def _next(self) -> int:
        """Date the next block a second later, so that the model knows its time."""
        self.clock_s += 1
        self.node.next_block_at(self.clock_s)
        return self.clock_s

    def _reward(self, stake: Staked) -> int:
        earned = stake.amount * stake.bps * (self.clock_s - stake.began_s) // (10_000 * YEAR_S)
        return min(earned - stake.paid, self.left)

    @rule(days=st.integers(1, 400))
    def wait(self, days: int) -> None:
        self.clock_s += days * 86_400

    @rule(amount=st.integers(1, 2000 * COIN))
    def fund(self, amount: int) -> None:
        self._next()
        assert self.does(HOLDERS.community, self.spender, self.world.staking.fund(amount)) is None
        self.funded += amount
        self.left += amount

    @rule(
        who=PEOPLE,
        amount=st.integers(1, 4000 * COIN),
        lock=st.sampled_from([(0, 0), (30, 200), (90, 600), (365, 1200)]),
    )
    def stake(self, who: str, amount: int, lock: tuple[int, int]) -> None:
        has = self.coins(who)
        began_s = self._next()
        refusal = self.does(who, self.spender, self.world.staking.stake(amount, lock[0]))
        assert refusal == (None if amount <= has else "ERC20InsufficientBalance")
        if refusal is None:
            self.count += 1
            self.stakes[self.count] = Staked(who, amount, 1000 + lock[1], began_s, began_s + lock[0] * 86_400)

    @precondition(lambda self: self.stakes)
    @rule(data=st.data(), is_thief=st.sampled_from([False, False, True]))
    def claim(self, data: st.DataObject, is_thief: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.stakes)))
        stake = self.stakes[number]
        has = self.coins(stake.staker)
        self._next()
        reward = self._reward(stake)
        refusal = self.does(
            STRANGER if is_thief else stake.staker, self.spender, self.world.staking.claim_rewards(number)
        )
        assert refusal == ("NotStaker" if is_thief else None)
        if refusal is None:
            self._pay(stake, reward)
            assert self.coins(stake.staker) - has == reward

    @precondition(lambda self: self.stakes)
    @rule(data=st.data())
    def unstake(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.stakes)))
        stake = self.stakes[number]
        has = self.coins(stake.staker)
        self._next()
        reward = self._reward(stake)
        refusal = self.does(stake.staker, self.spender, self.world.staking.unstake(number))
        assert refusal == ("Locked" if self.clock_s < stake.unlocks_s else None)
        if refusal is None:
            self._pay(stake, reward)
            assert self.coins(stake.staker) - has == stake.amount + reward, "the principal comes back whole"
            del self.stakes[number]

    def _pay(self, stake: Staked, reward: int) -> None:
        stake.paid += reward
        self.left -= reward

    @invariant()
    def principal_and_rewards_are_there(self) -> None:
        staking = self.world.staking
        principal = sum(stake.amount for stake in self.stakes.values())
        assert now(staking.total_staked_wei(self.node)) == principal
        assert now(staking.rewards_left_wei(self.node)) == self.left >= 0
        assert now(staking.rewards_funded_wei(self.node)) == self.funded
        assert self.coins(self.spender) == principal + self.left


class Trades(Coins):
    """The pool: reserves, shares, and a price that no step may turn against the pool."""

    def __init__(self, world: World) -> None:
        super().__init__(world, world.pool.address)
        self.donated_coins = 0
        self.seen: tuple[int, int, int] | None = None
        data = world.pool.add_liquidity(100_000 * COIN, 1, FAR_S)
        self.node.send(HOLDERS.liquidity, self.spender, data, 10 * ETHER)

    @rule(who=PEOPLE, native=st.one_of(st.integers(0, 10_000), st.integers(0, 5 * ETHER)))
    def buy(self, who: str, native: int) -> None:
        self._swap(who, self.world.pool.swap_native_for_coin(0, who, FAR_S), native, native)

    @rule(who=PEOPLE, coins=st.one_of(st.integers(0, 10_000), st.integers(0, 20_000 * COIN)))
    def sell(self, who: str, coins: int) -> None:
        self._swap(who, self.world.pool.swap_coin_for_native(coins, 0, who, FAR_S), coins, 0)

    def _swap(self, who: str, data: bytes, amount: int, value: int) -> None:
        coins, native = now(self.world.pool.reserves(self.node))
        refusal = self.does(who, self.spender, data, value)
        assert refusal in {None, "NothingGiven", "Slippage", "ERC20InsufficientBalance"}
        assert (refusal == "NothingGiven") == (amount == 0)
        after = now(self.world.pool.reserves(self.node))
        assert after[0] * after[1] >= coins * native, "k fell"
        assert refusal is None or after == (coins, native)

    @rule(who=PEOPLE, native=st.one_of(st.integers(0, 1000), st.integers(0, 2 * ETHER)), most=st.integers(1, PURSE))
    def provide(self, who: str, native: int, most: int) -> None:
        refusal = self.does(who, self.spender, self.world.pool.add_liquidity(most, 0, FAR_S), native)
        assert refusal in {None, "NothingGiven", "Slippage", "ERC20InsufficientBalance"}

    @rule(who=st.sampled_from([ALICE, BOB, HOLDERS.liquidity]), part=st.integers(1, 1000))
    def give_back(self, who: str, part: int) -> None:
        shares = now(self.world.pool.shares_of(self.node, who)) * part // 1000
        data = self.world.pool.remove_liquidity(shares, coin_min_wei=0, native_min_wei=0, to=who, deadline_s=FAR_S)
        assert self.does(who, self.spender, data) == (None if shares else "NothingGiven")

    @rule(who=PEOPLE, coins=st.integers(0, 100 * COIN))
    def donate(self, who: str, coins: int) -> None:
        """Neither coins sent past the books nor forced ether change a reserve."""
        before = now(self.world.pool.reserves(self.node))
        if self.does(who, self.world.coin.address, self.world.coin.transfer(self.spender, coins)) is None:
            self.donated_coins += coins
        self.node.give(self.spender, self.node.balance(self.spender) + 1)
        assert now(self.world.pool.reserves(self.node)) == before

    @rule(who=PEOPLE, native=st.integers(10**6, ETHER))
    def turn_round(self, who: str, native: int) -> None:
        """Buying and selling at once never earns anything."""
        before = now(self.world.pool.reserves(self.node))[1]
        receipt = self.node.send(who, self.spender, self.world.pool.swap_native_for_coin(0, who, FAR_S), native)
        bought = next(
            each.event.coin_out for each in self.world.pool.events(receipt.logs) if isinstance(each.event, Swap)
        )
        self.does(who, self.spender, self.world.pool.swap_coin_for_native(bought, 0, who, FAR_S))
        assert now(self.world.pool.reserves(self.node))[1] >= before

    @invariant()
    def a_share_never_loses_worth(self) -> None:
        coins, native = now(self.world.pool.reserves(self.node))
        shares = now(self.world.pool.total_shares(self.node))
        if self.seen is not None:
            assert coins * native * self.seen[2] ** 2 >= self.seen[0] * self.seen[1] * shares**2
        self.seen = (coins, native, shares)

    @invariant()
    def the_reserves_are_there(self) -> None:
        coins, native = now(self.world.pool.reserves(self.node))
        assert self.coins(self.spender) == coins + self.donated_coins
        assert self.node.balance(self.spender) >= native


def test_stakes_hold_whatever_is_done_to_them(chain: World) -> None:
    run_state_machine_as_test(on(Stakes, chain), settings=FEWER)


def test_the_pool_holds_whatever_is_done_to_it(chain: World) -> None:
    run_state_machine_as_test(on(Trades, chain), settings=FEWER)
