"""Being the only one: an advisory lock on a database session of its own, given back when that session dies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from shared.runtime.db.postgres import DATABASE_ERRORS

if TYPE_CHECKING:
    from shared.runtime.db.postgres import Database

log = structlog.get_logger(__name__)

TRY = "SELECT pg_try_advisory_lock(hashtextextended('concord lease ' || $1, 0))"
WAIT_S: Final = 0.5
HEARTBEAT_S: Final = 2.0
HEARTBEAT_LIMIT_S: Final = 5.0


class Lease:
    """Held as long as its session lives."""

    def __init__(self, name: str, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self.name = name
        self.connection = connection

    def is_held(self) -> bool:
        """Whether the session is still there, as far as this side knows."""
        return not self.connection.is_closed()

    async def beat(self) -> None:
        """Ask the session every now and then whether it is there; returns when it is not."""
        while self.is_held():
            try:
                async with asyncio.timeout(HEARTBEAT_LIMIT_S):
                    await self.connection.execute("SELECT 1")
            except DATABASE_ERRORS as error:
                log.warning("lease_lost", lease=self.name, error=repr(error))
                self.connection.terminate()
                return
            await asyncio.sleep(HEARTBEAT_S)


@asynccontextmanager
async def hold(db: Database, name: str, *, anothers: Callable[[], None] = lambda: None) -> AsyncIterator[Lease]:
    """Wait until nobody else holds this name, then hold it. The session dies with the process, and the lock with it.

    ``anothers`` is called each time that somebody else is seen to hold it.
    """
    connection = await db.dedicated(name)
    try:
        while not await connection.fetchval(TRY, name):  # the database cannot wake us
            anothers()
            await asyncio.sleep(WAIT_S)
        log.info("lease_taken", lease=name)
        yield Lease(name, connection)
    finally:
        with contextlib.suppress(*DATABASE_ERRORS):
            await connection.close(timeout=2)
        connection.terminate()
