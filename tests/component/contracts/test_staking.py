"""Hold staking to its rate, its locks, its funding, and to giving the principal back.

Between: Staking.sol and domain.md 2.5, whose numbers stand here as they stand there.
Units: base units; seconds; basis points.
"""

import pytest
from tests.component.contracts.node import ETHER, Reverted, now
from tests.component.contracts.world import (
    ALICE,
    BOB,
    COIN,
    FAR_S,
    HOLDERS,
    NONE,
    OPERATOR,
    STRANGER,
    World,
)

from audifi.clients.chain.contracts import abi
from audifi.clients.chain.contracts.events import RewardPaid, Staked, Unstaked
from audifi.clients.chain.contracts.surface import StakingContract

DAY_S = 86_400
YEAR_S = 31_536_000


def staked(chain: World, amount: int, lock_days: int, who: str = ALICE) -> int:
    """Stake coins of the treasury; return when it began."""
    chain.give_coins(who, amount)
    chain.pay_in_coins(who, chain.staking.address, amount, chain.staking.stake(amount, lock_days))
    return chain.node.time_s()


def test_a_thousand_coins_for_ninety_days_earn_sixteen_percent(chain: World) -> None:
    chain.fund_staking(1000 * COIN)
    began_s = staked(chain, 1000 * COIN, 90)
    assert now(chain.staking.stake_of(chain.node, 1)).apy_bps == 1600
    chain.node.mine_at(began_s + YEAR_S)
    assert now(chain.staking.rewards_wei(chain.node, 1)) == 160 * COIN


@pytest.mark.parametrize(("lock_days", "bps"), [(0, 1000), (30, 1200), (90, 1600), (365, 2200)])
def test_a_lock_adds_two_percent_per_thirty_days_up_to_twelve(chain: World, lock_days: int, bps: int) -> None:
    assert now(chain.staking.apy_bps(chain.node, ALICE, lock_days)) == bps


@pytest.mark.parametrize("lock_days", [1, 29, 31, 60, 364, 366, 2**255])
def test_no_other_lock_exists(chain: World, lock_days: int) -> None:
    with pytest.raises(Reverted, match="WrongLock"):
        chain.node.send(ALICE, chain.staking.address, chain.staking.stake(COIN, lock_days))


def test_a_provider_of_liquidity_gets_five_percent_more(chain: World) -> None:
    chain.give_coins(ALICE, 10 * COIN)
    chain.node.send(ALICE, chain.coin.address, chain.coin.approve(chain.pool.address, COIN))
    chain.node.send(ALICE, chain.pool.address, chain.pool.add_liquidity(COIN, 1, FAR_S), ETHER)
    assert now(chain.staking.apy_bps(chain.node, ALICE, 365)) == 2700
    assert now(chain.staking.apy_bps(chain.node, BOB, 365)) == 2200


@pytest.mark.parametrize("elapsed_s", [1, 59, DAY_S + 1, 45 * DAY_S + 7, 3 * YEAR_S + 11])
@pytest.mark.parametrize("amount", [1, 999_999_937, 123_456_789_012_345_678_901])
def test_a_reward_is_the_floor_of_the_formula(chain: World, amount: int, elapsed_s: int) -> None:
    chain.fund_staking(200_000 * COIN)
    began_s = staked(chain, amount, 30)
    chain.node.mine_at(began_s + elapsed_s)
    assert now(chain.staking.rewards_wei(chain.node, 1)) == amount * 1200 * elapsed_s // (10_000 * YEAR_S)


def test_a_lock_holds_until_its_second(chain: World) -> None:
    began_s = staked(chain, COIN, 30)
    chain.node.next_block_at(began_s + 30 * DAY_S - 1)
    with pytest.raises(Reverted, match="Locked"):
        chain.node.send(ALICE, chain.staking.address, chain.staking.unstake(1))
    chain.node.next_block_at(began_s + 30 * DAY_S)
    receipt = chain.node.send(ALICE, chain.staking.address, chain.staking.unstake(1))
    assert Unstaked(1, ALICE, COIN) in [logged.event for logged in chain.staking.events(receipt.logs)]
    assert now(chain.coin.balance_of(chain.node, ALICE)) == COIN


def test_a_stake_is_told_with_its_frozen_rate(chain: World) -> None:
    chain.give_coins(ALICE, COIN)
    chain.node.send(ALICE, chain.coin.address, chain.coin.approve(chain.staking.address, COIN))
    receipt = chain.node.send(ALICE, chain.staking.address, chain.staking.stake(COIN, 365))
    unlocks_at = chain.node.time_s() + 365 * DAY_S
    assert [logged.event for logged in chain.staking.events(receipt.logs)] == [Staked(1, ALICE, COIN, 2200, unlocks_at)]


