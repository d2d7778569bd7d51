"""Migrations: all or nothing, once, also when two run them; a service refuses an old schema."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared.runtime.db import migrations
from shared.runtime.db.migrations import OldSchema
from shared.runtime.db.postgres import Database
from tests.support.fixtures import ROOT, MakeDatabase

REVISION = '''
"""{doc}"""
from alembic import op
from shared.runtime.db.migrations import runtime_schema
revision = "{number}"
down_revision = {before!r}

def upgrade() -> None:
{body}
'''


def _revision(folder: Path, number: str, before: str | None, *statements: str) -> None:
    body = "\n".join(f"    op.execute({statement})" for statement in statements)
    (folder / f"{number}_x.py").write_text(REVISION.format(doc="x", number=number, before=before, body=body))


async def _tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in rows}


@pytest.mark.parametrize("below", ["", "versions"])
async def test_revisions_run_in_order_and_once(make_database: MakeDatabase, tmp_path: Path, below: str) -> None:
    folder = tmp_path / below
    folder.mkdir(exist_ok=True)
    dsn = await make_database("empty")
    _revision(folder, "0001", None, "runtime_schema(1)", '"CREATE TABLE a (n int); CREATE TABLE b (n int)"')
    assert await migrations.upgrade(dsn, tmp_path) == "0001"
    _revision(folder, "0002", "0001", "\"INSERT INTO a SELECT 1; COMMENT ON TABLE a IS '100 % of it: 10:30'\"")
    assert await migrations.upgrade(dsn, tmp_path) == migrations.head(tmp_path) == "0002"
    assert await migrations.upgrade(dsn, tmp_path) == "0002"
    assert {"a", "b", "outbox", "inbox", "alembic_version"} <= await _tables(dsn)
    db = await Database.connect(dsn, application_name="test")
    async with db.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM a") == 1
        assert await connection.fetchval("SELECT obj_description('a'::regclass)") == "100 % of it: 10:30"
    await db.close()


async def test_a_revision_that_fails_leaves_nothing_behind(make_database: MakeDatabase, tmp_path: Path) -> None:
    dsn = await make_database("empty")
    _revision(tmp_path, "0001", None, '"CREATE TABLE a (n int)"')
    _revision(tmp_path, "0002", "0001", '"CREATE TABLE b (n int); SELECT 1/0"')
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrations.upgrade(dsn, tmp_path)
    assert await _tables(dsn) == set()


async def test_two_that_migrate_at_once_do_it_once(make_database: MakeDatabase, tmp_path: Path) -> None:
    dsn = await make_database("empty")
    _revision(tmp_path, "0001", None, '"CREATE TABLE a (n int); SELECT pg_sleep(0.3)"')
    assert await asyncio.gather(*(migrations.upgrade(dsn, tmp_path) for _ in range(3))) == ["0001"] * 3


async def test_an_old_schema_is_refused_and_a_newer_one_is_not(make_database: MakeDatabase, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        _revision(folder, "0001", None, '"CREATE TABLE a (n int)"')
    _revision(new, "0002", "0001", '"CREATE TABLE b (n int)"')
    dsn = await make_database("empty")
    db = await Database.connect(dsn, application_name="test")
    with pytest.raises(OldSchema, match=r"revision none.*run migrate"):
        await migrations.require_head(db, old)
    await migrations.upgrade(dsn, old)
    await migrations.require_head(db, old)
    with pytest.raises(OldSchema, match="revision 0001, this program needs 0002"):
        await migrations.require_head(db, new)
    await migrations.upgrade(dsn, new)
    await migrations.require_head(db, old)  # old code runs on the new schema, which only adds
    await db.close()


def test_every_service_has_migrations_that_begin_with_the_runtime() -> None:
    folders = [path for path in ROOT.glob("services/*/migrations") if any(path.rglob("*.py"))]
    assert folders
    for folder in folders:
        assert "CREATE TABLE outbox" in migrations.script(folder), folder
