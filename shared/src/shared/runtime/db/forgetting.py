"""Forgets rows that are beyond what is kept: a batch a transaction, so that nobody waits, and so many in one go."""

from datetime import datetime
from typing import Final

from shared.runtime.base.clock import Clock
from shared.runtime.db.postgres import Database

BATCH: Final = 5_000
MOST_BATCHES: Final = 200
"""In one go; what is left is for the next hour."""


async def time_of(db: Database, clock: Clock) -> datetime:
    """The time by which something is old: this clock's, as the database shows it. Of a machine they are the same, so
    that a process whose own time is wrong forgets nothing.
    """
    async with db.connection() as tx:
        return clock.of_database(await tx.fetchval("SELECT clock_timestamp()"))


async def in_batches(db: Database, sql: str, *values: object, batch: int = BATCH, most: int = MOST_BATCHES) -> int:
    """Run a DELETE until it finds less than a batch; gives how many rows went. The last parameter of ``sql`` is LIMIT.

    What is old is for the statement to say, by the database's time or by what ``time_of`` gave.
    """
    total = 0
    for _ in range(most):
        async with db.transaction() as tx:
            gone = int((await tx.execute(sql, *values, batch)).split()[-1])
        total += gone
        if gone < batch:
            break
    return total
