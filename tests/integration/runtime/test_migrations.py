"""Migrations: in order, a transaction each, once, raced and killed; no program runs on a schema that does not fit."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

from shared.runtime.db import migrations
from shared.runtime.db.migrations import ChangedFile, NewSchema, OldSchema
from shared.runtime.db.postgres import Database
from tests.support.fixtures import ROOT, MakeDatabase

A = "CREATE TABLE a (n int)"
SLOW = "SELECT pg_sleep(300)"
MIGRATE = """
import asyncio, pathlib, sys
from shared.runtime.db.migrations import upgrade
asyncio.run(upgrade(sys.argv[1], pathlib.Path(sys.argv[2])))
"""
ASLEEP = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'migrate' AND wait_event = 'PgSleep'
"""
GONE = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'migrate'
"""


def folder_of(path: Path, **sql: str) -> Path:
    """A folder with these files: `folder_of(path, pre_a="CREATE …", post_b="DROP …")` numbers them 0001, 0002."""
    path.mkdir(exist_ok=True)
    for number, (name, text) in enumerate(sql.items(), start=1):
        (path / f"{number:04}_{name}.sql").write_text(text)
    return path


async def ask(dsn: str, question: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(question)
    await connection.close()
    return [str(row[0]) for row in rows]


async def tables(dsn: str) -> set[str]:
    return set(await ask(dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))


def own(done: list[migrations.File]) -> list[str]:
    """Names of a service's files, without the runtime's."""
    return [file.name.removeprefix("service/") for file in done if file.name.startswith("service/")]


async def test_the_runtime_comes_first_and_files_run_in_order_and_once(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    dsn = await make_database("empty")
    folder = folder_of(tmp_path, pre_a=f"{A}; INSERT INTO outbox_topic VALUES ('x')")
    done = await migrations.upgrade(dsn, folder)
    assert done[0].name == "runtime/0001_pre_runtime.sql"
    folder_of(tmp_path, pre_a=(tmp_path / "0001_pre_a.sql").read_text(), pre_b="INSERT INTO a SELECT 1; -- 100 % :x $1")
    assert own(await migrations.upgrade(dsn, folder)) == ["0002_pre_b.sql"]
    assert await migrations.upgrade(dsn, folder) == []
    assert await ask(dsn, "SELECT count(*) FROM a") == ["1"]


async def test_a_file_that_fails_leaves_nothing_of_itself_and_keeps_what_came_before(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    dsn = await make_database("empty")
    folder = folder_of(tmp_path, pre_a=A, pre_b="CREATE TABLE b (n int); SELECT 1/0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrations.upgrade(dsn, folder)
    assert {"a", "b"} & await tables(dsn) == {"a"}
    folder_of(tmp_path, pre_a=A, pre_b="CREATE TABLE b (n int)")
    assert own(await migrations.upgrade(dsn, folder)) == ["0002_pre_b.sql"]


async def test_four_that_migrate_at_once_do_it_once(make_database: MakeDatabase, tmp_path: Path) -> None:
    dsn = await make_database("empty")
    folder = folder_of(tmp_path, pre_a=f"{A}; SELECT pg_sleep(0.2)", pre_b="INSERT INTO a SELECT 1")
    done = await asyncio.gather(*(migrations.upgrade(dsn, folder) for _ in range(4)))
    assert sorted(map(own, done)) == [[], [], [], ["0001_pre_a.sql", "0002_pre_b.sql"]]
    assert await ask(dsn, "SELECT count(*) FROM a") == ["1"]


async def test_a_process_killed_between_two_files_is_taken_over(make_database: MakeDatabase, tmp_path: Path) -> None:
    dsn = await make_database("empty")
    folder = folder_of(tmp_path, pre_a=A, pre_b=f"CREATE TABLE b (n int); {SLOW}")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, dsn, str(folder))
    async with asyncio.timeout(60):
        while not await ask(dsn, ASLEEP):  # noqa: ASYNC110 -- the other process has no event of ours
            await asyncio.sleep(0.05)
    process.kill()
    await process.wait()
    # The server notices a lost client when it next writes to it; an operating system that restarts does this for us.
    assert await ask(dsn, GONE) == ["True"]
    assert {"a", "b"} & await tables(dsn) == {"a"}
    folder_of(tmp_path, pre_a=A, pre_b="CREATE TABLE b (n int)")
    assert own(await migrations.upgrade(dsn, folder)) == ["0002_pre_b.sql"]


async def test_a_lock_that_is_not_given_ends_the_file_and_lets_others_pass(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "TIMEOUTS", "SET lock_timeout = '200ms'")
    dsn = await make_database("empty")
    await migrations.upgrade(dsn, folder_of(tmp_path, pre_a=A))
    reader = await asyncpg.connect(dsn)
    async with reader.transaction():
        await reader.execute("SELECT 1 FROM a")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await migrations.upgrade(dsn, folder_of(tmp_path, pre_a=A, pre_b="ALTER TABLE a ADD m int"))
    await reader.close()
    assert own(await migrations.upgrade(dsn, tmp_path)) == ["0002_pre_b.sql"]


async def test_each_program_runs_only_on_a_schema_that_fits(make_database: MakeDatabase, tmp_path: Path) -> None:
    old = folder_of(tmp_path / "old", pre_a=A)
    new = folder_of(tmp_path / "new", pre_a=A, pre_b="ALTER TABLE a ADD m int", post_c="ALTER TABLE a DROP n")
    dsn = await make_database("empty")
    db = await Database.connect(dsn, application_name="test")
    with pytest.raises(OldSchema, match=r"0001_pre_a\.sql: run migrate"):
        await migrations.require(db, old)
    await migrations.upgrade(dsn, old)
    await migrations.require(db, old)
    with pytest.raises(OldSchema, match=r"lacks service/0002_pre_b\.sql: run migrate"):
        await migrations.require(db, new)

    assert own(await migrations.upgrade(dsn, new)) == ["0002_pre_b.sql"]  # the post file waits
    await migrations.require(db, old)  # both run while one takes over from the other
    await migrations.require(db, new)
    assert await migrations.pending(db, new) == []

    assert own(await migrations.upgrade(dsn, new, post=True)) == ["0003_post_c.sql"]
    await migrations.require(db, new)
    with pytest.raises(NewSchema, match=r"0003_post_c\.sql"):
        await migrations.require(db, old)
    await db.close()


async def test_a_post_file_is_applied_before_the_pre_files_that_follow_it(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    dsn = await make_database("empty")
    await migrations.upgrade(dsn, folder_of(tmp_path, pre_a=A))
    folder_of(tmp_path, pre_a=A, post_b="DROP TABLE a", pre_c=A, post_d="DROP TABLE a")
    assert own(await migrations.upgrade(dsn, tmp_path)) == ["0002_post_b.sql", "0003_pre_c.sql"]


async def test_an_empty_database_gets_everything_at_once(make_database: MakeDatabase, tmp_path: Path) -> None:
    dsn = await make_database("empty")
    done = await migrations.upgrade(dsn, folder_of(tmp_path, pre_a=A, post_b="DROP TABLE a"))
    assert own(done) == ["0001_pre_a.sql", "0002_post_b.sql"]


async def test_a_file_that_changed_after_it_was_applied_is_refused(make_database: MakeDatabase, tmp_path: Path) -> None:
    dsn = await make_database("empty")
    await migrations.upgrade(dsn, folder_of(tmp_path, pre_a=A))
    folder_of(tmp_path, pre_a="CREATE TABLE a (n bigint)", pre_b="SELECT 1")
    db = await Database.connect(dsn, application_name="test")
    with pytest.raises(ChangedFile, match="0001_pre_a"):
        await migrations.require(db, tmp_path)
    with pytest.raises(ChangedFile, match="0001_pre_a"):
        await migrations.upgrade(dsn, tmp_path)
    await db.close()


async def test_two_branches_that_went_different_ways_are_not_mixed(make_database: MakeDatabase, tmp_path: Path) -> None:
    dsn = await make_database("empty")
    await migrations.upgrade(dsn, folder_of(tmp_path / "one", pre_a=A, pre_b="SELECT 1"))
    other = folder_of(tmp_path / "other", pre_a=A, pre_c="SELECT 2")
    with pytest.raises(NewSchema, match=r"0002_pre_b.*does not know"):
        await migrations.upgrade(dsn, other)


@pytest.mark.parametrize("name", ["0001_a.sql", "0002_pre_a.sql", "0001_pre_A.sql", "0001_pre_a.py", "readme.md"])
def test_a_file_whose_name_says_too_little_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(A)
    with pytest.raises(ValueError, match="expected 0001_pre_title"):
        migrations.files(tmp_path)


def test_every_service_has_files() -> None:
    folders = list(ROOT.glob("services/*/migrations"))
    assert len(folders) == len(list(ROOT.glob("services/*/pyproject.toml")))
    assert all(own(migrations.files(folder)) for folder in folders)
