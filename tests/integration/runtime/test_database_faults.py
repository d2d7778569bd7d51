"""A PostgreSQL that takes no writes (a failover), or hangs: 503 in a few seconds, nothing ends, and it passes."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from local_stack.postgres import EmbeddedPostgres
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db import migrations
from shared.runtime.db.postgres import Database, TookTooLong, is_transient, within
from shared.runtime.process import supervisor
from shared.runtime.process.supervisor import Job
from tests.integration.runtime.world import until
from tests.support import toy
from tests.support.fixtures import seed_directory
from tests.support.service import Api, running_service

FEW_SECONDS = 4.0
"""Of the limit of 1 s that these tests set, and of a loaded machine."""


@pytest.fixture(scope="module")
def server(session_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A cluster that may be demoted and stopped without harm to other tests."""
    # One worker may come to this module twice, with others' tests between.
    cluster = EmbeddedPostgres(Path(tempfile.mkdtemp(prefix="faulty-", dir=session_folder)), durable=False)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
async def dsn(server: EmbeddedPostgres) -> str:
    address = await server.ensure_database("toy")
    await migrations.upgrade(address, None)
    await seed_directory(address)
    connection = await asyncpg.connect(address)
    await connection.execute(toy.TABLE)
    await connection.close()
    return address


@asynccontextmanager
async def read_only(server: EmbeddedPostgres) -> AsyncIterator[None]:
    """Meanwhile every session of the cluster is read-only, those that are open too."""

    async def turn(on: str) -> None:
        await admin.execute(f"ALTER SYSTEM SET default_transaction_read_only = {on}")
        await admin.execute("SELECT pg_reload_conf()")

        async def followed() -> bool:
            probe = await asyncpg.connect(server.admin_dsn)
            try:
                return bool(await probe.fetchval("SHOW default_transaction_read_only") == on)
            finally:
                await probe.close()

        await until(followed, what=f"read-only {on}")

    admin = await asyncpg.connect(server.admin_dsn, server_settings={"default_transaction_read_only": "off"})
    try:
        await turn("on")
        yield
    finally:
        await turn("off")
        await admin.close()


@contextmanager
def hanging(server: EmbeddedPostgres) -> Iterator[None]:
    """Meanwhile no process of the cluster does anything, and no connection is refused."""
    first = server.pid
    assert first is not None
    pids = [first, *(int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def serving(dsn: str, **settings: Any) -> AsyncIterator[Api]:
    async with running_service(toy.SERVICE, dsn, http_database_s=1.0, **settings) as api:
        yield api


async def test_a_server_that_takes_no_writes_is_a_503_and_the_service_goes_on_by_itself(
    server: EmbeddedPostgres, dsn: str
) -> None:
    async with serving(dsn) as api:
        assert (await api.post("/things", who="officer", json={"name": "before"})).status_code == 201
        async with read_only(server):
            answers = await asyncio.gather(
                *(api.post("/things", who="officer", json={"name": f"during {n}"}) for n in range(20))
            )
            assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
                (503, "database_unavailable")
            }
            assert all(answer.headers["retry-after"] == "5" for answer in answers)
            assert (await api.get("/things", who="officer")).status_code == 200
            assert (await api.get("/readyz")).status_code == 503, "whoever shares work out sends it elsewhere"
        assert (await api.post("/things", who="officer", json={"name": "after"})).status_code == 201


async def test_a_session_that_met_a_read_only_server_is_not_used_again(server: EmbeddedPostgres, dsn: str) -> None:
    db = await Database.connect(dsn, application_name="demoted", max_size=4, min_size=4)

    async def sessions() -> set[int]:
        async def one() -> int:
            async with db.connection() as connection:
                await asyncio.sleep(0.05)
                return int(await connection.fetchval("SELECT pg_backend_pid()"))

        return set(await asyncio.gather(*(one() for _ in range(4))))

    try:
        before = await sessions()
        assert len(before) == 4
        async with read_only(server):
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as caught:
                async with db.transaction() as tx:
                    await tx.execute("DELETE FROM thing")
            assert is_transient(caught.value)
            assert is_transient(ExceptionGroup("of a task group", [caught.value]))
            assert not is_transient(ExceptionGroup("of a task group", [caught.value, KeyError("x")]))
        assert before.isdisjoint(await sessions())
    finally:
        await db.close()


async def test_a_standby_is_not_connected_to_until_it_is_promoted(session_folder: Path) -> None:
    cluster = EmbeddedPostgres(session_folder / "standby", durable=False)
    cluster.start()
    dsn = await cluster.ensure_database("toy")
    admin = await asyncpg.connect(cluster.admin_dsn)
    await admin.execute("CHECKPOINT")
    await admin.close()
    cluster.stop()
    (cluster.data / "standby.signal").touch()
    cluster.start()
    try:
        reader = await asyncpg.connect(dsn)
        assert await reader.fetchval("SELECT pg_is_in_recovery()")
        with pytest.raises(asyncpg.TargetServerAttributeNotMatched) as caught:
            await Database.connect(dsn, application_name="test")
        assert is_transient(caught.value)
        admin = await asyncpg.connect(cluster.admin_dsn)
        await admin.execute("SELECT pg_promote()")
        await admin.close()
        db = await Database.connect(dsn, application_name="test")
        async with db.transaction() as tx:
            await tx.execute("CREATE TABLE written (n integer)")
        await db.close()
        await reader.close()
    finally:
        cluster.stop()


async def test_a_server_that_hangs_is_a_503_within_seconds_for_reads_and_writes(
    server: EmbeddedPostgres, dsn: str
) -> None:
    async with serving(dsn, database_pool=4) as api:
        assert (await api.get("/things", who="officer")).status_code == 200
        with hanging(server):
            began = time.monotonic()
            answers = await asyncio.gather(
                *(api.post("/things", who="officer", json={"name": f"hung {n}"}) for n in range(8)),
                *(api.get("/things", who="officer") for _ in range(8)),
            )
            took = time.monotonic() - began
            unready = await api.get("/readyz")
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["code"] for answer in answers} == {"database_slow"}
        assert all("Retry-After" in answer.headers for answer in answers)
        assert took < FEW_SECONDS
        assert unready.status_code == 503
        await until(partial(_ok, api), what="it serves again")


