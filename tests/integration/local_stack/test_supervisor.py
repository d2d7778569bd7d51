"""The supervisor, with services that do nothing: order, restarts, faults, and nothing left behind."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import asyncpg
import httpx
import pytest

from concord.sdk import NoStack
from concord.sdk.places import is_running
from local_stack.broker import Broker
from local_stack.errors import AlreadyRunning, StartFailed
from local_stack.postgres import EmbeddedPostgres
from local_stack.state import Folder
from local_stack.supervisor import LocalStack
from local_stack.topology import Service

FAKES = Path(__file__).parents[2] / "support" / "fakes"
ONE, TWO = Service("fake-one", 18_001, "a fake"), Service("fake-two", 18_002, "another fake")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that several tests start a stack in, one after the other."""
    return tmp_path_factory.mktemp("stack")


def _stack(root: Path, console: io.StringIO | None = None, **modes: str) -> LocalStack:
    env: Mapping[str, str] = {"PYTHONPATH": str(FAKES), "FAKE_JOURNAL": str(root / "journal"), **modes}
    root.mkdir(exist_ok=True)
    return LocalStack(root=root, services=[ONE, TWO], provider=False, env={"*": env}, durable=False, console=console)


def _journal(root: Path) -> list[str]:
    return (root / "journal").read_text().splitlines()


async def _until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to pass"
        await asyncio.sleep(0.05)


async def test_everything_starts_in_order_and_nothing_is_left(kept: Path) -> None:
    console = io.StringIO()
    async with _stack(kept, console) as stack:
        assert sorted(_journal(kept)) == ["fake_one serve", "fake_two serve"]
        async with httpx.AsyncClient() as http:
            assert (await http.get(stack.url("fake-one"))).text == stack.bootstrap
        connection = await asyncpg.connect(stack.dsn("fake-two"))
        assert await connection.fetchval("SELECT current_database()") == "fake_two"
        await connection.close()
        assert len((await stack.token("culture-a")).split(".")) == 3
        told = json.loads((kept / "stack.json").read_text())
        assert told["services"]["fake-one"] == stack.url("fake-one")
        assert told["kafka"]["bootstrap"] == stack.bootstrap
        assert Folder(kept).running() == told
        assert told["pids"].keys() == {"issuer", "mail", "fake-one", "fake-two"}
        pids = [pid for pid in told["pids"].values() if pid]
        assert len(pids) == 4
    assert not any(is_running(pid) for pid in pids)
    assert not (kept / "stack.json").exists()
    assert "fake-one       | fake_one serves" in console.getvalue()
    assert "fake_two serves" in (kept / "log" / "fake-two.log").read_text()


async def test_a_second_start_keeps_the_data(kept: Path) -> None:
    if not (kept / "postgres").exists():
        async with _stack(kept):
            pass
    (kept / "journal").write_text("")
    async with _stack(kept):
        verbs = [line.split()[1] for line in _journal(kept)]
    assert verbs == ["serve", "serve"]


async def test_a_killed_service_comes_back_and_stack_json_knows(kept: Path) -> None:
    async with _stack(kept) as stack:
        before = stack.children["fake-one"].pid
        stack.kill("fake-one")
        await _until(lambda: stack.children["fake-one"].pid not in {before, None})
        await stack.wait_ready("fake-one")
        assert json.loads((kept / "stack.json").read_text())["pids"]["fake-one"] == stack.children["fake-one"].pid
        await stack.stop("fake-two")
        assert stack.children["fake-two"].pid is None
        await stack.start("fake-two")


async def test_a_broker_that_dies_comes_back_and_replay_asks_every_service(kept: Path) -> None:
    async with _stack(kept) as stack:
        (kept / "journal").write_text("")
        address = stack.bootstrap
        stack.broker.kill()
        await _until(stack.broker.is_alive)
        assert stack.bootstrap == address
        stack.stop_broker()
        await asyncio.sleep(1)
        assert not stack.broker.is_alive()
        stack.start_broker()
        await stack.replay()
        assert sorted(_journal(kept)) == ["fake_one replay", "fake_two replay"]


async def test_postgresql_that_dies_comes_back_on_its_port(kept: Path) -> None:
    async with _stack(kept) as stack:
        stack.postgres.kill()  # type: ignore[union-attr]

        async def answers() -> bool:
            try:
                await (await asyncpg.connect(stack.dsn("fake-one"))).close()
            except (OSError, asyncpg.PostgresError):
                return False
            return True

        until = time.monotonic() + 15
        while not await answers():
            assert time.monotonic() < until
            await asyncio.sleep(0.1)


