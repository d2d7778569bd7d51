"""What a transaction writes at its end, all of it with one statement: one round trip however much there is to write.

Rows of tables that verbs only add to (facts, history, kept answers): their ids are drawn when the transaction holds
every lock it will take, and nobody inside the transaction reads them. Whatever changes a row is awaited (acts.moves).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from shared.runtime.db.postgres import Tx


MOST_CHANGES: Final = 16
"""In one statement: one of hundreds would cost PostgreSQL more to plan than the round trips it saves."""


@dataclass(frozen=True, slots=True, eq=False)
class AppendOnly:
    """A table, and the PostgreSQL types of the columns that rows give in this order."""

    table: str
    columns: Mapping[str, str]


class Change(NamedTuple):
    """A statement to be made at the end, and how many rows it must find."""

    sql: str
    values: tuple[Any, ...]
    rows: int


class ChangeMissed(RuntimeError):
    """A change left for the end did not find the rows it was meant for: they were not held, or were changed twice."""


@dataclass(slots=True)
class Pending:
    """What a transaction will write and tell at its end."""

    connection: Tx
    rows: dict[AppendOnly, list[tuple[Any, ...]]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    async def write(self) -> None:
        """Write everything in one statement, or in a few where there are many changes. Raises ChangeMissed."""
        while len(self.changes) > MOST_CHANGES:
            first, self.changes = self.changes[:MOST_CHANGES], self.changes[MOST_CHANGES:]
            await self._write({}, first, [])
        rows = {table: of_one for table, of_one in self.rows.items() if of_one}
        if rows or self.changes or self.notes:
            await self._write(rows, self.changes, self.notes)

    async def _write(
        self,
        rows: Mapping[AppendOnly, list[tuple[Any, ...]]],
        changes: Sequence[Change],
        notes: Sequence[tuple[str, str]],
    ) -> None:
        tables = tuple(sorted(rows, key=lambda table: table.table))
        values: list[Any] = [[channel for channel, _ in notes], [payload for _, payload in notes]]
        for table in tables:
            values += map(list, zip(*rows[table], strict=True))
        for change in changes:
            values += change.values
        statement = _statement(tables, tuple(change.sql for change in changes))
        found = await self.connection.fetchval(statement, *values)
        for change, changed in zip(changes, found, strict=True):
            if changed != change.rows:
                raise ChangeMissed(f"{changed} rows instead of {change.rows}: {' '.join(change.sql.split())}")


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
    take them back: not inside one.
    """
    pending_of(tx).rows.setdefault(table, []).extend(rows)


def notify_at_commit(tx: Tx, channel: str, payload: str = "") -> None:
    """Wake those who LISTEN on a channel when ``tx`` commits; the same note twice is one."""
    note, notes = (channel, payload), pending_of(tx).notes
    if note not in notes:
        notes.append(note)


def later(tx: Tx, change: str, *values: Any, rows: int = 1) -> None:
    """Make a change of so many rows just before ``tx`` commits: an UPDATE or INSERT without RETURNING.

    Only where the outcome is known, because ``tx`` holds the rows; ChangeMissed takes everything back where it was not
    so. One change for a row: a second one would find it changed by the same statement, and is missed too. Not inside a
    savepoint, like insert_at_commit.
    """
    pending_of(tx).changes.append(Change(change, values, rows))


@lru_cache(maxsize=1024)
def _statement(tables: tuple[AppendOnly, ...], changes: tuple[str, ...]) -> str:
    """One statement whose answer is how many rows each change found."""
    parts, taken = [], 2
    for place, table in enumerate(tables):
        names = ", ".join(table.columns)
        arrays = ", ".join(f"${taken + n}::{kind}[]" for n, kind in enumerate(table.columns.values(), 1))
        taken += len(table.columns)
        parts.append(
            f"w{place} AS (INSERT INTO {table.table} ({names}) SELECT {names} FROM unnest({arrays})"  # noqa: S608 - ours
            f" WITH ORDINALITY AS given ({names}, place) ORDER BY place)"
        )
    for place, change in enumerate(changes):
        numbered = re.sub(r"\$(\d+)", lambda number, taken=taken: f"${int(number[1]) + taken}", change)  # type: ignore[misc]
        taken += max((int(number) for number in re.findall(r"\$(\d+)", change)), default=0)
        parts.append(f"c{place} AS ({numbered} RETURNING 1)")
    counts = ", ".join(f"(SELECT count(*) FROM c{place})" for place in range(len(changes)))  # noqa: S608
    told = "(SELECT count(pg_notify(channel, payload)) FROM unnest($1::text[], $2::text[]) AS note (channel, payload))"
    begin = f"WITH {', '.join(parts)} " if parts else ""
    return f"{begin}SELECT ARRAY[{counts}]::bigint[] FROM {told} AS told"  # noqa: S608 - ours
