"""Prove the tree of claims: OpenZeppelin's own example, then every tree hypothesis can think of.

Between: clients.chain.contracts.merkle and the standard it follows; the contract's side: tests/component/contracts.
Source: the example values of OpenZeppelin merkle-tree's README, with their root.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.chain.contracts import merkle

DIVIDEND = "0x" + "dd" * 20
WALLETS = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
ALLOCATIONS = st.dictionaries(WALLETS, st.integers(1, 2**128 - 1), min_size=1, max_size=40)


def _raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def test_the_published_example_has_the_published_root() -> None:
    values = [("0x" + "11" * 20, 5000000000000000000), ("0x" + "22" * 20, 2500000000000000000)]
    nodes = merkle.tree(merkle.standard_leaf(("address", "uint256"), value) for value in values)
    assert nodes[0].hex() == "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"


@given(ALLOCATIONS, st.integers(0, 2**256 - 1))
def test_every_wallet_can_prove_its_amount_and_no_other(allocations: dict[str, int], epoch: int) -> None:
    tree = merkle.epoch_tree(DIVIDEND, epoch, allocations)
    for wallet, amount in allocations.items():
        siblings = [_raw(node) for node in tree.proofs[wallet]]
        assert merkle.holds(_raw(tree.root), merkle.leaf(DIVIDEND, epoch, wallet, amount), siblings)
        assert not merkle.holds(_raw(tree.root), merkle.leaf(DIVIDEND, epoch, wallet, amount + 1), siblings)


@given(ALLOCATIONS)
def test_the_order_of_allocations_changes_nothing(allocations: dict[str, int]) -> None:
    turned = dict(reversed(allocations.items()))
    assert merkle.epoch_tree(DIVIDEND, 1, allocations) == merkle.epoch_tree(DIVIDEND, 1, turned)


@given(ALLOCATIONS)
def test_a_proof_is_good_for_one_contract_and_one_epoch(allocations: dict[str, int]) -> None:
    roots = {merkle.epoch_tree(DIVIDEND, epoch, allocations).root for epoch in (1, 2)}
    roots.add(merkle.epoch_tree("0x" + "ee" * 20, 1, allocations).root)
    assert len(roots) == 3


@given(ALLOCATIONS)
def test_the_total_is_the_sum_and_a_proof_is_short(allocations: dict[str, int]) -> None:
    tree = merkle.epoch_tree(DIVIDEND, 1, allocations)
    assert tree.total_wei == sum(allocations.values()) == sum(tree.amounts.values())
    assert all(len(siblings) <= (len(allocations) - 1).bit_length() for siblings in tree.proofs.values())


def test_an_inner_node_is_no_leaf() -> None:
    leaves = sorted(merkle.leaf(DIVIDEND, 1, f"0x{number:040x}", 5) for number in range(1, 5))
    nodes = merkle.tree(leaves)
    inner = nodes[1]
    assert merkle.holds(nodes[0], inner, merkle.proof(nodes, 1)), "the arithmetic alone would accept it"
    assert inner not in leaves, "hashing a leaf twice is what keeps its preimage from being 64 bytes of a node"


def test_wallets_without_a_part_have_no_leaf() -> None:
    tree = merkle.epoch_tree(DIVIDEND, 1, {"0x" + "01" * 20: 1, "0x" + "02" * 20: 0})
    assert set(tree.proofs) == {"0x" + "01" * 20}
    assert tree.proofs["0x" + "01" * 20] == ()


@pytest.mark.parametrize(
    ("allocations", "problem"),
    [
        ({}, "at least one leaf"),
        ({"0x" + "01" * 20: 0}, "at least one leaf"),
        ({"0x" + "01" * 20: -1}, "below zero"),
        ({"0x" + "ab" * 20: 1, "0x" + "AB" * 20: 1}, "twice"),
    ],
)
def test_what_cannot_be_distributed_is_refused(allocations: dict[str, int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        merkle.epoch_tree(DIVIDEND, 1, allocations)
