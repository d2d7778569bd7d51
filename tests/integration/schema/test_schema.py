"""The schema that the migrations make: as it was last read, additive in every pre file, and what the code's SQL needs.

Old code on a new schema: we do not run the code of the release before. We hold every pre file to adding only, by
comparing the catalogue before and after it (`deploy.schema.breaks`). A file that changes a rule of an existing table
and still refuses nothing that older code writes says so: `-- widens NAME: why`.
"""

import importlib
import re
from pathlib import Path

import asyncpg
import pytest

from deploy import schema
from local_stack.postgres import EmbeddedPostgres
from shared.runtime.db import migrations
from tests.support.fixtures import ROOT, MakeDatabase

ROLES = [folder.parent.name for folder in sorted(ROOT.glob("services/*/migrations"))]
WIDENS = re.compile(r"^-- widens (\w+): \w", re.MULTILINE)
STATEMENT = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\s[^;]*", re.DOTALL)
HOLE = re.compile(r"(?<!')\{\w*\}")


async def test_the_golden_schemas_are_what_the_migrations_make(postgres: EmbeddedPostgres) -> None:
    for path, text in (await schema.golden(postgres)).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.relative_to(ROOT)} is old: run `make generate`"


@pytest.mark.parametrize("role", ["runtime", *ROLES])
async def test_a_pre_file_takes_nothing_away_from_the_code_before_it(make_database: MakeDatabase, role: str) -> None:
    folder = None if role == "runtime" else ROOT / "services" / role / "migrations"
    dsn = await make_database("empty")
    before = await schema.read(dsn)
    for file in migrations.files(folder):
        after = await _after(dsn, file.sql)
        if "_pre_" in file.name:
            widened = set(WIDENS.findall(file.sql))
            assert [why for why in schema.breaks(before, after) if not widened & set(re.findall(r"\w+", why))] == []
        before = after


BEFORE = """
CREATE TABLE a (id int PRIMARY KEY, n int NOT NULL DEFAULT 1, m text, CONSTRAINT positive CHECK (n > 0), UNIQUE (m));
CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT x';
"""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("DROP TABLE a", "a is gone"),
        ("ALTER TABLE a RENAME TO b", "a is gone"),
        ("ALTER TABLE a DROP m", "a.m was text, is gone"),
        ("ALTER TABLE a RENAME m TO o", "a.m was text, is gone"),
        ("ALTER TABLE a ALTER n TYPE bigint", "a.n was integer, is bigint"),
        ("ALTER TABLE a ADD o int NOT NULL", "a.o must be given now"),
        ("ALTER TABLE a ALTER n DROP DEFAULT", "a.n must be given now"),
        ("ALTER TABLE a ALTER m SET NOT NULL", "a.m may not be null now"),
        ("ALTER TABLE a ADD CONSTRAINT small CHECK (n < 9) NOT VALID", "a is held to CHECK ((n < 9)) NOT VALID"),
        ("CREATE UNIQUE INDEX one ON a (n)", "a is held to CREATE UNIQUE INDEX one"),
        ("ALTER TABLE a DROP CONSTRAINT a_m_key", "a lost a_m_key"),
        ("DROP FUNCTION f", "f(x integer) is gone"),
    ],
)
async def test_what_would_break_older_code_is_seen(make_database: MakeDatabase, change: str, why: str) -> None:
    dsn = await make_database("empty")
    before = await _after(dsn, BEFORE)
    found = schema.breaks(before, await _after(dsn, change))
    assert any(line.startswith(why) for line in found), found


async def test_what_only_adds_breaks_nothing(make_database: MakeDatabase) -> None:
    dsn = await make_database("empty")
    before = await _after(dsn, BEFORE)
    change = """
    ALTER TABLE a ADD o int, ADD p int NOT NULL DEFAULT 0, ADD q int GENERATED ALWAYS AS IDENTITY;
    CREATE INDEX quick ON a (n); CREATE TABLE b (id int PRIMARY KEY); ALTER TABLE a DROP CONSTRAINT positive;
    """
    assert schema.breaks(before, await _after(dsn, change)) == []


@pytest.mark.parametrize("role", ["runtime", *ROLES])
async def test_every_statement_of_the_code_can_be_prepared(make_database: MakeDatabase, role: str) -> None:
    connection = await asyncpg.connect(await make_database(role))
    statements = _statements(role)
    assert len(statements) > 1
    wrong = []
    for name, sql in statements.items():
        try:
            await connection.prepare(HOLE.sub("true", sql))
        except asyncpg.PostgresSyntaxError as error:
            if not HOLE.search(sql):  # a hole that is not a condition is filled by its own tests
                wrong.append(f"{name}: {error}")
        except asyncpg.PostgresError as error:
            wrong.append(f"{name}: {error}")
    await connection.close()
    assert wrong == []


def _statements(role: str) -> dict[str, str]:
    """The SQL that stands as constants in a service's store, or anywhere in the runtime: where → text."""
    source, files = ROOT / "shared/src", (ROOT / "shared/src/shared/runtime").rglob("*.py")
    if role != "runtime":
        source = ROOT / "services" / role / "src"
        files = (path for path in source.rglob("*.py") if "store" in str(path.relative_to(source)))
    found: dict[str, str] = {}
    for path in sorted(files):
        module = importlib.import_module(_module(path.relative_to(source)))
        texts = {name: value for name, value in vars(module).items() if isinstance(value, str)}
        found |= {f"{module.__name__}.{name}": sql for name, sql in texts.items() if STATEMENT.fullmatch(sql)}
    return found


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


async def _after(dsn: str, sql: str) -> schema.Schema:
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()
    return await schema.read(dsn)
