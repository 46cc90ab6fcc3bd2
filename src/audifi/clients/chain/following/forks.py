"""Decide whether new headers continue what we followed, or where the chain left it. Pure.

Between: follower (fetches headers, acts) and nothing else.
Shape: `marks` are what we followed last, ascending and without holes, at most as many as a reorg may undo; `headers`
are what the chain has next, ascending, from the block after the last mark.
Invariant: `Continued` headers are linked by parent hashes to the last mark and to each other.
Errors: ChainUnavailable for an answer that is no header.
Source: domain.md 2.2 ("Reorg: parent-hash mismatch"); yellow paper 4.3 (the bloom filter of a header).
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.crypto import keccak

from audifi.clients.chain.access import quantity

_BLOOM_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Mark:
    """A block we followed: what a checkpoint holds."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Header:
    """A block as the chain tells it now."""

    number: int
    hash: str
    parent: str
    bloom: int

    @property
    def mark(self) -> Mark:
        return Mark(self.number, self.hash)


@dataclass(frozen=True, slots=True)
class Continued:
    """These follow what we have; an empty tuple when there is nothing new."""

    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """The chain left what we followed: our last mark is not the parent of its next block."""


def header(answer: Mapping[str, Any] | None) -> Header | None:
    """Read eth_getBlockByNumber: {"number": "0x10", "hash": "0x…", "parentHash": "0x…", "logsBloom": "0x…", …}."""
    if answer is None or not answer.get("hash"):
        return None
    bloom = answer.get("logsBloom")
    return Header(
        quantity(answer.get("number")),
        str(answer["hash"]).lower(),
        str(answer.get("parentHash")).lower(),
        quantity(bloom) if bloom else 2**_BLOOM_BITS - 1,  # not told: anything may be in it
    )


def decide(last: Mark | None, headers: Sequence[Header]) -> Continued | Left:
    """Return the headers that are linked to `last`; of an answer that changed half-way, its first part."""
    if last is not None and headers and headers[0].parent != last.hash:
        return Left()
    linked: list[Header] = []
    for each in headers:
        if linked and (each.parent != linked[-1].hash or each.number != linked[-1].number + 1):
            break
        linked.append(each)
    return Continued(tuple(linked))


def common(marks: Sequence[Mark], now: Mapping[int, str]) -> Mark | None:
    """Return the newest mark that is still in the chain, of those whose present hash is known."""
    return next((mark for mark in reversed(marks) if now.get(mark.number) == mark.hash), None)


def continued(marks: Sequence[Mark], headers: Sequence[Header], keep_max: int) -> tuple[Mark, ...]:
    """Return the marks after these headers were applied."""
    return (*marks, *(each.mark for each in headers))[-keep_max:]


def undone(marks: Sequence[Mark], fork: Mark) -> tuple[Mark, ...]:
    """Return the marks up to the fork."""
    return (*(mark for mark in marks if mark.number < fork.number), fork)


def may_hold(bloom: int, addresses: Sequence[str], topics: Sequence[Sequence[str]]) -> bool:
    """Whether a block may have a log of one of these addresses with these topics; False is certain."""
    groups = [group for group in (addresses, *topics) if group]
    return all(any(_is_in(bloom, each) for each in group) for group in groups)


def _is_in(bloom: int, word: str) -> bool:
    return all(bloom >> place & 1 for place in _places(word))


@functools.lru_cache(maxsize=65_536)  # the same addresses are looked for in every block
def _places(word: str) -> tuple[int, ...]:
    digest = keccak(hexstr=word)
    return tuple(int.from_bytes(digest[at : at + 2], "big") % _BLOOM_BITS for at in (0, 2, 4))
