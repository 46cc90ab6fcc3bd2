"""Hold an artist's coin to its allocation, its fixed supply and its roles.

Between: Coin.sol and domain.md 2.5, whose numbers stand here as they stand there.
Units: base units, 10^18 a coin.
"""

import pytest
from tests.component.contracts.node import Reverted, now, wallet
from tests.component.contracts.world import ADMIN, ALICE, BOB, COIN, HOLDERS, NONE, OPERATOR, STRANGER, World

from audifi.clients.chain.contracts import abi
from audifi.clients.chain.contracts.events import CoinTransfer
from audifi.clients.chain.contracts.surface import CoinContract


def test_the_supply_is_a_million_in_four_parts(chain: World) -> None:
    parts = {
        HOLDERS.treasury: 300_000 * COIN,
        HOLDERS.participants: 200_000 * COIN,
        HOLDERS.liquidity: 250_000 * COIN,
        HOLDERS.community: 250_000 * COIN,
    }
    assert {holder: now(chain.coin.balance_of(chain.node, holder)) for holder in parts} == parts
    assert now(chain.coin.total_supply(chain.node)) == sum(parts.values()) == 1_000_000 * 10**18


def test_the_participants_part_is_shared_to_the_last_unit(chain: World) -> None:
    """3, 2 and 2 shares bought: the amounts of domain.md 2.5 use the bucket up."""
    amounts = (85714285714285714285714, 57142857142857142857143, 57142857142857142857143)
    for number, amount in enumerate(amounts):
        data = chain.coin.transfer(wallet(f"buyer {number}"), amount)
        chain.node.send(HOLDERS.participants, chain.coin.address, data)
    assert now(chain.coin.balance_of(chain.node, HOLDERS.participants)) == 0


def test_nothing_mints_and_nothing_burns() -> None:
    functions = {entry["name"] for entry in abi.interface("Coin").artifact.abi if entry["type"] == "function"}
    assert not {name for name in functions if "mint" in name.lower() or "burn" in name.lower()}


def test_a_transfer_is_told(chain: World) -> None:
    receipt = chain.node.send(HOLDERS.treasury, chain.coin.address, chain.coin.transfer(ALICE, 5))
    assert [logged.event for logged in chain.coin.events(receipt.logs)] == [CoinTransfer(HOLDERS.treasury, ALICE, 5)]


def test_halting_stops_every_transfer_until_it_ends(chain: World) -> None:
    chain.give_coins(ALICE, COIN)
    chain.node.send(OPERATOR, chain.coin.address, chain.coin.pause())
    with pytest.raises(Reverted, match="EnforcedPause"):
        chain.node.send(ALICE, chain.coin.address, chain.coin.transfer(BOB, 1))
    chain.node.send(OPERATOR, chain.coin.address, chain.coin.unpause())
    chain.node.send(ALICE, chain.coin.address, chain.coin.transfer(BOB, 1))


def test_only_the_pauser_halts_and_only_the_admin_names_the_pool(chain: World) -> None:
    coin = CoinContract(
        chain.node.deploy(STRANGER, CoinContract.deploy("Other", "OTHER", HOLDERS, admin=ADMIN, pauser=OPERATOR))
    )
    for person in (STRANGER, ADMIN, HOLDERS.treasury):
        with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
            chain.node.send(person, coin.address, coin.pause())
    for person in (STRANGER, OPERATOR, HOLDERS.treasury):
        with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
            chain.node.send(person, coin.address, coin.set_liquidity_pool(STRANGER))
    with pytest.raises(Reverted, match="ZeroAddress"):
        chain.node.send(ADMIN, coin.address, coin.set_liquidity_pool(NONE))
    chain.node.send(ADMIN, coin.address, coin.set_liquidity_pool(chain.pool.address))


def test_the_pool_is_named_once(chain: World) -> None:
    assert now(chain.coin.liquidity_pool(chain.node)) == chain.pool.address
    with pytest.raises(Reverted, match="LiquidityPoolAlreadySet"):
        chain.node.send(ADMIN, chain.coin.address, chain.coin.set_liquidity_pool(STRANGER))


def test_nobody_spends_what_is_not_theirs(chain: World) -> None:
    with pytest.raises(Reverted, match="ERC20InsufficientBalance"):
        chain.node.send(STRANGER, chain.coin.address, chain.coin.transfer(ALICE, 1))
