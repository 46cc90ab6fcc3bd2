"""Hold the pool to constant product: quotes, fees, slippage, deadlines, and the attacks of the first provider.

Between: Pool.sol and domain.md 2.5 (constant product with a fee; k must not fall).
Units: base units and wei; basis points.
"""

import pytest
from tests.component.contracts.node import ETHER, Reverted, now
from tests.component.contracts.world import ALICE, BOB, COIN, FAR_S, HOLDERS, STRANGER, World

from audifi.clients.chain.contracts.abi import Interface
from audifi.clients.chain.contracts.events import LiquidityAdded, LiquidityRemoved, Swap
from audifi.clients.chain.contracts.surface import PoolContract

COINS = 250_000 * COIN
NATIVE = 25 * ETHER


def provided(chain: World, coins: int = COINS, native: int = NATIVE, who: str = HOLDERS.liquidity) -> None:
    chain.node.send(who, chain.coin.address, chain.coin.approve(chain.pool.address, coins))
    chain.node.send(who, chain.pool.address, chain.pool.add_liquidity(coins, 1, FAR_S), native)


def sell(chain: World, who: str, coins: int, *, least: int = 0, to: str | None = None, deadline_s: int = FAR_S) -> None:
    chain.node.send(who, chain.coin.address, chain.coin.approve(chain.pool.address, coins))
    data = chain.pool.swap_coin_for_native(coins, least, to or who, deadline_s)
    chain.node.send(who, chain.pool.address, data)


def buy(chain: World, who: str, native: int, *, least: int = 0, deadline_s: int = FAR_S) -> None:
    chain.node.send(who, chain.pool.address, chain.pool.swap_native_for_coin(least, who, deadline_s), native)


def out(amount: int, reserve_in: int, reserve_out: int, fee_bps: int = 30) -> int:
    """The rule, in one line: what comes in less the fee keeps the product, floored."""
    counted = amount * (10_000 - fee_bps)
    return counted * reserve_out // (reserve_in * 10_000 + counted)


def test_a_quote_is_the_constant_product_less_the_fee(chain: World) -> None:
    provided(chain)
    assert now(chain.pool.amount_out_wei(chain.node, ETHER, coin_in=False)) == out(ETHER, NATIVE, COINS)
    assert now(chain.pool.amount_out_wei(chain.node, COIN, coin_in=True)) == out(COIN, COINS, NATIVE)
    # 1000 in, 10,000 each side, 30 bps: 997 × 10,000 / 10,997 = 906.6…
    assert out(1000, 10_000, 10_000) == 906


def test_a_swap_gives_its_quote_and_is_told(chain: World) -> None:
    provided(chain)
    expected = out(ETHER, NATIVE, COINS)
    receipt = chain.node.send(ALICE, chain.pool.address, chain.pool.swap_native_for_coin(expected, BOB, FAR_S), ETHER)
    assert Swap(ALICE, BOB, 0, ETHER, expected, 0) in [logged.event for logged in chain.pool.events(receipt.logs)]
    assert now(chain.coin.balance_of(chain.node, BOB)) == expected
    assert now(chain.pool.reserves(chain.node)) == (COINS - expected, NATIVE + ETHER)
    before = chain.node.balance(STRANGER)
    sold = out(expected, COINS - expected, NATIVE + ETHER)
    sell(chain, BOB, expected, least=sold, to=STRANGER)
    assert chain.node.balance(STRANGER) - before == sold < ETHER


@pytest.mark.parametrize("fee_bps", [0, 29, 31, 99, 101, 10_000])
def test_the_fee_is_thirty_or_a_hundred(chain: World, fee_bps: int) -> None:
    with pytest.raises(Reverted, match=rf"WrongFee\(feeBps={fee_bps}\)"):
        chain.node.deploy(STRANGER, PoolContract.deploy(coin=chain.coin.address, fee_bps=fee_bps))


