"""Hold dividends to their rule: what is claimed is what was deposited, to the last wei and never more.

Between: Dividend.sol, clients.chain.contracts.merkle and domain.md 2.2, whose vectors stand here as they stand there.
Units: wei.
"""

from collections.abc import Mapping
from uuid import UUID

import pytest
from tests.component.contracts.node import ETHER, Reverted, now, wallet
from tests.component.contracts.world import ADMIN, ALICE, BOB, CAROL, NONE, OPERATOR, STRANGER, World

from audifi.clients.chain.contracts.abi import Interface
from audifi.clients.chain.contracts.events import DividendClaimed, RevenueDeposited, RootSet, RootWithdrawn
from audifi.clients.chain.contracts.merkle import EpochTree, epoch_tree, leaf
from audifi.clients.chain.contracts.surface import DividendContract, Epoch

PAYOUT = UUID("01890000-0000-7000-8000-0000000000b1")
OTHER_PAYOUT = UUID("01890000-0000-7000-8000-0000000000b2")
# domain.md 2.2, "Vectors": the pool, and what each wallet gets (in ascending order of address, where ties matter).
VECTORS = [
    (100, (34, 33, 33)),
    (10, (3, 3, 2, 2)),
    (1, (1, 0, 0, 0, 0)),
    (4 * ETHER, (1_000_000_000_000_000 * 4,) * 1000),
]


def deposit(chain: World, amount: int, payout: UUID = PAYOUT, depositor: str = OPERATOR) -> None:
    chain.node.send(depositor, chain.dividend.address, chain.dividend.deposit_revenue(payout, "STREAMING"), amount)


def opened(chain: World, allocations: Mapping[str, int], epoch: int = 1, total: int | None = None) -> EpochTree:
    """Publish an epoch; `total` may lie about the allocations."""
    tree = epoch_tree(chain.dividend.address, epoch, allocations)
    data = chain.dividend.set_root(epoch, tree.root, tree.total_wei if total is None else total)
    chain.node.send(OPERATOR, chain.dividend.address, data)
    return tree


def claim(chain: World, tree: EpochTree, who: str, epoch: int = 1, payer: str = STRANGER) -> None:
    data = chain.dividend.claim_for(who, epoch, tree.amounts[who], tree.proofs[who])
    chain.node.send(payer, chain.dividend.address, data)


