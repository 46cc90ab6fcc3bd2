"""Say what transactions and followers ask of a chain: the part of the pool they are written against.

Between: clients.chain.chain and pool (are these) and clients.chain.{nonces,transactions,follower} (are given one).
Units: deadline_s seconds.
Errors: those of clients.chain.errors; see the pool.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from audifi.wire.chains import ChainFacts


class SeenHead(Protocol):
    """The newest block as far as the pool knows; it never runs backwards."""

    @property
    def number(self) -> int: ...


class ReadableChain(Protocol):
    """A chain to read from."""

    @property
    def facts(self) -> ChainFacts: ...
    async def call(self, method: str, params: Sequence[Any] = (), *, deadline_s: float = ...) -> Any: ...
    async def call_many(self, calls: Sequence[tuple[str, Sequence[Any]]], *, deadline_s: float = ...) -> list[Any]: ...
    async def head(self) -> SeenHead: ...


class WritableChain(ReadableChain, Protocol):
    """A chain to send transactions to."""

    async def broadcast(self, raw: bytes, *, deadline_s: float = ...) -> str: ...
    async def receipt(self, tx_hash: str) -> dict[str, Any] | None: ...
    async def pending_nonce(self, address: str) -> int: ...


class WritableChains(Protocol):
    """Those that are configured, by chain id."""

    def __getitem__(self, chain_id: int, /) -> WritableChain: ...
    def __iter__(self) -> Iterator[int]: ...
    def __contains__(self, chain_id: object, /) -> bool: ...