def test_a_pool_of_one_percent_quotes_one_percent(chain: World) -> None:
    pool = PoolContract(chain.node.deploy(STRANGER, PoolContract.deploy(coin=chain.coin.address, fee_bps=100)))
    chain.node.send(HOLDERS.liquidity, chain.coin.address, chain.coin.approve(pool.address, COINS))
    chain.node.send(HOLDERS.liquidity, pool.address, pool.add_liquidity(COINS, 1, FAR_S), NATIVE)
    assert now(pool.amount_out_wei(chain.node, ETHER, coin_in=False)) == out(ETHER, NATIVE, COINS, 100)


def test_too_late_is_refused_everywhere(chain: World) -> None:
    provided(chain)
    past_s = chain.node.time_s() - 1
    pool = chain.pool
    for data, value in (
        (pool.swap_native_for_coin(0, ALICE, past_s), 1),
        (pool.swap_coin_for_native(1, 0, ALICE, past_s), 0),
        (pool.add_liquidity(1, 0, past_s), 1),
        (pool.remove_liquidity(1, coin_min_wei=0, native_min_wei=0, to=ALICE, deadline_s=past_s), 0),
    ):
        with pytest.raises(Reverted, match=rf"TooLate\(deadline={past_s}\)"):
            chain.node.send(HOLDERS.liquidity, pool.address, data, value)


def test_less_than_the_least_is_refused(chain: World) -> None:
    provided(chain)
    chain.give_coins(ALICE, COIN)
    quote = out(COIN, COINS, NATIVE)
    with pytest.raises(Reverted, match=rf"Slippage\(got={quote}, limit={quote + 1}\)"):
        sell(chain, ALICE, COIN, least=quote + 1)
    with pytest.raises(Reverted, match="Slippage"):
        buy(chain, ALICE, 1000, least=out(1000, NATIVE, COINS) + 1)
    shares = now(chain.pool.shares_of(chain.node, HOLDERS.liquidity))
    for coin_min, native_min in ((COINS, 0), (0, NATIVE)):
        data = chain.pool.remove_liquidity(
            shares, coin_min_wei=coin_min, native_min_wei=native_min, to=ALICE, deadline_s=FAR_S
        )
        with pytest.raises(Reverted, match="Slippage"):
            chain.node.send(HOLDERS.liquidity, chain.pool.address, data)
    chain.node.send(ALICE, chain.coin.address, chain.coin.approve(chain.pool.address, COIN))
    with pytest.raises(Reverted, match="Slippage"):  # the price asks for 10,000 coins
        chain.node.send(ALICE, chain.pool.address, chain.pool.add_liquidity(COIN, 0, FAR_S), ETHER)
    with pytest.raises(Reverted, match="Slippage"):
        chain.node.send(ALICE, chain.pool.address, chain.pool.add_liquidity(COIN, 2**200, FAR_S), 10)


def test_nothing_for_something_is_refused(chain: World) -> None:
    provided(chain)
    chain.give_coins(ALICE, COIN)
    with pytest.raises(Reverted, match=r"Slippage\(got=0, limit=0\)"):
        sell(chain, ALICE, 1)  # a base unit buys less than one wei
    for sender, data, value in (
        (ALICE, chain.pool.swap_native_for_coin(0, ALICE, FAR_S), 0),
        (ALICE, chain.pool.swap_coin_for_native(0, 0, ALICE, FAR_S), 0),
        (ALICE, chain.pool.add_liquidity(0, 0, FAR_S), 1),
        (ALICE, chain.pool.add_liquidity(1, 0, FAR_S), 0),
        (ALICE, chain.pool.remove_liquidity(0, coin_min_wei=0, native_min_wei=0, to=ALICE, deadline_s=FAR_S), 0),
    ):
        with pytest.raises(Reverted, match="NothingGiven"):
            chain.node.send(sender, chain.pool.address, data, value)


