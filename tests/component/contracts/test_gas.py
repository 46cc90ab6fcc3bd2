"""Measure what each call costs, and hold the table of contracts/README.md to it.

Between: the contracts on a fresh chain and the page people read before they deploy.
Units: gas.
Why a tolerance: a deployed address with a zero byte in it is cheaper to write down; nothing else varies.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from tests.component.contracts.node import ETHER, GAS
from tests.component.contracts.world import (
    ADMIN,
    ALICE,
    ARTIST,
    BOB,
    COIN,
    FAR_S,
    HOLDERS,
    OPERATOR,
    PLATFORM,
    TERMS,
    World,
)

from audifi.clients.chain.contracts.merkle import epoch_tree
from audifi.clients.chain.contracts.surface import (
    CoinContract,
    DividendContract,
    MarketContract,
    MasterContract,
    PoolContract,
    StakingContract,
)

README = Path(__file__).resolve().parents[3] / "contracts/README.md"
TOLERANCE = 0.005
PAYOUT = UUID("01890000-0000-7000-8000-0000000000f0")


def deployments(chain: World) -> dict[str, int]:
    data = {
        "deploy Master": MasterContract.deploy(TERMS),
        "deploy Dividend": DividendContract.deploy(master=chain.master.address, admin=ADMIN, allocator=OPERATOR),
        "deploy Market": MarketContract.deploy(fee_receiver=PLATFORM),
        "deploy Coin": CoinContract.deploy("Alex Rivera", "ALEXR", HOLDERS, admin=ADMIN, pauser=OPERATOR),
        "deploy Staking": StakingContract.deploy(coin=chain.coin.address, pool=chain.pool.address, base_bps=1000),
        "deploy Pool": PoolContract.deploy(coin=chain.coin.address, fee_bps=30),
    }
    return {name: chain.node.send(OPERATOR, None, each).gas_used for name, each in data.items()}


def shares(chain: World) -> dict[str, int]:
    master, price = chain.master, TERMS.mint_price_wei
    chain.mint(BOB, 1)  # the first sale pays for slots that later ones find filled

    def spent(sender: str, data: bytes, value: int = 0) -> int:
        return chain.node.send(sender, master.address, data, value).gas_used

    return {
        "Master.mint": spent(ALICE, master.mint(ALICE), price),
        "Master.mintBatch, 10 shares": spent(ALICE, master.mint_batch(ALICE, 10), 10 * price),
        "Master.mintPurchased, 1 share": spent(OPERATOR, master.mint_purchased(PAYOUT, ALICE, 1)),
        "Master.mintReserve, 20 shares": spent(OPERATOR, master.mint_reserve(ARTIST, 111, 130)),
        "Master.transferFrom": spent(ALICE, master.transfer(ALICE, BOB, 2)),
        "Master.withdraw": spent(BOB, master.withdraw(ARTIST)),
    }


def resales(chain: World) -> dict[str, int]:
    market, master, price = chain.market, chain.master.address, ETHER
    chain.mint(ALICE, 3)
    chain.offer(market, 1, price)
    chain.node.send(BOB, market.address, market.buy(master, 1, price), price)  # fills the slots of what is owed
    chain.offer(market, 3, price)
    chain.node.send(ALICE, chain.master.address, chain.master.approve(market.address, 2))
    return {
        "Market.list": chain.node.send(ALICE, market.address, market.list(master, 2, price)).gas_used,
        "Market.buy": chain.node.send(BOB, market.address, market.buy(master, 2, price), price).gas_used,
        "Market.cancel": chain.node.send(ALICE, market.address, market.cancel(master, 3)).gas_used,
        "Market.withdraw": chain.node.send(BOB, market.address, market.withdraw(ALICE)).gas_used,
    }


def dividends(chain: World) -> dict[str, int]:
    dividend = chain.dividend
    wallets = [f"0x{number:040x}" for number in range(10**40, 10**40 + 1000)]
    tree = epoch_tree(dividend.address, 1, {ALICE: 5 * ETHER, **dict.fromkeys(wallets, ETHER // 1000)})
    deposit = chain.node.send(OPERATOR, dividend.address, dividend.deposit_revenue(PAYOUT, "STREAMING"), 6 * ETHER)
    root = chain.node.send(OPERATOR, dividend.address, dividend.set_root(1, tree.root, tree.total_wei))
    claim = chain.node.send(ALICE, dividend.address, dividend.claim(1, 5 * ETHER, tree.proofs[ALICE]))
    return {
        "Dividend.depositRevenueWithSource": deposit.gas_used,
        "Dividend.setRoot": root.gas_used,
        "Dividend.claim, 1001 wallets": claim.gas_used,
    }


def coins(chain: World) -> dict[str, int]:
    chain.fund_staking(1000 * COIN)
    chain.give_coins(ALICE, 1000 * COIN)
    for spender in (chain.staking.address, chain.pool.address):
        chain.node.send(ALICE, chain.coin.address, chain.coin.approve(spender, 1000 * COIN))
    _provide(chain)
    staking, pool = chain.staking, chain.pool
    stake = chain.node.send(ALICE, staking.address, staking.stake(100 * COIN, 0))
    chain.node.next_block_at(chain.node.time_s() + 86_400)
    unstake = chain.node.send(ALICE, staking.address, staking.unstake(1))
    add = chain.node.send(ALICE, pool.address, pool.add_liquidity(100 * COIN, 1, FAR_S), ETHER // 1000)
    buy = chain.node.send(BOB, pool.address, pool.swap_native_for_coin(1, ALICE, FAR_S), ETHER // 1000)
    sell = chain.node.send(ALICE, pool.address, pool.swap_coin_for_native(COIN, 1, ALICE, FAR_S))
    transfer = chain.node.send(ALICE, chain.coin.address, chain.coin.transfer(BOB, COIN))
    return {
        "Coin.transfer": transfer.gas_used,
        "Staking.stake": stake.gas_used,
        "Staking.unstake": unstake.gas_used,
        "Pool.addLiquidity": add.gas_used,
        "Pool.swapNativeForCoin": buy.gas_used,
        "Pool.swapCoinForNative": sell.gas_used,
    }


def _provide(chain: World) -> None:
    pool, amount = chain.pool, 100_000 * COIN
    chain.node.send(HOLDERS.liquidity, chain.coin.address, chain.coin.approve(pool.address, amount))
    chain.node.send(HOLDERS.liquidity, pool.address, pool.add_liquidity(amount, 1, FAR_S), 10 * ETHER)


def written() -> dict[str, int]:
    """Return the rows of the table: | Master.mint | 101,234 |."""
    rows = re.findall(r"^\| ((?:deploy )?[A-Z][^|]+?) \| ([\d,]+) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(gas.replace(",", "")) for name, gas in rows}


@pytest.mark.parametrize(
    "measure", [deployments, shares, resales, dividends, coins], ids=lambda measure: measure.__name__
)
def test_the_page_tells_what_calls_cost(chain: World, measure: Callable[[World], dict[str, int]]) -> None:
    told = written()
    for name, gas in measure(chain).items():
        assert gas == pytest.approx(told.get(name, 0), rel=TOLERANCE), f"contracts/README.md: | {name} | {gas:,} |"


def test_the_largest_batch_fits_a_transaction(chain: World) -> None:
    """400 shares of the reserve in one call stay below EIP-7825's limit, which `send` gives every transaction."""
    data = MasterContract.deploy(replace(TERMS, max_supply=1000, artist_reserve=400))
    master = MasterContract(chain.node.deploy(OPERATOR, data))
    assert chain.node.send(OPERATOR, master.address, master.mint_reserve(ARTIST, 601, 1000)).gas_used < GAS
