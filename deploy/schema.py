"""The golden schemas: what the migrations add up to, one file per service and one for the runtime, so a change is read.

``python deploy/schema.py`` writes ``services/<role>/schema.sql`` and the runtime's; a test compares them. The text is
from the catalogue of a fresh database, in the order of names; it is for reading, not for running. Partitions of a month
are left out: they come and go.
"""

import asyncio
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg

from local_stack.postgres import EmbeddedPostgres
from shared.runtime.db import migrations

ROOT: Final = Path(__file__).resolve().parents[1]
RUNTIME: Final = ROOT / "shared/src/shared/runtime/db/schema.sql"
HEAD: Final = (
    "-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.\n"
)

TABLES: Final = """
SELECT c.oid, c.relname AS name, pg_get_partkeydef(c.oid) AS partitioned, pg_get_expr(c.relpartbound, c.oid) AS bound,
       (SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid) AS parent,
       array_to_string(c.reloptions, ', ') AS options, array_to_string(c.relacl, ', ') AS granted
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND (c.relpartbound IS NULL OR pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')
 ORDER BY c.relname
"""
COLUMNS: Final = """
SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required, attidentity <> '' AS identity,
       pg_get_expr(d.adbin, d.adrelid) AS default, attgenerated <> '' AS generated,
       array_to_string(attacl, ', ') AS granted
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
 WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped
 ORDER BY attnum
"""
RULES: Final = """
SELECT conname AS name, pg_get_constraintdef(oid) AS rule FROM pg_constraint
 WHERE conrelid = $1 AND contype <> 'n' AND conparentid = 0 ORDER BY conname
"""
INDEXES: Final = """
SELECT c.relname AS name, pg_get_indexdef(indexrelid) AS rule, i.indisunique AS unique
  FROM pg_index i JOIN pg_class c ON c.oid = indexrelid
 WHERE indrelid = $1 AND NOT c.relispartition
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = indexrelid AND k.conrelid = indrelid)
 ORDER BY c.relname
"""
TRIGGERS: Final = """
SELECT tgname AS name, pg_get_triggerdef(oid) AS rule FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal ORDER BY 1
"""
COMMENTS: Final = """
SELECT attname AS name, d.description AS text
  FROM pg_description d LEFT JOIN pg_attribute ON attrelid = d.objoid AND attnum = d.objsubid AND d.objsubid > 0
 WHERE d.objoid = $1 AND d.classoid = 'pg_class'::regclass ORDER BY d.objsubid
"""
OTHERS: Final = """
SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name,
       pg_get_functiondef(p.oid) || coalesce(E'\n-- granted: ' || array_to_string(p.proacl, ', '), '') AS rule
  FROM pg_proc p LEFT JOIN pg_depend e ON e.objid = p.oid AND e.deptype = 'e'
 WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p') AND e.objid IS NULL
UNION ALL
SELECT c.relname, 'VIEW ' || c.relname || E' AS\n' || pg_get_viewdef(c.oid)
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')
UNION ALL
SELECT c.relname, 'SEQUENCE ' || c.relname
  FROM pg_class c LEFT JOIN pg_depend d ON d.objid = c.oid AND d.deptype IN ('i', 'a')
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S' AND d.objid IS NULL
UNION ALL
SELECT t.typname, 'TYPE ' || t.typname || ' ' || coalesce(
       (SELECT 'ENUM (' || string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) || ')'
          FROM pg_enum WHERE enumtypid = t.oid), format_type(t.typbasetype, t.typtypmod))
  FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd')
UNION ALL
SELECT extname, 'EXTENSION ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
 ORDER BY 1
"""


@dataclass
class Table:
    """What code sees of a table."""

    columns: dict[str, str] = field(default_factory=dict)
    """Name → type."""
    needed: set[str] = field(default_factory=set)
    """Columns that an INSERT must name."""
    strict: set[str] = field(default_factory=set)
    """Columns that are NOT NULL."""
    rules: dict[str, str] = field(default_factory=dict)
    """What a written row is held to: constraints, unique indexes, triggers."""
    text: str = ""


@dataclass
class Schema:
    """A database as its programs see it."""

    tables: dict[str, Table]
    others: dict[str, str]
    """Functions, views, sequences, types and extensions: name → text."""

    def text(self, known: "Schema | None" = None) -> str:
        """For reading; without what ``known`` has in the same words."""
        blocks = {name: table.text for name, table in self.tables.items()} | self.others
        same = {} if known is None else {name: table.text for name, table in known.tables.items()} | known.others
        return HEAD + "".join(f"\n{text}\n" for name, text in blocks.items() if same.get(name) != text)