def test_an_empty_pool_trades_nothing(chain: World) -> None:
    with pytest.raises(Reverted, match="NoLiquidity"):
        buy(chain, ALICE, ETHER)
    with pytest.raises(Reverted, match="NoLiquidity"):
        provided(chain, 1000, 1000)  # all of it would be the shares of nobody


def test_amounts_beyond_all_money_are_refused(chain: World) -> None:
    provided(chain)
    with pytest.raises(Reverted, match="TooMuch"):
        now(chain.pool.amount_out_wei(chain.node, 2**128, coin_in=True))
    with pytest.raises(Reverted, match="ERC20InsufficientBalance"):
        sell(chain, STRANGER, 2**127)


def test_liquidity_goes_in_and_out_at_the_price_and_rounds_for_the_pool(chain: World) -> None:
    provided(chain)
    buy(chain, BOB, ETHER // 3)
    reserves = now(chain.pool.reserves(chain.node))
    chain.give_coins(ALICE, 50_000 * COIN)
    chain.node.send(ALICE, chain.coin.address, chain.coin.approve(chain.pool.address, 50_000 * COIN))
    receipt = chain.node.send(ALICE, chain.pool.address, chain.pool.add_liquidity(50_000 * COIN, 1, FAR_S), ETHER)
    asked = -(-ETHER * reserves[0] // reserves[1])
    shares = now(chain.pool.shares_of(chain.node, ALICE))
    assert LiquidityAdded(ALICE, asked, ETHER, shares) in [each.event for each in chain.pool.events(receipt.logs)]
    assert now(chain.coin.balance_of(chain.node, ALICE)) == 50_000 * COIN - asked, "the rest was never taken"
    data = chain.pool.remove_liquidity(shares, coin_min_wei=0, native_min_wei=0, to=ALICE, deadline_s=FAR_S)
    receipt = chain.node.send(ALICE, chain.pool.address, data)
    removed = next(each.event for each in chain.pool.events(receipt.logs) if isinstance(each.event, LiquidityRemoved))
    worth = reserves[0] // now(chain.pool.total_shares(chain.node)) + 2  # of one share: what rounding may cost
    assert asked - worth <= removed.coin_amount <= asked
    assert ETHER - 2 <= removed.native_amount <= ETHER


def test_a_donation_moves_no_price_and_inflates_no_share(chain: World) -> None:
    """The attack: provide a crumb, donate a fortune, and the next provider's shares round to nothing."""
    chain.give_coins(ALICE, 1000 * COIN)
    provided(chain, 1001, 1001, ALICE)
    assert now(chain.pool.shares_of(chain.node, ALICE)) == 1
    chain.node.send(ALICE, chain.coin.address, chain.coin.transfer(chain.pool.address, 999 * COIN))
    chain.node.give(chain.pool.address, 1000 * ETHER)  # ether can be forced upon any contract
    assert now(chain.pool.reserves(chain.node)) == (1001, 1001)
    chain.give_coins(BOB, COIN)
    provided(chain, COIN, COIN, BOB)
    shares = now(chain.pool.shares_of(chain.node, BOB))
    assert shares == COIN
    before = chain.node.balance(BOB)
    data = chain.pool.remove_liquidity(shares, coin_min_wei=0, native_min_wei=0, to=BOB, deadline_s=FAR_S)
    receipt = chain.node.send(BOB, chain.pool.address, data)
    assert chain.node.balance(BOB) - before + receipt.gas_wei == COIN
    assert now(chain.coin.balance_of(chain.node, BOB)) == COIN


def test_the_last_provider_leaves_a_pool_that_still_trades(chain: World) -> None:
    provided(chain)
    shares = now(chain.pool.shares_of(chain.node, HOLDERS.liquidity))
    data = chain.pool.remove_liquidity(shares, coin_min_wei=0, native_min_wei=0, to=HOLDERS.liquidity, deadline_s=FAR_S)
    chain.node.send(HOLDERS.liquidity, chain.pool.address, data)
    assert now(chain.pool.total_shares(chain.node)) == 1000, "the shares of nobody"
    coins, native = now(chain.pool.reserves(chain.node))
    assert coins > 0 < native
    provided(chain, COIN * 100_000, ETHER)


@pytest.mark.parametrize("to", [STRANGER, HOLDERS.liquidity])
def test_nobody_gives_back_the_shares_of_another(chain: World, to: str) -> None:
    provided(chain)
    data = chain.pool.remove_liquidity(1, coin_min_wei=0, native_min_wei=0, to=to, deadline_s=FAR_S)
    with pytest.raises(Reverted, match=rf"ERC20InsufficientBalance\(sender={STRANGER}"):
        chain.node.send(STRANGER, chain.pool.address, data)


def test_what_is_given_back_may_be_paid_to_another(chain: World) -> None:
    provided(chain)
    shares = now(chain.pool.shares_of(chain.node, HOLDERS.liquidity))
    before = chain.node.balance(BOB)
    data = chain.pool.remove_liquidity(shares // 2, coin_min_wei=1, native_min_wei=1, to=BOB, deadline_s=FAR_S)
    chain.node.send(HOLDERS.liquidity, chain.pool.address, data)
    assert now(chain.pool.shares_of(chain.node, HOLDERS.liquidity)) == shares - shares // 2
    assert now(chain.pool.shares_of(chain.node, BOB)) == 0
    kept = now(chain.pool.reserves(chain.node))
    assert (now(chain.coin.balance_of(chain.node, BOB)), chain.node.balance(BOB) - before) == (
        COINS - kept[0],
        NATIVE - kept[1],
    )


def test_ether_sent_past_the_books_is_refused(chain: World) -> None:
    with pytest.raises(Reverted):
        chain.node.send(ALICE, chain.pool.address, b"", ETHER)


def test_a_halted_coin_does_not_trade(chain: World) -> None:
    provided(chain)
    chain.halt_coin()
    with pytest.raises(Reverted, match="EnforcedPause"):
        buy(chain, ALICE, ETHER)


@pytest.mark.parametrize("entry", ["swap_native", "swap_coin", "remove", "add"])
def test_a_receiver_that_calls_back_finds_the_door_closed(
    chain: World, attacker_interface: Interface, entry: str
) -> None:
    provided(chain)
    pool = chain.pool
    greedy = chain.node.deploy(STRANGER, attacker_interface.deploy())
    inner = {
        "swap_native": pool.swap_native_for_coin(0, greedy, FAR_S),
        "swap_coin": pool.swap_coin_for_native(COIN, 0, greedy, FAR_S),
        "remove": pool.remove_liquidity(1, coin_min_wei=0, native_min_wei=0, to=greedy, deadline_s=FAR_S),
        "add": pool.add_liquidity(COIN, 0, FAR_S),
    }[entry]
    chain.node.send(STRANGER, greedy, attacker_interface.call("arm", pool.address, inner, True))
    chain.give_coins(ALICE, COIN)
    sell(chain, ALICE, COIN, to=greedy)
    answer = chain.node.rpc(
        "eth_call", {"to": greedy, "data": "0x" + attacker_interface.call("answer").hex()}, "latest"
    )
    reason = PoolContract.reason(attacker_interface.result("answer", answer))
    assert reason == "ReentrancyGuardReentrantCall()"
    assert chain.node.balance(greedy) == out(COIN, COINS, NATIVE)


def test_a_receiver_that_refuses_ether_harms_only_its_own_swap(chain: World, attacker_interface: Interface) -> None:
    provided(chain)
    stubborn = chain.node.deploy(STRANGER, attacker_interface.deploy())
    chain.node.send(STRANGER, stubborn, attacker_interface.call("refuse", True))
    chain.give_coins(ALICE, COIN)
    with pytest.raises(Reverted):
        sell(chain, ALICE, COIN, to=stubborn)
    assert now(chain.coin.balance_of(chain.node, ALICE)) == COIN
    sell(chain, ALICE, COIN)
