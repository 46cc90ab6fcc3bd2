"""Type the few methods of a database connection that stores use: the driver ships no types.

Between: kernel.database (hands connections out) and every `store.py` (takes one as its first parameter).
Errors: what the driver raises; kernel.database turns it into problems at the transaction's edge.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

Row = Mapping[str, Any]  # an asyncpg.Record: row["name"], row.get("name"), dict(row)


class Connection(Protocol):
    """A connection inside a transaction."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; return its tag, e.g. "UPDATE 1"."""
        ...

    async def executemany(self, command: str, args: Iterable[Iterable[Any]]) -> None: ...
    async def fetch(self, query: str, *args: Any) -> list[Row]: ...
    async def fetchrow(self, query: str, *args: Any) -> Row | None: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...


def changed(tag: str) -> int:
    """Return how many rows a statement touched, from its tag ("UPDATE 3" → 3)."""
    return int(tag.rpartition(" ")[2])