async def test_a_second_stack_in_the_same_folder_is_refused(kept: Path) -> None:
    async with _stack(kept):
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
            async with _stack(kept):
                pass
        assert Folder(kept).running()


async def test_a_service_that_cannot_live_is_told_with_its_log(kept: Path) -> None:
    console = io.StringIO()
    with pytest.raises(StartFailed, match=r"fake-two dies again and again[\s\S]*fake_two cannot serve"):
        async with _stack(kept, console, FAKE_TWO="crash serve"):
            pass
    assert "DIES AGAIN AND AGAIN" in console.getvalue()
    with pytest.raises(NoStack):
        Folder(kept).running()


async def test_a_failed_migration_stops_the_start_with_what_is_wrong(kept: Path) -> None:
    class WithTables(Service):
        migrations = kept / "migrations"

    def stack() -> LocalStack:
        env = {"*": {"PYTHONPATH": str(FAKES), "FAKE_JOURNAL": str(kept / "journal")}}
        service = WithTables("fake-one", 18_001, "a fake")
        return LocalStack(root=kept, services=[service], provider=False, env=env, durable=False)

    file = WithTables.migrations / "0001_pre_all.sql"
    WithTables.migrations.mkdir()
    file.write_text("CREATE TABLE one (); CREATE TABEL two ()")
    with pytest.raises(StartFailed, match='fake-one migrate failed: syntax error at or near "TABEL"'):
        async with stack():
            pass
    file.write_text("CREATE TABLE one ()")
    async with stack() as running:  # what failed left nothing
        connection = await asyncpg.connect(running.dsn("fake-one"))
        assert await connection.fetchval("SELECT to_regclass('one')::text") == "one"
        await connection.close()


async def test_a_service_that_ignores_sigterm_ends_with_all_it_started(kept: Path) -> None:
    async with _stack(kept, FAKE_ONE="deaf") as stack:
        helper = int((kept / "journal.helper").read_text())
        assert is_running(helper)
        await stack.children["fake-one"].stop(0.5)
        await _until(lambda: not is_running(helper))


async def test_servers_of_ones_own_are_used_and_left_alone(
    tmp_path: Path, postgres: EmbeddedPostgres, broker: Broker
) -> None:
    env = {"*": {"PYTHONPATH": str(FAKES), "FAKE_JOURNAL": str(tmp_path / "journal")}}
    stack = LocalStack(
        root=tmp_path,
        services=[ONE],
        provider=False,
        env=env,
        database_url=postgres.admin_dsn,
        kafka_bootstrap=broker.bootstrap,
    )
    async with stack:
        assert stack.bootstrap == broker.bootstrap
        assert stack.dsn("fake-one").endswith(f"@127.0.0.1:{postgres.port}/fake_one")
        assert not (tmp_path / "postgres" / "data").exists()
    assert broker.is_alive()
    connection = await asyncpg.connect(stack.dsn("fake-one"))
    await connection.close()


SCRIPT = textwrap.dedent("""
    import asyncio, pathlib, sys
    from local_stack.supervisor import LocalStack
    from local_stack.topology import Service
    async def main(root, fakes):
        env = {"PYTHONPATH": fakes, "FAKE_JOURNAL": str(root / "journal")}
        services = [Service("fake-one", 18001, "a fake")]
        async with LocalStack(root=root, services=services, provider=False, env={"*": env}, durable=False) as stack:
            pids = [child.pid for child in stack.children.values()]
            print(*pids, stack.postgres.pid, stack.broker.pid, flush=True)
            await asyncio.sleep(60)
    asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
""")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
async def test_no_process_outlives_a_supervisor_that_is_killed(kept: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, str(kept), str(FAKES), stdout=subprocess.PIPE
    )
    assert supervisor.stdout
    pids = [int(pid) for pid in (await asyncio.wait_for(supervisor.stdout.readline(), 60)).split()]
    assert len(pids) == 5, "issuer, mail, service, PostgreSQL, broker"
    os.kill(supervisor.pid, signal.SIGKILL)
    await supervisor.wait()
    await _until(lambda: not any(is_running(pid) for pid in pids))
    with pytest.raises(NoStack):
        Folder(kept).running()
    async with _stack(kept):  # and the folder can be used again
        pass
