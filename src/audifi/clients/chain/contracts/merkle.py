"""Build the tree whose root a dividend epoch publishes, and the proof each wallet claims with.

Between: whoever distributes revenue (builds the tree from allocations) and the Dividend contract (checks the proofs).
Shape: one leaf per wallet with something to claim; a tree over n leaves is an array of 2n - 1 hashes, root first, node
i above nodes 2i + 1 and 2i + 2; leaves, sorted by hash, fill it from the end. A proof is the siblings from the leaf up.
Units: amounts in wei.
Invariant: a leaf is hashed twice and names its contract and epoch, so that neither an inner node nor a proof of another
epoch or contract passes; a wallet has at most one leaf. Pure: the same allocations give the same root, in any order.
Errors: ValueError for a negative amount, a wallet named twice (in two spellings), or nothing to claim.
Source: OpenZeppelin merkle-tree 1.0.8 (StandardMerkleTree; its root is ours) and MerkleProof.sol 5.7.0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak

LEAF_TYPES: Final = ("address", "uint256", "address", "uint256")


@dataclass(frozen=True)
class EpochTree:
    """What one epoch owes, provable."""

    root: str
    total_wei: int
    amounts: Mapping[str, int]
    proofs: Mapping[str, tuple[str, ...]]


def epoch_tree(dividend: str, epoch: int, allocations: Mapping[str, int]) -> EpochTree:
    """Build the tree of an epoch; wallets that are allocated nothing have no leaf."""
    amounts = _claims(allocations)
    leaves = {wallet: leaf(dividend, epoch, wallet, amount) for wallet, amount in amounts.items()}
    nodes = tree(leaves.values())
    places = {node: place for place, node in enumerate(nodes)}
    return EpochTree(
        root="0x" + nodes[0].hex(),
        total_wei=sum(amounts.values()),
        amounts=amounts,
        proofs={
            wallet: tuple("0x" + node.hex() for node in proof(nodes, places[leaves[wallet]])) for wallet in amounts
        },
    )


def leaf(dividend: str, epoch: int, wallet: str, amount_wei: int) -> bytes:
    """Return what `Dividend.leaf` returns."""
    return standard_leaf(LEAF_TYPES, (dividend, epoch, wallet, amount_wei))


def standard_leaf(types: Sequence[str], values: Sequence[object]) -> bytes:
    """Hash a leaf the way OpenZeppelin's standard tree does: keccak256(keccak256(abi.encode(values)))."""
    return keccak(keccak(encode(types, values)))


def tree(leaves: Iterable[bytes]) -> list[bytes]:
    """Return all nodes, root first."""
    ordered = sorted(leaves)
    if not ordered:
        raise ValueError("a tree needs at least one leaf: nobody is allocated anything")
    nodes = [b""] * (len(ordered) - 1) + ordered[::-1]
    for place in range(len(ordered) - 2, -1, -1):
        nodes[place] = parent(nodes[2 * place + 1], nodes[2 * place + 2])
    return nodes


def parent(left: bytes, right: bytes) -> bytes:
    """Hash two nodes, the smaller one first: a proof need not say on which side its node is."""
    return keccak(left + right if left < right else right + left)


def proof(nodes: Sequence[bytes], place: int) -> list[bytes]:
    """Return the siblings on the way from the node at `place` to the root."""
    siblings: list[bytes] = []
    while place > 0:
        siblings.append(nodes[place + 1 if place % 2 else place - 1])
        place = (place - 1) // 2
    return siblings


def holds(root: bytes, leaf_hash: bytes, siblings: Iterable[bytes]) -> bool:
    """Whether a proof leads from this leaf to this root, as MerkleProof.verify decides it."""
    node = leaf_hash
    for sibling in siblings:
        node = parent(node, sibling)
    return node == root


def _claims(allocations: Mapping[str, int]) -> dict[str, int]:
    """Lower-case wallets with something to claim, in ascending order."""
    negative = sorted(wallet for wallet, amount in allocations.items() if amount < 0)
    if negative:
        raise ValueError(f"allocations below zero for {', '.join(negative)}")
    if len({wallet.lower() for wallet in allocations}) != len(allocations):
        raise ValueError("a wallet is allocated twice, in two spellings: add its amounts up first")
    return {wallet.lower(): allocations[wallet] for wallet in sorted(allocations, key=str.lower) if allocations[wallet]}
