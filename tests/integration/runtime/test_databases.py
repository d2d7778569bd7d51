"""The tests' own databases: one that is lent again holds what its template holds, or it is not lent again."""

from typing import Any

import asyncpg
import pytest

from local_stack.postgres import EmbeddedPostgres
from tests.support.databases import MOST_LENDS, MUCH, Databases

TABLES = """
CREATE TABLE one (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text);
CREATE TABLE two (id bigint REFERENCES one);
CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'only added to'; END $$;
CREATE TRIGGER kept BEFORE DELETE ON one FOR EACH ROW EXECUTE FUNCTION kept();
INSERT INTO one (text) VALUES ('first')
"""
HOLDS = """
SELECT ARRAY[
    (SELECT string_agg(t::text, '|' ORDER BY t::text) FROM one t), (SELECT count(*)::text FROM two),
    (SELECT (last_value, is_called)::text FROM one_id_seq),
    (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM organisation t)
]
"""


async def ask(dsn: str, *statements: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        for each in statements[:-1]:
            await connection.execute(each)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def test_what_a_test_left_is_gone(databases: Databases) -> None:
    first = await databases.lend("runtime", TABLES)
    held = await ask(first, HOLDS)
    for left in (
        "INSERT INTO one (text) VALUES ('second'); INSERT INTO two SELECT id FROM one",
        "UPDATE one SET text = 'another'",
        "SELECT nextval('one_id_seq')",
        "DELETE FROM organisation WHERE id IN (SELECT id FROM organisation LIMIT 1)",
        "UPDATE organisation SET version = version + 1",
    ):
        assert await ask(first, left, HOLDS) != held
        databases.take_back(first)
        assert await databases.lend("runtime", TABLES) == first
        assert await ask(first, HOLDS) == held, left


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE three (n integer)",
        "DROP TABLE two",
        "TRUNCATE two",
        "ALTER TABLE one ADD more text",
        "ALTER TABLE one ALTER text SET DEFAULT 'x'",
        "ALTER TABLE one DISABLE TRIGGER kept",
        "CREATE INDEX quick ON one (text)",
        "CREATE OR REPLACE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN old; END $$",
        "CREATE SCHEMA beside",
        f"INSERT INTO one (text) SELECT repeat('x', 1000) FROM generate_series(1, {MUCH // 1000})",
    ],
)
async def test_one_that_was_altered_or_has_grown_is_not_lent_again(databases: Databases, change: str) -> None:
    first = await databases.lend("runtime", TABLES)
    await ask(first, change, "SELECT 1")
    databases.take_back(first)
    assert await databases.lend("runtime", TABLES) != first


@pytest.mark.parametrize("setting", ["SET default_transaction_read_only = off", "CONNECTION LIMIT 5"])
async def test_one_whose_settings_were_changed_is_not_lent_again(
    databases: Databases, postgres: EmbeddedPostgres, setting: str
) -> None:
    first = await databases.lend("runtime", TABLES)
    await ask(postgres.admin_dsn, f'ALTER DATABASE "{first.rpartition("/")[2]}" {setting}', "SELECT 1")
    databases.take_back(first)
    assert await databases.lend("runtime", TABLES) != first


async def test_one_that_somebody_is_connected_to_waits_until_they_have_left(databases: Databases) -> None:
    first = await databases.lend("runtime", TABLES)
    left_open = await asyncpg.connect(first)
    databases.take_back(first)
    second = await databases.lend("runtime", TABLES)
    assert second != first
    await left_open.close()
    assert await databases.lend("runtime", TABLES) == first


async def test_one_is_lent_so_often_and_then_no_more(databases: Databases) -> None:
    first = await databases.lend("runtime", f"{TABLES}; SELECT 1")
    for _ in range(1, MOST_LENDS):
        databases.take_back(first)
        assert await databases.lend("runtime", f"{TABLES}; SELECT 1") == first
    databases.take_back(first)
    assert await databases.lend("runtime", f"{TABLES}; SELECT 1") != first