async def _ok(api: Api) -> bool:
    answer = await api.post("/things", who="officer", json={"name": f"again {time.monotonic()}"})
    return bool(answer.status_code == 201)


async def test_a_statement_that_takes_too_long_ends_in_the_server_too(dsn: str) -> None:
    async with serving(dsn) as api:
        began = time.monotonic()
        answer = await api.get("/slow", who="officer")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_slow")
        assert time.monotonic() - began < FEW_SECONDS

        async def gone() -> bool:
            async with api.rt.db.connection() as tx:
                left = await tx.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
            return bool(left == 0)

        await until(gone, what="the backend noticed that nobody waits for it")


async def test_only_whoever_set_a_limit_has_one(dsn: str) -> None:
    db = await Database.connect(dsn, application_name="test", max_size=2)
    try:
        async with db.transaction() as tx:
            await tx.execute("SELECT pg_sleep(0.5)")
        with pytest.raises(TookTooLong) as caught, within(0.2):
            async with db.transaction() as tx:
                await tx.execute("SELECT pg_sleep(30)")
        assert is_transient(caught.value)
        with within(0.2):
            async with db.transaction() as tx, db.connection() as same:
                assert same is tx
        async with db.connection() as connection:
            await connection.execute("SELECT pg_sleep(0.5)")
    finally:
        await db.close()


async def test_a_worker_that_meets_a_database_that_is_away_begins_again_and_the_process_lives(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, settled = 0, asyncio.Event()
    errors: list[Exception] = [
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        ExceptionGroup("of a task group", [asyncpg.ReadOnlySQLTransactionError("read-only")]),
        ExceptionGroup("of a task group", [ConnectionResetError()]),
    ]

    async def worker(_rt: Runtime) -> None:
        nonlocal began
        began += 1
        if errors:
            raise errors.pop()
        settled.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 0.1)
    async with running_service(replace(toy.SERVICE, workers=(worker,)), dsn, roles_run="http,consumer") as api:
        async with asyncio.timeout(10):
            await settled.wait()
        assert (began, (await api.get("/open")).status_code) == (4, 200)


async def test_a_worker_with_a_mistake_still_ends_the_process() -> None:
    async def run() -> None:
        raise ExceptionGroup("of a task group", [ConnectionResetError(), KeyError("a mistake")])

    with pytest.raises(ExceptionGroup):
        await supervisor._run(Job("wrong", run))