async def read(dsn: str) -> Schema:
    """Read a database's catalogue."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = {row["name"]: await _table(connection, row) for row in await connection.fetch(TABLES)}
        others = {row["name"]: row["rule"].rstrip() + ";" for row in await connection.fetch(OTHERS)}
    finally:
        await connection.close()
    return Schema(tables, others)


def breaks(before: Schema, after: Schema) -> list[str]:
    """Why a program written for ``before`` could fail on ``after``: what a pre file must not do."""
    found = [f"{name} is gone or changed" for name, text in before.others.items() if after.others.get(name) != text]
    for name, old in before.tables.items():
        new = after.tables.get(name)
        if new is None:
            found.append(f"{name} is gone")
            continue
        for column, kind in old.columns.items():
            if new.columns.get(column) != kind:
                found.append(f"{name}.{column} was {kind}, is {new.columns.get(column, 'gone')}")
        found += [f"{name}.{column} must be given now" for column in sorted(new.needed - old.needed)]
        found += [
            f"{name}.{column} may not be null now" for column in sorted(new.strict & old.columns.keys() - old.strict)
        ]
        found += [f"{name} is held to {rule}" for key, rule in new.rules.items() if old.rules.get(key) != rule]
        # ON CONFLICT names a unique index or constraint; without it the statement fails.
        lost = [
            key for key, rule in old.rules.items() if key not in new.rules and re.search("UNIQUE|PRIMARY KEY", rule)
        ]
        found += [f"{name} lost {key}" for key in lost]
    return found


async def _table(connection: "asyncpg.Connection[asyncpg.Record]", row: asyncpg.Record) -> Table:
    table, lines = Table(), []
    for column in await connection.fetch(COLUMNS, row["oid"]):
        filled = column["default"] is not None or column["identity"] or column["generated"]
        table.columns[column["name"]] = column["type"]
        if column["required"]:
            table.strict.add(column["name"])
            if not filled:
                table.needed.add(column["name"])
        word = "GENERATED" if column["identity"] or column["generated"] else "DEFAULT"
        value = f" {word} {column['default'] or 'AS IDENTITY'}" if filled else ""
        granted = f"  -- granted: {column['granted']}" if column["granted"] else ""
        lines.append(f"    {column['name']} {column['type']}{' NOT NULL' * column['required']}{value},{granted}")
    for rule in await connection.fetch(RULES, row["oid"]):
        table.rules[rule["name"]] = rule["rule"]
        lines.append(f"    CONSTRAINT {rule['name']} {rule['rule']},")
    tail = f" PARTITION BY {row['partitioned']}" if row["partitioned"] else ""
    tail += f" WITH ({row['options']})" if row["options"] else ""
    if row["parent"]:
        text = [f"TABLE {row['name']} PARTITION OF {row['parent']} {row['bound']}{tail};"]
    else:
        text = [f"TABLE {row['name']} (", *lines, f"){tail};"]
    for index in await connection.fetch(INDEXES, row["oid"]):
        text.append(f"{index['rule'].removeprefix('CREATE ').replace(' public.', ' ')};")
        if index["unique"]:
            table.rules[index["name"]] = index["rule"]
    for trigger in await connection.fetch(TRIGGERS, row["oid"]):
        table.rules[trigger["name"]] = trigger["rule"]
        text.append(f"{trigger['rule'].removeprefix('CREATE ')};")
    text += [f"-- {note['name'] or 'table'}: {note['text']}" for note in await connection.fetch(COMMENTS, row["oid"])]
    text += [f"-- granted: {row['granted']}"] if row["granted"] else []
    table.text = "\n".join(text)
    return table


async def golden(server: EmbeddedPostgres) -> dict[Path, str]:
    """Every generated file and what it should say; makes a database for each."""
    runtime = await _fresh(server, "golden_runtime", None)
    texts = {RUNTIME: runtime.text()}
    for folder in sorted(ROOT.glob("services/*/migrations")):
        schema = await _fresh(server, "golden_" + folder.parent.name.replace("-", "_"), folder)
        texts[folder.parent / "schema.sql"] = schema.text(runtime)
    return texts


async def _fresh(server: EmbeddedPostgres, name: str, folder: Path | None) -> Schema:
    dsn = await server.ensure_database(name)
    await migrations.upgrade(dsn, folder)
    return await read(dsn)


def main() -> int:
    """Write the files; how many changed is told."""
    with tempfile.TemporaryDirectory(prefix="concord-schema-") as folder:
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        try:
            texts = asyncio.run(golden(server))
        finally:
            server.stop()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(texts)} schemas written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
