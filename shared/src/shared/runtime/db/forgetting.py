"""Forgets rows that are beyond what is kept: a batch a transaction, so that nobody waits, and so many in one go."""

from typing import Final

from shared.runtime.db.postgres import Database

BATCH: Final = 5_000
MOST_BATCHES: Final = 200
"""In one go; what is left is for the next hour."""


async def in_batches(db: Database, sql: str, *values: object, batch: int = BATCH, most: int = MOST_BATCHES) -> int:
    """Run a DELETE until it finds less than a batch; gives how many rows went. The last parameter of ``sql`` is LIMIT.

    What is old is for the statement to say, by the database's time or by ``deadlines.time_of``.
    """
    total = 0
    for _ in range(most):
        async with db.transaction() as tx:
            gone = int((await tx.execute(sql, *values, batch)).split()[-1])
        total += gone
        if gone < batch:
            break
    return total
