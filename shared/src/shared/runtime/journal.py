"""Tables that verbs only add to. Their rows go in with the last statement of a transaction: one round trip for all.

So their ids are drawn when the transaction holds every lock it will take, and nobody inside it can read the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.runtime.postgres import Tx


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


@dataclass(slots=True)
class Pending:
    """What a transaction will write and tell at its end."""

    connection: Tx
    rows: dict[Journal, list[tuple[Any, ...]]] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)

    async def write(self) -> None:
        """Write everything in one statement."""
        rows = {journal: of_one for journal, of_one in self.rows.items() if of_one}
        if not rows and not self.notes:
            return
        journals = tuple(sorted(rows, key=lambda journal: journal.table))
        values: list[list[Any]] = [[channel for channel, _ in self.notes], [payload for _, payload in self.notes]]
        for journal in journals:
            values += map(list, zip(*rows[journal], strict=True))
        await self.connection.execute(_statement(journals), *values)


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


@lru_cache
def _statement(journals: tuple[Journal, ...]) -> str:
    parts, taken = [], 2
    for place, journal in enumerate(journals):
        names = ", ".join(journal.columns)
        arrays = ", ".join(f"${taken + n}::{kind}[]" for n, kind in enumerate(journal.columns.values(), 1))
        taken += len(journal.columns)
        parts.append(
            f"w{place} AS (INSERT INTO {journal.table} ({names}) SELECT {names} FROM unnest({arrays})"  # noqa: S608 - ours
            f" WITH ORDINALITY AS given ({names}, place) ORDER BY place)"
        )
    notes = "SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS note (channel, payload)"
    return f"WITH {', '.join(parts)} {notes}" if parts else notes
