"""Databases of one cluster, lent to tests and used again.

To make a database is to copy its template's three hundred files; to empty one takes some milliseconds. So a database
whose test is over is lent anew once it is again what its template is: tables and sequences hold what they held there,
and nobody is connected. One whose schema or settings a test changed, or that has grown much, is not used again.
"""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import asyncpg

from local_stack.postgres import EmbeddedPostgres
from shared.runtime.db.postgres import Tx

MOST_LENDS: Final = 60
"""Nobody vacuums: what was deleted stays in the files."""
MUCH: Final = 8_000_000
"""Bytes by which tables and indexes grew from which on copying the template is cheaper than emptying."""

CATALOGS: Final = ("class", "attribute", "attrdef", "constraint", "index", "namespace", "proc", "trigger", "type")
SHAPE: Final = (
    " UNION ALL ".join(f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM pg_{name}" for name in CATALOGS)
    + " ORDER BY 1"
)
"""Whatever is created, altered, dropped or truncated leaves a newer row, or one less, in one of these."""
TABLES: Final = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
SEQUENCES: Final = TABLES.replace("'r'", "'S'")
DIGEST: Final = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
SIZE: Final = "SELECT coalesce(sum(pg_relation_size(oid)), 0) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
UNTOUCHED: Final = """
SELECT datconnlimit = -1 AND datallowconn AND NOT EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid)
  FROM pg_database d WHERE datname = $1
"""
SESSIONS: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
PATIENCE: Final = (0.0, 0.005, 0.02, 0.05)
"""How long, in seconds, sessions are waited for that were just closed."""


@dataclass(frozen=True)
class Template:
    """What a database holds when it is lent."""

    name: str
    role: str
    size: int
    shape: list[asyncpg.Record]
    changed: str
    """Names the tables and sequences that hold something else."""
    first: dict[str, bytes]
    """The rows of the tables that are not empty."""
    restart: dict[str, str]
    """How each sequence is set back."""


class Databases:
    """``lend`` gives one to a test, ``take_back`` has it back."""

    def __init__(self, postgres: EmbeddedPostgres, fill: Callable[[str], Awaitable[None]]) -> None:
        """``fill`` makes the template of a service: a database of that name, migrated and seeded."""
        self._postgres, self._fill = postgres, fill
        self._templates: dict[tuple[str, str], Template] = {}
        self._free: dict[str, list[str]] = defaultdict(list)
        self._lends: Counter[str] = Counter()
        self._of: dict[str, Template] = {}
        self._numbers = itertools.count(1)
        self._lock = asyncio.Lock()
        self._admin: Tx | None = None

    async def lend(self, service: str = "empty", tables: str = "") -> str:
        """The DSN of a database that is as its template; ``tables`` is SQL for what a test wants in addition."""
        async with self._lock:  # one CREATE DATABASE at a time: they queue for the template anyway
            template = await self._template(service.replace("-", "_"), tables)
            name = await self._used(template) or await self._new(template)
            self._of[name] = template
            self._lends[name] += 1
            return self._dsn(template.role, name)

    def take_back(self, dsn: str) -> None:
        """Its test is over."""
        name = dsn.rpartition("/")[2]
        if self._lends[name] < MOST_LENDS:
            self._free[self._of[name].name].append(name)

    async def close(self) -> None:
        """Let go of the cluster."""
        if self._admin is not None:
            await self._admin.close()

    async def _used(self, template: Template) -> str | None:
        """A database that was lent before and is as its template again; none if there is none."""
        free = self._free[template.name]
        for name in tuple(free):
            if await self._is_left(name):
                free.remove(name)
                if await self._restored(template, name):
                    return name
        return None

    async def _is_left(self, name: str) -> bool:
        for pause in PATIENCE:
            await asyncio.sleep(pause)
            if not await (await self._cluster()).fetchval(SESSIONS, name):
                return True
        return False

    async def _restored(self, template: Template, name: str) -> bool:
        if not await (await self._cluster()).fetchval(UNTOUCHED, name):
            return False
        connection = await self._inside(name)
        try:
            if await connection.fetchval(SIZE) > template.size + MUCH:
                return False
            if await connection.fetch(SHAPE) != template.shape:
                return False
            changed = {row[0] for row in await connection.fetch(template.changed)}
            if not changed:
                return True
            resets = [template.restart.get(each, f"DELETE FROM {each}") for each in sorted(changed)]
            # As a replica, that is without triggers: neither what refers to what matters, nor what may not be deleted.
            await connection.execute("; ".join(("SET session_replication_role = replica", *resets)))
            for table in changed & template.first.keys():
                await connection.copy_to_table(table, source=BytesIO(template.first[table]), format="binary")
        finally:
            await connection.close()
        return True

    async def _new(self, template: Template) -> str:
        name = f"{template.role}_{next(self._numbers)}"
        sql = f'CREATE DATABASE "{name}" TEMPLATE "{template.name}" OWNER "{template.role}" STRATEGY FILE_COPY'
        await (await self._cluster()).execute(sql)
        return name

    async def _template(self, role: str, tables: str) -> Template:
        found = self._templates.get((role, tables))
        if found is None:
            if tables:
                name = await self._new(await self._template(role, ""))
                owner = await asyncpg.connect(self._dsn(role, name))
                await owner.execute(tables)
                await owner.close()
            else:
                name = role
                await self._fill(role)
            connection = await self._inside(name)
            found = self._templates[role, tables] = await _described(connection, name, role)
            await connection.close()
        return found

    async def _cluster(self) -> Tx:
        if self._admin is None:
            self._admin = await asyncpg.connect(self._postgres.admin_dsn)
        return self._admin

    async def _inside(self, name: str) -> Tx:
        return await asyncpg.connect(self._postgres.admin_dsn, database=name)

    def _dsn(self, role: str, name: str) -> str:
        return self._postgres.dsn(role).removesuffix(role) + name


async def _described(connection: Tx, name: str, role: str) -> Template:
    changed, first, restart = [], {}, {}
    for (table,) in await connection.fetch(TABLES):
        digest = await connection.fetchval(DIGEST.format(table))
        if digest is None:
            changed.append(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})")
            continue
        changed.append(f"SELECT '{table}' WHERE ({DIGEST.format(table)}) IS DISTINCT FROM '{digest}'")
        rows = BytesIO()
        await connection.copy_from_table(table, output=rows, format="binary")
        first[table] = rows.getvalue()
    for (sequence,) in await connection.fetch(SEQUENCES):
        value, called = await connection.fetchval(f"SELECT (last_value, is_called) FROM {sequence}")
        changed.append(f"SELECT '{sequence}' FROM {sequence} WHERE (last_value, is_called) <> ({value}, {called})")
        restart[sequence] = f"SELECT setval('{sequence}', {value}, {called})"
    sql = " UNION ALL ".join(changed) or "SELECT WHERE false"
    size, shape = int(await connection.fetchval(SIZE)), await connection.fetch(SHAPE)
    return Template(name, role, size, shape, sql, first, restart)
