"""Commands of the services that run to their end: migrate and replay."""

import asyncio
from collections.abc import Sequence
from typing import Final

from local_stack.errors import StartFailed
from local_stack.process import Process
from local_stack.topology import Service
from shared.runtime.db import migrations
from shared.runtime.process.supervisor import connect

_MOST_S: Final = 300.0
_CONNECT_S: Final = 60.0
"""A busy machine takes its time to let the first session in."""


async def run_to_end(running: Sequence[Process]) -> None:
    """Wait for all of them. Raises StartFailed with the log of each that failed or took too long; none outlives us."""
    try:
        await asyncio.gather(*(process.ended(_MOST_S) for process in running))
        failed = [process for process in running if process.exit_code != 0]
    finally:
        for process in running:
            process.kill()
    if failed:
        told = (f"{p.name} failed ({p.exit_code}); the end of {p.log}:\n{p.last_lines()}" for p in failed)
        raise StartFailed("\n".join(told))


async def has_current_schema(spec: Service, dsn: str) -> bool:
    """Whether migrating would change nothing: asking costs no process."""
    folder = spec.migrations
    if folder is None:
        return False
    async with asyncio.timeout(_CONNECT_S):
        database = await connect("local stack", dsn, max_size=1)
    try:
        return not await migrations.pending(database, folder)
    except migrations.WrongSchema:
        return False  # migrating says what is wrong
    finally:
        await database.close()
