"""Files that were handed in are compared with their hash again and again, and what differs is told once."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared import rules
from shared.runtime.acts import kept_files
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.files import FileDamaged, Files
from shared.runtime.base.settings import Settings
from shared.runtime.base.stores import Folder
from shared.runtime.db.postgres import Database, Tx
from tests.support.fixtures import MakeDatabase
from tests.support.people import at, directory

NOT_KEPT = {"evidence", "kept_file"}
"""What has a look of its own, and what the look itself is kept in."""


class Kept:
    """Some files, and what was told of them."""

    def __init__(self, rt: Runtime, folder: Path) -> None:
        self.rt, self.files, self.told = rt, Files(folder), list[str]()
        self.path = Folder(folder).path

    async def add(self, content: bytes) -> str:
        async def body() -> AsyncIterator[bytes]:
            yield content

        sha256, size = await self.files.save(body())
        async with self.rt.db.transaction() as tx:
            insert = "INSERT INTO kept_file (sha256, size, stored_at) VALUES ($1, $2, $3)"
            await tx.execute(insert, sha256, size, self.rt.clock.now())
        return sha256

    async def look(self, *, days: int = 31, **options: Any) -> int:
        assert isinstance(self.rt.clock, FixedClock)
        self.rt.clock.advance(timedelta(days=days))
        return await kept_files.recheck(self.rt, self.files, self._tell, department="registry", **options)

    async def _tell(self, tx: Tx, rt: Runtime, sha256: str) -> None:
        self.told.append(sha256)

    async def audited(self) -> list[tuple[str, str]]:
        async with self.rt.db.connection() as tx:
            rows = await tx.fetch("SELECT resource, code FROM audit WHERE act = 'recheck_file' ORDER BY id")
        return [tuple(row) for row in rows]

    async def damaged(self) -> int:
        async with self.rt.db.connection() as tx:
            return int(await tx.fetchval("SELECT count(*) FROM kept_file WHERE damaged_at IS NOT NULL"))


@pytest.fixture
def kept(db: Database, dsn: str, tmp_path: Path) -> Kept:
    clock = FixedClock(at("2026-11-26T04:00"))
    rt = Runtime(db, clock, rules.load("cn-2006"), Settings(database_url=dsn), directory(clock))
    return Kept(rt, tmp_path / "files")


async def test_what_differs_and_what_is_gone_is_told_and_audited_once_until_it_is_mended(kept: Kept) -> None:
    sound, changed, gone = [await kept.add(each) for each in (b"sound", b"changed", b"gone")]
    kept.path(changed).write_bytes(b"Changed")
    kept.path(gone).unlink()
    assert await kept.look(days=29) == 0, "it is not their time yet"
    assert await kept.look(days=2) == 2
    assert set(kept.told) == {changed, gone}
    assert {resource for resource, _ in await kept.audited()} == {f"/files/{changed}", f"/files/{gone}"}
    assert await kept.look() == 2
    assert (len(kept.told), len(await kept.audited()), await kept.damaged()) == (2, 2, 2), "once"
    assert await kept.add(b"another") != sound
    kept.path(changed).write_bytes(b"changed")
    kept.path(gone).write_bytes(b"gone")
    assert (await kept.look(), await kept.damaged()) == (0, 0)
    kept.path(changed).write_bytes(b"Changed")
    assert (await kept.look(), len(kept.told)) == (1, 3), "it is new again"


async def test_a_disk_that_cannot_give_the_bytes_has_them_no_more(kept: Kept) -> None:
    sha256 = await kept.add(b"a folder by now")
    kept.path(sha256).unlink()
    kept.path(sha256).mkdir()
    assert await kept.look() == 1


async def test_a_look_that_began_before_the_bytes_came_again_says_nothing(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = await kept.add(b"genuine")
    kept.path(sha256).write_bytes(b"Genuine")

    async def slowly(self: Files, name: str) -> Any:
        async with kept.rt.db.transaction() as tx:
            await kept_files.mended(tx, name, kept.rt.clock.now())
        raise FileDamaged(sha256=name)

    with monkeypatch.context() as patch:
        patch.setattr(Files, "verified", slowly)
        assert await kept.look() == 0
    assert (kept.told, await kept.damaged()) == ([], 0)


async def test_a_run_takes_its_portion_and_the_next_one_the_rest(kept: Kept) -> None:
    for number in range(5):
        kept.path(await kept.add(str(number).encode())).write_bytes(b"x")
    assert [await kept.look(most=3), await kept.look(days=0, most=3)] == [3, 2]


@pytest.mark.parametrize("role", ["approval", "enforcement", "registry", "access-control", "coordination", "query"])
async def test_every_table_that_names_files_has_them_looked_at(make_database: MakeDatabase, role: str) -> None:
    """A new one cannot be forgotten."""
    connection = await asyncpg.connect(await make_database(role))
    named = await connection.fetch(
        "SELECT table_name FROM information_schema.columns WHERE column_name IN ('sha256', 'size')"
        " AND table_schema = 'public' GROUP BY table_name HAVING count(*) = 2"
    )
    triggers = await connection.fetch(
        "SELECT tgrelid::regclass::text AS of, pg_get_triggerdef(oid) AS says FROM pg_trigger WHERE NOT tgisinternal"
    )
    await connection.close()
    kept = {row["of"] for row in triggers if re.search(r"AFTER INSERT .* keep_file\(", row["says"])}
    assert {row["table_name"] for row in named} - NOT_KEPT == kept