@pytest.mark.parametrize(("pool", "parts"), VECTORS, ids=lambda value: str(value)[:20])
def test_claims_sum_up_to_the_deposit(chain: World, pool: int, parts: tuple[int, ...]) -> None:
    assert sum(parts) == pool
    holders = sorted(wallet(f"holder {number}") for number in range(len(parts)))
    deposit(chain, pool)
    tree = opened(chain, dict(zip(holders, parts, strict=True)))
    some = [holder for holder in holders if holder in tree.proofs][:: max(1, len(parts) // 40)]
    for holder in some:
        before = chain.node.balance(holder)
        claim(chain, tree, holder)
        assert chain.node.balance(holder) - before == tree.amounts[holder]
    paid = sum(tree.amounts[holder] for holder in some)
    assert now(chain.dividend.total_dividends_paid_wei(chain.node)) == paid
    assert chain.node.balance(chain.dividend.address) == pool - paid
    assert now(chain.dividend.epoch(chain.node, 1)) == Epoch(root=tree.root, total_wei=pool, paid_wei=paid)


def test_a_wallet_claims_for_itself_and_is_told(chain: World) -> None:
    deposit(chain, 100)
    tree = opened(chain, {ALICE: 60, BOB: 40})
    receipt = chain.node.send(ALICE, chain.dividend.address, chain.dividend.claim(1, 60, tree.proofs[ALICE]))
    assert [logged.event for logged in chain.dividend.events(receipt.logs)] == [DividendClaimed(1, ALICE, 60)]
    assert now(chain.dividend.has_claimed(chain.node, 1, ALICE))
    assert not now(chain.dividend.has_claimed(chain.node, 1, BOB))


def test_the_contract_and_we_hash_a_leaf_alike(chain: World) -> None:
    expected = "0x" + leaf(chain.dividend.address, 7, ALICE, 12345).hex()
    assert now(chain.dividend.leaf(chain.node, 7, ALICE, 12345)) == expected


def test_nobody_claims_twice(chain: World) -> None:
    deposit(chain, 100)
    tree = opened(chain, {ALICE: 60, BOB: 40})
    claim(chain, tree, ALICE)
    with pytest.raises(Reverted, match=rf"AlreadyClaimed\(epoch=1, wallet={ALICE}\)"):
        claim(chain, tree, ALICE, payer=ALICE)


def test_a_proof_is_good_for_its_wallet_amount_and_epoch_alone(chain: World) -> None:
    deposit(chain, 200)
    tree = opened(chain, {ALICE: 60, BOB: 40})
    opened(chain, {ALICE: 60, CAROL: 40}, epoch=2)
    dividend = chain.dividend
    for data in (
        dividend.claim_for(BOB, 1, 60, tree.proofs[ALICE]),
        dividend.claim_for(ALICE, 1, 61, tree.proofs[ALICE]),
        dividend.claim_for(ALICE, 2, 60, tree.proofs[ALICE]),
        dividend.claim_for(ALICE, 1, 60, tree.proofs[BOB]),
        dividend.claim_for(ALICE, 1, 60, ()),
        dividend.claim_for(ALICE, 9, 60, tree.proofs[ALICE]),
    ):
        with pytest.raises(Reverted, match="WrongProof"):
            chain.node.send(STRANGER, dividend.address, data)


def test_an_unset_epoch_pays_nothing_even_for_the_empty_root(chain: World) -> None:
    deposit(chain, 100)
    with pytest.raises(Reverted, match="WrongProof"):
        chain.node.send(ALICE, chain.dividend.address, chain.dividend.claim(1, 0, ()))


def test_epochs_never_set_more_aside_than_was_deposited(chain: World) -> None:
    deposit(chain, 100)
    opened(chain, {ALICE: 60})
    with pytest.raises(Reverted, match=r"NotCovered\(wanted=41, available=40\)"):
        opened(chain, {BOB: 41}, epoch=2)
    opened(chain, {BOB: 40}, epoch=2)
    assert now(chain.dividend.total_allocated_wei(chain.node)) == 100


def test_a_wrong_root_starves_its_own_epoch_only(chain: World) -> None:
    """The root promises 90 + 90, the epoch set 100 aside: another epoch's 50 stay whole."""
    deposit(chain, 150)
    lying = opened(chain, {ALICE: 90, BOB: 90}, epoch=1, total=100)
    honest = opened(chain, {CAROL: 50}, epoch=2)
    claim(chain, lying, ALICE)
    with pytest.raises(Reverted, match=r"EpochExhausted\(epoch=1, wanted=90, left=10\)"):
        claim(chain, lying, BOB)
    claim(chain, honest, CAROL, epoch=2)
    assert chain.node.balance(chain.dividend.address) == 10


def test_a_deposit_is_taken_once_per_payout(chain: World) -> None:
    data = chain.dividend.deposit_revenue(PAYOUT, "SYNC")
    receipt = chain.node.send(OPERATOR, chain.dividend.address, data, 70)
    assert [logged.event for logged in chain.dividend.events(receipt.logs)] == [
        RevenueDeposited(depositor=OPERATOR, payout_id=f"0x{PAYOUT.int:064x}", amount=70, source="SYNC")
    ]
    for again in (data, chain.dividend.deposit_revenue(PAYOUT)):
        with pytest.raises(Reverted, match=rf"AlreadyDeposited\(depositor={OPERATOR}"):
            chain.node.send(OPERATOR, chain.dividend.address, again, 70)
    deposit(chain, 5, OTHER_PAYOUT)
    assert now(chain.dividend.total_revenue_received_wei(chain.node)) == 75
    assert now(chain.dividend.deposited_wei(chain.node, OPERATOR, PAYOUT)) == 70


def test_a_stranger_cannot_take_our_payout_id(chain: World) -> None:
    """Ids are kept per depositor: a front-runner's wei adds to the revenue and blocks nothing."""
    deposit(chain, 1, PAYOUT, STRANGER)
    deposit(chain, 70, PAYOUT, OPERATOR)
    assert now(chain.dividend.total_revenue_received_wei(chain.node)) == 71


def test_no_money_is_no_deposit(chain: World) -> None:
    with pytest.raises(Reverted, match="NothingDeposited"):
        deposit(chain, 0)


def test_ether_sent_past_the_books_is_refused(chain: World) -> None:
    with pytest.raises(Reverted):
        chain.node.send(ALICE, chain.dividend.address, b"", 5)


def test_forced_ether_is_nobodys_revenue(chain: World) -> None:
    chain.node.give(chain.dividend.address, 1000)
    with pytest.raises(Reverted, match=r"NotCovered\(wanted=1, available=0\)"):
        opened(chain, {ALICE: 1})


def test_an_epoch_is_set_once(chain: World) -> None:
    deposit(chain, 100)
    opened(chain, {ALICE: 60})
    with pytest.raises(Reverted, match=r"EpochExists\(epoch=1\)"):
        opened(chain, {STRANGER: 40})


@pytest.mark.parametrize(("root", "total"), [("0x" + "00" * 32, 1), ("0x" + "11" * 32, 0)])
def test_an_epoch_needs_a_root_and_money(chain: World, root: str, total: int) -> None:
    deposit(chain, 100)
    with pytest.raises(Reverted, match="EmptyRoot"):
        chain.node.send(OPERATOR, chain.dividend.address, chain.dividend.set_root(1, root, total))


def test_a_wrong_root_is_taken_back_while_nobody_claimed(chain: World) -> None:
    deposit(chain, 100)
    wrong = opened(chain, {STRANGER: 100})
    receipt = chain.node.send(ADMIN, chain.dividend.address, chain.dividend.withdraw_root(1))
    assert [logged.event for logged in chain.dividend.events(receipt.logs)] == [RootWithdrawn(1, wrong.root, 100)]
    with pytest.raises(Reverted, match="WrongProof"):
        claim(chain, wrong, STRANGER)
    right = opened(chain, {ALICE: 100})
    claim(chain, right, ALICE)
    with pytest.raises(Reverted, match=r"EpochHasClaims\(epoch=1, paid=100\)"):
        chain.node.send(ADMIN, chain.dividend.address, chain.dividend.withdraw_root(1))
    with pytest.raises(Reverted, match=r"EpochUnknown\(epoch=2\)"):
        chain.node.send(ADMIN, chain.dividend.address, chain.dividend.withdraw_root(2))


def test_only_the_allocator_publishes_and_only_the_admin_takes_back(chain: World) -> None:
    deposit(chain, 100)
    tree = epoch_tree(chain.dividend.address, 1, {STRANGER: 100})
    for person in (STRANGER, ADMIN, ALICE):
        with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
            chain.node.send(person, chain.dividend.address, chain.dividend.set_root(1, tree.root, 100))
    receipt = chain.node.send(OPERATOR, chain.dividend.address, chain.dividend.set_root(1, tree.root, 100))
    assert [logged.event for logged in chain.dividend.events(receipt.logs)] == [RootSet(1, tree.root, 100)]
    for person in (STRANGER, OPERATOR):
        with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
            chain.node.send(person, chain.dividend.address, chain.dividend.withdraw_root(1))


@pytest.mark.parametrize("missing", ["master", "admin", "allocator"])
def test_no_part_is_nobody(chain: World, missing: str) -> None:
    parts = {"master": chain.master.address, "admin": ADMIN, "allocator": OPERATOR} | {missing: NONE}
    with pytest.raises(Reverted, match="ZeroAddress"):
        chain.node.deploy(OPERATOR, DividendContract.deploy(**parts))


def test_a_wallet_that_refuses_ether_harms_only_itself(chain: World, attacker_interface: Interface) -> None:
    stubborn = chain.node.deploy(STRANGER, attacker_interface.deploy())
    chain.node.send(STRANGER, stubborn, attacker_interface.call("refuse", True))
    deposit(chain, 100)
    tree = opened(chain, {stubborn: 60, ALICE: 40})
    with pytest.raises(Reverted):
        claim(chain, tree, stubborn)
    claim(chain, tree, ALICE)
    assert not now(chain.dividend.has_claimed(chain.node, 1, stubborn)), "its part waits"
    chain.node.send(STRANGER, stubborn, attacker_interface.call("refuse", False))
    claim(chain, tree, stubborn)
    assert chain.node.balance(stubborn) == 60


@pytest.mark.parametrize("other_epoch", [False, True])
def test_a_wallet_that_calls_back_gets_nothing_more(
    chain: World, attacker_interface: Interface, other_epoch: bool
) -> None:
    """Neither its own part again nor, during that call, its part of another epoch."""
    greedy = chain.node.deploy(STRANGER, attacker_interface.deploy())
    deposit(chain, 200)
    trees = {epoch: opened(chain, {greedy: 60, ALICE: 40}, epoch=epoch) for epoch in (1, 2)}
    epoch = 2 if other_epoch else 1
    again = chain.dividend.claim_for(greedy, epoch, 60, trees[epoch].proofs[greedy])
    chain.node.send(STRANGER, greedy, attacker_interface.call("arm", chain.dividend.address, again, True))
    claim(chain, trees[1], greedy)
    assert chain.node.balance(greedy) == 60
    answer = attacker_interface.result("answer", _asked(chain, greedy, attacker_interface, "answer"))
    assert DividendContract.reason(answer) == "ReentrancyGuardReentrantCall()"
    assert now(chain.dividend.total_dividends_paid_wei(chain.node)) == 60


def _asked(chain: World, address: str, interface: Interface, field: str) -> str:
    return chain.node.rpc("eth_call", {"to": address, "data": "0x" + interface.call(field).hex()}, "latest")
