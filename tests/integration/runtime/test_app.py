"""The life of a service: starts without its database, refuses an old schema, stops when a worker ends, ends in time."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter

from local_stack.ports import free_port
from local_stack.postgres import EmbeddedPostgres
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.settings import Settings
from shared.runtime.process.app import create_app, running
from shared.runtime.process.supervisor import Failure, Job, Supervisor
from tests.support import people, toy
from tests.support.fixtures import MakeDatabase, seed_directory
from tests.support.service import Api, running_service

ROOT = Path(__file__).parents[3]
PLAIN = httpx.create_ssl_context()
"""Made once: a client that makes its own reads every authority there is, at each question."""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_pre_first.sql").write_text("CREATE TABLE first (n integer)")
    return folder


class Process:
    """The toy service as an operating system process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port
        self.output = b""

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", verify=PLAIN) as http:
            return await http.get(path)

    async def until(self, path: str, status: int, seconds: float = 40) -> httpx.Response:
        last: object = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        last = answer = await self.get(path)
                        if answer.status_code == status:
                            return answer
                    except httpx.HTTPError as error:
                        last = error
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.process.kill()
            out, _ = await self.process.communicate()
            raise AssertionError(f"{path} never answered {status}: {last!r}\n{out.decode()}") from None

    async def ended(self, seconds: float = 60) -> int:
        async with asyncio.timeout(seconds):
            out, _ = await self.process.communicate()
        self.output = out
        return self.process.returncode or 0


@asynccontextmanager
async def process(dsn: str, command: str = "serve", *arguments: str, **environment: str) -> AsyncIterator[Process]:
    port = free_port()
    given: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")},
        "CONCORD_DATABASE_URL": dsn,
        "CONCORD_PORT": str(port),
        "CONCORD_ROLES_RUN": "http",
        "CONCORD_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        **environment,
    }
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.toy_main", command, *arguments,
        env=dict(given), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield Process(started, port)
    finally:
        if started.returncode is None:
            started.kill()
            await started.communicate()


async def test_a_service_serves_and_ends_well_within_five_seconds_of_sigterm(make_database: MakeDatabase) -> None:
    async with process(await make_database("runtime")) as service:
        ready = await service.until("/readyz", 200)
        checks = {"started": True, "database": True, "directory": {"organisations": len(people.directory())}}
        assert ready.json() == {"status": "ready", "service": "toy", "checks": checks}
        assert (await service.get("/things")).status_code == 401
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert await service.ended() == 0
        assert time.monotonic() - began < 5


async def test_an_open_stream_does_not_delay_the_end(make_database: MakeDatabase) -> None:
    async with process(await make_database("runtime")) as service:
        await service.until("/readyz", 200)
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as http,
            http.stream("GET", "/events") as stream,
        ):
            lines = stream.aiter_lines()
            assert "hello" in await anext(lines)
            began = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            assert [line async for line in lines if line] == []
        assert await service.ended() == 0
        assert time.monotonic() - began < 2


async def test_an_old_schema_is_refused_with_exit_code_3_and_the_word_migrate(
    make_database: MakeDatabase, migrations: Path
) -> None:
    dsn = await make_database("empty")
    async with process(dsn, TOY_MIGRATIONS=str(migrations)) as service:
        assert await service.ended() == 3
        assert b"run migrate" in service.output
    async with process(dsn, "migrate", TOY_MIGRATIONS=str(migrations)) as migrating:
        assert await migrating.ended() == 0
        assert b"service/0001_pre_first.sql" in migrating.output
    await seed_directory(dsn)
    async with process(dsn, TOY_MIGRATIONS=str(migrations)) as service:
        await service.until("/readyz", 200)


@pytest.mark.parametrize("how", ["ends", "raises"])
async def test_a_worker_that_ends_ends_the_process_so_that_it_is_started_anew(
    make_database: MakeDatabase, how: str
) -> None:
    async with process(await make_database("runtime"), CONCORD_ROLES_RUN="http,consumer", TOY_WORKER=how) as service:
        assert await service.ended() == 1
        assert b'"event":"worker.ended"' in service.output
        assert b"troubled" in service.output


async def test_without_a_database_the_process_lives_waits_and_becomes_ready(
    make_database: MakeDatabase, postgres: EmbeddedPostgres
) -> None:
    dsn = await make_database("runtime")
    name = dsn.rsplit("/", 1)[1]
    async with process(dsn.removesuffix(name) + "late") as service:
        await service.until("/livez", 200)
        unready = await service.until("/readyz", 503)
        assert unready.json()["status"] == "unready"
        answer = await service.get("/failures/unforeseen")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert answer.headers["retry-after"] == "1"
        admin = await asyncpg.connect(postgres.admin_dsn)
        await admin.execute(f'CREATE DATABASE late TEMPLATE "{name}" OWNER runtime')
        await admin.close()
        await service.until("/readyz", 200)


async def test_a_broker_that_is_away_degrades_but_does_not_close_the_door(make_database: MakeDatabase) -> None:
    async with process(await make_database("runtime"), CONCORD_ROLES_RUN="http,relay,ticks") as service:
        async with asyncio.timeout(20):
            while True:
                ready = await service.until("/readyz", 200)
                if ready.json()["status"] == "degraded":
                    break
                await asyncio.sleep(0.2)
        relay = ready.json()["checks"]["relay"]
        assert (relay["ok"], relay["state"]) == (False, "failing")
        assert (await service.get("/things")).status_code == 401


