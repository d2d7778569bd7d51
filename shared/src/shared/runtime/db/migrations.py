"""Schema changes: Alembic revisions of plain SQL, forward only; a service does not start on an old schema.

Alembic writes the script from where the database is to the newest revision (its offline mode), and asyncpg runs it in
one transaction: several statements per ``op.execute`` are fine, and no second database driver is needed. Revisions lie
in the migrations folder itself or in its subfolder ``versions``; none may read from the database through ``op``.
"""

from __future__ import annotations

import io
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg

if TYPE_CHECKING:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from shared.runtime.db.postgres import Database, Tx

LOCK_TIMEOUT: Final = "4s"
_LOCK: Final = "SELECT pg_advisory_lock(hashtext('concord migrations'))"
_ASSIGNMENT: Final = re.compile(r"^(revision|down_revision)\s*(?::[^=]+)?=\s*(\S+)", re.MULTILINE)
_PARAMS: Final = {"paramstyle": "named"}  # keeps % in the SQL as it is


class OldSchema(RuntimeError):
    """The database is not at the revision this program was written for: run migrate."""

    def __init__(self, found: str | None, expected: str) -> None:
        super().__init__(f"the database is at revision {found or 'none'}, this program needs {expected}: run migrate")
        self.found = found
        self.expected = expected


def runtime_schema(version: int) -> str:
    """The SQL of one version of the runtime's own tables, for ``op.execute`` in a service's revision."""
    return resources.files("shared.runtime.db").joinpath("schema", f"{version:04}.sql").read_text(encoding="utf-8")


def head(folder: Path) -> str:
    """The newest revision of a migrations folder: the one that no other comes after."""
    lineage = _lineage(folder)
    newest = lineage.keys() - set(lineage.values())
    if len(newest) != 1:
        raise FileNotFoundError(f"{folder} has {len(newest) or 'no'} newest revisions; there must be one")
    return newest.pop()


async def current(db: Database) -> str | None:
    """The revision the database is at; none for an empty one."""
    async with db.connection() as connection:
        return await _current(connection)


async def require_head(db: Database, folder: Path) -> None:
    """Raise OldSchema unless the database is where this program needs it, or further."""
    found, expected = await current(db), head(folder)
    known = _lineage(folder).keys()
    if found != expected and (found is None or found in known):
        raise OldSchema(found, expected)


async def upgrade(dsn: str, folder: Path) -> str:
    """Bring a database to the newest revision, all of it or nothing; returns that revision."""
    connection = await asyncpg.connect(
        dsn, server_settings={"application_name": "migrate", "lock_timeout": LOCK_TIMEOUT}
    )
    try:
        await connection.execute("SET lock_timeout = 0")
        await connection.execute(_LOCK)  # two that migrate at once: the second finds nothing left to do
        await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        found, newest = await _current(connection), head(folder)
        if found != newest:
            async with connection.transaction():
                await connection.execute(script(folder, found))
    finally:
        await connection.close()
    return newest


def script(folder: Path, start: str | None = None) -> str:
    """The SQL that leads from revision ``start`` (none: an empty database) to the newest one."""
    # Alembic and SQLAlchemy take a second to import: only for whoever migrates, not for every start of a service.
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.operations import Operations  # noqa: PLC0415

    revisions = _revisions(folder)
    sql = io.StringIO()

    def steps(found: Any, _context: MigrationContext) -> Any:
        return revisions._upgrade_revs("head", found)  # what Alembic's own upgrade command calls

    context = MigrationContext.configure(
        dialect_name="postgresql",
        dialect_opts=_PARAMS,
        opts={"as_sql": True, "output_buffer": sql, "fn": steps, "starting_rev": start, "script": revisions},
    )
    with Operations.context(context):
        context.run_migrations()
    return sql.getvalue()


def run_environment() -> None:
    """For a folder's ``env.py``, if it has one: lets ``alembic upgrade head --sql`` show the script."""
    from alembic import context  # noqa: PLC0415 -- only there while Alembic's command line runs

    context.configure(dialect_name="postgresql", dialect_opts=_PARAMS)
    context.run_migrations()


async def _current(connection: Tx) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


def _lineage(folder: Path) -> dict[str, str | None]:
    """Each revision and the one before it, read off the files."""
    found: dict[str, str | None] = {}
    for file in (*folder.glob("*.py"), *folder.glob("versions/*.py")):
        names = dict(_ASSIGNMENT.findall(file.read_text(encoding="utf-8")))
        if "revision" in names:
            before = names.get("down_revision", "None").strip("\"'")
            found[names["revision"].strip("\"'")] = None if before == "None" else before
    return found


def _revisions(folder: Path) -> ScriptDirectory:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    versions = folder / "versions"
    return ScriptDirectory(str(folder), version_locations=[str(versions if versions.is_dir() else folder)])
