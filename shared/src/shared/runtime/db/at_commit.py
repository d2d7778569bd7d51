"""What a transaction writes at its end, all of it with one statement: one round trip however much there is to write.

Rows of tables that verbs only add to: their ids are drawn when the transaction holds every lock it will take. Changes
of rows it holds, whose outcome is therefore known. Nobody inside the transaction can read either.
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
class Journal:
    """A table, and the PostgreSQL types of the columns that rows give in this order."""

    table: str
    columns: Mapping[str, str]

    def add(self, tx: Tx, *rows: tuple[Any, ...]) -> None:
        """Have rows written, in this order, just before ``tx`` commits; after a failure they never were.

        Raises RuntimeError unless ``tx`` is the transaction this task has open. A savepoint that is rolled back does
        not take them back: do not add to a journal inside one.
        """
        pending_of(tx).rows.setdefault(self, []).extend(rows)


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
    rows: dict[Journal, list[tuple[Any, ...]]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    async def write(self) -> None:
        """Write everything in one statement, or in a few where there are many changes. Raises ChangeMissed."""
        while len(self.changes) > MOST_CHANGES:
            first, self.changes = self.changes[:MOST_CHANGES], self.changes[MOST_CHANGES:]
            await self._write({}, first, [])
        rows = {journal: of_one for journal, of_one in self.rows.items() if of_one}
        if rows or self.changes or self.notes:
            await self._write(rows, self.changes, self.notes)

    async def _write(
        self, rows: Mapping[Journal, list[tuple[Any, ...]]], changes: Sequence[Change], notes: Sequence[tuple[str, str]]
    ) -> None:
        journals = tuple(sorted(rows, key=lambda journal: journal.table))
        values: list[Any] = [[channel for channel, _ in notes], [payload for _, payload in notes]]
        for journal in journals:
            values += map(list, zip(*rows[journal], strict=True))
        for change in changes:
            values += change.values
        statement = _statement(journals, tuple(change.sql for change in changes))
        found = await self.connection.fetchval(statement, *values)
        for change, changed in zip(changes, found, strict=True):
            if changed != change.rows:
                raise ChangeMissed(f"{changed} rows instead of {change.rows}: {' '.join(change.sql.split())}")


CURRENT: ContextVar[Pending | None] = ContextVar("pending", default=None)


def pending_of(tx: Tx) -> Pending:
    """What ``tx`` will write at its end. Raises RuntimeError unless this task has it open."""
    pending = CURRENT.get()
    if pending is None or pending.connection is not tx:
        raise RuntimeError("journals are written by Database.transaction(), and this is no such transaction")
    return pending


def notify(tx: Tx, channel: str, payload: str = "") -> None:
    """Wake those who LISTEN on a channel when ``tx`` commits; the same note twice is one."""
    note, notes = (channel, payload), pending_of(tx).notes
    if note not in notes:
        notes.append(note)


def later(tx: Tx, change: str, *values: Any, rows: int = 1) -> None:
    """Make a change of so many rows just before ``tx`` commits: an UPDATE or INSERT without RETURNING.

    Only where the outcome is known, because ``tx`` holds the rows; ChangeMissed takes everything back where it was not
    so. One change for a row: a second one would find it changed by the same statement, and is missed too. Not inside a
    savepoint, like Journal.add.
    """
    pending_of(tx).changes.append(Change(change, values, rows))


@lru_cache(maxsize=1024)
def _statement(journals: tuple[Journal, ...], changes: tuple[str, ...]) -> str:
    """One statement whose answer is how many rows each change found."""
    parts, taken = [], 2
    for place, journal in enumerate(journals):
        names = ", ".join(journal.columns)
        arrays = ", ".join(f"${taken + n}::{kind}[]" for n, kind in enumerate(journal.columns.values(), 1))
        taken += len(journal.columns)
        parts.append(
            f"w{place} AS (INSERT INTO {journal.table} ({names}) SELECT {names} FROM unnest({arrays})"  # noqa: S608 - ours
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
