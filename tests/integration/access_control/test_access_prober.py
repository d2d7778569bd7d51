"""``python -m access_control.prober`` as a process: it says who it is and how it fares, works alone, ends when told."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Never

import asyncpg
import httpx
import pytest

from access_control import prober as prober_command
from access_control.settings import Settings
from tests.support.fixtures import MakeDatabase

HELD = """
SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
 WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
"""
WAITS = """
SELECT count(*) FROM pg_stat_activity AS a
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'SELECT pg_try_advisory_lock%'
   AND NOT EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.locktype = 'advisory')
"""
GO = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
CONTACT = "https://register.example/prober"


@asynccontextmanager
async def prober(dsn: str, folder: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    given = {
        **os.environ, "CONCORD_DATABASE_URL": dsn, "CONCORD_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "CONCORD_SIGNING_KEYS_FILE": str(folder / "no-such-keys.json"), "CONCORD_PROBES_PORT": "0", **settings,
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
            while await db.fetchval(WAITS) < 1:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.05)

    try:
        async with prober(dsn, tmp_path, CONCORD_PROBES_CONTACT=CONTACT) as first:
            await held(1)
            there = (await _said(first, "prober.answers"))["url"].removesuffix("/readyz")
            await _said(first, "lease_taken")
            async with prober(dsn, tmp_path, CONCORD_PROBES_CONTACT=CONTACT) as second:
                assert second.stdout is not None
                await tried()
                assert await db.fetchval(HELD) == 1, "the second one waits"
                waiting = (await _said(second, "prober.answers"))["url"].removesuffix("/readyz")
                assert (await _fares(there), await _fares(waiting)) == (("ready", True), ("ready", False))
                assert (await _looks(there), await _looks(waiting)) == (True, False), "who waits measures nothing"
                first.send_signal(signal.SIGTERM)
                async with asyncio.timeout(10):
                    out, _ = await first.communicate()
                assert (first.returncode, b"unavailable" in out) == (0, False)
                await _said(second, "lease_taken")
                await held(1)
                assert await _fares(waiting) == ("ready", True)
                second.send_signal(signal.SIGTERM)
                assert await second.wait() == 0
    finally:
        await db.close()


async def test_it_answers_while_its_database_is_awaited_and_a_taken_port_ends_it(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    async with prober(nowhere, tmp_path, CONCORD_PROBES_CONTACT=CONTACT) as first:
        url = (await _said(first, "prober.answers"))["url"]
        there = url.removesuffix("/readyz")
        assert there.startswith("http://127.0.0.1:")
        async with httpx.AsyncClient(base_url=there) as http:
            alive, ready = await http.get("/livez"), await http.get("/readyz")
            assert (alive.status_code, ready.status_code, ready.json()["status"]) == (200, 503, "unready")
            assert (await http.get("/orders")).status_code == 404, "it has no other door"
        async with prober(
            nowhere, tmp_path, CONCORD_PROBES_CONTACT=CONTACT, CONCORD_PROBES_PORT=there.rpartition(":")[2]
        ) as second, asyncio.timeout(30):  # fmt: skip
            out, _ = await second.communicate()
        assert (second.returncode, b"prober.port_taken" in out, b"CONCORD_PROBES_PORT" in out) == (2, True, True)
        first.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await first.wait() == 0


async def test_when_its_database_goes_it_ends_to_be_started_again(make_database: MakeDatabase, tmp_path: Path) -> None:
    dsn = await make_database("access-control")
    db = await asyncpg.connect(dsn)
    try:
        async with (
            prober(dsn, tmp_path, CONCORD_PROBES_CONTACT=CONTACT) as first,
            prober(dsn, tmp_path, CONCORD_PROBES_CONTACT=CONTACT) as second,
        ):
            async with asyncio.timeout(30):
                while await db.fetchval(WAITS) < 1 or await db.fetchval(HELD) != 1:  # noqa: ASYNC110 - cannot wake us
                    await asyncio.sleep(0.05)
            await db.execute(GO)
            async with asyncio.timeout(30):
                for process in (first, second):
                    out, _ = await process.communicate()
                    assert (process.returncode, b"Traceback" in out) == (6, False), out
    finally:
        await db.close()


async def test_a_database_that_goes_while_it_begins_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: Any) -> Never:
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    monkeypatch.setattr(prober_command, "boot", gone)
    monkeypatch.setenv("CONCORD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings = Settings(probes_contact=CONTACT, probes_port=0)
    assert await prober_command.Prober(settings).serve() == prober_command.EXIT_LEASE_LOST


async def _said(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    """The next line of its log about this."""
    while True:
        line = await _soon(process)
        with contextlib.suppress(json.JSONDecodeError):
            found: dict[str, Any] = json.loads(line)
            if found["event"] == event:
                return found


async def _fares(url: str) -> tuple[str, bool]:
    """Whether it is ready, and whether it is the one that works."""
    async with httpx.AsyncClient(base_url=url) as http:
        answer = await http.get("/readyz")
    found = answer.json()
    return found["status"], found["checks"]["lease"]["held"]


async def _looks(url: str) -> bool:
    """Whether it says when it last came to the end of a round."""
    async with httpx.AsyncClient(base_url=url) as http:
        return "\nprobing_finished_seconds" in (await http.get("/metrics")).text


async def _soon(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = await process.stdout.readline()
    assert line, "it ended"
    return line
