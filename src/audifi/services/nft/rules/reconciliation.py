"""Compare what we say of a master with what the chain says, and say what a difference means and what to do about it.

Between: reconcile (fills both sides), console and the hourly job (show it); pure.
Shape: both sides are Books of the same block: one from Postgres, one from the chain.
Units: wei; shares by number.
Invariant: equal books have no difference; each difference names one thing, both values and one remedy.
Errors: none.
Source: domain.md 2.2 "Invariants" (DB owner = chain owner after finality; Σ claimed ≤ Σ deposited).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

OWNERS_TOLD: Final = 20  # of one master; the rest is a number


@dataclass(frozen=True, kw_only=True)
class Books:
    """A master as one side tells it, at the end of one block."""

    owners: Mapping[int, str]
    public_minted: int
    reserve_minted: int
    held_wei: int  # of sales, in the master contract: not withdrawn yet
    owed_artist_wei: int
    deposited_wei: int = 0
    allocated_wei: int = 0
    claimed_wei: int = 0
    undivided_wei: int = 0  # in the dividend contract: deposited and not claimed
    epochs: Mapping[int, tuple[str, int, int]] = field(default_factory=dict[int, tuple[str, int, int]])


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not equal."""

    subject: str  # a master's id, or a purchase's
    title: str
    what: str
    ours: str
    theirs: str
    means: str
    remedy: str


_INDEXER: Final = (
    "The chain is right. See that the worker's indexer runs (indexer_blocks_behind) and has no dead letters, then"
    " compare again. If it stays, call an engineer: the mirror of this contract must be read anew."
)
_MORE: Final = "More needs no action: somebody sent the contract money that belongs to nothing."
# What differs: what it means, what to do.
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "owner": ("Our database names another owner than the chain: dividends would go to the wrong wallet.", _INDEXER),
    "shares missing here": ("The chain has shares that our database does not know.", _INDEXER),
    "shares missing on the chain": ("Our database shows shares that do not exist.", _INDEXER),
    "public shares": ("The sale's counter differs: the offer shows a wrong number of shares left.", _INDEXER),
    "reserve shares": ("The artist's reserve was minted in another number than we noted.", _INDEXER),
    "sales money held": (
        "The master contract holds another amount than its sales less what was withdrawn.",
        f"{_MORE} Less: a withdrawal is not mirrored. {_INDEXER}",
    ),
    "artist's proceeds": ("The artist is owed another amount than sales less withdrawals.", _INDEXER),
    "deposited": ("Another amount was paid in to the dividend contract than we mirrored.", _INDEXER),
    "allocated": (
        "The chain set another amount aside for holders than our distributions did.",
        "Stop distributing for this master and see its epochs below: a root that is not ours can still be taken back.",
    ),
    "claimed": ("Another amount was paid out than our allocations say.", f"See its epochs below. {_INDEXER}"),
    "dividend money held": (
        "The dividend contract holds another amount than deposits less claims.",
        f"{_MORE} Less cannot be while the contract is ours: stop distributing and call an engineer.",
    ),
    "epoch": (
        "An epoch's root, amount or payments differ from the distribution it belongs to.",
        "Do not distribute for this master before an engineer has looked: the root decides who is paid.",
    ),
}


def differences(subject: str, title: str, ours: Books, theirs: Books) -> Iterator[Difference]:
    """Yield everything in which the two sides of a master differ."""

    def found(what: str, one: object, other: object, detail: str = "") -> Difference:
        means, remedy = _KINDS[what]
        named = f"{what} {detail}".strip()
        return Difference(
            subject=subject, title=title, what=named, ours=str(one), theirs=str(other), means=means, remedy=remedy
        )

    yield from _owners(ours, theirs, found)
    for what, one, other in (
        ("public shares", ours.public_minted, theirs.public_minted),
        ("reserve shares", ours.reserve_minted, theirs.reserve_minted),
        ("sales money held", ours.held_wei, theirs.held_wei),
        ("artist's proceeds", ours.owed_artist_wei, theirs.owed_artist_wei),
        ("deposited", ours.deposited_wei, theirs.deposited_wei),
        ("allocated", ours.allocated_wei, theirs.allocated_wei),
        ("claimed", ours.claimed_wei, theirs.claimed_wei),
        ("dividend money held", ours.undivided_wei, theirs.undivided_wei),
    ):
        if one != other:
            yield found(what, one, other)
    for epoch in sorted({*ours.epochs, *theirs.epochs}):
        if ours.epochs.get(epoch) != theirs.epochs.get(epoch):
            yield found("epoch", ours.epochs.get(epoch), theirs.epochs.get(epoch), str(epoch))


def no_contract(subject: str, title: str, address: str) -> Difference:
    """Return the difference of a master whose contracts are not where we believe them to be."""
    return Difference(
        subject=subject,
        title=title,
        what="contracts",
        ours=f"at {address}",
        theirs="no contract of ours there",
        means="The contracts of this master are not on the chain: nothing of it can be sold, paid or claimed.",
        remedy="Call an engineer: a deployment was undone, or its address is wrong.",
    )


def _owners(ours: Books, theirs: Books, found: Callable[..., Difference]) -> Iterator[Difference]:
    for what, missing in (
        ("shares missing here", sorted(theirs.owners.keys() - ours.owners.keys())),
        ("shares missing on the chain", sorted(ours.owners.keys() - theirs.owners.keys())),
    ):
        if missing:
            yield found(what, len(ours.owners), len(theirs.owners), f"({_numbers(missing)})")
    both = sorted(ours.owners.keys() & theirs.owners.keys())
    wrong = [token for token in both if ours.owners[token] != theirs.owners[token]]
    for token in wrong[:OWNERS_TOLD]:
        yield found("owner", ours.owners[token], theirs.owners[token], f"of share {token}")
    if len(wrong) > OWNERS_TOLD:
        yield found("owner", "", "", f"of {len(wrong) - OWNERS_TOLD} more shares")


def _numbers(tokens: list[int]) -> str:
    told = ", ".join(str(token) for token in tokens[:OWNERS_TOLD])
    return told if len(tokens) <= OWNERS_TOLD else f"{told} and {len(tokens) - OWNERS_TOLD} more"
