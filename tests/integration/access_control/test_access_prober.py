"""``python -m access_control.prober`` as a process: it says who it is, works alone, and ends when told."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from tests.support.fixtures import MakeDatabase

HELD = """
SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
 WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
"""
TRIED = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'SELECT pg_try_advisory_lock%'
"""
CONTACT = "https://register.example/prober"


@asynccontextmanager
async def prober(dsn: str, folder: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    given = {
        **os.environ, "CONCORD_DATABASE_URL": dsn, "CONCORD_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "CONCORD_SIGNING_KEYS_FILE": str(folder / "no-such-keys.json"), **settings,
    }  # fmt: skip
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "access_control.prober",
        env=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_it_does_not_start_without_an_address_for_complaints(make_database: MakeDatabase, tmp_path: Path) -> None:
    async with prober(await make_database("access-control"), tmp_path) as process, asyncio.timeout(30):
        out, _ = await process.communicate()
    assert (process.returncode, b"CONCORD_PROBES_CONTACT" in out) == (2, True)


async def test_without_keys_and_broker_one_works_and_a_second_takes_over(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    dsn = await make_database("access-control")
    db = await asyncpg.connect(dsn)

    async def held(count: int) -> None:
        async with asyncio.timeout(30):
            while await db.fetchval(HELD) != count:  # noqa: ASYNC110 - the database cannot wake us
                await asyncio.sleep(0.05)

    async def tried() -> None:
        """The second asked for the lease and did not get it; the first asks for nothing but whether it is alive."""
        async with asyncio.timeout(30):
            while await db.fetchval(TRIED) < 1:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.05)

    try:
        async with prober(dsn, tmp_path, CONCORD_PROBES_CONTACT=CONTACT) as first:
            await held(1)
            while b"lease_taken" not in await _soon(first):
                pass
            await asyncio.sleep(0.2)  # it looks whether its session lives
            async with prober(dsn, tmp_path, CONCORD_PROBES_CONTACT=CONTACT) as second:
                assert second.stdout is not None
                await tried()
                assert await db.fetchval(HELD) == 1, "the second one waits"
                first.send_signal(signal.SIGTERM)
                async with asyncio.timeout(10):
                    out, _ = await first.communicate()
                assert (first.returncode, b"unavailable" in out) == (0, False)
                while b"lease_taken" not in await _soon(second):
                    pass
                await held(1)
                second.send_signal(signal.SIGTERM)
                assert await second.wait() == 0
    finally:
        await db.close()


async def _soon(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = await process.stdout.readline()
    assert line, "it ended"
    return line
