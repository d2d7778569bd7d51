"""PostgreSQL: a pool, transactions that join the one open in the same task, and which errors pass by themselves."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg
import orjson
from asyncpg.connect_utils import SessionAttribute

from shared.runtime.db import at_commit

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Tx: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Tx: TypeAlias = asyncpg.Connection

ACQUIRE_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 60.0
EXPIRE_EVERY_S: Final = 1.0
FULL_FOR_S: Final = 30.0
"""How long one failure for want of room makes the service unready; probing for room would take some."""
PRIMARY: Final = SessionAttribute.primary
"""Of several hosts in the address, the one that takes writes: a demoted server is left, and not asked again."""
SERVER_SETTINGS: Final = {
    "timezone": "UTC",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "15s",
    # A backend whose client gave up stops working for it.
    "client_connection_check_interval": "2s",
    "jit": "off",
}

UNAVAILABLE: Final[tuple[type[Exception], ...]] = (
    asyncpg.PostgresConnectionError,  # 08xxx
    asyncpg.OperatorInterventionError,  # 57xxx: shutting down, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # 53xxx: connections, memory, disk
    asyncpg.ReadOnlySQLTransactionError,  # 25006: this server was demoted, or is being repaired
    asyncpg.TargetServerAttributeNotMatched,  # none of the servers is the primary
    asyncpg.InterfaceError,  # a closed connection; asyncpg puts wrong use of its API in here too
    ConnectionError,
    OSError,
    TimeoutError,
)
"""The database cannot be used right now."""

DATABASE_ERRORS: Final[tuple[type[Exception], ...]] = (
    *UNAVAILABLE,
    asyncpg.PostgresError,
    asyncpg.InternalClientError,  # what asyncpg makes of a session that ends between two of its steps
)
"""Whatever can go wrong between a loop and its database; the loop starts again."""

CONTENDED: Final[tuple[type[Exception], ...]] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
"""Somebody else was in the way; the same transaction may well succeed when it is tried again."""


def is_transient(error: BaseException) -> bool:
    """Whether doing the same again later can help: the database is away, or the transaction lost a race."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_transient(each) for each in error.exceptions)
    if isinstance(error, asyncpg.InterfaceError):
        # InterfaceError covers a lost connection and wrong use of the API; only the first passes by itself.
        return "closed" in str(error) or "closing" in str(error)
    if isinstance(error, asyncpg.QueryCanceledError):
        return False  # a statement that takes too long would take too long again, and hold up everything behind it
    if getattr(error, "status", None) == HTTPStatus.SERVICE_UNAVAILABLE:
        return True  # the problem Unavailable
    return isinstance(error, (*UNAVAILABLE, *CONTENDED))


def is_full(error: BaseException) -> bool:
    """Whether something could not be kept for want of room: in the database, or in a file."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return isinstance(error, asyncpg.DiskFullError)


_limit_s: ContextVar[float | None] = ContextVar("limit_s", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Inside, each transaction and each read has so many seconds, waiting for a connection included.

    When they are over its session is cut off, so that it fails (TookTooLong) even where the server answers no more.
    """
    token = _limit_s.set(seconds)
    try:
        yield
    finally:
        _limit_s.reset(token)


class TookTooLong(asyncpg.PostgresConnectionError):
    """The time that ``within`` allows was over; what the session was doing may or may not have been done."""


class SessionLost(asyncpg.PostgresConnectionError):
    """The session ended; whatever else went wrong is a consequence."""


def _has_lost(connection: Tx, error: BaseException) -> bool:
    """asyncpg also reports the end of a session as a state its protocol cannot be in."""
    try:
        closed = connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken back what is left of it
        return True
    return closed or (isinstance(error, asyncpg.InternalClientError) and "cannot switch to state" in str(error))


_JSONB_VERSION: Final = b"\x01"


def _to_jsonb(value: Any) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value)


def _from_jsonb(data: bytes) -> Any:
    return orjson.loads(memoryview(data)[1:])


