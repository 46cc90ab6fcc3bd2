"""Talk to PostgreSQL through PgBouncer: a writer, a reader, transactions, and reads that see your own writes.

Between: routes and consumers (open transactions), stores (run SQL on the connection they are given) and PgBouncer.

What PgBouncer in transaction mode means here. A server connection is ours from the first message until the
transaction ends. Several statements therefore always run in an explicit transaction. One SELECT may run without: the
driver sends Parse, Describe, *Flush*, then Bind, Execute, Sync, and PgBouncer lets go of the server only after Sync.
Below 1.21 named statements would be lost between transactions, so the cache is off and statements are unnamed.

Failover. Opening a connection and BEGIN have no effect, so they are retried while the request's deadline (at most
BRIDGE_S) allows: a short failover is a slow request, not an error. `BEGIN READ WRITE` fails on a server that is still,
or again, a replica, so a write never starts there. Once the body has run nothing is retried here: what fails is
`Unavailable`, and `may_have_taken_effect` is set only when the COMMIT was on its way.

Units: *_s seconds. Shape: at most POOL_SIZE connections for each of the two pools of a pod.
Errors: Unavailable (pool exhausted, connection lost, failover), UpstreamTimedOut (deadline), Invalid (a value that no
column can hold), Conflict (serialization failure or deadlock). Unique violations pass: stores turn them into refusals.
Source: domain.md 5.6 (pool 10-20, connect 10 s); PostgreSQL 15 Appendix A (SQLSTATE); asyncpg/protocol/coreproto.pyx.
"""

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, Protocol, Self

import asyncpg

from audifi.kernel import context
from audifi.kernel.connection import Connection, Row
from audifi.kernel.logs import log
from audifi.kernel.metrics import counter, gauge, histogram
from audifi.kernel.settings import Secret
from audifi.kernel.traces import CLIENT, span
from audifi.wire import metrics
from audifi.wire.headers import AFTER_WRITE
from audifi.wire.problems import Conflict, Invalid, Unavailable, UpstreamTimedOut

POOL_SIZE: Final = 10
BRIDGE_S: Final = 8.0  # longer than a failover (5 s promised), shorter than the gateway's patience (30 s)
STATEMENT_S: Final = 10.0  # no statement of a request may run longer
_RETRY_FIRST_S: Final = 0.05
_RETRY_MAX_S: Final = 0.5
_CONNECT_S: Final = 2.0
READER_PATIENCE_S: Final = 1.0  # then the primary answers instead of the replicas
_LSN: Final = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}")

# Failures of the connection, not of the statement. PgBouncer reports its own (no server, login failed, query_wait)
# as 08P01, which asyncpg raises as ProtocolViolationError.
_CONNECTION_LOST: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver lost track of a connection that broke between Parse and Bind
    asyncpg.ProtocolViolationError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
_BEGIN_FAILED: Final = (
    *_CONNECTION_LOST,
    TimeoutError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.InternalServerError,
    asyncpg.ReadOnlySQLTransactionError,
)


class DatabaseSettings(Protocol):
    """What `Database.open` reads of the settings."""

    @property
    def database_writer_url(self) -> str: ...
    @property
    def database_reader_url(self) -> str: ...
    @property
    def database_password(self) -> Secret: ...
    @property
    def database_prepared_statements(self) -> bool: ...
    @property
    def pod(self) -> str: ...


