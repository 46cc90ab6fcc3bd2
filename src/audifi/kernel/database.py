"""Talk to PostgreSQL through PgBouncer: a writer, a reader, transactions, and reads that see your own writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg


class DatabaseSettings(Protocol):
    """What `Database.open` reads of the settings."""

    @property
    def database_writer_url(self) -> str: ...
    @property
    def database_reader_url(self) -> str: ...
    @property
    def database_password(self) -> Any: ...
    @property
    def database_prepared_statements(self) -> bool: ...
    @property
    def pod(self) -> str: ...


class Database:
    """Both pools of one pod."""

    @classmethod
    async def open(cls, settings: DatabaseSettings) -> "Database":
        """Make the pools; connections are opened when first needed, so a pod starts while the database is away."""
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Run the body in one transaction on the primary: committed at its end, rolled back by any exception.

        Do not call `tx.transaction()`; nest with `savepoint(tx)`.
        """
        raise NotImplementedError
        yield

    @asynccontextmanager
    async def read(self, after: str | None = None) -> AsyncIterator[asyncpg.Connection]:
        """Run the body in a read-only transaction on a replica that has replayed `after`, else on the primary."""
        raise NotImplementedError
        yield

    @asynccontextmanager
    async def read_primary(self) -> AsyncIterator[asyncpg.Connection]:
        """Run the body in a read-only transaction on the primary: for money, eligibility and identity."""
        raise NotImplementedError
        yield

    async def row(self, sql: str, *arguments: Any, primary: bool = False) -> asyncpg.Record | None:
        """Return the first row of one SELECT: the cheapest read there is (no BEGIN, no COMMIT)."""
        raise NotImplementedError

    async def rows(self, sql: str, *arguments: Any, primary: bool = False) -> list[asyncpg.Record]:
        """Return all rows of one SELECT."""
        raise NotImplementedError

    async def written_lsn(self) -> str:
        """Return a token that `read(after=...)` understands: everything committed so far (header AFTER_WRITE)."""
        raise NotImplementedError

    async def ping(self) -> None:
        """Raise Unavailable unless the primary takes writes."""
        raise NotImplementedError


@asynccontextmanager
async def savepoint(tx: asyncpg.Connection) -> AsyncIterator[None]:
    """Undo only the body when it raises, e.g. to try an INSERT that may conflict."""
    raise NotImplementedError
    yield
