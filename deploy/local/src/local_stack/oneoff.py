"""What is done for the services and ends: migrate and replay."""

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg

from local_stack.errors import StartFailed
from local_stack.process import Process
from local_stack.topology import Service
from shared.runtime.db import migrations

_MOST_S: Final = 300.0


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


async def migrate(spec: Service, dsn: str) -> None:
    """Bring this service's database to its newest schema, as its command `migrate` does, but without a process for it.

    Raises StartFailed with what is wrong; a service without a schema has nothing to bring.
    """
    if spec.migrations is None:
        return
    try:
        async with asyncio.timeout(_MOST_S):
            await migrations.upgrade(dsn, spec.migrations)
    except (migrations.WrongSchema, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise StartFailed(f"{spec.name} migrate failed: {error or type(error).__name__}") from error
