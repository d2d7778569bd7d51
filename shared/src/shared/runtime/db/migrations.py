"""Schema changes: plain ``.sql`` files, forward only; a service starts only on a schema that fits it (docs/adr/0009).

``NNNN_pre_title.sql`` only adds, and is applied before the code that needs it starts: code of the release before still
runs on it. ``NNNN_post_title.sql`` takes away, and is applied when no older code runs any more. The runtime's own files
come first, then the service's; each is one transaction, and its name and checksum are kept in ``schema_file``.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import asyncpg

from shared.runtime.db.postgres import Database, Tx

TIMEOUTS: Final = "SET lock_timeout = '4s'; SET statement_timeout = '15min'"
"""A file that cannot have its locks gives up, and with it the queue that formed behind it; run migrate again."""
_NAME: Final = re.compile(r"(\d{4})_(pre|post)_[a-z0-9_]+\.sql")
_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS schema_file (
    name       text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class WrongSchema(RuntimeError):
    """The database and this program do not fit; the message says what to do."""


class OldSchema(WrongSchema):
    """The database lacks something that this program needs."""


class NewSchema(WrongSchema):
    """The database went on without this program."""


class ChangedFile(WrongSchema):
    """A file is not the one that was applied under its name."""


@dataclass(frozen=True)
class File:
    """One step of a schema."""

    name: str
    """With where it comes from: ``runtime/0001_pre_x.sql``, ``service/0001_pre_y.sql``."""
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of its text, lower-case hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def files(folder: Path | None) -> list[File]:
    """The runtime's files, then those of a service (none: it has no tables of its own), each in order of their numbers.

    Raises ValueError for a name that says neither pre nor post, and for numbers that do not run 1, 2, 3.
    """
    runtime = _read("runtime", resources.files("shared.runtime.db").joinpath("schema"))
    return runtime + (_read("service", folder) if folder is not None else [])


async def require(db: Database, folder: Path | None) -> None:
    """Raise WrongSchema unless this program can run on the database: its pre files are there, no post file it lacks."""
    known = files(folder)
    async with db.connection() as connection:
        applied = await _applied(connection)
    if missing := [file.name for file in _missing(known, applied) if not _is_post(file.name)]:
        raise OldSchema(f"the database lacks {_list(missing)}: run migrate")
    if newer := [name for name in applied.keys() - {file.name for file in known} if _is_post(name)]:
        raise NewSchema(f"the database has {_list(newer)}, which takes away what this program needs: use a newer one")


async def pending(db: Database, folder: Path | None, *, post: bool = False) -> list[File]:
    """What ``upgrade`` would apply; raises what it would raise before it begins."""
    async with db.connection() as connection:
        return _pending(files(folder), await _applied(connection), post=post)


async def upgrade(dsn: str, folder: Path | None, *, post: bool = False) -> list[File]:
    """Apply what is missing, one transaction a file; returns what was applied.

    Post files at the end wait for ``post=True``, unless the database is empty: then nobody runs on it yet. Whoever is
    stopped half-way goes on from there; of several at once one works and the others find nothing left to do.
    Raises WrongSchema, and what the SQL raises.
    """
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "migrate"})
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext('concord migrations'))")  # as long as it takes
        await connection.execute(TIMEOUTS)
        todo = _pending(files(folder), await _applied(connection), post=post)
        for file in todo:
            async with connection.transaction():
                await connection.execute(_LEDGER)
                await connection.execute(file.sql)
                await connection.execute("INSERT INTO schema_file VALUES ($1, $2)", file.name, file.checksum)
    finally:
        await connection.close()
    return todo


def _pending(known: list[File], applied: Mapping[str, str], *, post: bool) -> list[File]:
    todo = _missing(known, applied)
    if todo and (strange := applied.keys() - {file.name for file in known}):
        raise NewSchema(f"the database has {_list(strange)}, which this program does not know: use a newer one")
    if post or not applied:
        return todo
    last = {file.name[:7]: file.name for file in known if not _is_post(file.name)}  # of "runtime" and of "service"
    return [file for file in todo if file.name <= last.get(file.name[:7], "")]


def _missing(known: list[File], applied: Mapping[str, str]) -> list[File]:
    if changed := [file.name for file in known if applied.get(file.name, file.checksum) != file.checksum]:
        raise ChangedFile(f"{_list(changed)} changed after it was applied: put it back, and add a new file")
    return [file for file in known if file.name not in applied]


async def _applied(connection: Tx) -> dict[str, str]:
    if await connection.fetchval("SELECT to_regclass('schema_file')") is None:
        return {}
    return {row["name"]: row["checksum"] for row in await connection.fetch("SELECT name, checksum FROM schema_file")}


def _read(origin: str, folder: Traversable) -> list[File]:
    found = sorted((file.name, file) for file in folder.iterdir() if file.is_file())
    for number, (name, _) in enumerate(found, start=1):
        match = _NAME.fullmatch(name)
        if match is None or int(match[1]) != number:
            raise ValueError(f"{name}: expected {number:04}_pre_title.sql or {number:04}_post_title.sql")
    return [File(f"{origin}/{name}", file.read_text(encoding="utf-8")) for name, file in found]


def _is_post(name: str) -> bool:
    return name.split("_")[1] == "post"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
