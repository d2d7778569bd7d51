"""Rows at commit: what a transaction adds is written by its last statement, all of it or nothing."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import orjson
import pytest

from shared.runtime.acts import history, outbox
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.at_commit import MANY, AppendOnly, insert_at_commit, notify_at_commit
from shared.runtime.db.postgres import Database, PartFailed, Tx
from tests.integration.runtime.world import Note
from tests.support.fixtures import MakeDatabase

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LINES = AppendOnly("line", {"n": "integer", "text": "text"})
TOLD = "SELECT value FROM outbox ORDER BY id"
TABLE = "CREATE TABLE line (id bigint GENERATED ALWAYS AS IDENTITY, n integer PRIMARY KEY, text text)"


@pytest.fixture
async def dsn(make_database: MakeDatabase) -> str:
    return await make_database("runtime", TABLE)


@pytest.fixture
async def lines(db: Database) -> Database:
    return db


async def written(db: Database) -> list[int]:
    async with db.connection() as connection:
        return [row["n"] for row in await connection.fetch("SELECT n FROM line ORDER BY id")]


def moved(tx: Tx) -> None:
    history.add(
        tx, aggregate="thing", aggregate_id=uuid7(), action="make", from_status=None, to_status="made",
        who=Caller.system("test"), why="it was asked for", at=NOW,
    )  # fmt: skip


async def test_rows_of_every_table_go_in_together_and_in_order(lines: Database) -> None:
    statements: list[str] = []
    async with lines.transaction() as tx:
        tx.add_query_logger(lambda record: statements.append(record.query))
        insert_at_commit(tx, LINES, (3, "c"), (1, None))
        moved(tx)
        outbox.add(tx, Note(subject="a", n=1), at=NOW)
        insert_at_commit(tx, LINES, (2, "b"))
        assert await tx.fetchval("SELECT count(*) FROM line") == 0, "nobody inside reads them"
    assert await written(lines) == [3, 1, 2]
    writing = [query for query in statements if "INSERT" in query]
    assert len(writing) == 1
    assert all(table in writing[0] for table in ("line", "history", "outbox"))


async def test_very_many_rows_go_in_by_copy_in_order_beside_the_few(lines: Database) -> None:
    many = [(n, None if n % 2 else f"第{n}行") for n in range(MANY, 0, -1)]
    async with lines.transaction() as tx:
        insert_at_commit(tx, LINES, *many)
        outbox.add(tx, *(Note(subject="a", n=n) for n in range(MANY)), at=NOW)
        moved(tx)
    assert await written(lines) == [n for n, _ in many]
    async with lines.connection() as connection:
        told = [orjson.loads(row["value"])["data"]["n"] for row in await connection.fetch(TOLD)]
        assert await connection.fetchval("SELECT count(*) FROM history") == 1
    assert told == list(range(MANY))
    with pytest.raises(asyncpg.UniqueViolationError):  # noqa: PT012
        async with lines.transaction() as tx:
            moved(tx)
            insert_at_commit(tx, LINES, *((n + MANY, "") for n in range(1, MANY)), (1, "again"))
    assert await written(lines) == [n for n, _ in many]


async def test_a_transaction_that_fails_wrote_nothing(lines: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with lines.transaction() as tx:
            insert_at_commit(tx, LINES, (1, ""))
            raise ZeroDivisionError
    with pytest.raises(PartFailed):  # noqa: PT012
        async with lines.transaction() as tx:
            insert_at_commit(tx, LINES, (2, ""))
            with pytest.raises(ZeroDivisionError):
                async with lines.transaction():
                    raise ZeroDivisionError
    assert await written(lines) == []


async def test_a_row_that_is_refused_takes_the_whole_transaction_back(lines: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):  # noqa: PT012
        async with lines.transaction() as tx:
            await tx.execute("INSERT INTO line (n, text) VALUES (9, 'by the verb')")
            insert_at_commit(tx, LINES, (1, ""), (1, "again"))
    assert await written(lines) == []
    async with lines.transaction() as tx:
        insert_at_commit(tx, LINES, (1, "the connection is as good as new"))
    assert await written(lines) == [1]


async def test_parts_of_a_transaction_share_its_end(lines: Database) -> None:
    async with lines.transaction() as outer:
        async with lines.transaction() as inner:
            assert inner is outer
            insert_at_commit(inner, LINES, (1, ""))
        assert await outer.fetchval("SELECT count(*) FROM line") == 0
    assert await written(lines) == [1]


async def test_outside_a_transaction_nothing_is_taken(lines: Database, make_database: MakeDatabase) -> None:
    async with lines.connection() as connection:
        with pytest.raises(RuntimeError, match=r"Database\.transaction"):
            insert_at_commit(connection, LINES, (1, ""))
    async with lines.transaction() as ended:
        pass
    with pytest.raises(RuntimeError):
        moved(ended)
    other = await Database.connect(await make_database("runtime"), application_name="test")
    async with lines.transaction() as outer, other.transaction():
        with pytest.raises(RuntimeError):
            insert_at_commit(outer, LINES, (1, ""))
    await other.close()
    assert await written(lines) == []


async def test_two_tasks_write_their_own_rows(lines: Database) -> None:
    async def write(n: int) -> None:
        async with lines.transaction() as tx:
            insert_at_commit(tx, LINES, (n, ""))
            await asyncio.sleep(0.01)

    await asyncio.gather(*(write(n) for n in range(8)))
    assert sorted(await written(lines)) == list(range(8))


async def test_a_note_reaches_its_listeners_once_and_only_after_the_commit(lines: Database) -> None:
    heard: list[tuple[str, str]] = []
    listener = await lines.dedicated("listener")
    await listener.add_listener("bell", lambda *given: heard.append((given[2], str(given[3]))))
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with lines.transaction() as tx:
            notify_at_commit(tx, "bell", "never")
            raise ZeroDivisionError
    async with lines.transaction() as tx:
        for payload in ("a", "b", "a"):
            notify_at_commit(tx, "bell", payload)
        await asyncio.sleep(0.05)
        assert heard == []
    await asyncio.sleep(0.1)
    await listener.close()
    assert heard == [("bell", "a"), ("bell", "b")]


CHANGE = "UPDATE line SET text = $2 WHERE n = $1 AND text = $3"
