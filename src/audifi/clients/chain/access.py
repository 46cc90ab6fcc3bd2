"""Say what transactions and followers ask of a chain: the part of the pool they are written against.

Between: clients.chain.pool.chain and pool (are these) and writing and following (are given one).
Units: deadline_s seconds.
Errors: those of clients.chain.errors; see the pool. ChainUnavailable for a number that is none.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from audifi.clients.chain.errors import ChainUnavailable
from audifi.wire.chains import ChainFacts


def quantity(told: Any) -> int:
    """Read a number as nodes write it, "0x1b4"; a provider that answers something else did not answer."""
    try:
        return int(told, 16)
    except (TypeError, ValueError):
        raise ChainUnavailable(f"a provider answers {str(told)[:40]!r} where a number belongs") from None


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