async def test_replay_and_unpark_say_what_they_did(make_database: MakeDatabase) -> None:
    dsn = await make_database("runtime")
    async with process(dsn, "replay", "--topic", "toy-things") as replay:
        assert (await replay.ended(), replay.output) == (0, b"toy: 0 facts will be published again\n")
    async with process(dsn, "unpark") as unpark:
        assert await unpark.ended() == 0
        assert b"0 events applied, 0 still parked" in unpark.output


async def test_a_wrong_setting_is_named_as_the_environment_names_it(make_database: MakeDatabase) -> None:
    async with process("", CONCORD_ROLES_RUN="http,cron", CONCORD_PORT="many", CONCORD_DATABASE_URL="pw") as service:
        assert await service.ended() == 2
    lines = service.output.decode().splitlines()
    assert [line.split(": ")[1] for line in lines] == ["CONCORD_PORT", "CONCORD_ROLES_RUN"]
    assert "pw" not in service.output.decode()


async def test_start_and_stop_hooks_run_around_everything_and_give_state(make_database: MakeDatabase) -> None:
    told: list[str] = []

    async def start(rt: Runtime) -> dict[str, int]:
        async with rt.db.connection() as tx:
            told.append(f"start {await tx.fetchval('SELECT 1')}")
        return {"answer": 42}

    async def stop(rt: Runtime) -> None:
        told.append(f"stop {rt.state['answer']}")

    service = replace(toy.SERVICE, start=start, stop=stop)
    async with running_service(service, await make_database("runtime")) as api:
        assert api.rt.state == {"answer": 42}
    assert told == ["start 1", "stop 42"]


async def test_a_start_hook_that_fails_fails_the_service(make_database: MakeDatabase) -> None:
    async def start(_rt: Runtime) -> None:
        raise RuntimeError("no key file")

    with pytest.raises(Failure, match="no key file"):
        async with running_service(replace(toy.SERVICE, start=start), await make_database("runtime")):
            pass


async def test_one_worker_that_ends_cancels_the_others_and_reports_who_it_was(make_database: MakeDatabase) -> None:
    cancelled = asyncio.Event()

    async def lasting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def brief() -> None:
        await asyncio.sleep(0.05)

    def jobs(service: Any, rt: Runtime) -> list[Job]:
        return [Job("lasting", lasting, lambda: {"ok": True, "lag": 3}), Job("brief", brief)]

    app = create_app(toy.SERVICE, _settings(await make_database("runtime")), validator=people.validator())
    supervisor: Supervisor = app.state.supervisor
    supervisor._make_jobs = jobs

    async def watched() -> None:
        async with running(app), Api(app) as api:
            assert (await api.get("/readyz")).json()["checks"]["lasting"] == {"ok": True, "lag": 3}
            async with asyncio.timeout(20):
                await cancelled.wait()

    with pytest.raises(Failure, match="worker brief ended"):
        await watched()


async def test_readyz_follows_the_database(make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_service(toy.SERVICE, await make_database("runtime")) as api:
        assert (await api.get("/readyz")).status_code == 200

        async def away() -> bool:
            return False

        monkeypatch.setattr(api.rt.db, "is_up", away)
        await asyncio.sleep(0.6)
        answer = await api.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "unready")
        assert (await api.get("/livez")).status_code == 200


async def test_a_process_without_the_http_role_has_probes_but_no_api(make_database: MakeDatabase) -> None:
    async with running_service(toy.SERVICE, await make_database("runtime"), roles_run="ticks") as api:
        assert (await api.get("/readyz")).json()["checks"]["database"] is True
        assert (await api.get("/things", who="officer")).status_code == 404
        assert (await api.get("/docs")).status_code == 404


def _settings(dsn: str, **more: Any) -> Any:
    return toy.SERVICE.settings(database_url=dsn, roles_run="http", log_level="ERROR", **more)


def test_a_plain_router_is_refused_at_start_because_it_reads_the_bodies_of_strangers() -> None:
    plain, settings = APIRouter(), toy.SERVICE.settings(database_url="postgresql://nobody@127.0.0.1:1/none")

    @plain.post("/anything")
    async def anything(body: dict[str, str]) -> None:
        """Takes anything from anybody."""

    with pytest.raises(TypeError, match=r"/anything is on a plain APIRouter"):
        create_app(replace(toy.SERVICE, router=(*toy.SERVICE.routers, plain)), settings)


async def test_an_idle_connection_outlives_those_of_common_proxies_and_is_a_setting(
    make_database: MakeDatabase,
) -> None:
    async def idle_until_closed(port: int, limit_s: float) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n")
            async with asyncio.timeout(limit_s):
                return await reader.read() != b""
        except TimeoutError:
            return False
        finally:
            writer.close()

    dsn = await make_database("runtime")
    async with process(dsn, CONCORD_HTTP_KEEP_ALIVE_S="1") as brief, process(dsn) as usual:
        await asyncio.gather(brief.until("/readyz", 200), usual.until("/readyz", 200))
        closed = await asyncio.gather(idle_until_closed(brief.port, 10), idle_until_closed(usual.port, 7))
        assert list(closed) == [True, False]
    assert Settings(database_url="postgresql://x").http_keep_alive_s > 60
