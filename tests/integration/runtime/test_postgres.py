"""Transactions join the one that is open in the same task, and only there."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import asyncpg
import pytest

from shared.runtime.acts import audit, history
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Database, PartFailed, SessionLost, Tx, is_transient
from tests.integration.runtime.world import effects, kill_session

ADD = "INSERT INTO effect (key, n) VALUES ($1, $2)"


async def test_a_nested_transaction_is_part_of_the_outer_one(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with db.transaction() as outer:
            await outer.execute(ADD, "outer", 1)
            async with db.transaction() as inner:
                assert inner is outer
                await inner.execute(ADD, "inner", 1)
            raise ZeroDivisionError
    assert await effects(db) == []


async def test_a_part_that_fails_takes_the_whole_with_it_even_if_somebody_catches_it(db: Database) -> None:
    with pytest.raises(PartFailed):  # noqa: PT012
        async with db.transaction() as outer:
            await outer.execute(ADD, "outer", 1)
            with pytest.raises(ZeroDivisionError):  # noqa: PT012
                async with db.transaction() as inner:
                    await inner.execute(ADD, "inner", 1)
                    raise ZeroDivisionError
    assert await effects(db) == []


async def test_a_savepoint_that_fails_leaves_the_outer_one_whole(db: Database) -> None:
    async with db.transaction() as outer:
        await outer.execute(ADD, "outer", 1)
        with pytest.raises(asyncpg.NotNullViolationError):
            async with outer.transaction():
                await outer.execute(ADD, "inner", None)
        async with db.connection() as reader:
            assert await reader.fetchval("SELECT count(*) FROM effect") == 1, "a read inside sees its own writes"
    assert await effects(db) == [("outer", 1)]


async def test_a_task_spawned_inside_has_a_transaction_of_its_own(db: Database) -> None:
    async def spawned() -> None:
        async with db.transaction() as tx:
            assert tx is not outer
            await tx.execute(ADD, "spawned", 1)

    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with db.transaction() as outer:
            await outer.execute(ADD, "outer", 1)
            await asyncio.create_task(spawned())
            raise ZeroDivisionError
    assert await effects(db) == [("spawned", 1)]


async def test_after_a_transaction_the_next_one_is_new(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(ADD, "first", 1)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with db.transaction() as tx:
            await tx.execute(ADD, "second", 1)
            raise ZeroDivisionError
    assert await effects(db) == [("first", 1)]


async def test_json_goes_in_and_out_as_python_values_also_by_copy(db: Database) -> None:
    value = {"a": [1, {"b": "京"}], "c": None}
    async with db.transaction() as tx:
        await tx.execute("CREATE TEMP TABLE j (v jsonb) ON COMMIT DROP")
        await tx.execute("INSERT INTO j VALUES ($1)", value)
        await tx.copy_records_to_table("j", records=[(value,)])
        assert [row["v"] for row in await tx.fetch("SELECT v FROM j")] == [value, value]


async def test_a_lost_session_is_transient_and_the_pool_recovers(db: Database, dsn: str) -> None:
    with pytest.raises(Exception, match=r"terminat|clos") as caught:  # noqa: PT012
        async with db.transaction() as tx:
            await kill_session(dsn, "test")
            await tx.execute("SELECT 1")
    assert is_transient(caught.value)
    assert await db.is_up()


@pytest.mark.parametrize("use", [Database.connection, Database.transaction])
async def test_a_session_that_ends_between_two_steps_of_its_driver_is_transient_for_reads_as_for_writes(
    db: Database, use: Callable[[Database], AbstractAsyncContextManager[Tx]]
) -> None:
    with pytest.raises(SessionLost) as caught:
        async with use(db):
            raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    assert is_transient(caught.value)
    with pytest.raises(KeyError):
        async with use(db):
            raise KeyError("a mistake of ours stays one")


async def test_whatever_goes_wrong_with_a_read_whose_session_is_gone_is_its_loss(db: Database) -> None:
    with pytest.raises(SessionLost):  # noqa: PT012
        async with db.connection() as connection:
            connection.terminate()
            raise asyncpg.InternalClientError("whatever asyncpg makes of it")


async def test_what_a_statement_itself_does_wrong_is_not_transient(db: Database) -> None:
    async with db.connection() as connection:
        for wrong in ("SELECT 1/0", "SELECT nothing", "SET LOCAL statement_timeout = 10; SELECT pg_sleep(1)"):
            with pytest.raises(asyncpg.PostgresError) as caught:
                async with db.transaction() as tx:
                    await tx.execute(wrong)
            assert not is_transient(caught.value), wrong
        with pytest.raises(asyncpg.PostgresError) as caught:
            await connection.execute("DO $$ BEGIN RAISE deadlock_detected; END $$")
        assert is_transient(caught.value)


async def test_settings_that_protect_the_database_are_on(db: Database) -> None:
    async with db.connection() as connection:
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"
        assert await connection.fetchval("SHOW statement_timeout") == "30s"
        assert await connection.fetchval("SHOW timezone") == "UTC"


async def test_moves_and_refusals_leave_a_trail(db: Database) -> None:
    now, about = datetime.now(UTC), uuid7()
    async with db.transaction() as tx:
        history.add(
            tx, aggregate="site", aggregate_id=about, action="grant", from_status=None, to_status="granted",
            who=Caller.system("registry"), why="asked for", at=now,
        )  # fmt: skip
        await audit.record(
            tx, who=None, act="revoke", resource=f"site/{about}", outcome="refused", code="forbidden", at=now
        )
    async with db.connection() as tx:
        move = await tx.fetchrow("SELECT * FROM history WHERE aggregate_id = $1", about)
        refusal = await tx.fetchrow("SELECT * FROM audit WHERE resource = $1", f"site/{about}")
    assert move is not None
    assert (move["subject"], move["to_status"], move["at"]) == ("system:registry", "granted", now)
    assert refusal is not None
    assert (refusal["subject"], refusal["outcome"], refusal["code"]) == (None, "refused", "forbidden")