class _Connection(asyncpg.Connection):
    """A connection that is not reset on release: there is no session state behind PgBouncer to reset."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


class Database:
    """Both pools of one pod."""

    def __init__(self, writer: Any, reader: Any) -> None:
        self._writer = writer
        self._reader = reader
        self._duration = {
            name: histogram(metrics.DB_QUERY_DURATION).labels(name, "") for name in ("transaction", "read", "row")
        }
        self._waiting = {writer: 0, reader: 0}
        for name, pool in (("writer", writer), ("reader", reader)):
            gauge(metrics.DB_WAITING).labels(name).set_function(lambda p=pool: self._waiting[p])
            gauge(metrics.DB_ACTIVE).labels(name).set_function(lambda p=pool: p.get_size() - p.get_idle_size())
            gauge(metrics.DB_IDLE).labels(name).set_function(lambda p=pool: p.get_idle_size())

    @classmethod
    async def open(cls, settings: DatabaseSettings) -> Self:
        """Make the pools; connections are opened when first needed, so a pod starts while the database is away."""
        writer = await _pool(settings, settings.database_writer_url)
        return cls(writer, await _pool(settings, settings.database_reader_url))

    async def close(self) -> None:
        for pool in (self._writer, self._reader):
            try:
                await asyncio.wait_for(pool.close(), timeout=2)
            except (TimeoutError, OSError):
                pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection, None]:
        """Run the body in one transaction on the primary: committed at its end, rolled back by any exception.

        Do not call `tx.transaction()`; nest with `savepoint(tx)`.
        """
        with span("db transaction", CLIENT), self._duration["transaction"].time():
            tx = await self._begin(self._writer, "BEGIN READ WRITE", BRIDGE_S)
            try:
                try:
                    with _translated():
                        yield tx
                except BaseException:
                    await _roll_back(tx)
                    raise
                await _commit(tx)
            finally:
                await self._writer.release(tx)

    @asynccontextmanager
    async def read(self, after: str | None = None) -> AsyncGenerator[Connection, None]:
        """Run the body in a read-only transaction on a replica that has replayed `after`, else on the primary."""
        reason = "unavailable"
        try:
            connection = await self._begin(self._reader, "BEGIN READ ONLY", READER_PATIENCE_S)
        except Unavailable:
            connection = None
        if connection is not None:
            async with self._closing(self._reader, connection):
                if after is None or await _has_replayed(connection, after):
                    yield connection
                    return
            reason = "lag"
        counter(metrics.DB_READER_FALLBACKS).labels(reason).inc()
        async with self.read_primary() as primary:
            yield primary

    @asynccontextmanager
    async def read_primary(self) -> AsyncGenerator[Connection, None]:
        """Run the body in a read-only transaction on the primary: for money, eligibility and identity."""
        connection = await self._begin(self._writer, "BEGIN READ ONLY", BRIDGE_S)
        async with self._closing(self._writer, connection):
            yield connection

    async def row(self, sql: str, *arguments: Any, primary: bool = False) -> Row | None:
        """Return the first row of one SELECT: the cheapest read there is (no BEGIN, no COMMIT)."""
        return await self._single(self._writer if primary else self._reader, "fetchrow", sql, arguments)

    async def rows(self, sql: str, *arguments: Any, primary: bool = False) -> list[Row]:
        """Return all rows of one SELECT."""
        return await self._single(self._writer if primary else self._reader, "fetch", sql, arguments)

    async def written_lsn(self) -> str:
        """Return a token that `read(after=...)` understands: everything committed so far (header AFTER_WRITE)."""
        row = await self.row("SELECT pg_current_wal_lsn()::text AS lsn", primary=True)
        assert row is not None, "pg_current_wal_lsn returns one row"
        return str(row["lsn"])

    async def ping(self) -> None:
        """Raise Unavailable unless the primary takes writes."""
        row = await self.row("SELECT pg_is_in_recovery() AS standby", primary=True)
        if row is None or row["standby"]:
            raise Unavailable("the writer address leads to a replica")

    @asynccontextmanager
    async def _closing(self, pool: Any, connection: Any) -> AsyncGenerator[None, None]:
        with span("db read", CLIENT), self._duration["read"].time():
            try:
                with _translated():
                    yield
            except asyncpg.ReadOnlySQLTransactionError as error:
                raise AssertionError("a write inside a read: open a transaction()") from error
            finally:
                await _roll_back(connection)
                await pool.release(connection)

    async def _single(self, pool: Any, method: str, sql: str, arguments: tuple[Any, ...]) -> Any:
        # A SELECT has no effect, so unlike a transaction the whole of it may be tried again, and elsewhere.
        with span("db row", CLIENT), self._duration["row"].time():
            tries = _Tries(BRIDGE_S)
            while True:
                try:
                    connection = await self._acquire(pool, tries)
                    try:
                        return await getattr(connection, method)(sql, *arguments)
                    finally:
                        await pool.release(connection)
                except (*_CONNECTION_LOST, TimeoutError) as error:
                    if _is_unfit_value(error):
                        raise _problem(error) from error
                    await tries.again(error)
                    pool = self._writer
                except asyncpg.PostgresError as error:
                    raise _problem(error) from error

    async def _acquire(self, pool: Any, tries: "_Tries") -> Any:
        self._waiting[pool] += 1
        try:
            return await pool.acquire(timeout=tries.patience_s())
        finally:
            self._waiting[pool] -= 1

    async def _begin(self, pool: Any, begin: str, bridge_s: float) -> Any:
        tries = _Tries(bridge_s)
        while True:
            try:
                connection = await self._acquire(pool, tries)
            except (*_CONNECTION_LOST, TimeoutError) as error:
                await tries.again(error)
                continue
            try:
                await connection.execute(f"{begin}; SET LOCAL statement_timeout = {_statement_ms()}")
            except _BEGIN_FAILED as error:
                await _discard(pool, connection)
                await tries.again(error)
            except BaseException:
                await _discard(pool, connection)
                raise
            else:
                return connection


class _Tries:
    """Wait a little longer after each failure to get a connection, until nobody waits for us any more."""

    __slots__ = ("_deadline", "_pause_s")

    def __init__(self, bridge_s: float) -> None:
        now = asyncio.get_running_loop().time()
        self._deadline = now + min(bridge_s, context.remaining_s() - 0.1)
        self._pause_s = _RETRY_FIRST_S

    def patience_s(self) -> float:
        return max(0.05, self._deadline - asyncio.get_running_loop().time())

    async def again(self, error: BaseException) -> None:
        """Return when it is time to try again; raise Unavailable when it is not worth it."""
        counter(metrics.DB_ERRORS).labels(type(error).__name__).inc()
        if asyncio.get_running_loop().time() + self._pause_s >= self._deadline:
            raise Unavailable("the database does not answer", retry_after_s=2) from error
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _RETRY_MAX_S)


@asynccontextmanager
async def savepoint(tx: Connection) -> AsyncGenerator[None, None]:
    """Undo only the body when it raises, e.g. to try an INSERT that may conflict."""
    await tx.execute("SAVEPOINT inner_part")
    try:
        yield
    except BaseException:
        await tx.execute("ROLLBACK TO SAVEPOINT inner_part; RELEASE SAVEPOINT inner_part")
        raise
    await tx.execute("RELEASE SAVEPOINT inner_part")


async def _pool(settings: DatabaseSettings, url: str) -> Any:
    create: Any = getattr(asyncpg, "create_pool")  # noqa: B009  # untyped: the attribute's type is partly unknown
    return await create(
        url,
        password=settings.database_password.reveal(),
        min_size=0,
        max_size=POOL_SIZE,
        max_inactive_connection_lifetime=300,
        connection_class=_Connection,
        statement_cache_size=256 if settings.database_prepared_statements else 0,
        timeout=_CONNECT_S,
        command_timeout=STATEMENT_S + 2,  # the server's own limit comes first; this one is for a server that is gone
        server_settings={"application_name": settings.pod},
    )


async def _commit(tx: Any) -> None:
    try:
        await tx.execute("COMMIT")
    except (*_CONNECTION_LOST, TimeoutError) as error:
        raise Unavailable("the connection was lost during COMMIT", may_have_taken_effect=True) from error
    except asyncpg.PostgresError as error:
        raise _problem(error) from error


async def _roll_back(connection: Any) -> None:
    # A connection in the middle of something (a cancelled statement) cannot roll back: it is closed instead, and
    # PgBouncer then closes its server connection, which rolls back too.
    try:
        if not connection.is_closed():
            await asyncio.wait_for(connection.execute("ROLLBACK"), timeout=1)
    except (*_CONNECTION_LOST, asyncpg.PostgresError, TimeoutError):
        _terminate(connection)


async def _discard(pool: Any, connection: Any) -> None:
    _terminate(connection)
    await pool.release(connection)


def _terminate(connection: Any) -> None:
    # The pool takes a connection back by itself when it is lost, and its proxy then refuses everything, this too.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _has_replayed(connection: Connection, after: str) -> bool:
    # Also true on the primary, where pg_last_wal_replay_lsn() is null: there is nothing to wait for.
    if not _LSN.fullmatch(after):
        raise Invalid(details={AFTER_WRITE: "is not a token of ours"})
    sql = "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, true)"
    return bool(await connection.fetchval(sql, after))


def _statement_ms() -> int:
    remaining = context.remaining_s()
    return int(1000 * (STATEMENT_S if remaining == math.inf else max(0.1, min(STATEMENT_S, remaining))))


@contextmanager
def _translated() -> Generator[None, None, None]:
    """Raise problems instead of the driver's exceptions."""
    try:
        yield
    except (*_CONNECTION_LOST, asyncpg.PostgresError, TimeoutError) as error:
        told = _problem(error)
        if told is error:
            raise
        raise told from error


def _problem(error: BaseException) -> BaseException:
    told: BaseException = error
    if isinstance(error, asyncpg.QueryCanceledError):
        told = UpstreamTimedOut("a statement ran into its time-out")
    elif isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError | asyncpg.LockNotAvailableError):
        told = Conflict("Two changes met; try again.", retry_after_s=1)
    elif _is_unfit_value(error):
        log.warning("a value does not fit its column: the operation's schema should have refused it", error=error)
        told = Invalid("A value is out of range.")
    elif isinstance(error, (*_CONNECTION_LOST, TimeoutError)):
        counter(metrics.DB_ERRORS).labels(type(error).__name__).inc()
        told = Unavailable("the connection to the database was lost", retry_after_s=1)
    return told


def _is_unfit_value(error: BaseException) -> bool:
    # Said by the server (22xxx), or by the driver before it sends: an InterfaceError that is also a ValueError.
    return isinstance(error, asyncpg.DataError) or (
        isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    )