def test_a_stake_is_taken_back_once_and_by_its_staker(chain: World) -> None:
    staked(chain, COIN, 0)
    for person in (STRANGER, OPERATOR, HOLDERS.community):
        with pytest.raises(Reverted, match=rf"NotStaker\(stakeId=1, caller={person}\)"):
            chain.node.send(person, chain.staking.address, chain.staking.unstake(1))
        with pytest.raises(Reverted, match="NotStaker"):
            chain.node.send(person, chain.staking.address, chain.staking.claim_rewards(1))
    chain.node.send(ALICE, chain.staking.address, chain.staking.unstake(1))
    for data in (chain.staking.unstake(1), chain.staking.claim_rewards(1)):
        with pytest.raises(Reverted, match="NothingStaked"):
            chain.node.send(ALICE, chain.staking.address, data)
    assert now(chain.staking.rewards_wei(chain.node, 1)) == 0


def test_rewards_stop_when_the_pool_is_empty_and_the_principal_does_not(chain: World) -> None:
    chain.fund_staking(3 * COIN)
    began_s = staked(chain, 100 * COIN, 0)  # 10 % a year: 10 coins, of which 3 are there
    staked(chain, 100 * COIN, 0, BOB)
    chain.node.next_block_at(began_s + YEAR_S)
    receipt = chain.node.send(ALICE, chain.staking.address, chain.staking.unstake(1))
    assert RewardPaid(1, ALICE, 3 * COIN) in [logged.event for logged in chain.staking.events(receipt.logs)]
    assert now(chain.coin.balance_of(chain.node, ALICE)) == 103 * COIN
    assert now(chain.staking.rewards_left_wei(chain.node)) == 0
    chain.node.send(BOB, chain.staking.address, chain.staking.unstake(2))
    assert now(chain.coin.balance_of(chain.node, BOB)) == 100 * COIN
    assert now(chain.coin.balance_of(chain.node, chain.staking.address)) == 0


def test_what_could_not_be_paid_waits_for_funding_while_the_stake_stays(chain: World) -> None:
    chain.fund_staking(3 * COIN)
    began_s = staked(chain, 100 * COIN, 0)
    chain.node.next_block_at(began_s + YEAR_S)
    chain.node.send(ALICE, chain.staking.address, chain.staking.claim_rewards(1))
    chain.fund_staking(50 * COIN)
    chain.node.next_block_at(began_s + 2 * YEAR_S)
    chain.node.send(ALICE, chain.staking.address, chain.staking.claim_rewards(1))
    assert now(chain.coin.balance_of(chain.node, ALICE)) == 20 * COIN
    assert now(chain.staking.stake_of(chain.node, 1)).reward_paid_wei == 20 * COIN


def test_rewards_of_a_locked_stake_may_be_taken(chain: World) -> None:
    chain.fund_staking(100 * COIN)
    began_s = staked(chain, 100 * COIN, 365)
    chain.node.next_block_at(began_s + YEAR_S // 2)
    chain.node.send(ALICE, chain.staking.address, chain.staking.claim_rewards(1))
    assert now(chain.coin.balance_of(chain.node, ALICE)) == 11 * COIN


@pytest.mark.parametrize("base_bps", [0, 499, 1501])
def test_the_base_rate_lies_between_five_and_fifteen_percent(chain: World, base_bps: int) -> None:
    with pytest.raises(Reverted, match=rf"WrongBase\(baseBps={base_bps}\)"):
        chain.node.deploy(STRANGER, StakingContract.deploy(coin=chain.coin.address, pool=NONE, base_bps=base_bps))


def test_without_a_pool_there_is_no_bonus_for_providers(chain: World) -> None:
    data = StakingContract.deploy(coin=chain.coin.address, pool=NONE, base_bps=500)
    staking = StakingContract(chain.node.deploy(STRANGER, data))
    assert now(staking.apy_bps(chain.node, ALICE, 0)) == 500


def test_nothing_and_more_than_one_has_cannot_be_staked(chain: World) -> None:
    with pytest.raises(Reverted, match="NothingStaked"):
        chain.node.send(ALICE, chain.staking.address, chain.staking.stake(0, 0))
    chain.node.send(ALICE, chain.coin.address, chain.coin.approve(chain.staking.address, 2**255))
    with pytest.raises(Reverted, match="ERC20InsufficientBalance"):
        chain.node.send(ALICE, chain.staking.address, chain.staking.stake(1, 0))
    with pytest.raises(Reverted, match="SafeCastOverflowedUintDowncast"):
        chain.node.send(ALICE, chain.staking.address, chain.staking.stake(2**128, 0))


def test_nobody_has_a_role_here() -> None:
    functions = {entry["name"] for entry in abi.interface("Staking").artifact.abi if entry["type"] == "function"}
    assert not functions & {"owner", "grantRole", "transferOwnership", "pause", "withdraw", "sweep"}