async def prepare(connection: Any) -> None:
    """Teach a connection to read and write jsonb as Python values."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_to_jsonb,
        decoder=_from_jsonb,
        format="binary",  # COPY needs binary
    )


class PartFailed(RuntimeError):
    """A part of a transaction failed, its exception was caught, and the rest was about to be kept all the same."""


@dataclass(slots=True)
class _Open:
    """The transaction a task has open."""

    task: asyncio.Task[Any] | None
    connection: Tx
    doomed: bool = False


async def _as_it_is(_connection: object) -> None:
    """Pooled connections carry no session state (SET, LISTEN, session locks): no reset, a round trip less."""


class Database:
    """The one database of a service."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], dsn: str, application_name: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._application_name = application_name
        self._open: ContextVar[_Open | None] = ContextVar("open", default=None)
        self._expired_at = self._full_at = float("-inf")

    @classmethod
    async def connect(
        cls, dsn: str, *, application_name: str, max_size: int = 10, min_size: int = 1, statement_cache_size: int = 100
    ) -> Database:
        """Open the pool. Behind pgbouncer in transaction mode ``statement_cache_size`` must be 0."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=min_size,
            max_size=max_size,
            timeout=ACQUIRE_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            target_session_attrs=PRIMARY,
            statement_cache_size=statement_cache_size,
            server_settings={**SERVER_SETTINGS, "application_name": application_name},
            init=prepare,
            reset=_as_it_is,
        )
        return cls(pool, dsn, application_name)

    @property
    def dsn(self) -> str:
        """Where the database is."""
        return self._dsn

    async def dedicated(self, purpose: str) -> asyncpg.Connection[asyncpg.Record]:
        """A connection outside the pool, for what lives as long as its session: advisory locks and LISTEN."""
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            self._dsn,
            timeout=ACQUIRE_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            target_session_attrs=PRIMARY,
            server_settings={
                **SERVER_SETTINGS,
                "application_name": f"{self._application_name} {purpose}"[:63],
                # A session whose client vanished without a word must give its locks back.
                "tcp_keepalives_idle": "10",
                "tcp_keepalives_interval": "5",
                "tcp_keepalives_count": "3",
            },
        )
        await prepare(connection)
        return connection

    def _joined(self) -> _Open | None:
        """The transaction that this very task has open; a task spawned inside must not share it."""
        current = self._open.get()
        return current if current is not None and current.task is asyncio.current_task() else None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """A transaction; inside another one of the same task, a part of it.

        A part that fails takes the whole with it, also where somebody catches its exception: then PartFailed is raised
        at the end. Who wants to go on after a failure opens a savepoint: ``tx.transaction()``,
        and inside leaves nothing to be written at the end; or ``at_commit.part(tx)``, which takes that back too.
        """
        joined = self._joined()
        if joined is not None:
            try:
                yield joined.connection
            except BaseException:
                joined.doomed = True
                raise
            return
        async with self._session() as connection, connection.transaction():
            opened = _Open(asyncio.current_task(), connection)
            pending = at_commit.Pending(connection)
            token, written = self._open.set(opened), at_commit.CURRENT.set(pending)
            try:
                yield connection
            finally:
                at_commit.CURRENT.reset(written)
                self._open.reset(token)
            if opened.doomed:
                raise PartFailed("a part of this transaction failed, so nothing of it may be kept")
            await pending.write()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        """A connection for reads; inside a transaction of the same task, that one, which sees its own writes."""
        joined = self._joined()
        if joined is not None:
            yield joined.connection
            return
        async with self._session() as connection:
            yield connection

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Tx]:
        """A connection of the pool, for no longer than ``within`` allows. Raises SessionLost if it ended meanwhile."""
        limit_s, loop = _limit_s.get(), asyncio.get_running_loop()
        ends_at = None if limit_s is None else loop.time() + limit_s
        try:
            async with self._pool.acquire(timeout=min(limit_s or ACQUIRE_TIMEOUT_S, ACQUIRE_TIMEOUT_S)) as connection:
                watch = None if ends_at is None else loop.call_at(ends_at, connection.terminate)
                try:
                    yield connection
                except Exception as error:
                    await self._learn_from(error, connection)
                    if is_transient(error) or not _has_lost(connection, error):
                        raise
                    raise SessionLost("the database session ended while it was used") from error
                finally:
                    if watch is not None:
                        watch.cancel()
        except UNAVAILABLE as error:
            if ends_at is not None and loop.time() >= ends_at:
                raise TookTooLong(f"the database took longer than {limit_s} s") from error
            raise

    async def _learn_from(self, error: Exception, connection: Tx) -> None:
        """A server that takes no writes is left by every session; a full disk is remembered for a while."""
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            connection.terminate()
            if time.monotonic() - self._expired_at > EXPIRE_EVERY_S:
                self._expired_at = time.monotonic()
                await self._pool.expire_connections()
        if is_full(error):
            self.note_full()

    def note_full(self) -> None:
        """Something could not be kept for want of room."""
        self._full_at = time.monotonic()

    @property
    def is_full(self) -> bool:
        """Whether that happened within the last 30 seconds."""
        return time.monotonic() - self._full_at < FULL_FOR_S

    async def is_up(self, timeout_s: float = 2.0) -> bool:
        """Whether the database answers and takes writes: one that was demoted serves nobody's verbs."""
        try:
            with within(timeout_s):
                async with self._session() as connection:
                    return bool(await connection.fetchval("SHOW transaction_read_only") == "off")
        except DATABASE_ERRORS:
            return False

    async def close(self) -> None:
        """Close the pool, waiting a little for what is under way."""
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()
