"""What a transaction writes at its end, all of it with one statement, and with COPY what is very many.

Rows of tables that verbs only add to (facts, history, kept answers): their ids are drawn when the transaction holds
every lock it will take, and nobody inside the transaction reads them. Whatever changes a row is awaited (acts.moves).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from shared.runtime.db.postgres import Tx


MANY: Final = 200
"""Rows of a table from which on COPY costs less than the round trip that it takes."""


@dataclass(frozen=True, slots=True, eq=False)
class AppendOnly:
    """A table, and the PostgreSQL types of the columns that rows give in this order."""

    table: str
    columns: Mapping[str, str]


@dataclass(slots=True)
class Pending:
    """What a transaction will write and tell at its end."""

    connection: Tx
    rows: dict[AppendOnly, list[tuple[Any, ...]]] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)

    async def write(self) -> None:
        """Write everything: what is many by COPY, the rest in one statement."""
        rows = {table: of_one for table, of_one in self.rows.items() if of_one}
        for table in sorted(rows, key=lambda table: table.table):
            if len(rows[table]) >= MANY:
                await self.connection.copy_records_to_table(
                    table.table, records=rows.pop(table), columns=list(table.columns)
                )
        if not rows and not self.notes:
            return
        tables = tuple(sorted(rows, key=lambda table: table.table))
        values: list[Any] = [[channel for channel, _ in self.notes], [payload for _, payload in self.notes]]
        for table in tables:
            values += map(list, zip(*rows[table], strict=True))
        await self.connection.execute(_statement(tables), *values)


CURRENT: ContextVar[Pending | None] = ContextVar("pending", default=None)


def pending_of(tx: Tx) -> Pending:
    """What ``tx`` will write at its end. Raises RuntimeError unless this task has it open."""
    pending = CURRENT.get()
    if pending is None or pending.connection is not tx:
        raise RuntimeError("this is written by Database.transaction() at its end, and this is no such transaction")
    return pending


def insert_at_commit(tx: Tx, table: AppendOnly, *rows: tuple[Any, ...]) -> None:
    """Have rows written, in this order, just before ``tx`` commits; after a failure they never were.

    Raises RuntimeError unless ``tx`` is the transaction this task has open. A savepoint that is rolled back does not
    take them back: not inside one, but in a ``part``.
    """
    pending_of(tx).rows.setdefault(table, []).extend(rows)


@asynccontextmanager
async def part(tx: Tx) -> AsyncIterator[None]:
    """A savepoint: what fails inside never was, nor is what it would have written at the end."""
    pending = pending_of(tx)
    rows, notes = {table: len(of_one) for table, of_one in pending.rows.items()}, len(pending.notes)
    try:
        async with tx.transaction():
            yield
    except BaseException:
        for table, of_one in pending.rows.items():
            del of_one[rows.get(table, 0) :]
        del pending.notes[notes:]
        raise


def notify_at_commit(tx: Tx, channel: str, payload: str = "") -> None:
    """Wake those who LISTEN on a channel when ``tx`` commits; the same note twice is one."""
    note, notes = (channel, payload), pending_of(tx).notes
    if note not in notes:
        notes.append(note)


@lru_cache(maxsize=1024)
def _statement(tables: tuple[AppendOnly, ...]) -> str:
    """One statement for the rows of these tables and for the notes, which are its first two parameters."""
    parts, taken = [], 2
    for place, table in enumerate(tables):
        names = ", ".join(table.columns)
        arrays = ", ".join(f"${taken + n}::{kind}[]" for n, kind in enumerate(table.columns.values(), 1))
        taken += len(table.columns)
        parts.append(
            f"w{place} AS (INSERT INTO {table.table} ({names}) SELECT {names} FROM unnest({arrays})"  # noqa: S608 - ours
            f" WITH ORDINALITY AS given ({names}, place) ORDER BY place)"
        )
    begin = f"WITH {', '.join(parts)} " if parts else ""
    told = "pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS note (channel, payload)"
    return f"{begin}SELECT {told}"
